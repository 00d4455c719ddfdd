// The page of `sluicegate dev` in Debian's Chromium, before servers that nobody of this project wrote, or that tell
// nothing of themselves.

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http2";
import { after, before, test } from "node:test";

import { startInteropServer, startSluicegate } from "../lib/launch.mjs";
import { launchChromium } from "./chromium.mjs";
import { DemoPage, EVERY_PORT_FREE } from "./demo_page.mjs";

const SERVICE = "grpc.testing.TestService";
const LANES = ["automatic", "webtransport", "websocket", "grpc-web", "connect"];
const STREAMING = LANES.slice(0, 3);

let browser;
let interop;
let gateway;
let demo;

const startDev = (upstream) => startSluicegate(["dev", "--upstream", `http://${upstream}`, ...EVERY_PORT_FREE]);

before(async () => {
  browser = await launchChromium();
  interop = await startInteropServer();
  gateway = await startDev(interop.address);
  demo = new DemoPage(await browser.newPage({ viewport: { width: 1280, height: 900 } }));
});

after(async () => {
  await browser?.close();
  await gateway?.stop();
  await interop?.stop();
});

test("dev page: it offers the methods of grpc-go's test service, each with a message that can be sent", async () => {
  await demo.open(gateway.addresses.http);
  const methods = await demo.methods();
  assert.ok(methods.includes(`${SERVICE}.FullDuplexCall`), methods.join(" "));
  for (const method of methods) {
    await demo.choose(method);
    assert.equal(await demo.part("message-mistake").textContent(), "", method);
  }
  assert.match(await demo.part("place").textContent(), /your own server/);
  assert.equal(await demo.page.locator("[data-demo]:visible").count(), 0, "nothing of the demo's");
});

test("dev page: each kind of call goes over each protocol that can carry it", async () => {
  await demo.choose(`${SERVICE}.UnaryCall`, { responseSize: 3, payload: { body: "AAEC" } });
  await demo.press("call");
  for (const lane of LANES) {
    await demo.lane(lane, { status: "OK" });
    assert.equal((await demo.lastMessage(lane)).payload.body, "AAAA", lane);
  }
  await demo.choose(`${SERVICE}.StreamingOutputCall`, { responseParameters: [{ size: 1 }, { size: 2 }, { size: 3 }] });
  await demo.press("call");
  for (const lane of LANES) await demo.lane(lane, { status: "OK", received: 3 });
  await demo.choose(`${SERVICE}.StreamingInputCall`, { payload: { body: "AAEC" } });
  for (let message = 0; message < 4; message++) await demo.press("send");
  await demo.press("finish");
  for (const lane of STREAMING) {
    await demo.lane(lane, { status: "OK", sent: 4 });
    assert.equal((await demo.lastMessage(lane)).aggregatedPayloadSize, 12, lane);
  }
  await demo.choose(`${SERVICE}.FullDuplexCall`, { responseParameters: [{ size: 9 }, { size: 9 }] });
  await demo.press("send");
  for (const lane of STREAMING) await demo.lane(lane, { status: "open", sent: 1, received: 2 });
  await demo.press("send");
  for (const lane of STREAMING) await demo.lane(lane, { status: "open", sent: 2, received: 4 });
  await demo.press("finish");
  for (const lane of STREAMING) await demo.lane(lane, { status: "OK" });
});

test("dev page: metadata goes to the server and comes back, in headers and trailers", async () => {
  await demo.choose(`${SERVICE}.UnaryCall`, {});
  await demo.part("metadata").fill("x-grpc-test-echo-initial: first\nx-grpc-test-echo-trailing-bin: AQID");
  await demo.press("call");
  for (const lane of LANES) {
    await demo.lane(lane, { status: "OK" });
    const text = await demo.page.locator(`[data-lane=${lane}] [data-part=metadata]`).textContent();
    assert.match(text, /^x-grpc-test-echo-initial: first$/m, lane);
    assert.match(text, /^x-grpc-test-echo-trailing-bin: AQID$/m, lane);
  }
});

test("dev page: a server's own refusal is the same over every protocol", async () => {
  await demo.choose(`${SERVICE}.UnaryCall`, { responseStatus: { code: 9, message: "not before noon ☕" } });
  await demo.press("call");
  for (const lane of LANES) {
    await demo.lane(lane, { status: "FAILED_PRECONDITION" });
    assert.equal(await demo.said(lane), "not before noon ☕", lane);
  }
});

test("dev page: without reflection it says how to get it, and asks again when told to", async () => {
  const asked = [];
  const server = createServer().listen(0, "127.0.0.1");
  server.on("stream", (stream, headers) => {
    asked.push(headers[":path"]);
    stream.respond({ ":status": 200, "content-type": "application/grpc", "grpc-status": "12" }, { endStream: true });
  });
  await once(server, "listening");
  const silent = await startDev(`127.0.0.1:${server.address().port}`);
  const page = new DemoPage(await browser.newPage());
  try {
    await page.page.goto(`http://${silent.addresses.http}/`);
    await page.ready("none");
    assert.match(await page.part("no-reflection").textContent(), /reflection\.Register\(server\)/);
    assert.equal(await page.part("method").isDisabled(), true);
    const before = asked.length;
    assert.ok(asked.some((path) => path.includes(".v1.")) && asked.some((path) => path.includes(".v1alpha.")), asked.join(" "));
    await page.press("reflect-again");
    await page.ready("none");
    assert.ok(asked.length > before);
    assert.deepEqual(page.complaints, []);
  } finally {
    await page.page.close();
    assert.equal(await silent.stop(), 0);
    server.close();
  }
});

test("dev page: Chromium has nothing to complain about", () => {
  assert.deepEqual(demo.complaints, []);
});
