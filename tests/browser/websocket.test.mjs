// gRPC over WebSocket from a page in Chromium: grpc-ws-1 written by hand, on a stream of HTTP/2 and on a connection of
// HTTP/1.1.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { startGateway, startInteropServer } from "../lib/launch.mjs";
import { launchChromium } from "./chromium.mjs";

let upstream;
let gateway;
let browser;

before(async () => {
  upstream = await startInteropServer();
  gateway = await startGateway(upstream.address);
  browser = await launchChromium(["--ignore-certificate-errors"]);
});

after(async () => {
  await browser?.close();
  await gateway?.stop();
  await upstream?.stop();
});

/** Opens a page of the gateway's own at this origin, and notes the statuses that its WebSockets were answered with. */
async function pageAt(origin) {
  const page = await browser.newPage({ ignoreHTTPSErrors: true });
  const statuses = [];
  const session = await page.context().newCDPSession(page);
  await session.send("Network.enable");
  session.on("Network.webSocketHandshakeResponseReceived", ({ response }) => statuses.push(response.status));
  const probe = await page.goto(`${origin}/grpc-ws/v1`);
  assert.equal((await probe.json()).websocket, "/grpc-ws/v1");
  return { page, statuses };
}

/** Makes a call with these messages in the page: the frames that came back, by flags, and how the WebSocket closed. */
function call(page, path, messages) {
  return page.evaluate(
    ({ path, messages }) =>
      new Promise((resolve) => {
        const socket = new WebSocket(`${location.origin.replace(/^http/, "ws")}/grpc-ws/v1`, ["grpc-ws-1"]);
        socket.binaryType = "arraybuffer";
        const send = (flags, payload) => {
          const frame = new Uint8Array(5 + payload.length);
          frame[0] = flags;
          new DataView(frame.buffer).setUint32(1, payload.length);
          frame.set(payload, 5);
          socket.send(frame);
        };
        const seen = { subprotocol: "", payloads: [], trailers: "" };
        socket.onopen = () => {
          seen.subprotocol = socket.protocol;
          send(0x40, new TextEncoder().encode(`:path: ${path}\r\n`));
          messages.forEach((message) => send(0, Uint8Array.from(message)));
          send(0x80, []);
        };
        socket.onmessage = ({ data }) => {
          const frame = new Uint8Array(data);
          if (frame[0] === 0) seen.payloads.push(frame.length - 5);
          if (frame[0] === 0x80) seen.trailers = new TextDecoder().decode(frame.subarray(5));
        };
        socket.onclose = ({ code, wasClean }) => resolve({ ...seen, code, wasClean });
      }),
    { path, messages },
  );
}

// A request for a response of 300 000 bytes: field 2 of SimpleRequest.
const LARGE = [0x10, 0xe0, 0xa7, 0x12];

for (const [name, origin, status] of [
  ["a stream of HTTP/2", () => `https://${gateway.addresses.tls}`, 200],
  ["a connection of HTTP/1.1", () => `http://${gateway.addresses.http}`, 101],
]) {
  test(`calls on ${name}`, { timeout: 60_000 }, async () => {
    const { page, statuses } = await pageAt(origin());
    const unary = await call(page, "/grpc.testing.TestService/UnaryCall", [LARGE]);
    assert.equal(unary.subprotocol, "grpc-ws-1");
    assert.ok(unary.payloads.length === 1 && unary.payloads[0] > 300_000, JSON.stringify(unary));
    assert.match(unary.trailers, /^grpc-status: 0\r$/m);
    assert.deepEqual([unary.code, unary.wasClean], [1000, true]);

    const unknown = await call(page, "/no.Such/Method", []);
    assert.match(unknown.trailers, /^grpc-status: 12\r$/m);
    assert.deepEqual(statuses, [status, status]);
    await page.close();
  });
}
