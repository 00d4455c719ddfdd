import { Code, ConnectError } from "@connectrpc/connect";
import { describe, expect, test } from "vitest";

import { frame, HEADERS, TRAILERS } from "../src/wire/frame.js";
import { begin, KIB, message, requestOf, settled } from "./calling.js";
import { FakeLanes } from "./fakes.js";
import { allCuts, vectors } from "./wire/vectors.js";

describe("a call that is refused", () => {
  test("is sent again, with what was sent of it", async () => {
    const call = begin({ header: new Headers({ x: "1" }) });
    call.messages.push(message("one"));
    call.messages.push(message("two"));
    const refusing = await call.lanes.next();
    await call.messages.hasTaken(2);
    // What had come is not the beginning of the response that follows.
    await refusing.send(Uint8Array.of(HEADERS, 0, 0));
    await refusing.response.isEmpty();
    await settled();
    refusing.refuse();
    const gateway = await call.lanes.next();
    expect(refusing.isDraining).toBe(true);
    // The first attempt waited for this one.
    call.messages.push(message("three"));
    call.messages.finish();
    const want = [frame(HEADERS, Buffer.from(":path: /t.Echo/Chat\r\nx: 1\r\n")), message("one"), message("two")];
    want.push(message("three"), frame(TRAILERS, new Uint8Array()));
    expect(await requestOf(gateway)).toEqual(Buffer.concat(want));
    await gateway.end();
    expect((await call.end()).error).toBeUndefined();
  });

  const late = vectors("grpc_wt").filter((vector) => vector.has("late"));
  test.each(late)("with $name, however that is cut, is sent again", async (vector) => {
    for (const cut of allCuts(vector.bytes("response"))) {
      const call = begin();
      const end = call.end();
      const refusing = await call.lanes.next();
      // The trailers say nothing more, and the client does not wait for them.
      for (const piece of cut) await refusing.send(piece).catch(() => {});
      await (await call.lanes.next()).end();
      expect((await end).error).toBeUndefined();
      expect([refusing.isDraining, refusing.code]).toEqual([true, 0]);
    }
  });

  test.each(late)("with $name and is too large to be kept, shows that the gateway drains", async (vector) => {
    const call = begin({ lanes: new FakeLanes({ room: Infinity }) });
    call.messages.push(message(new Uint8Array(65 * KIB)));
    const refusing = await call.lanes.next();
    await call.messages.hasTaken(1);
    await refusing.send(vector.bytes("response"));
    expect((await call.end()).error?.code).toBe(Code.Unavailable);
    expect([refusing.isDraining, call.lanes.openings]).toEqual([true, 1]);
  });

  test("while a message waits for room is sent again in order", async () => {
    const call = begin({ lanes: new FakeLanes({ room: 1 }) });
    for (const text of ["one", "two", "three"]) call.messages.push(message(text));
    call.messages.finish();
    const refusing = await call.lanes.next();
    await refusing.receive();
    await call.messages.hasTaken(1);
    refusing.refuse();
    const sent = await requestOf(await call.lanes.next());
    expect(sent.subarray(5 + ":path: /t.Echo/Chat\r\n".length)).toEqual(
      Buffer.concat([message("one"), message("two"), message("three"), frame(TRAILERS, new Uint8Array())]),
    );
    call.controller.abort();
  });

  test("takes nothing of the application while another lane is opened", async () => {
    const lanes = new FakeLanes();
    let open!: () => void;
    const reopened = new Promise<void>((resolve) => (open = resolve));
    const openLane = async (signal: AbortSignal) => {
      if (lanes.openings > 0) await reopened;
      return lanes.open(signal);
    };
    const call = begin({ openLane });
    const refusing = await lanes.next();
    call.messages.push(message("one"));
    await call.messages.hasTaken(1);
    refusing.refuse();
    await refusing.canceled;
    // More than is kept, so it is lost if it is taken now.
    call.messages.push(message(new Uint8Array(65 * KIB)));
    await settled();
    open();
    const gateway = await lanes.next();
    await gateway.receive();
    expect((await gateway.receive())!.bytes).toEqual(message("one"));
    expect((await gateway.receive())!.payload.byteLength).toBe(65 * KIB);
    await gateway.end();
    await call.end();
  });

  test("three times is UNAVAILABLE", async () => {
    const call = begin();
    const end = call.end();
    for (let n = 0; n < 3; n += 1) (await call.lanes.next()).refuse();
    expect((await end).error?.code).toBe(Code.Unavailable);
    expect(call.lanes.openings).toBe(3);
    await call.messages.returned;
  });

  test.each([
    ["a request that is too large to be kept", 64 * KIB + 1, 1],
    ["a request that was kept", 64 * KIB, 2],
  ])("with %s", async (_, bytes, openings) => {
    const call = begin({ lanes: new FakeLanes({ room: Infinity }) });
    call.messages.push(message(new Uint8Array(bytes - 10 - 5)));
    call.messages.push(message(new Uint8Array(5)));
    const refusing = await call.lanes.next();
    await call.messages.hasTaken(2);
    const end = call.end();
    refusing.refuse();
    if (openings === 2) await (await call.lanes.next()).end();
    expect((await end).error?.code).toBe(openings === 2 ? undefined : Code.Unavailable);
    expect(call.lanes.openings).toBe(openings);
  });

  test("is not sent again once its response has begun", async () => {
    const call = begin();
    const gateway = await call.lanes.next();
    await gateway.sendFrame(HEADERS);
    await call.response;
    gateway.refuse();
    expect((await call.end()).error?.code).toBe(Code.Unavailable);
    expect(call.lanes.openings).toBe(1);
  });

  test("can be aborted while it is sent again", async () => {
    const call = begin({ lanes: new FakeLanes({}, [undefined, "never"]) });
    const end = call.end();
    const refusing = await call.lanes.next();
    refusing.refuse();
    await refusing.canceled;
    call.controller.abort(new ConnectError("", Code.DeadlineExceeded));
    expect((await end).error?.code).toBe(Code.DeadlineExceeded);
    expect(call.lanes.openings).toBe(2);
    await call.messages.returned;
  });
});
