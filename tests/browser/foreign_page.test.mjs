// gRPC-Web and Connect from a page of another origin in Chromium, by Google's grpc-web and connect-web: over cleartext
// HTTP/1.1, and over HTTP/2 and HTTP/3 with TLS. The cases are those of tests/peers/npm; here their preflights count,
// too, and which header fields a page gets to see. Improbable's grpc-web adds what needs WebSockets in a browser:
// requests that stream.

import assert from "node:assert/strict";
import { createHash, X509Certificate } from "node:crypto";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import path from "node:path";
import { after, before, describe, test } from "node:test";

import { create, fromBinary, toBinary } from "../peers/npm/node_modules/@bufbuild/protobuf/dist/esm/index.js";
import { ROOT, startGateway, startInteropServer } from "../lib/launch.mjs";
import { CASES, CASES_WITH_EARLY_MESSAGES, STREAMING_CASES, testCases } from "../peers/npm/cases.mjs";
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
// The statuses that the page's WebSockets were answered with: 101 on HTTP/1.1, and 200 on a stream of HTTP/2.
const handshakes = [];

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
  const devtools = await page.context().newCDPSession(page);
  await devtools.send("Network.enable");
  devtools.on("Network.webSocketHandshakeResponseReceived", ({ response }) => handshakes.push(response.status));
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
const TRANSPORTS = {
  "h1": { url: () => `http://${gateway.addresses.http}`, logged: "http/1.1" },
  "h2 TLS": { url: () => `https://${gateway.addresses.tls}`, logged: "h2" },
  "h3": { url: () => `https://localhost:${portOf(gateway.addresses.quic)}`, logged: "h3" },
};

// What each client is put through, and what the access log calls the way that it takes.
const CLIENTS = {
  // grpc-web decodes binary responses only when they are whole.
  "grpc-web binary": { cases: CASES, logged: "grpc_web" },
  "grpc-web text": { cases: CASES_WITH_EARLY_MESSAGES, logged: "grpc_web" },
  "connect-web gRPC-Web": { cases: CASES_WITH_EARLY_MESSAGES, logged: "grpc_web" },
  "connect-web Connect proto": { cases: CASES_WITH_EARLY_MESSAGES, logged: "connect" },
  "connect-web Connect JSON": { cases: CASES_WITH_EARLY_MESSAGES, logged: "connect" },
};
const EXPECTED = new Map();

function testInPage(client, transport, url, cases, logged) {
  testCases(`Chromium, ${client}, ${transport}`, cases, () => inPage(client, url()), () => upstream.program);
  EXPECTED.set(logged, (EXPECTED.get(logged) ?? 0) + Object.keys(cases).length);
}

for (const [transport, { url, logged }] of Object.entries(TRANSPORTS)) {
  for (const [client, { cases, logged: protocol }] of Object.entries(CLIENTS)) {
    testInPage(client, transport, url, cases, `${protocol} over ${logged}`);
  }
}

// Browsers have no WebSockets on HTTP/3.
for (const [transport, status] of [["h1", 101], ["h2 TLS", 200]]) {
  const { url } = TRANSPORTS[transport];
  describe(`WebSockets, ${transport}`, () => {
    before(async () => {
      handshakes.length = 0;
      // A WebSocket takes a stream of HTTP/2 only where there is a connection already, and one with credentials.
      await page.evaluate((url) => fetch(url, { mode: "no-cors", credentials: "include" }), `${url()}/grpc-ws/v1`);
    });
    testInPage("improbable WebSocket", transport, url, STREAMING_CASES, "grpc_websockets over websocket");
    test(`Chromium, improbable WebSocket, ${transport}: was on ${transport}`, () => {
      assert.deepEqual(handshakes, Object.keys(STREAMING_CASES).map(() => status));
    });
  });
}

test("Chromium, the gateway has carried each call as it was meant to be, and exits with 0", async () => {
  await page.goto("about:blank");
  assert.equal(await gateway.stop(), 0);
  const calls = new Map();
  for (const line of readFileSync(gateway.program.log, "utf8").split("\n")) {
    if (!line.startsWith("{") || !line.includes('"client_protocol"')) continue;
    const { client_protocol, transport } = JSON.parse(line);
    // Whether a method of Connect's is unary makes two protocols of it.
    const logged = `${client_protocol.replace(/^connect_.*/, "connect")} over ${transport}`;
    calls.set(logged, (calls.get(logged) ?? 0) + 1);
  }
  gateway = undefined;
  assert.deepEqual(Object.fromEntries(calls), Object.fromEntries(EXPECTED));
});

/** A client as tests/peers/npm has them, whose calls are made in the page. */
function inPage(client, url) {
  const encode = (method, request) =>
    Buffer.from(toBinary(method.input, create(method.input, request))).toString("base64");
  const callOf = (method, { header, timeoutMs } = {}) => ({
    client,
    url,
    service: method.parent.name,
    method: method.localName,
    header,
    timeoutMs,
  });
  const decode = (method, message) => fromBinary(method.output, Buffer.from(message, "base64"));
  const send = async (id, method, requests) => {
    for await (const request of requests) {
      await page.evaluate(([id, request]) => sendOnStream(id, request), [id, encode(method, request)]);
    }
    await page.evaluate((id) => endOfRequests(id), id);
  };
  const check = (result) => {
    if (result.error) throw new CallError(result.error.code, result.error.status, new Headers(result.error.trailer));
    return result;
  };
  return {
    async unary(method, request, options) {
      const call = { ...callOf(method, options), request: encode(method, request) };
      const result = check(await page.evaluate((call) => unary(call), call));
      return {
        message: decode(method, result.message),
        header: new Headers(result.header),
        trailer: new Headers(result.trailer),
      };
    },
    async *stream(method, requests, { signal, ...options } = {}) {
      const id = crypto.randomUUID();
      const call = callOf(method, options);
      const one = method.methodKind === "server_streaming";
      if (one) call.request = encode(method, requests[0]);
      await page.evaluate(([id, call]) => openStream(id, call), [id, call]);
      signal?.addEventListener("abort", () => page.evaluate((id) => leaveStream(id), id));
      const sending = one ? undefined : send(id, method, requests);
      for (;;) {
        const { message } = check(await page.evaluate((id) => nextOfStream(id), id));
        if (message === undefined) return await sending;
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
      <script src="/modules/@improbable-eng/grpc-web/dist/grpc-web-client.umd.js"></script>
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
  const imports = {
    "grpc-web": "/modules/grpc-web/index.esm.js",
    // This one comes as a script, which puts `grpc` in the global scope. And what Node lacks browsers have.
    "@improbable-eng/grpc-web": "data:text/javascript,export default { grpc }",
    "ws": "data:text/javascript,export default WebSocket",
  };
  for (const name of ["@bufbuild/protobuf", "@connectrpc/connect", "@connectrpc/connect-web"]) {
    const { exports } = JSON.parse(readFileSync(path.join(MODULES, name, "package.json"), "utf8"));
    for (const [entry, { import: target }] of Object.entries(exports)) {
      if (target) imports[path.posix.join(name, entry)] = `/modules/${path.posix.join(name, target.default ?? target)}`;
    }
  }
  return imports;
}
