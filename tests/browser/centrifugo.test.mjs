// Centrifugo, a real-time server, behind the gateway: its own client in a page in Chromium, on WebTransport first and on
// WebSocket second. Neither knows of the gateway.

import assert from "node:assert/strict";
import { createHash, X509Certificate } from "node:crypto";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import path from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";

import { makeCertificate, startCentrifugo, startSluicegateWith } from "../lib/launch.mjs";
import { launchChromium } from "./chromium.mjs";

const FOLDER = path.dirname(fileURLToPath(import.meta.url));
const CENTRIFUGE = path.join(FOLDER, "node_modules/centrifuge/dist/centrifuge.js");
const SESSION = "/connection/webtransport";
const SOCKET = "/connection/websocket";

let certificate;
let centrifugo;
let gateway;
let site;
let browser;
let page;

before(async () => {
  certificate = makeCertificate();
  centrifugo = await startCentrifugo(certificate);
  site = createServer((request, response) => {
    const script = request.url === "/centrifuge.js";
    response.writeHead(200, { "content-type": script ? "text/javascript" : "text/html" });
    response.end(script ? readFileSync(CENTRIFUGE) : "<!doctype html><script src=/centrifuge.js></script>");
  }).listen(0, "127.0.0.1");
  await once(site, "listening");
  const origin = `http://127.0.0.1:${site.address().port}`;
  gateway = await startSluicegateWith(`
    [admin]
    listen = "127.0.0.1:0"

    [[listeners]]
    listen = "127.0.0.1:0"
    tls = { cert = "${certificate.certificate}", key = "${certificate.key}" }
    quic = true

    [[routes]]
    name = "session"
    path_prefix = "${SESSION}"
    cluster = "centrifugo-webtransport"
    origins = ["${origin}"]

    [[routes]]
    name = "socket"
    path_prefix = "${SOCKET}"
    cluster = "centrifugo-websocket"
    origins = ["${origin}"]

    [[clusters]]
    name = "centrifugo-webtransport"
    protocol = "webtransport"
    endpoints = ["https://${centrifugo.address}"]
    tls = { ca = "${certificate.certificate}", server_name = "localhost" }

    [[clusters]]
    name = "centrifugo-websocket"
    protocol = "websocket"
    endpoints = ["https://${centrifugo.address}"]
    tls = { ca = "${certificate.certificate}", server_name = "localhost" }
  `);
  browser = await launchChromium(["--ignore-certificate-errors"]);
  page = await browser.newPage({ ignoreHTTPSErrors: true });
  page.on("console", (message) => console.log(`page: ${message.text()}`));
  await page.goto(`${origin}/`);
  const hash = createHash("sha256").update(new X509Certificate(readFileSync(certificate.certificate)).raw);
  await page.evaluate(prepare, [...hash.digest()]);
});

after(async () => {
  await browser?.close();
  site?.close();
  await gateway?.stop();
  await centrifugo?.stop();
});

/** In the page: connects clients by name, and keeps what they are told until somebody waits for it. */
function prepare(certificateHash) {
  // The certificate is trusted by its hash, which the client has no option for; for the rest this is the browser's own
  // WebTransport.
  globalThis.WebTransport = class extends WebTransport {
    constructor(url) {
      const value = Uint8Array.from(certificateHash);
      super(url, { serverCertificateHashes: [{ algorithm: "sha-256", value }] });
    }
  };
  const clients = new Map();

  function record(client, event, told) {
    client.events.push([event, told]);
    for (const wake of client.waiting.splice(0)) wake();
  }

  globalThis.connect = async (name, transports, channel) => {
    const centrifuge = new Centrifuge(transports, { minReconnectDelay: 50 });
    const client = { centrifuge, events: [], waiting: [] };
    clients.set(name, client);
    centrifuge.on("connected", ({ transport, client: id }) => record(client, "connected", { transport, id }));
    centrifuge.on("connecting", ({ code }) => record(client, "connecting", code));
    centrifuge.on("disconnected", ({ code }) => record(client, "disconnected", code));
    client.subscription = centrifuge.newSubscription(channel);
    client.subscription.on("subscribed", () => record(client, "subscribed", channel));
    client.subscription.on("publication", ({ data }) => record(client, "publication", data));
    client.subscription.on("leave", ({ info }) => record(client, "leave", info.client));
    client.subscription.subscribe();
    centrifuge.connect();
  };
  /** What the client is told next with this event; what comes before is skipped. */
  globalThis.next = async (name, event) => {
    const client = clients.get(name);
    for (;;) {
      while (client.events.length > 0) {
        const [happened, told] = client.events.shift();
        if (happened === event) return told;
      }
      await new Promise((resolve) => client.waiting.push(resolve));
    }
  };
  globalThis.publish = (name, data) => clients.get(name).subscription.publish(data).then(() => undefined);
  globalThis.disconnect = (name) => clients.get(name).centrifuge.disconnect();
}

const next = (name, event) => page.evaluate(([name, event]) => globalThis.next(name, event), [name, event]);
const publish = (name, data) => page.evaluate(([name, data]) => globalThis.publish(name, data), [name, data]);
const disconnect = (name) => page.evaluate((name) => globalThis.disconnect(name), name);

const webTransport = (path = SESSION) => ({ transport: "webtransport", endpoint: `https://${gateway.addresses.quic}${path}` });
const webSocket = (path = SOCKET) => ({ transport: "websocket", endpoint: `wss://${gateway.addresses.tls}${path}` });

/** Connects a client to `channel`, and answers its id and the transport that it came to use. */
async function connect(name, transports, channel) {
  await page.evaluate(([name, transports, channel]) => globalThis.connect(name, transports, channel), [
    name,
    transports,
    channel,
  ]);
  const connected = await next(name, "connected");
  await next(name, "subscribed");
  return connected;
}

test("messages go from a session to a session and to a WebSocket", { timeout: 60_000 }, async () => {
  assert.equal((await connect("ann", [webTransport(), webSocket()], "room")).transport, "webtransport");
  assert.equal((await connect("bob", [webTransport(), webSocket()], "room")).transport, "webtransport");
  assert.equal((await connect("cid", [webSocket()], "room")).transport, "websocket");
  for (let number = 0; number < 50; number++) await publish("ann", { number, text: "x".repeat(number * 200) });
  for (const reader of ["ann", "bob", "cid"]) {
    for (let number = 0; number < 50; number++) {
      const data = await next(reader, "publication");
      assert.deepEqual([data.number, data.text.length], [number, number * 200], reader);
    }
  }
  await publish("cid", { number: 50 });
  assert.deepEqual(await next("bob", "publication"), { number: 50 });
});

test("without a route for sessions the client falls back to WebSocket", { timeout: 60_000 }, async () => {
  const transports = [webTransport("/nowhere"), webSocket()];
  assert.equal((await connect("dan", transports, "fallback")).transport, "websocket");
  await disconnect("dan");
});

test("Centrifugo hears that a client has left", { timeout: 60_000 }, async () => {
  await connect("eve", [webTransport()], "leaving");
  for (const [name, transport] of [["flo", webTransport()], ["gus", webSocket()]]) {
    const { id } = await connect(name, [transport], "leaving");
    await disconnect(name);
    assert.equal(await next("eve", "leave"), id, name);
  }
});

test("clients come back after Centrifugo was restarted", { timeout: 60_000 }, async () => {
  assert.equal((await connect("hal", [webTransport()], "again")).transport, "webtransport");
  assert.equal((await connect("ivy", [webSocket()], "again")).transport, "websocket");
  await centrifugo.stop();
  await next("hal", "connecting");
  await next("ivy", "connecting");
  centrifugo = await startCentrifugo(certificate, centrifugo.address);
  assert.equal((await next("hal", "connected")).transport, "webtransport");
  assert.equal((await next("ivy", "connected")).transport, "websocket");
  await next("hal", "subscribed");
  await publish("ivy", "back");
  assert.equal(await next("hal", "publication"), "back");
});
