// Messages of a call over WebTransport that travel in datagrams, from a page in Chromium, with the frames written by hand;
// and the notice in the call's response that the gateway drains, which Chromium shows a page in no other way.

import assert from "node:assert/strict";
import { X509Certificate, createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";

import { makeCertificate, startInteropServer, startSluicegateWith } from "../lib/launch.mjs";
import { launchChromium } from "./chromium.mjs";

const METHOD = "/grpc.testing.TestService/FullDuplexCall";

let upstream;
let gateway;
let browser;
let page;

before(async () => {
  upstream = await startInteropServer();
  const { certificate, key } = makeCertificate();
  gateway = await startSluicegateWith(`
    [admin]
    listen = "127.0.0.1:0"
    [[listeners]]
    listen = "127.0.0.1:0"
    [[listeners]]
    listen = "127.0.0.1:0"
    tls = { cert = "${certificate}", key = "${key}" }
    quic = true
    webtransport = { origins = ["*"] }
    [[routes]]
    cluster = "interop"
    datagrams = { methods = ["${METHOD}"] }
    [[clusters]]
    name = "interop"
    endpoints = ["http://${upstream.address}"]
  `);
  browser = await launchChromium();
  page = await browser.newPage();
  await page.goto(`http://${gateway.addresses.http}/`);
  const hash = createHash("sha256").update(new X509Certificate(readFileSync(certificate)).raw).digest();
  await page.evaluate(open, { url: `https://${gateway.addresses.quic}/grpc-wt/v1`, hash: [...hash], path: METHOD });
});

after(async () => {
  await browser?.close();
  await gateway?.stop();
  await upstream?.stop();
});

/** Opens a session and a call in it, in the page. What comes is noted in `seen`. */
async function open({ url, hash, path }) {
  const session = new WebTransport(url, {
    serverCertificateHashes: [{ algorithm: "sha-256", value: Uint8Array.from(hash) }],
  });
  await session.ready;
  const stream = await session.createBidirectionalStream();
  const writer = stream.writable.getWriter();
  const frame = (flags, payload) => {
    const bytes = new Uint8Array(5 + payload.length);
    bytes[0] = flags;
    new DataView(bytes.buffer).setUint32(1, payload.length);
    bytes.set(payload, 5);
    return bytes;
  };
  const seen = (globalThis.seen = { frames: [], datagrams: [], ended: false });
  const readFrames = async () => {
    let rest = new Uint8Array();
    for (const reader = stream.readable.getReader(); ; ) {
      const { value, done } = await reader.read();
      if (done) break;
      const bytes = new Uint8Array(rest.length + value.length);
      bytes.set(rest);
      bytes.set(value, rest.length);
      rest = bytes;
      while (rest.length >= 5) {
        const length = new DataView(rest.buffer, rest.byteOffset).getUint32(1);
        if (rest.length < 5 + length) break;
        seen.frames.push([rest[0], length]);
        rest = rest.slice(5 + length);
      }
    }
    seen.ended = true;
  };
  const readDatagrams = async () => {
    for (const reader = session.datagrams.readable.getReader(); ; ) {
      const { value, done } = await reader.read();
      if (done) break;
      seen.datagrams.push([...value]);
    }
  };
  readFrames().catch((error) => (seen.error = String(error)));
  readDatagrams().catch(() => {});
  const { datagrams } = session;
  const out = (datagrams.createWritable?.() ?? datagrams.writable).getWriter();
  globalThis.send = (flags, payload) => writer.write(frame(flags, payload));
  globalThis.sendDatagram = (bytes) => out.write(Uint8Array.from(bytes));
  globalThis.finish = () => writer.close();
  await globalThis.send(0x40, new TextEncoder().encode(`:path: ${path}\r\ngrpc-wt-datagram: 7\r\n`));
}

const seen = () => page.evaluate(() => globalThis.seen);

/** Waits until what the page has seen is so. */
const until = (isSo) => page.waitForFunction(isSo, undefined, { timeout: 15_000 });

/** A request for one message with this many bytes. */
const ask = (size) => [0x12, 2, 0x08, size];

test("a page sends and gets messages in datagrams", async () => {
  await until(() => globalThis.seen.frames.some(([flags]) => flags === 0x28));
  await page.evaluate((bytes) => globalThis.sendDatagram(bytes), [7, 0, 0, ...ask(3)]);
  await until(() => globalThis.seen.datagrams.length === 1);
  assert.deepEqual((await seen()).datagrams, [[7, 0, 0, 0x0a, 5, 0x12, 3, 0, 0, 0]]);
  // One that was overtaken is dropped; one on the stream is answered in a datagram too.
  await page.evaluate((bytes) => globalThis.sendDatagram(bytes), [7, 2, 0, ...ask(1)]);
  await until(() => globalThis.seen.datagrams.length === 2);
  await page.evaluate((bytes) => globalThis.sendDatagram(bytes), [7, 1, 0, ...ask(9)]);
  await page.evaluate((bytes) => globalThis.send(0, bytes), ask(2));
  await until(() => globalThis.seen.datagrams.length === 3);
  const { datagrams, frames } = await seen();
  assert.deepEqual(datagrams.map((datagram) => datagram.length - 7), [3, 1, 2]);
  assert.deepEqual(frames.map(([flags]) => flags), [0x28, 0x40]);
});

test("a page is told in its call that the gateway drains, and the call ends as it would have", async () => {
  gateway.program.process.kill("SIGTERM");
  await until(() => globalThis.seen.frames.some(([flags]) => flags === 0x24));
  await page.evaluate((bytes) => globalThis.sendDatagram(bytes), [7, 3, 0, ...ask(4)]);
  await until(() => globalThis.seen.datagrams.length === 4);
  await page.evaluate(() => globalThis.finish());
  await until(() => globalThis.seen.ended);
  const { frames, error } = await seen();
  assert.equal(error, undefined);
  assert.deepEqual(frames.map(([flags]) => flags), [0x28, 0x40, 0x24, 0x80]);
});
