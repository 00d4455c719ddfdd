import { Code } from "@connectrpc/connect";
import { beforeEach, describe, expect, test } from "vitest";

import { LaneError } from "../../src/lane.js";
import { SUBPROTOCOL } from "../../src/websocket/close.js";
import { WebSocketLane } from "../../src/websocket/lane.js";
import { codeOfReset } from "../../src/wire/codes.js";
import { DATAGRAMS, DRAIN, frame, HEADERS, MESSAGE, REFUSED, TRAILERS, WINDOW } from "../../src/wire/frame.js";
import { FakeWebSocket, type Server } from "./fakes.js";

const KIB = 1024;
const MIB = 1024 * KIB;
const FIRST_GRANT = MIB - 64 * KIB;
const REQUEST = frame(HEADERS, new TextEncoder().encode(":path: /a.B/C\r\n"));
const END = frame(TRAILERS, new Uint8Array());
/** The first that is sent of each call. */
const BEGIN = [REQUEST, frame(WINDOW, Uint8Array.of(0, 0x0f, 0, 0))];

let socket: FakeWebSocket;
let server: Server;
let lane: WebSocketLane;

/** On which HEADERS were sent. */
beforeEach(async () => {
  socket = new FakeWebSocket("wss://gateway.test", [SUBPROTOCOL]);
  server = socket.server;
  lane = new WebSocketLane(socket as unknown as WebSocket, { drain: () => {}, release: () => {} });
  server.accept();
  await lane.opened;
  await lane.send(REQUEST);
  await settled();
});

/** Once everything has happened that waits for nobody. */
const settled = () => new Promise(setImmediate);

/** A frame that costs so much. */
const costing = (bytes: number, flags = MESSAGE) => frame(flags, new Uint8Array(bytes - 128 - 5));

function respond(bytes: Uint8Array): void {
  server.send(bytes.slice().buffer as ArrayBuffer);
}

/** Sends as many of these as the gateway may. Returns how many. */
function fill(bytes: Uint8Array): number {
  let sent = 0;
  for (; server.window > 0; sent += 1) respond(bytes);
  return sent;
}

async function take(count: number): Promise<void> {
  for (let taken = 0; taken < count; taken += 1) await lane.receive();
  await settled();
}

/** How long the frames are, for comparing so many bytes takes a while. */
const lengths = (frames: Uint8Array[]) => frames.map(({ length }) => length);

/** How a promise fails. */
function failure(promise: Promise<unknown>): Promise<LaneError> {
  return promise.then((value) => expect.fail(`got ${value}`), (error: LaneError) => error);
}

describe("a request", () => {
  test("waits for a grant, and goes on", async () => {
    const [first, second] = [costing(64 * KIB), costing(200)];
    await lane.send(first);
    let isSent = false;
    const sending = lane.send(second).then(() => (isSent = true));
    server.grant(0);
    await settled();
    expect([isSent, lengths(server.received)]).toEqual([false, lengths([...BEGIN, first])]);
    server.grant(1);
    await sending;
    await lane.send(END);
    await settled();
    expect(lengths(server.received)).toEqual(lengths([...BEGIN, first, second, END]));
  });

  test("may have a message that is larger than the window, which the next one waits for the longer", async () => {
    const large = costing(MIB);
    await lane.send(large);
    const sending = lane.send(costing(200));
    server.grant(MIB - 64 * KIB);
    await settled();
    expect(lengths(server.received)).toEqual(lengths([...BEGIN, large]));
    server.grant(1);
    await sending;
  });

  test("ends without a grant", async () => {
    await lane.send(costing(64 * KIB));
    await lane.send(END);
    await settled();
    expect(server.received.at(-1)).toEqual(END);
  });

  test.each<[string, () => void, number | undefined]>([
    ["cancelled", () => lane.cancel(4), 4],
    ["closed by the gateway", () => server.close(4014), 14],
    ["complete", () => server.close(1000), 0],
    ["lost", () => server.lose(), undefined],
  ])("that waits for a grant is sent no further when the call is %s", async (_, end, code) => {
    await lane.send(costing(64 * KIB));
    const sending = failure(lane.send(costing(200)));
    await settled();
    end();
    expect(await sending).toMatchObject({ name: "LaneError", code });
    expect(server.received.length).toBe(3);
  });

  test("waits for the network too, whatever is granted", async () => {
    server.grant(100 * MIB);
    server.hold();
    await lane.send(costing(MIB));
    let isSent = false;
    const sending = lane.send(costing(400)).then(() => (isSent = true));
    await settled();
    expect(isSent).toBe(false);
    server.resume();
    await sending;
  });
});

describe("a response", () => {
  test("may be a MiB from the beginning, and no more while nothing is read", async () => {
    expect(server.received).toEqual(BEGIN);
    expect(fill(costing(64 * KIB))).toBe(16);
    await settled();
    expect(server.grants).toEqual([FIRST_GRANT]);
  });

  test("may go on in steps as it is read, also when the request has ended", async () => {
    await lane.send(END);
    const step = MIB / 8 / KIB;
    expect(fill(costing(KIB))).toBe(8 * step);
    await take(step - 1);
    expect(server.grants).toEqual([FIRST_GRANT]);
    await take(1);
    expect(server.grants).toEqual([FIRST_GRANT, MIB / 8]);
    await take(step);
    expect(server.grants).toEqual([FIRST_GRANT, MIB / 8, MIB / 8]);
    expect(fill(costing(KIB))).toBe(2 * step);
    expect((await lane.receive())!.length).toBe(KIB - 128);
  });

  test("may have a message that is larger than the window", async () => {
    expect(fill(costing(3 * MIB))).toBe(1);
    await take(1);
    expect([...server.grants, server.window]).toEqual([FIRST_GRANT, 3 * MIB, MIB]);
  });

  test("does not show what is granted", async () => {
    server.grant(1);
    respond(costing(200));
    server.grant(1);
    respond(END);
    server.close(1000);
    expect([await lane.receive(), await lane.receive(), await lane.receive()]).toEqual([costing(200), END, undefined]);
  });

  test("may have what costs nothing at any time", async () => {
    fill(costing(MIB));
    const free = [HEADERS, DRAIN, DATAGRAMS, REFUSED, TRAILERS].map((flags) => frame(flags, new Uint8Array()));
    for (const each of free) respond(each);
    await take(1);
    for (const each of free) expect(await lane.receive()).toEqual(each);
  });

  test.each([
    ["a message that was not granted", costing(133)],
    ["an extension that was not granted", costing(133, 0x20)],
    ["a WINDOW frame without a number", frame(WINDOW, new Uint8Array(3))],
  ])("with %s ends the call with INTERNAL", async (_, wrong) => {
    expect(fill(costing(MIB))).toBe(1);
    const waiting = lane.send(costing(64 * KIB)).then(() => failure(lane.send(costing(200))));
    await settled();
    expect(server.closedByClient).toBeUndefined();
    respond(wrong);
    expect(server.closedByClient).toBe(4001);
    for (const error of [await failure(lane.receive()), await waiting]) {
      expect(error).toBeInstanceOf(LaneError);
      expect(codeOfReset(error.code)).toBe(Code.Internal);
    }
  });

  test.each<[string, () => void]>([
    ["has its trailers", () => respond(END)],
    ["was closed", () => server.close(1000)],
    ["was lost", () => server.lose()],
  ])("that %s is granted nothing more", async (_, end) => {
    const sent = fill(costing(64 * KIB));
    end();
    await take(sent);
    expect(server.grants).toEqual([FIRST_GRANT]);
    // A browser counts what is sent on a closed WebSocket, for ever.
    expect(socket.bufferedAmount).toBe(0);
  });
});
