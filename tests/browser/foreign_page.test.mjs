// gRPC-Web from a page of another origin in Chromium, by Google's grpc-web and connect-web: over cleartext HTTP/1.1,
// and over HTTP/2 and HTTP/3 with TLS. The cases are those of tests/peers/npm; here their preflights count, too, and
// which header fields a page gets to see.

import assert from "node:assert/strict";
import { createHash, X509Certificate } from "node:crypto";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import path from "node:path";
import { after, before, test } from "node:test";

import { create, fromBinary, toBinary } from "../peers/npm/node_modules/@bufbuild/protobuf/dist/esm/index.js";
import { ROOT, startGateway, startInteropServer } from "../lib/launch.mjs";
import { CASES, CASES_WITH_EARLY_MESSAGES, testCases } from "../peers/npm/cases.mjs";
import { CallError } from "../peers/npm/clients.mjs";
import { descriptors } from "../peers/npm/protos.mjs";
import { launchChromium } from "./chromium.mjs";

const PEERS = path.join(ROOT, "tests/peers/npm");
const MODULES = path.join(PEERS, "node_modules");

let upstream;
let gateway;
let site;
let browser;
let page;

before(async () => {
  upstream = await startInteropServer();
  gateway = await startGateway(upstream.address);
  site = createServer(serve).listen(0, "127.0.0.1");
  await once(site, "listening");
  const key = new X509Certificate(gateway.certificate).publicKey.export({ type: "spki", format: "der" });
  browser = await launchChromium([
    `--ignore-certificate-errors-spki-list=${createHash("sha256").update(key).digest("base64")}`,
    // By name the gateway is called over HTTP/3, and by number over HTTP/2.
    "--host-resolver-rules=MAP localhost 127.0.0.1",
    `--origin-to-force-quic-on=localhost:${portOf(gateway.addresses.quic)}`,
  ]);
  page = await browser.newPage();
  page.on("console", (message) => console.log(`page: ${message.text()}`));
  await page.goto(`http://127.0.0.1:${site.address().port}/`);
  await page.waitForSelector("body[data-ready]", { state: "attached" });
});

after(async () => {
  await browser?.close();
  site?.close();
  await gateway?.stop();
  await upstream?.stop();
});

const portOf = (address) => address.split(":").at(-1);
const transports = {
  "h1": () => `http://${gateway.addresses.http}`,
  "h2 TLS": () => `https://${gateway.addresses.tls}`,
  "h3": () => `https://localhost:${portOf(gateway.addresses.quic)}`,
};

for (const [transport, url] of Object.entries(transports)) {
  for (const client of ["grpc-web binary", "grpc-web text", "connect-web"]) {
    // grpc-web decodes binary responses only when they are whole.
    const cases = client === "grpc-web binary" ? CASES : CASES_WITH_EARLY_MESSAGES;
    testCases(`Chromium, ${client}, ${transport}`, cases, () => inPage(client, url()), () => upstream.program);
  }
}

test("Chromium, the gateway has carried calls over each transport, and exits with 0", async () => {
  await page.goto("about:blank");
  assert.equal(await gateway.stop(), 0);
  const calls = new Map();
  for (const line of readFileSync(gateway.program.log, "utf8").split("\n")) {
    if (!line.startsWith("{") || !line.includes('"client_protocol"')) continue;
    const { client_protocol, transport } = JSON.parse(line);
    assert.match(client_protocol, /^grpc_web/);
    calls.set(transport, (calls.get(transport) ?? 0) + 1);
  }
  gateway = undefined;
  const cases = Object.keys(CASES).length + 2 * Object.keys(CASES_WITH_EARLY_MESSAGES).length;
  assert.deepEqual(Object.fromEntries(calls), { "http/1.1": cases, h2: cases, h3: cases });
});

/** A client as tests/peers/npm has them, whose calls are made in the page. */
function inPage(client, url) {
  const describe = (method, request, { header, timeoutMs } = {}) => ({
    client,
    url,
    service: method.parent.name,
    method: method.localName,
    request: Buffer.from(toBinary(method.input, create(method.input, request))).toString("base64"),
    header,
    timeoutMs,
  });
  const decode = (method, message) => fromBinary(method.output, Buffer.from(message, "base64"));
  const check = (result) => {
    if (result.error) throw new CallError(result.error.code, result.error.status, new Headers(result.error.trailer));
    return result;
  };
  return {
    async unary(method, request, options) {
      const result = check(await page.evaluate((call) => unary(call), describe(method, request, options)));
      return {
        message: decode(method, result.message),
        header: new Headers(result.header),
        trailer: new Headers(result.trailer),
      };
    },
    async *stream(method, [request], { signal, ...options } = {}) {
      const id = crypto.randomUUID();
      await page.evaluate(([id, call]) => openStream(id, call), [id, describe(method, request, options)]);
      signal?.addEventListener("abort", () => page.evaluate((id) => leaveStream(id), id));
      for (;;) {
        const { message } = check(await page.evaluate((id) => nextOfStream(id), id));
        if (message === undefined) return;
        yield decode(method, message);
      }
    },
  };
}

/** The page, its script, and the clients with the libraries they are built on. */
function serve(request, response) {
  const { pathname } = new URL(request.url, "http://site");
  const script = (file) => response.setHeader("content-type", "text/javascript").end(readFileSync(file));
  if (pathname === "/") {
    response.setHeader("content-type", "text/html; charset=utf-8").end(`<!doctype html>
      <link rel="icon" href="data:,">
      <script type="importmap">${JSON.stringify({ imports: importMap() })}</script>
      <body data-descriptors="${Buffer.from(descriptors).toString("base64")}">
      <script type="module" src="/page.mjs"></script>`);
  } else if (pathname === "/page.mjs") {
    script(path.join(ROOT, "tests/browser/foreign_page.mjs"));
  } else if (pathname.startsWith("/peers/")) {
    script(path.join(PEERS, path.normalize(pathname.slice("/peers/".length))));
  } else if (pathname.startsWith("/modules/")) {
    script(path.join(MODULES, path.normalize(pathname.slice("/modules/".length))));
  } else {
    response.writeHead(404).end();
  }
}

/** Where a browser finds what the clients import, from what the packages say of themselves. */
function importMap() {
  const imports = { "grpc-web": "/modules/grpc-web/index.esm.js" };
  for (const name of ["@bufbuild/protobuf", "@connectrpc/connect", "@connectrpc/connect-web"]) {
    const { exports } = JSON.parse(readFileSync(path.join(MODULES, name, "package.json"), "utf8"));
    for (const [entry, { import: target }] of Object.entries(exports)) {
      if (target) imports[path.posix.join(name, entry)] = `/modules/${path.posix.join(name, target.default ?? target)}`;
    }
  }
  return imports;
}
