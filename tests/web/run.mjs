#!/usr/bin/env node
// The package clients/web in real browsers, through the gateway, to grpc-go's test service; README.md beside this file
// says how.
//
//   run.mjs                                 everything
//   run.mjs --browser Firefox --only drain  what has this in its name, in this browser

import { createHash, X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";

import { makeCertificate, startInteropServer } from "../lib/launch.mjs";
import { Backstage } from "./backstage.mjs";
import { BROWSERS, launch } from "./browsers.mjs";
import { bundle } from "./bundle.mjs";
import { Judge } from "./judge.mjs";

const { values } = parseArgs({ options: { browser: { type: "string" }, only: { type: "string", default: "" } } });

// Every program that runs is killed when this process exits.
process.setMaxListeners(0);

/** What the runner does after a scenario's page has done its part, by the scenario's name. */
const AFTERWARDS = {
  "leaving the page": (page) => page.goto("about:blank"),
};

const certificate = makeCertificate();
const upstream = await startInteropServer();
const backstage = await Backstage.open(await bundle(), certificate, upstream);
const hash = createHash("sha256").update(new X509Certificate(readFileSync(certificate.certificate)).raw).digest("base64");
const judge = new Judge();
try {
  for (const name of Object.keys(BROWSERS)) {
    if (values.browser === undefined || values.browser === name) await playIn(name);
  }
  if (values.browser === undefined && values.only === "") judge.finishLimitations();
} finally {
  await backstage.close();
  await upstream.stop();
}
process.exitCode = judge.finish();

/** Plays all cells in a browser. */
async function playIn(name) {
  const browser = await launch(name);
  try {
    const to = { browser: name, hash, ...backstage.main };
    let page = await openPage(browser);
    for (const { scenario, carrier } of await page.evaluate((name) => globalThis.cells(name), name)) {
      const cell = { browser: name, scenario, carrier };
      if (!label(cell).includes(values.only)) continue;
      backstage.begin(browser);
      const began = performance.now();
      let note = await play(page, cell, to);
      try {
        await backstage.end();
      } catch (error) {
        note ||= String(error);
      }
      judge.note(cell, label(cell), note, performance.now() - began);
      // Nothing that a failed scenario has left behind shall disturb the next.
      if (note || AFTERWARDS[scenario]) {
        await page.close();
        page = await openPage(browser);
      }
    }
  } finally {
    await browser.close();
  }
}

async function openPage(browser) {
  const page = await browser.newPage();
  page.on("pageerror", (error) => console.log(`       uncaught in the page: ${error.message}`));
  await page.goto(backstage.url);
  await page.waitForFunction(() => globalThis.play !== undefined);
  return page;
}

/** Plays a scenario, and answers what went wrong. */
async function play(page, { scenario, carrier }, to) {
  try {
    const failure = await page.evaluate((...given) => globalThis.play(...given), scenario, carrier, to);
    if (failure) return failure;
    const part = AFTERWARDS[scenario];
    if (!part) return "";
    const afterwards = await page.evaluate((...given) => globalThis.afterwards(...given), scenario, carrier);
    await part(page);
    for (const [deed, told] of afterwards) await backstage.perform(deed, told);
    return "";
  } catch (error) {
    return String(error);
  }
}

function label({ browser, scenario, carrier }) {
  return `${browser} ${carrier}: ${scenario}`;
}
