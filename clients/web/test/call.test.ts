import { Code } from "@connectrpc/connect";
import { describe, expect, test } from "vitest";

import { carry } from "../src/call.js";
import { LaneError, Unreached } from "../src/lane.js";
import { decodeBlock } from "../src/wire/block.js";
import { DRAIN, frame, HEADERS, MESSAGE, TRAILERS } from "../src/wire/frame.js";
import { begin, KIB, message, requestOf, settled } from "./calling.js";
import { FakeLanes } from "./fakes.js";
import { allCuts, vectors } from "./wire/vectors.js";

describe("a vector's", () => {
  const all = [...vectors("grpc_wt"), ...vectors("grpc_ws")];

  test.each(all.filter((vector) => vector.has("response") && !vector.has("late")))("response $name, however it is cut", async (vector) => {
    for (const cut of allCuts(vector.bytes("response"))) {
      const call = begin({ lanes: new FakeLanes({ room: Infinity }) });
      const gateway = await call.lanes.next();
      const end = call.end();
      for (const piece of cut) await gateway.send(piece);
      // A reset overtakes what is on its way, and nothing is to be lost here.
      await gateway.response.isEmpty();
      if (vector.has("reset")) gateway.reset(Number(vector.lines("reset")[0]![1]));
      else await gateway.finish();
      const { messages, trailer, error } = await end;
      expect(gateway.isDraining).toBe(vector.has("drains"));
      if (vector.has("reset")) {
        expect(error?.code).toBe(Number(vector.lines("upstream breaks")[0]![1]));
        expect(gateway.code).toBe(error?.code);
        continue;
      }
      expect(error).toBeUndefined();
      expect(gateway.code).toBe(0);
      expect(Buffer.concat(messages)).toEqual(Buffer.from(vector.bytes("upstream frames")));
      const trailers = vector.lines("upstream end").map(([name, value]) => [name, trimmed(name, value)]);
      expect([...trailer!].sort()).toEqual(trailers.sort());
    }
  });

  // Those whose headers stand in the order in which `Headers` gives them.
  const ours = ["grpc_wt/end_by_trailers_alone", "grpc_wt/two_messages", "grpc_ws/unary"];
  const others = ["grpc_wt/unary", "grpc_wt/gzip_message"];
  test.each(all.filter(({ name }) => [...ours, ...others].includes(name)))("request $name, as it is sent", async (vector) => {
    const want = vector.bytes(vector.has("messages") ? "messages" : "request");
    const [path, ...lines] = linesOf(want);
    const header = decodeBlock(Buffer.from(lines.map((line) => `${line}\r\n`).join("")));
    const call = begin({ url: `https://gateway.test${path!.replace(":path: ", "")}`, header });
    call.messages.push(vector.bytes("frames"));
    call.messages.finish();
    const gateway = await call.lanes.next();
    const sent = await requestOf(gateway);
    if (ours.includes(vector.name)) expect(sent).toEqual(Buffer.from(want));
    else expect(linesOf(sent).sort()).toEqual(linesOf(want).sort());
    expect(sent.byteLength).toBe(want.byteLength);
    await gateway.end();
    await call.end();
  });

  function linesOf(request: Uint8Array): string[] {
    const bytes = Buffer.from(request);
    return bytes.toString("latin1", 5, 5 + bytes.readUInt32BE(1)).split("\r\n").slice(0, -1);
  }

  function trimmed(name: string, value: string): string {
    return name.endsWith("-bin") ? value.replaceAll("=", "") : value;
  }
});

describe("a request", () => {
  test("names its method without the path of the base URL", async () => {
    const call = begin({ url: "https://gateway.test/api/v1/t.Echo/Chat" });
    const gateway = await call.lanes.next();
    expect(String.fromCharCode(...(await gateway.receive())!.payload)).toBe(":path: /t.Echo/Chat\r\n");
    await gateway.end();
    await call.end();
  });

  test("goes on while the response does", async () => {
    const call = begin();
    const gateway = await call.lanes.next();
    await gateway.receive();
    await gateway.sendFrame(HEADERS, "x: 1\r\n");
    const response = await call.response;
    expect(response.status).toBe(200);
    expect(response.header.get("x")).toBe("1");
    const messages = response.body[Symbol.asyncIterator]();
    for (const text of ["one", "two", "three"]) {
      call.messages.push(message(text));
      expect((await gateway.receive())!.payload).toEqual(message(text).subarray(5));
      await gateway.sendFrame(MESSAGE, text);
      expect((await messages.next()).value).toEqual(message(text));
    }
    call.messages.finish();
    expect((await gateway.receive())!.flags).toBe(TRAILERS);
    expect(await gateway.receive()).toBeUndefined();
    await gateway.end();
    expect((await messages.next()).done).toBe(true);
    expect(response.trailer.get("grpc-status")).toBe("0");
    expect(gateway.code).toBe(0);
  });

  test("takes a message only when there is room for it", async () => {
    const call = begin({ lanes: new FakeLanes({ room: 4 * KIB }) });
    for (let n = 0; n < 10; n += 1) call.messages.push(message(new Uint8Array(KIB)));
    const gateway = await call.lanes.next();
    await call.messages.hasTaken(4);
    await gateway.response.isEmpty();
    await settled();
    expect(call.messages.taken).toBe(4);
    await gateway.receive();
    await gateway.receive();
    await call.messages.hasTaken(5);
    await settled();
    expect(call.messages.taken).toBe(5);
    await gateway.end();
    await call.end();
  });

  test("stops when the response is complete", async () => {
    const call = begin();
    const gateway = await call.lanes.next();
    call.messages.push(message("one"));
    const end = call.end();
    await gateway.sendFrame(HEADERS);
    await gateway.end();
    expect((await end).error).toBeUndefined();
    await call.messages.returned;
    expect(gateway.code).toBe(0);
  });

  test("stops when the gateway wants no more of it, and the response is read", async () => {
    const call = begin();
    const gateway = await call.lanes.next();
    const end = call.end();
    gateway.stop(0);
    call.messages.push(message("one"));
    call.messages.push(message("two"));
    await gateway.sendFrame(HEADERS);
    await gateway.sendFrame(MESSAGE, "enough");
    await gateway.end("grpc-status: 8\r\n");
    const { messages, trailer } = await end;
    expect(messages).toEqual([message("enough")]);
    expect(trailer?.get("grpc-status")).toBe("8");
  });

  test("that fails in the application ends the call with that error", async () => {
    const call = begin();
    const gateway = await call.lanes.next();
    await gateway.receive();
    const cause = new RangeError("no more of these");
    call.messages.fail(cause);
    const { error } = await call.end();
    expect(error).toMatchObject({ code: Code.Unknown, rawMessage: "no more of these", cause });
    expect(await gateway.canceled).toBe(Code.Unknown);
  });

  test("with headers that cannot be sent opens no lane", async () => {
    const call = begin({ header: new Headers({ x: "\x01" }) });
    expect((await call.end()).error?.code).toBe(Code.Internal);
    expect(call.lanes.openings).toBe(0);
    await call.messages.returned;
  });

  test("may have no body", async () => {
    const lanes = new FakeLanes();
    const request = { url: "https://gateway.test/a.B/C", method: "POST", header: new Headers() };
    const response = carry(lanes.open, { readMaxBytes: KIB })(request);
    const gateway = await lanes.next();
    await requestOf(gateway);
    await gateway.end();
    expect((await response).trailer.get("grpc-status")).toBe("0");
  });
});

describe("a response", () => {
  test("of trailers only has them as trailers", async () => {
    const call = begin();
    await (await call.lanes.next()).end("grpc-status: 5\r\nx-t: a\r\nx-t: b\r\n");
    const { header, messages, trailer } = await call.end();
    expect([...header!]).toEqual([["content-type", "application/grpc"]]);
    expect(messages).toEqual([]);
    expect([...trailer!]).toEqual([["grpc-status", "5"], ["x-t", "a, b"]]);
    await call.messages.returned;
  });

  test("keeps its content type", async () => {
    const call = begin();
    const gateway = await call.lanes.next();
    await gateway.sendFrame(HEADERS, "content-type: application/grpc+json\r\n");
    await gateway.end();
    expect((await call.end()).header?.get("content-type")).toBe("application/grpc+json");
  });

  test("may have extensions anywhere, which are skipped, and says that the gateway drains", async () => {
    const call = begin();
    const gateway = await call.lanes.next();
    const end = call.end();
    await gateway.sendFrame(0x20, "?");
    await gateway.sendFrame(HEADERS);
    await gateway.sendFrame(0xff, "?");
    await gateway.response.isEmpty();
    expect(gateway.isDraining).toBe(false);
    await gateway.sendFrame(DRAIN);
    await gateway.sendFrame(MESSAGE, "one");
    await gateway.sendFrame(0xa0, "?");
    await gateway.end();
    const { messages, error } = await end;
    expect(error).toBeUndefined();
    expect(messages).toEqual([message("one")]);
    expect(gateway.isDraining).toBe(true);
  });

  test("is received only when the application asks for it", async () => {
    const call = begin({ lanes: new FakeLanes({ room: Infinity }) });
    const gateway = await call.lanes.next();
    await gateway.sendFrame(HEADERS);
    const { body } = await call.response;
    for (let n = 0; n < 10; n += 1) await gateway.sendFrame(MESSAGE, "message");
    await settled();
    expect(gateway.response.size).toBe(10 * 12);
    await body[Symbol.asyncIterator]().next();
    await settled();
    expect(gateway.response.size).toBe(9 * 12);
    call.controller.abort();
  });

  test("that the application leaves cancels the call", async () => {
    const call = begin();
    const gateway = await call.lanes.next();
    await gateway.sendFrame(HEADERS);
    await gateway.sendFrame(MESSAGE, "one");
    for await (const _ of (await call.response).body) break;
    expect(await gateway.canceled).toBe(Code.Canceled);
    await call.messages.returned;
  });

  const headers = frame(HEADERS, new Uint8Array());
  test.each<[string, Code, Uint8Array[]]>([
    ["has no trailers", Code.Internal, [headers]],
    ["has nothing", Code.Internal, []],
    ["ends inside a message", Code.Internal, [headers, message("one").subarray(0, 7)]],
    ["ends inside a prefix", Code.Internal, [headers, message("one").subarray(0, 3)]],
    ["begins with a message", Code.Internal, [message("one")]],
    ["has headers twice", Code.Internal, [headers, headers]],
    ["has unknown flags", Code.Internal, [headers, frame(2, new Uint8Array())]],
    ["has malformed headers", Code.Internal, [frame(HEADERS, Buffer.from("x"))]],
    ["has malformed trailers", Code.Internal, [headers, frame(TRAILERS, Buffer.from("grpc-status: 0"))]],
    ["has a message that is too large", Code.ResourceExhausted, [headers, Uint8Array.of(0, 0, 4, 0, 1)]],
  ])("that %s ends the call", async (_, code, pieces) => {
    const call = begin();
    const gateway = await call.lanes.next();
    const end = call.end();
    for (const piece of pieces) await gateway.send(piece);
    await gateway.finish();
    expect((await end).error?.code).toBe(code);
    expect(gateway.code).toBe(code);
    await call.messages.returned;
  });

  test.each([
    [0x01, Code.Canceled],
    [0x04, Code.DeadlineExceeded],
    [0x10, Code.Unauthenticated],
    [0x20, Code.Unavailable],
    [0x21, Code.Internal],
    [0x22, Code.Internal],
    [0x23, Code.ResourceExhausted],
    [0x00, Code.Internal],
    [0x11, Code.Internal],
    [0xff, Code.Internal],
  ])("that is reset with %i is one of status %i", async (reset, code) => {
    const call = begin();
    const gateway = await call.lanes.next();
    await gateway.sendFrame(HEADERS);
    const { body } = await call.response;
    const end = readAll(body);
    gateway.reset(reset);
    await expect(end).rejects.toMatchObject({ code });
    expect(call.lanes.openings).toBe(1);
  });

  test("that is lost is one of UNAVAILABLE, begun or not", async () => {
    for (const begun of [false, true]) {
      const call = begin();
      const gateway = await call.lanes.next();
      const end = call.end();
      if (begun) {
        await gateway.sendFrame(HEADERS);
        await call.response;
      }
      gateway.lose();
      const { error } = await end;
      expect(error?.code).toBe(Code.Unavailable);
      expect(error?.cause).toBeInstanceOf(LaneError);
      expect(call.lanes.openings).toBe(1);
    }
  });
});

test("a call that reaches no gateway is UNAVAILABLE, and says why", async () => {
  const call = begin({ lanes: new FakeLanes({}, [new Unreached("no way through")]) });
  const { error } = await call.end();
  expect(error).toMatchObject({ code: Code.Unavailable, rawMessage: "no way through" });
  await call.messages.returned;
});

async function readAll(body: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const _ of body);
}
