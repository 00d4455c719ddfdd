// The demo page of `sluicegate demo` in Debian's Chromium: every button, and what came of it, told by the page's data-*
// attributes. The page's calls are real: the gateway's own access log is asked for them at last.
//
// Screenshots go to artifacts/.

import assert from "node:assert/strict";
import { mkdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { after, before, test } from "node:test";

import { ROOT, startSluicegate } from "../lib/launch.mjs";
import { launchChromium } from "./chromium.mjs";

const PHONE = { width: 390, height: 844 };
const DESKTOP = { width: 1280, height: 900 };
const PICTURES = path.join(ROOT, "artifacts");

let demo;
let browser;
let page;
const complaints = [];

before(async () => {
  demo = await startSluicegate(["demo", "--listen", "127.0.0.1:0", "--http", "127.0.0.1:0", "--admin", "127.0.0.1:0"]);
  browser = await launchChromium();
  page = await browser.newPage({ viewport: DESKTOP, colorScheme: "light" });
  page.setDefaultTimeout(15_000);
  page.on("pageerror", (error) => complaints.push(`page: ${error.message}`));
  page.on("console", (message) => {
    // Chromium logs HTTP errors by itself; the page has to deal with those.
    if (message.type() === "error" && !message.text().startsWith("Failed to load resource")) {
      complaints.push(`console: ${message.text()}`);
    }
  });
});

after(async () => {
  await browser?.close();
  await demo?.stop();
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

async function sendLine(line) {
  await part("chat-text").fill(line);
  await part("chat-send").click();
}

test("demo page: a WebTransport session opens, and gRPC-Web answers", async () => {
  await page.goto(`http://${demo.addresses.http}/`);
  await until({ "data-settings": "loaded", "data-webtransport": "open", "data-grpc-web": "open" });
});

test("demo page: a chat goes back and forth in one call, and ends when both sides have", async () => {
  for (let line = 1; line <= 5; line++) {
    await sendLine(`line ${line}`);
    await until({ "data-chat": "open", "data-chat-echoed": line });
  }
  const echoes = await part("chat-log").locator(".echo").allTextContents();
  assert.equal(echoes.length, 5);
  const backends = new Set();
  for (const [index, echo] of echoes.entries()) {
    const [, backend] = echo.match(new RegExp(`^← line ${index + 1}(backend-[ab]) #${index + 1} · `)) ?? [];
    assert.ok(backend, echo);
    backends.add(backend);
  }
  assert.equal(backends.size, 1, "one call has one backend");
  await part("chat-finish").click();
  await until({ "data-chat": "OK" });
});

test("demo page: a chat can be cancelled, and a new line begins a new one", async () => {
  await sendLine("again");
  await until({ "data-chat": "open", "data-chat-echoed": 6 });
  await part("chat-cancel").click();
  await until({ "data-chat": "CANCELLED" });
  await sendLine("and again");
  await until({ "data-chat": "open", "data-chat-echoed": 7 });
  await part("chat-finish").click();
  await until({ "data-chat": "OK" });
});

test("demo page: unary calls over both protocols reach both backends", async () => {
  for (let round = 0; round < 8; round++) {
    await part("say-name").fill(`visitor ${round}`);
    await part("say").click();
    await until({ "data-say-webtransport": "OK", "data-say-grpc-web": "OK" });
    assert.match(await text("say-webtransport"), new RegExp(`^Hello, visitor ${round} \\(backend-[ab]`));
    assert.match(await text("say-grpc-web"), new RegExp(`^Hello, visitor ${round} \\(backend-[ab]`));
  }
  await until({ "data-backends": "backend-a backend-b" });
});

test("demo page: streams count side by side, and stop when cancelled", async () => {
  await part("count-start").click();
  await page.waitForFunction(() => {
    const { countWebtransport, countGrpcWeb } = document.body.dataset;
    return countWebtransport >= 3 && countGrpcWeb >= 3;
  });
  await part("count-cancel").click();
  await until({ "data-count-status-webtransport": "CANCELLED", "data-count-status-grpc-web": "CANCELLED" });
  await part("count-start").click();
  await until({ "data-count-status-webtransport": "OK", "data-count-status-grpc-web": "OK" });
  assert.deepEqual([await text("count-webtransport"), await text("count-grpc-web")], ["50", "50"]);
});

test("demo page: a client stream is added up", async () => {
  await part("sum-numbers").fill("40 -1 3");
  await part("sum").click();
  await until({ "data-sum": 42 });
});

test("demo page: a thousand messages each way at once come back whole", async () => {
  await part("burst").click();
  await until({ "data-burst": "OK", "data-burst-echoed": 1000 });
});

test("demo page: a filter refuses alike over both protocols, and lets the key through", async () => {
  await part("vault-without").click();
  await until({ "data-vault-webtransport": "UNAUTHENTICATED", "data-vault-grpc-web": "UNAUTHENTICATED" });
  await part("vault-with").click();
  await until({ "data-vault-webtransport": "OK", "data-vault-grpc-web": "OK" });
});

test("demo page: connecting again opens a new session", async () => {
  await part("reconnect").click();
  await until({ "data-webtransport": "open", "data-grpc-web": "open" });
  await part("say").click();
  await until({ "data-say-webtransport": "OK", "data-say-grpc-web": "OK" });
});

test("demo page: every control has a name", async () => {
  const nameless = await page.evaluate(() =>
    [...document.querySelectorAll("button, input, progress, svg[role=img]")]
      .filter((control) => {
        const label = control.labels?.[0]?.textContent ?? control.getAttribute("aria-label");
        return !(label ?? (control.querySelector("title") ?? control).textContent).trim();
      })
      .map((control) => control.outerHTML),
  );
  assert.deepEqual(nameless, []);
});

test("demo page: it fits a desktop and a phone", async () => {
  mkdirSync(PICTURES, { recursive: true });
  for (const [name, size] of [["demo-chromium", DESKTOP], ["demo-chromium-phone", PHONE]]) {
    await page.setViewportSize(size);
    await page.screenshot({ path: path.join(PICTURES, `${name}.png`), fullPage: true });
    const excess = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    assert.ok(excess <= 0, `the page is ${excess} px wider than a screen of ${size.width} px`);
  }
});

test("demo page: Chromium has nothing to complain about", () => {
  assert.deepEqual(complaints, []);
});

test("demo page: the gateway drains, and has logged each call with its protocol", async () => {
  await page.goto("about:blank");
  const { program } = demo;
  assert.equal(await program.stop(), 0, "exit code after SIGTERM");
  demo = undefined;
  const calls = readFileSync(program.log, "utf8")
    .split("\n")
    .filter((line) => line.startsWith("{") && line.includes('"client_protocol"'))
    .map((line) => JSON.parse(line));
  const logged = (client_protocol, path, grpc_status) =>
    calls.filter((call) => call.client_protocol === client_protocol && call.path === path
      && call.grpc_status === grpc_status);
  const [OK, CANCELLED, UNAUTHENTICATED] = [0, 1, 16];
  const [chat] = logged("grpc_wt", "/demo.v1.Demo/Chat", OK);
  assert.deepEqual([chat.request_messages, chat.response_messages], [5, 5]);
  assert.equal(logged("grpc_wt", "/demo.v1.Demo/Chat", CANCELLED).length, 1);
  for (const protocol of ["grpc_wt", "grpc_web"]) {
    assert.equal(logged(protocol, "/demo.v1.Demo/Say", OK).length, 9, protocol);
    assert.equal(logged(protocol, "/demo.v1.Demo/Count", CANCELLED).length, 1, protocol);
    assert.equal(logged(protocol, "/demo.v1.Demo/Count", OK).length, 1, protocol);
    assert.equal(logged(protocol, "/demo.v1.Vault/Open", UNAUTHENTICATED).length, 1, protocol);
    assert.equal(logged(protocol, "/demo.v1.Vault/Open", OK).length, 1, protocol);
  }
});
