#!/usr/bin/env node
// The client that the conformance suite tests: @sluicegate/web in a page in Chromium, with the gateway before it.
//
//   client_under_test.mjs CARRIER SCRIPT    webtransport, websocket, fetch, or best; client_page.mjs, bundled
//
// The suite starts this once. It writes ClientCompatRequests to standard input and reads ClientCompatResponses from
// standard output, in any order; each has its length before it, as four bytes in network order. What is in them is the
// page's business. Each reference server that they name gets a gateway of its own, which runs until the end.

import { createHash, X509Certificate } from "node:crypto";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";

import { launchChromium } from "../browser/chromium.mjs";
import { makeCertificate, ROOT, startSluicegateWith } from "../lib/launch.mjs";

// Some cases are about time, and the page has one thread for all of them.
const CALLS_AT_ONCE = 8;

const [carrier, script] = process.argv.slice(2);
const { certificate, key } = makeCertificate();
const { raw } = new X509Certificate(readFileSync(certificate));
const certificateHash = createHash("sha256").update(raw).digest("base64");
const gateways = new Map();

/** What the page asks for: where it finds the gateway before a reference server that speaks this. */
async function gatewayBefore(address, protocol) {
  const name = `gateway-${protocol}-${address.replace(/\W/g, "-")}`;
  if (!gateways.has(name)) gateways.set(name, startSluicegateWith(configuration(address, protocol), name));
  const { addresses } = await gateways.get(name);
  // The system has chosen a port for UDP and one for TCP.
  const webTransportUrl = `https://${addresses.quic}/grpc-wt/v1`;
  return { baseUrl: `https://${addresses.tls}`, webTransportUrl, certificateHash };
}

/** Without descriptors, so that a call in JSON reaches the reference server in JSON: it looks at that. */
function configuration(address, protocol) {
  return `
# The page leaves connections open when it is done.
drain_timeout = "1s"

[[listeners]]
listen = "127.0.0.1:0"
tls = { cert = "${certificate}", key = "${key}" }
quic = true
webtransport = { path = "/grpc-wt/v1", origins = ["*"] }
websocket = { origins = ["*"] }

[[routes]]
services = ["*"]
cluster = "reference"
filters = [{ use = "cors", allow_origins = ["*"], allow_headers = ["*"] }]

[[clusters]]
name = "reference"
protocol = "${protocol}"
endpoints = ["http://${address}"]
`;
}

/** Chromium with a page that has made itself ready for calls. Browsers allow WebTransport on secure pages only, which
 * those of this machine are. */
async function openPage() {
  const server = createServer((request, response) => {
    const isScript = request.url === "/page.js";
    response.setHeader("content-type", isScript ? "text/javascript" : "text/html");
    response.end(isScript ? readFileSync(script) : '<!doctype html><script type="module" src="/page.js"></script>');
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const browser = await launchChromium(["--ignore-certificate-errors"]);
  const page = await browser.newPage();
  page.on("pageerror", (error) => console.error(error));
  await page.exposeFunction("gatewayBefore", gatewayBefore);
  await page.goto(`http://127.0.0.1:${server.address().port}/`);
  await page.evaluate(
    ([carrier, descriptors]) => globalThis.begin(carrier, descriptors),
    [carrier, readFileSync(`${ROOT}/target/tests/bin/conformance.binpb`, "base64")],
  );
  const close = async () => {
    await browser.close();
    server.close();
  };
  return { page, close };
}

/** The messages of a stream. */
async function* messagesOf(stream) {
  let unread = Buffer.alloc(0);
  for await (const bytes of stream) {
    unread = Buffer.concat([unread, bytes]);
    while (unread.length >= 4 && unread.length >= 4 + unread.readUInt32BE()) {
      const end = 4 + unread.readUInt32BE();
      yield unread.subarray(4, end);
      unread = unread.subarray(end);
    }
  }
}

function write(message) {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(message.length);
  process.stdout.write(Buffer.concat([length, message]));
}

const { page, close } = await openPage();
const requests = messagesOf(process.stdin);
async function answerRequests() {
  for await (const request of requests) {
    const response = await page.evaluate((request) => globalThis.answer(request), request.toString("base64"));
    write(Buffer.from(response, "base64"));
  }
}
await Promise.all(Array.from({ length: CALLS_AT_ONCE }, answerRequests));
await close();
for (const [name, starting] of gateways) {
  const code = await (await starting).stop();
  if (code !== 0) throw new Error(`${name} exited with ${code}`);
}
