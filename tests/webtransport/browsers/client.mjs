// Clients of tests/webtransport/README.md in browsers: the WebTransport of a page.
//
//   node client.mjs chromium|firefox --url https://HOST:PORT --path PATH --ca FILE CASE...
//
// Prints a line of JSON for each case.

import { createHash, X509Certificate } from "node:crypto";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { parseArgs } from "node:util";

import puppeteer from "puppeteer-core";

const BROWSERS = {
  chromium: {
    browser: "chrome",
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    // The tests run as root, where Chromium cannot make its sandbox; and it shall make no requests of its own.
    args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"],
  },
  firefox: { browser: "firefox", executablePath: process.env.FIREFOX ?? "/usr/bin/firefox-esr" },
};
// How long a case may take.
const PATIENCE = 20_000;

const { values, positionals } = parseArgs({
  options: { url: { type: "string" }, path: { type: "string" }, ca: { type: "string" } },
  allowPositionals: true,
});
const [client, ...cases] = positionals;

const script = readFileSync(new URL("cases.js", import.meta.url));
const site = createServer((request, response) => {
  const isScript = request.url === "/cases.js";
  response.writeHead(200, { "content-type": isScript ? "text/javascript" : "text/html" });
  response.end(isScript ? script : "<!doctype html><script type=module src=/cases.js></script>");
}).listen(0, "127.0.0.1");
await once(site, "listening");

const browser = await puppeteer.launch({ ...BROWSERS[client], headless: true });
const version = (await browser.version()).replace(/^[^/]*\//, "");
// Loopback is a secure context, without which pages have no WebTransport.
const page = await browser.newPage();
await page.goto(`http://127.0.0.1:${site.address().port}/`);
const certificate = new X509Certificate(readFileSync(values.ca)).raw;
const to = {
  client,
  url: values.url,
  path: values.path,
  certificateHash: createHash("sha256").update(certificate).digest("base64"),
};
for (const name of cases) {
  const outcome = await page.evaluate((name, to, patience) => globalThis.play(name, to, patience), name, to, PATIENCE);
  console.log(JSON.stringify({ client, version, case: name, ...outcome }));
}
await browser.close();
site.close();
