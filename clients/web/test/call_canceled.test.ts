import { Code, ConnectError } from "@connectrpc/connect";
import { describe, expect, test } from "vitest";

import { LaneError } from "../src/lane.js";
import { HEADERS, MESSAGE } from "../src/wire/frame.js";
import { begin, KIB, message, requestOf } from "./calling.js";
import { FakeLanes, type FakeGateway } from "./fakes.js";

describe.each([
  ["a deadline", () => new ConnectError("the operation timed out", Code.DeadlineExceeded), Code.DeadlineExceeded],
  ["an abort", () => undefined, Code.Canceled],
  ["an abort with a reason", () => "enough", Code.Canceled],
])("%s cancels", (_, reason, code) => {
  test("before anything is opened", async () => {
    const lanes = new FakeLanes();
    const controller = new AbortController();
    controller.abort(reason());
    const call = begin({ lanes, controller });
    expect((await call.end()).error?.code).toBe(code);
    expect(lanes.openings).toBe(0);
    await call.messages.returned;
  });

  test("while a lane is opened", async () => {
    const call = begin({ lanes: new FakeLanes({}, ["never"]) });
    const end = call.end();
    call.controller.abort(reason());
    expect((await end).error?.code).toBe(code);
    await call.messages.returned;
  });

  test("a lane that was opened too late", async () => {
    const lanes = new FakeLanes();
    let open!: () => void;
    const opening = new Promise<void>((resolve) => (open = resolve));
    const controller = new AbortController();
    const late = async () => opening.then(() => lanes.open(new AbortController().signal));
    const call = begin({ controller, openLane: late });
    const end = call.end();
    controller.abort(reason());
    open();
    expect(await (await lanes.next()).canceled).toBe(code);
    expect((await end).error?.code).toBe(code);
  });

  test("while headers wait for room", async () => {
    const call = begin({ lanes: new FakeLanes({ room: 1 }) });
    const gateway = await call.lanes.next();
    await cancels(call, gateway);
    await expect(gateway.receive()).rejects.toThrow(LaneError);
  });

  test("while a message waits for room", async () => {
    const call = begin({ lanes: new FakeLanes({ room: KIB }) });
    const gateway = await call.lanes.next();
    call.messages.push(message(new Uint8Array(KIB)));
    await call.messages.hasTaken(1);
    await cancels(call, gateway);
  });

  test("while the response has not begun", async () => {
    const call = begin();
    const gateway = await call.lanes.next();
    await gateway.receive();
    await cancels(call, gateway);
  });

  test("while a message is awaited", async () => {
    const call = begin();
    const gateway = await call.lanes.next();
    await gateway.sendFrame(HEADERS);
    await call.response;
    await cancels(call, gateway);
  });

  test("after the request has ended", async () => {
    const call = begin();
    const gateway = await call.lanes.next();
    call.messages.finish();
    await requestOf(gateway);
    await gateway.sendFrame(HEADERS);
    await call.response;
    await cancels(call, gateway);
  });

  test("while the application reads nothing", async () => {
    const call = begin();
    const gateway = await call.lanes.next();
    await gateway.sendFrame(HEADERS);
    await gateway.sendFrame(MESSAGE, "one");
    await call.response;
    call.controller.abort(reason());
    expect(await gateway.canceled).toBe(code);
    expect(await call.end()).toMatchObject({ messages: [], error: { code } });
  });

  test("nothing of a complete response", async () => {
    const call = begin();
    const gateway = await call.lanes.next();
    await gateway.end();
    await call.end();
    call.controller.abort(reason());
    expect(gateway.code).toBe(0);
  });

  async function cancels(call: ReturnType<typeof begin>, gateway: FakeGateway) {
    const end = call.end();
    call.controller.abort(reason());
    expect((await end).error?.code).toBe(code);
    expect(await gateway.canceled).toBe(code);
    await call.messages.returned;
  }
});
