import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

import { type CarrierState, type Lane, LaneError, Unreached } from "../../src/lane.js";
import { WebSocketCarrier } from "../../src/websocket/carrier.js";
import { frame, HEADERS, MESSAGE, TRAILERS, WINDOW } from "../../src/wire/frame.js";
import { FakeWebSocket, type Server } from "./fakes.js";

const REQUEST = frame(HEADERS, new TextEncoder().encode(":path: /a.B/C\r\n"));
const FRAME = frame(MESSAGE, Uint8Array.of(1, 2, 3));
/** The signal of a call that is not given up. */
const never = () => new AbortController().signal;
const MIB = 1 << 20;

let carrier: WebSocketCarrier;
const states: CarrierState[] = [];

function newCarrier(options: Partial<ConstructorParameters<typeof WebSocketCarrier>[0]> = {}): void {
  carrier = new WebSocketCarrier({ baseUrl: "https://gateway.test/base", onState: (state) => states.push(state), ...options });
}

function message(bytes: Uint8Array): ArrayBuffer {
  return bytes.slice().buffer as ArrayBuffer;
}

/** How a promise fails. */
function failure(promise: Promise<unknown>): Promise<LaneError> {
  return promise.then((value) => expect.fail(`got ${value}`), (error: LaneError) => error);
}

beforeEach(() => {
  states.length = 0;
  FakeWebSocket.instances.length = 0;
  vi.stubGlobal("WebSocket", FakeWebSocket);
  newCarrier();
});

afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

describe("a WebSocket", () => {
  const instances = FakeWebSocket.instances;

  /** A new lane, and the gateway's end of it. */
  async function lane(): Promise<{ lane: Lane; server: Server }> {
    const opening = carrier.open(never());
    const { server } = instances.at(-1)!;
    server.accept();
    return { lane: await opening, server };
  }

  test("opens at the gateway's own path, with the subprotocol", async () => {
    const { lane: first, server } = await lane();
    expect([server.url, server.protocols]).toEqual(["wss://gateway.test/grpc-ws/v1", ["grpc-ws-1-windows"]]);
    expect(first.carrier).toBe("websocket");
    newCarrier({ webSocketUrl: "https://elsewhere.test/ws" });
    expect((await lane()).server.url).toBe("wss://elsewhere.test/ws");
  });

  describe("with tickets", () => {
    test("has a new one each time", async () => {
      let tickets = 0;
      newCarrier({ webSocketUrl: "https://gateway.test/ws?a=b", ticket: async () => `no&${++tickets}` });
      for (const ticket of ["no%261", "no%262"]) {
        const opening = carrier.open(never());
        await vi.waitFor(() => expect(instances).toHaveLength(tickets));
        instances.at(-1)!.server.accept();
        await opening;
        expect(instances.at(-1)!.url).toBe(`wss://gateway.test/ws?a=b&ticket=${ticket}`);
      }
    });

    test("is not reached if there is none", async () => {
      const why = new Error("not signed in");
      newCarrier({ ticket: () => Promise.reject(why) });
      const error = await failure(carrier.open(never()));
      expect(error).toBeInstanceOf(Unreached);
      expect(error).toMatchObject({ message: expect.stringContaining("not signed in"), cause: why });
      expect(instances).toEqual([]);
    });

    test("is not opened if the ticket came too late", async () => {
      vi.useFakeTimers();
      let give!: (ticket: string) => void;
      newCarrier({ connectTimeoutMs: 500, ticket: () => new Promise((resolve) => (give = resolve)) });
      const error = failure(carrier.open(never()));
      await vi.advanceTimersByTimeAsync(500);
      expect((await error).message).toContain("not open within 500 ms");
      give("late");
      await vi.advanceTimersByTimeAsync(0);
      expect(instances).toEqual([]);
    });

    test("is not opened once the transport was closed, or the call given up", async () => {
      newCarrier({ ticket: () => new Promise(() => {}) });
      const closed = failure(carrier.open(never()));
      carrier.close();
      expect((await closed).message).toContain("closed");
      const leaving = new AbortController();
      const left = failure(carrier.open(leaving.signal));
      leaving.abort(new Error("left"));
      expect((await left).message).toBe("left");
      expect(states.at(-1)?.phase).toBe("idle");
    });
  });

  test("carries frames both ways, to the end of the response", async () => {
    const { lane: call, server } = await lane();
    await call.send(REQUEST);
    await call.send(frame(TRAILERS, new Uint8Array()));
    await call.finish();
    const flags = () => server.received.map(([first]) => first);
    await vi.waitFor(() => expect(flags()).toEqual([HEADERS, WINDOW, TRAILERS]));
    expect([server.received[0], server.received[2]]).toEqual([REQUEST, frame(TRAILERS, new Uint8Array())]);
    server.send(message(FRAME));
    server.send(message(FRAME));
    server.close(1000);
    expect([await call.receive(), await call.receive(), await call.receive()]).toEqual([FRAME, FRAME, undefined]);
    expect((await failure(call.send(FRAME))).code).toBe(0);
  });

  test.each([
    [4014, 14],
    [4008, 8],
    [4033, 0x21],
    [4032, 0x20],
    [4000, 0x21],
    [1002, 0x21],
    [1011, 0x21],
    [1001, undefined],
  ])("that is closed with %i has ended with %s, after what came before", async (close, code) => {
    const { lane: call, server } = await lane();
    server.send(message(FRAME));
    server.close(close, "why");
    expect(await call.receive()).toEqual(FRAME);
    const error = await failure(call.receive());
    expect(error).toBeInstanceOf(LaneError);
    expect(error.code).toBe(code);
    expect(await failure(call.send(FRAME))).toBeInstanceOf(LaneError);
  });

  test("is lost with its connection", async () => {
    const { lane: call, server } = await lane();
    const received = failure(call.receive());
    server.lose();
    expect(await received).toMatchObject({ name: "LaneError", code: undefined });
    expect(await failure(call.send(FRAME))).toMatchObject({ name: "LaneError", code: undefined });
  });

  test.each([
    ["text", "hello"],
    ["less than a frame", message(FRAME.subarray(0, 7))],
    ["two frames", message(Uint8Array.of(...FRAME, ...FRAME))],
    ["nothing", new ArrayBuffer(0)],
  ])("does not take a message that is %s", async (_, broken) => {
    const { lane: call, server } = await lane();
    server.send(broken);
    expect((await failure(call.receive())).code).toBe(0x21);
    expect(server.closedByClient).toBe(4001);
  });

  test.each([
    [0, 1000],
    [1, 4001],
    [4, 4001],
  ])("that is cancelled with %i is closed with %i, and nobody waits on", async (code, close) => {
    const { lane: call, server } = await lane();
    server.hold();
    const waiting = [failure(call.send(new Uint8Array(3 * MIB))), failure(call.receive())];
    call.cancel(code);
    call.cancel(1);
    for (const error of await Promise.all(waiting)) expect(error).toMatchObject({ name: "LaneError", code });
    expect(server.closedByClient).toBe(close);
    expect((await failure(call.receive())).code).toBe(code);
    expect((await failure(call.send(FRAME))).code).toBe(code);
    expect((await failure(call.finish())).code).toBe(code);
  });

  test("sends when there is room again", async () => {
    const { lane: call, server } = await lane();
    server.hold();
    await call.send(REQUEST);
    const large = frame(MESSAGE, new Uint8Array(2 * MIB));
    let sent = false;
    const sending = call.send(large).then(() => (sent = true));
    await new Promise(setImmediate);
    expect(sent).toBe(false);
    server.resume();
    await sending;
    expect(server.received.at(-1)!.length).toBe(large.length);
  });

  test("is not reached if the server refuses, and says so", async () => {
    const opening = failure(carrier.open(never()));
    instances[0]!.server.refuse();
    const error = await opening;
    expect(error).toBeInstanceOf(Unreached);
    expect(error.message).toContain("wss://gateway.test/grpc-ws/v1");
    expect(states.map(({ phase, failures }) => [phase, failures])).toEqual([["connecting", 0], ["down", 1]]);
    expect(states[1]!.error).toBe(error);
  });

  test("is not reached if there is none", async () => {
    vi.stubGlobal("WebSocket", undefined);
    expect((await failure(carrier.open(never()))).message).toContain("there is no WebSocket here");
  });

  test.each(["", "grpc-ws-1"])("is not reached if the server agrees on %o", async (protocol) => {
    const opening = failure(carrier.open(never()));
    instances[0]!.server.accept(protocol);
    expect(await opening).toBeInstanceOf(Unreached);
    expect(instances[0]!.server.closedByClient).toBe(4001);
  });

  test("is not reached if it takes too long", async () => {
    vi.useFakeTimers();
    newCarrier({ connectTimeoutMs: 700 });
    const opening = failure(carrier.open(never()));
    await vi.advanceTimersByTimeAsync(699);
    expect(instances[0]!.server.closedByClient).toBeUndefined();
    await vi.advanceTimersByTimeAsync(1);
    expect(await opening).toBeInstanceOf(Unreached);
    expect(instances[0]!.server.closedByClient).toBe(1006);
    expect(vi.getTimerCount()).toBe(0);
  });

  test("is given up while it opens when the call is", async () => {
    const call = new AbortController();
    const opening = failure(carrier.open(call.signal));
    call.abort(new Error("never mind"));
    expect((await opening).message).toBe("never mind");
    expect(instances[0]!.server.closedByClient).toBe(1006);
    expect(states.map(({ phase }) => phase)).toEqual(["connecting", "idle"]);
    expect((await failure(carrier.open(call.signal))).message).toBe("never mind");
    expect(instances.length).toBe(1);
  });

  test("ends with the carrier, open or not", async () => {
    const { lane: call, server } = await lane();
    const opening = failure(carrier.open(never()));
    const received = failure(call.receive());
    carrier.close();
    expect(await received).toMatchObject({ name: "LaneError", code: undefined });
    expect(await opening).toBeInstanceOf(Unreached);
    expect([server.closedByClient, instances[1]!.server.closedByClient]).toEqual([4001, 1006]);
    await lane();
  });

  test("ends when the page is left, which nothing listens for without any", async () => {
    const listeners = new Set<() => void>();
    vi.stubGlobal("addEventListener", (_: string, listener: () => void) => listeners.add(listener));
    vi.stubGlobal("removeEventListener", (_: string, listener: () => void) => listeners.delete(listener));
    const { server } = await lane();
    for (const pagehide of listeners) pagehide();
    expect(server.closedByClient).toBe(4001);
    expect(listeners.size).toBe(0);
  });

  test("shows in the state of its carrier", async () => {
    const { lane: first } = await lane();
    const { lane: second } = await lane();
    first.draining();
    first.cancel(0);
    second.cancel(0);
    expect(states.map(({ phase }) => phase)).toEqual(["connecting", "open", "draining", "idle"]);
  });
});

describe("a WebSocket of another runtime", () => {
  test("is looked at ever more rarely by who waits for room, until the lane ends", async () => {
    vi.useFakeTimers();
    vi.stubGlobal("WebSocket", undefined);
    newCarrier({ webSocket: FakeWebSocket as unknown as typeof WebSocket });
    const opening = carrier.open(never());
    const socket = FakeWebSocket.instances.at(-1)!;
    socket.server.accept();
    const lane = await opening;
    socket.server.hold();
    let looks = 0;
    const amount = () => ((looks += 1), 2 * MIB);
    Object.defineProperty(socket, "bufferedAmount", { get: amount, set: () => {} });
    const sending = failure(lane.send(FRAME));
    looks = 0;
    await vi.advanceTimersByTimeAsync(63);
    expect(looks).toBe(6);
    await vi.advanceTimersByTimeAsync(320);
    expect(looks).toBe(16);
    socket.server.lose();
    expect((await sending).code).toBeUndefined();
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe("many calls at once", () => {
  /** The WebSockets that are opening. */
  const opening = () => FakeWebSocket.instances.filter(({ readyState }) => readyState === 0);
  const turn = () => new Promise(setImmediate);

  test("have only some WebSockets open at a time, and all their turn", async () => {
    const calls = Promise.allSettled(Array.from({ length: 20 }, () => carrier.open(never())));
    let opened = 0;
    for (; opening().length > 0; opened += 1) {
      expect(opening().length).toBe(Math.min(6, 20 - opened));
      // How it ends makes no difference to the others.
      if (opened % 2) opening()[0]!.server.accept();
      else opening()[0]!.server.refuse();
      await turn();
    }
    expect((await calls).filter(({ status }) => status === "fulfilled").length).toBe(10);
    expect(opened).toBe(20);
  });

  test("lose none of their turns to those that are given up", async () => {
    const call = new AbortController();
    const first = Array.from({ length: 6 }, () => carrier.open(never()));
    const givenUp = Array.from({ length: 6 }, () => failure(carrier.open(call.signal)));
    const last = carrier.open(never());
    call.abort(new Error("never mind"));
    for (const error of await Promise.all(givenUp)) expect(error.message).toBe("never mind");
    for (const socket of opening()) socket.server.accept();
    await Promise.all(first);
    await turn();
    expect([FakeWebSocket.instances.length, opening().length]).toEqual([7, 1]);
    opening()[0]!.server.accept();
    await last;
  });

  test("are all not reached when the carrier is closed, also those that wait", async () => {
    const calls = Array.from({ length: 8 }, () => failure(carrier.open(never())));
    await turn();
    carrier.close();
    for (const error of await Promise.all(calls)) expect(error).toBeInstanceOf(Unreached);
    expect(FakeWebSocket.instances.length).toBe(6);
    const next = carrier.open(never());
    opening()[0]!.server.accept();
    await next;
  });
});
