// What the demo's page looks like in Debian's Chromium and Firefox ESR, on a desktop and on a phone, in light and dark.
//
// Screenshots go to artifacts/, for people to look at.

import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import path from "node:path";
import { after, before, test } from "node:test";

import { ROOT, startSluicegate } from "../lib/launch.mjs";
import { launch } from "../web/browsers.mjs";
import { EVERY_PORT_FREE } from "./demo_page.mjs";

const PICTURES = path.join(ROOT, "artifacts");
const DESKTOP = { width: 1280, height: 900 };
const PHONE = { width: 360, height: 780 };
// Of the Web Content Accessibility Guidelines: success criterion 1.4.3.
const CONTRAST = 4.5;

let gateway;

before(async () => {
  mkdirSync(PICTURES, { recursive: true });
  gateway = await startSluicegate(["demo", ...EVERY_PORT_FREE]);
});

after(() => gateway?.stop());

/** Opens the page and does enough there for something to be seen. */
async function lively(browser, scheme) {
  const page = await browser.newPage();
  await page.setViewport(DESKTOP);
  if (scheme) await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
  await page.goto(`http://${gateway.addresses.http}/`);
  await page.waitForSelector("body[data-reflection=v1]");
  await play(page, "thousand", "websocket");
  await play(page, "vault-without", "connect");
  await page.click("[data-scene=hello]");
  await page.click("[data-testid=repeat]");
  await calls(page, "automatic", 10);
  await page.click('[aria-label="Cut WebTransport"]');
  await page.waitForSelector("[data-lane=automatic][data-via=fetch]");
  await page.waitForSelector("[data-lane=webtransport][data-tally*=UNAVAILABLE]");
  await calls(page, "automatic", 20);
  return page;
}

async function play(page, scene, lane) {
  await page.click(`[data-scene=${scene}]`);
  await page.waitForSelector(`body[data-played="${scene}"] [data-lane="${lane}"][data-tally]`);
}

const calls = (page, lane, least) =>
  page.waitForFunction(
    (lane, least) => Number(document.querySelector(`[data-numbers="${lane}"] [data-part=calls]`).textContent) >= least,
    {}, lane, least);

/** How much wider the page is than the screen, in pixels. */
const excess = (page) => page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);

/** Texts that can hardly be read where they stand. Runs in the page. */
function faintTexts(least) {
  const channels = (colour) => colour.match(/[\d.]+/g).map(Number);
  const luminance = (rgb) => {
    const [red, green, blue] = rgb.slice(0, 3).map((value) => {
      const part = value / 255;
      return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const colour = channels(getComputedStyle(at).backgroundColor);
      if (colour[3] !== 0) return colour;
    }
    return [255, 255, 255];
  };
  const found = [];
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const element = texts.currentNode.parentElement;
    if (!texts.currentNode.textContent.trim() || !element.checkVisibility() || element.closest("noscript, .skip")) continue;
    const style = getComputedStyle(element);
    const colour = channels(element instanceof SVGElement ? style.fill : style.color);
    const [bright, dark] = [luminance(colour), luminance(behind(element))].sort((a, b) => b - a);
    const ratio = (bright + 0.05) / (dark + 0.05);
    if (ratio < least) found.push(`${texts.currentNode.textContent.trim()}: ${ratio.toFixed(2)}`);
  }
  return found;
}

for (const scheme of ["light", "dark"]) {
  test(`demo page: Chromium in ${scheme} colours, on a desktop and a phone`, async () => {
    const browser = await launch("Chromium");
    try {
      const page = await lively(browser, scheme);
      const name = path.join(PICTURES, `demo-chromium${scheme === "dark" ? "-dark" : ""}`);
      await page.screenshot({ path: `${name}.png`, fullPage: true });
      assert.deepEqual(await page.evaluate(faintTexts, CONTRAST), []);
      await page.setViewport(PHONE);
      await page.screenshot({ path: `${name}-phone.png`, fullPage: true });
      assert.ok((await excess(page)) <= 0, `${await excess(page)} px too wide`);
    } finally {
      await browser.close();
    }
  });
}

test("demo page: Firefox, on a desktop and a phone", async () => {
  const browser = await launch("Firefox");
  try {
    const page = await lively(browser);
    await page.screenshot({ path: path.join(PICTURES, "demo-firefox.png"), fullPage: true });
    await page.setViewport(PHONE);
    await page.screenshot({ path: path.join(PICTURES, "demo-firefox-phone.png"), fullPage: true });
    assert.ok((await excess(page)) <= 0, `${await excess(page)} px too wide`);
  } finally {
    await browser.close();
  }
});
