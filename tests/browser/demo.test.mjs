// The page of `sluicegate demo` in Debian's Chromium: every button, and what came of it, told by the page's data-*
// attributes. The page's calls are real: the gateway's own access log is asked for them at last. demo_dev.test.mjs has
// the same page before servers of others, and demo_looks.test.mjs has what it looks like.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";

import { startSluicegate } from "../lib/launch.mjs";
import { launchChromium } from "./chromium.mjs";
import { DemoPage, EVERY_PORT_FREE } from "./demo_page.mjs";

const LANES = ["automatic", "webtransport", "websocket", "grpc-web", "connect"];
const STREAMING = LANES.slice(0, 3);
const FETCHING = LANES.slice(3);

let gateway;
let browser;
let demo;

before(async () => {
  gateway = await startSluicegate(["demo", ...EVERY_PORT_FREE]);
  browser = await launchChromium();
  demo = new DemoPage(await browser.newPage({ viewport: { width: 1280, height: 900 } }));
});

after(async () => {
  await browser?.close();
  await gateway?.stop();
});

test("demo page: it learns by reflection what there is, over a WebTransport session", async () => {
  await demo.open(gateway.addresses.http);
  await demo.carrier("webtransport", { phase: "open" });
  assert.deepEqual(await demo.methods(), [
    "demo.v1.Demo.Say", "demo.v1.Demo.Count", "demo.v1.Demo.Sum", "demo.v1.Demo.Chat", "demo.v1.Vault.Open",
  ]);
});

test("demo page: a unary call over every protocol, side by side, reaches both servers", async () => {
  await demo.choose("demo.v1.Demo.Say", { name: "visitor" });
  const backends = new Set();
  for (let round = 0; round < 3; round++) {
    await demo.press("call");
    for (const lane of LANES) {
      await demo.lane(lane, { status: "OK", sent: 1, received: 1 });
      const { text, backend } = await demo.lastMessage(lane);
      assert.equal(text, "Hello, visitor", lane);
      backends.add(backend);
    }
  }
  assert.deepEqual([...backends].sort(), ["backend-a", "backend-b"]);
  const replies = await demo.replies();
  assert.equal(replies["backend-a"] + replies["backend-b"], 3 * LANES.length);
});

test("demo page: a chat goes back and forth in one call, and ends when both sides have", async () => {
  await demo.choose("demo.v1.Demo.Chat", { text: "line {n}" });
  for (let line = 1; line <= 5; line++) {
    await demo.press("send");
    for (const lane of STREAMING) await demo.lane(lane, { status: "open", sent: line, received: line });
  }
  for (const lane of STREAMING) {
    const messages = await demo.messages(lane);
    assert.deepEqual(messages.map(({ text, sequence }) => `${sequence}: ${text}`),
      [1, 2, 3, 4, 5].map((line) => `${line}: line ${line}`), lane);
    assert.equal(new Set(messages.map(({ backend }) => backend)).size, 1, "one call has one server");
  }
  for (const lane of FETCHING) {
    await demo.lane(lane, { status: "unsupported", sent: 0 });
    assert.match(await demo.said(lane), /cannot carry/);
  }
  await demo.press("finish");
  for (const lane of STREAMING) await demo.lane(lane, { status: "OK" });
});

test("demo page: a chat can be cancelled, and another message begins another", async () => {
  await demo.press("send");
  for (const lane of STREAMING) await demo.lane(lane, { status: "open", received: 1 });
  await demo.press("cancel-stream");
  for (const lane of STREAMING) await demo.lane(lane, { status: "CANCELLED" });
  await demo.press("send");
  for (const lane of STREAMING) await demo.lane(lane, { status: "open", received: 1 });
  await demo.press("finish");
  for (const lane of STREAMING) await demo.lane(lane, { status: "OK" });
});

test("demo page: messages go on and on while answers come, until they are stopped", async () => {
  await demo.press("keep-sending");
  for (const lane of STREAMING) await demo.laneReaches(lane, "received", 5);
  await demo.press("keep-sending");
  await demo.press("finish");
  for (const lane of STREAMING) await demo.lane(lane, { status: "OK" });
});

test("demo page: server streams come side by side, and stop when cancelled", async () => {
  await demo.scene("count");
  for (const lane of LANES) await demo.laneReaches(lane, "received", 3);
  await demo.press("cancel");
  for (const lane of LANES) await demo.lane(lane, { status: "CANCELLED" });
  await demo.press("call");
  for (const lane of LANES) await demo.lane(lane, { status: "OK", received: 50 });
});

test("demo page: a client stream is added up", async () => {
  await demo.scene("sum");
  for (const lane of STREAMING) {
    await demo.lane(lane, { status: "OK", sent: 10, received: 1 });
    const { sum, count } = await demo.lastMessage(lane);
    assert.deepEqual({ sum, count }, { sum: "55", count: "10" }, lane);
  }
});

test("demo page: a thousand messages each way at once come back whole", async () => {
  await demo.scene("thousand");
  for (const lane of STREAMING) {
    await demo.lane(lane, { status: "OK", sent: 1000, received: 1000 });
    const last = await demo.lastMessage(lane);
    assert.deepEqual([last.text, last.sequence], ["drop 1000 of a thousand", "1000"], lane);
  }
});

test("demo page: a filter refuses alike over every protocol, and lets the key through", async () => {
  await demo.scene("vault-without");
  for (const lane of LANES) {
    await demo.lane(lane, { status: "UNAUTHENTICATED" });
    assert.equal(await demo.said(lane), "a valid API key is required");
  }
  await demo.scene("vault-with");
  for (const lane of LANES) await demo.lane(lane, { status: "OK" });
});

test("demo page: a rate limit is one for all protocols", async () => {
  await demo.scene("too-many");
  await demo.idle();
  const tallies = await Promise.all(LANES.map((lane) => demo.attribute(lane, "tally")));
  const times = (status) =>
    tallies.reduce((all, tally) => all + Number(tally.match(new RegExp(`(\\d+) × ${status}`))?.[1] ?? 0), 0);
  assert.equal(times("OK") + times("RESOURCE_EXHAUSTED"), 4 * LANES.length, tallies.join("; "));
  assert.ok(times("OK") >= 5 && times("RESOURCE_EXHAUSTED") > 0, tallies.join("; "));
});

test("demo page: a deadline passes over every protocol", async () => {
  await demo.choose("demo.v1.Demo.Count", { upTo: 100, intervalMs: 100 });
  await demo.part("deadline").fill("250");
  await demo.press("call");
  for (const lane of LANES) await demo.lane(lane, { status: "DEADLINE_EXCEEDED" });
});

test("demo page: what cannot be sent is said beside it, and nothing is called", async () => {
  await demo.choose("demo.v1.Demo.Say", { name: "again" });
  const before = await demo.calls();
  for (const [field, wrong, right, said] of [
    ["message", '{"nmae": 1}', "{}", /unknown/],
    ["metadata", "no colon", "", /name: value/],
    ["deadline", "soon", "", /milliseconds/],
  ]) {
    await demo.part(field).fill(wrong);
    await demo.press("call");
    assert.match(await demo.part(`${field}-mistake`).textContent(), said);
    assert.equal(await demo.page.evaluate(() => document.activeElement.id), field);
    await demo.part(field).fill(right);
  }
  assert.deepEqual(await demo.calls(), before);
  await demo.press("call");
  for (const lane of LANES) await demo.lane(lane, { status: "OK" });
});

test("demo page: with WebTransport cut, calls fall back, and the first does not fail", async () => {
  await demo.choose("demo.v1.Demo.Say");
  await demo.press("call");
  await demo.lane("automatic", { status: "OK", via: "webtransport" });
  await demo.gate("Cut WebTransport");
  await demo.press("call");
  await demo.lane("automatic", { status: "OK", via: "fetch" });
  await demo.lane("webtransport", { status: "UNAVAILABLE" });
  for (const lane of ["websocket", "grpc-web", "connect"]) await demo.lane(lane, { status: "OK" });
  await demo.scene("chat");
  await demo.lane("automatic", { status: "open", received: 1, via: "websocket" });
  await demo.lane("webtransport", { status: "UNAVAILABLE" });
  await demo.carrier("webtransport", { phase: "down", cut: "true" });
  await demo.press("finish");
  await demo.lane("automatic", { status: "OK" });
});

/** Connect's own transport has no other word for a gateway that is not there. */
const UNREACHED = { connect: "UNKNOWN" };

test("demo page: with WebSockets cut too, only what fetch can carry still goes", async () => {
  await demo.gate("Cut WebSocket");
  await demo.scene("chat");
  await demo.lane("automatic", { status: "UNAVAILABLE" });
  await demo.lane("websocket", { status: "UNAVAILABLE" });
  await demo.scene("hello");
  await demo.lane("automatic", { status: "OK", via: "fetch" });
  await demo.gate("Cut fetch");
  await demo.press("call");
  for (const lane of LANES) await demo.lane(lane, { status: UNREACHED[lane] ?? "UNAVAILABLE" });
});

test("demo page: what is mended is used again", async () => {
  for (const carrier of ["WebTransport", "WebSocket", "fetch"]) await demo.gate(`Mend ${carrier}`);
  // It is tried again when it has been left alone for a while, so until then the calls take another way.
  await demo.untilCalled("chat", "automatic", { via: "webtransport" });
  await demo.carrier("webtransport", { phase: "open", cut: "false" });
  await demo.scene("hello");
  for (const lane of LANES) await demo.lane(lane, { status: "OK" });
  await demo.lane("automatic", { via: "webtransport" });
});

test("demo page: a cut in the middle ends the calls that are on it", async () => {
  await demo.scene("chat");
  for (const lane of STREAMING) await demo.lane(lane, { status: "open", received: 1 });
  await demo.gate("Cut WebTransport");
  for (const lane of ["automatic", "webtransport"]) await demo.lane(lane, { status: "UNAVAILABLE" });
  await demo.gate("Cut WebSocket");
  await demo.lane("websocket", { status: "UNAVAILABLE" });
  for (const carrier of ["WebTransport", "WebSocket"]) await demo.gate(`Mend ${carrier}`);
  await demo.untilCalled("chat", "automatic", { via: "webtransport" });
  await demo.press("finish");
});

test("demo page: a cut of fetch ends its streams and no other", async () => {
  await demo.scene("count");
  for (const lane of LANES) await demo.laneReaches(lane, "received", 2);
  await demo.gate("Cut fetch");
  for (const lane of FETCHING) await demo.lane(lane, { status: UNREACHED[lane] ?? "UNAVAILABLE" });
  for (const lane of STREAMING) await demo.lane(lane, { status: "OK", received: 50 });
  await demo.gate("Mend fetch");
});

test("demo page: calls can be repeated, and are measured", async () => {
  await demo.scene("hello");
  const before = await demo.calls();
  await demo.press("repeat");
  await demo.page.waitForFunction((before) =>
    [...document.querySelectorAll("[data-part=calls]")].every((cell, lane) => Number(cell.textContent) >= before[lane] + 3), before);
  await demo.press("repeat");
  await demo.idle();
  for (const lane of LANES) {
    assert.match(await demo.number(lane, "median"), /^[\d.]+ m?s$/);
    for (const chart of ["latency-chart", "throughput-chart"]) {
      const line = demo.part(chart).locator(`.line.${lane}`);
      assert.match(await line.getAttribute("d"), /^M[\d.]+ [\d.]+/, `${chart} of ${lane}`);
    }
  }
});

test("demo page: a lane that is switched off takes no part", async () => {
  const before = await demo.calls();
  const use = demo.page.locator("[data-lane=connect] [data-part=use]");
  await use.uncheck();
  await demo.press("call");
  await demo.lane("automatic", { status: "OK" });
  await demo.idle();
  await demo.page.waitForFunction((before) => Number(document.querySelector("[data-part=calls]").textContent) > before, before[0]);
  assert.equal((await demo.calls()).at(-1), before.at(-1));
  await use.check();
});

test("demo page: all of it can be done with the keyboard", async () => {
  const { page } = demo;
  await page.reload();
  await demo.ready();
  await page.keyboard.press("Tab");
  assert.equal(await page.evaluate(() => document.activeElement.className), "skip");
  await page.keyboard.press("Enter");
  await demo.tabTo("method");
  await page.keyboard.press("End");
  await demo.tabTo("message");
  await demo.tabTo("metadata");
  await page.keyboard.type("x-api-key: open-sesame");
  await page.keyboard.press("Control+Enter");
  for (const lane of LANES) await demo.lane(lane, { status: "OK" });
  await demo.tabTo("call");
  await page.keyboard.press("Space");
  for (const lane of LANES) await demo.lane(lane, { status: "OK" });
  await page.waitForFunction(() => /WebSocket: OK/.test(document.querySelector("[role=status]").textContent));
  // Backwards to the gates, which are before the calls.
  await demo.tabTo("gate", "Shift+Tab");
  await page.keyboard.press("Enter");
  await demo.carrier("fetch", { cut: "true" });
  await page.keyboard.press("Enter");
  await demo.carrier("fetch", { cut: "false" });
});

test("demo page: every control has a name, and what has the focus can be seen", async () => {
  const nameless = await demo.page.evaluate(() =>
    [...document.querySelectorAll("button, input, select, textarea, svg[role=img], [tabindex='0']")]
      .filter((control) => {
        const label = control.labels?.[0]?.textContent ?? control.getAttribute("aria-label");
        return !(label ?? control.textContent).trim();
      })
      .map((control) => control.outerHTML),
  );
  assert.deepEqual(nameless, []);
  await demo.part("message").focus();
  const outline = await demo.part("message").evaluate((element) => getComputedStyle(element).outlineWidth);
  assert.ok(parseFloat(outline) >= 2, outline);
});

test("demo page: Chromium has nothing to complain about", () => {
  assert.deepEqual(demo.complaints, []);
});

test("demo page: the gateway drains, and has logged each call with its protocol", async () => {
  await demo.page.goto("about:blank");
  const { program } = gateway;
  assert.equal(await program.stop(), 0, "exit code after SIGTERM");
  gateway = undefined;
  const calls = readFileSync(program.log, "utf8")
    .split("\n")
    .filter((line) => line.startsWith("{") && line.includes('"client_protocol"'))
    .map((line) => JSON.parse(line));
  const logged = (protocol, path, status) =>
    calls.filter((call) => call.client_protocol === protocol && call.path === path && call.grpc_status === status);
  const [OK, CANCELLED, UNAUTHENTICATED] = [0, 1, 16];
  for (const protocol of ["grpc_wt", "grpc_ws"]) {
    const whole = logged(protocol, "/demo.v1.Demo/Chat", OK);
    for (const messages of [5, 1000]) {
      assert.ok(whole.some((call) => call.request_messages === messages && call.response_messages === messages),
        `${protocol}: ${messages} messages`);
    }
    assert.ok(logged(protocol, "/demo.v1.Demo/Chat", CANCELLED).length > 0, protocol);
  }
  const protocols = [["grpc_wt"], ["grpc_ws"], ["grpc_web"], ["connect_unary", "connect_stream"]];
  for (const [unary, stream = unary] of protocols) {
    assert.ok(logged(unary, "/demo.v1.Demo/Say", OK).length >= 3, unary);
    assert.ok(logged(stream, "/demo.v1.Demo/Count", CANCELLED).length > 0, stream);
    assert.ok(logged(unary, "/demo.v1.Vault/Open", UNAUTHENTICATED).length > 0, unary);
  }
});
