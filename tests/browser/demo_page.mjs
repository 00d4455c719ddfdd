// The demo page in a real browser: every button, and what came of it, told by the page's data-* attributes.
//
// Run: node tests/browser/demo_page.mjs http://127.0.0.1:8080/ [folder for screenshots]
// with `sluicegate demo` running, playwright-core to be found by Node and Chromium at $CHROMIUM (/usr/bin/chromium).

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { join } from "node:path";
import process from "node:process";

const { chromium } = createRequire(join(process.cwd(), "here"))("playwright-core");
const [url, pictures] = process.argv.slice(2);
if (!url) throw new Error("usage: demo_page.mjs URL [folder for screenshots]");

const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox"] });
const page = await browser.newPage({ viewport: { width: 1200, height: 1500 }, colorScheme: "light" });
page.setDefaultTimeout(15_000);
const faults = [];
page.on("pageerror", (error) => faults.push(`page: ${error.message}`));
page.on("console", (message) => {
  // The browser reports HTTP errors of its own accord; the page has to deal with those.
  if (message.type() === "error" && !message.text().startsWith("Failed to load resource")) faults.push(message.text());
});

const part = (id) => page.getByTestId(id);
const text = (id) => part(id).textContent();

/** Waits until the body says so: { "data-chat": "OK", … }. */
async function until(wanted) {
  const selector = `body${Object.entries(wanted).map(([name, value]) => `[${name}="${value}"]`).join("")}`;
  try {
    await page.waitForSelector(selector, { state: "attached" });
  } catch (error) {
    const has = await page.evaluate(() => ({ ...document.body.dataset }));
    throw new Error(`waited for ${selector}; the body has ${JSON.stringify(has)}`, { cause: error });
  }
}

const checks = {
  async "both connections open"() {
    await page.goto(url);
    await until({ "data-settings": "loaded", "data-webtransport": "open", "data-grpc-web": "open" });
  },

  async "a chat goes back and forth in one call, and ends when both sides are done"() {
    await part("chat-text").focus();
    for (let line = 1; line <= 5; line++) {
      await page.keyboard.type(`line ${line}`);
      await page.keyboard.press("Enter");
      await until({ "data-chat": "open", "data-chat-echoed": line });
    }
    const echoes = await page.locator(".log .echo").allTextContents();
    assert.equal(echoes.length, 5);
    echoes.forEach((echo, index) => {
      assert.match(echo, new RegExp(`^← line ${index + 1}backend-[ab] #${index + 1} · [0-9.]+ ms$`));
    });
    await part("chat-finish").click();
    await until({ "data-chat": "OK" });
  },

  async "a chat can be cancelled, and a new line begins a new one"() {
    await part("chat-text").fill("again");
    await part("chat-send").click();
    await until({ "data-chat": "open", "data-chat-echoed": 6 });
    await part("chat-cancel").click();
    await until({ "data-chat": "CANCELLED" });
    await part("chat-text").fill("and again");
    await part("chat-send").click();
    await until({ "data-chat": "open", "data-chat-echoed": 7 });
    await part("chat-finish").click();
    await until({ "data-chat": "OK" });
  },

  async "unary calls over both protocols reach both backends"() {
    for (let round = 0; round < 8; round++) {
      await part("say-name").fill(`visitor ${round}`);
      await part("say").click();
      await until({ "data-say-webtransport": "OK", "data-say-grpc-web": "OK" });
      assert.match(await text("say-webtransport"), new RegExp(`^Hello, visitor ${round} \\(backend-[ab]`));
      assert.match(await text("say-grpc-web"), new RegExp(`^Hello, visitor ${round} \\(backend-[ab]`));
    }
    await until({ "data-backends": "backend-a backend-b" });
  },

  async "streams count side by side and stop when cancelled"() {
    await part("count-start").click();
    await until({ "data-count-webtransport": 3, "data-count-grpc-web": 3 });
    await part("count-cancel").click();
    await until({ "data-count-status-webtransport": "CANCELLED", "data-count-status-grpc-web": "CANCELLED" });
    await part("count-start").click();
    await until({ "data-count-status-webtransport": "OK", "data-count-status-grpc-web": "OK" });
    assert.deepEqual([await text("count-webtransport"), await text("count-grpc-web")], ["50", "50"]);
  },

  async "a client stream is added up"() {
    await part("sum-numbers").fill("40 -1 3");
    await part("sum").click();
    await until({ "data-sum": 42 });
  },

  async "a burst of a thousand messages comes back whole"() {
    await part("burst").click();
    await until({ "data-burst": "OK", "data-burst-echoed": 1000 });
  },

  async "the vault opens only for the key"() {
    await part("vault-without").click();
    await until({ "data-vault-webtransport": "UNAUTHENTICATED", "data-vault-grpc-web": "UNAUTHENTICATED" });
    await part("vault-with").click();
    await until({ "data-vault-webtransport": "OK", "data-vault-grpc-web": "OK" });
  },

  async "connecting again opens a new session"() {
    await part("reconnect").click();
    await until({ "data-webtransport": "open", "data-grpc-web": "open" });
    await part("say").click();
    await until({ "data-say-webtransport": "OK", "data-say-grpc-web": "OK" });
  },

  async "it fits a phone"() {
    await page.setViewportSize({ width: 360, height: 800 });
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    assert.ok(wide <= 0, `the page is ${wide} px wider than the screen`);
  },

  async "every control has a name"() {
    const nameless = await page.evaluate(() =>
      [...document.querySelectorAll("button, input, progress, svg[role=img]")]
        .filter((control) => {
          const label = control.labels?.[0]?.textContent ?? control.getAttribute("aria-label");
          return !(label ?? (control.querySelector("title") ?? control).textContent).trim();
        })
        .map((control) => control.outerHTML),
    );
    assert.deepEqual(nameless, []);
  },

  async "the browser has nothing to complain about"() {
    assert.deepEqual(faults, []);
  },
};

let failed = 0;
for (const [name, check] of Object.entries(checks)) {
  try {
    await check();
    console.log(`ok   ${name}`);
  } catch (error) {
    failed += 1;
    console.log(`FAIL ${name}\n     ${error.message}`);
  }
}

if (pictures) {
  await page.screenshot({ path: join(pictures, "phone-light.png"), fullPage: true });
  await page.setViewportSize({ width: 1200, height: 900 });
  await page.screenshot({ path: join(pictures, "desktop-light.png"), fullPage: true });
  await page.emulateMedia({ colorScheme: "dark" });
  await page.screenshot({ path: join(pictures, "desktop-dark.png"), fullPage: true });
}
await browser.close();
console.log(`${Object.keys(checks).length - failed} passed, ${failed} failed`);
process.exitCode = failed ? 1 : 0;
