import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

import { Choice } from "../../src/gateway/choice.js";
import { race } from "../../src/gateway/race.js";
import { type Carrier, type CarrierName, type Lane, LaneError, Unreached } from "../../src/lane.js";

/** A lane of which only its end is of interest. */
class FakeLane implements Lane {
  readonly cancelled: number[] = [];

  constructor(readonly carrier: CarrierName) {}

  async send(): Promise<void> {}
  async finish(): Promise<void> {}
  async receive(): Promise<undefined> {}
  draining(): void {}

  cancel(code: number): void {
    this.cancelled.push(code);
  }
}

/** A carrier whose lanes open, or do not, when the test says. */
class FakeCarrier implements Carrier {
  isOpen = false;
  readonly opening: { signal: AbortSignal; succeeds: () => FakeLane; fails: (error: unknown) => void }[] = [];

  constructor(readonly name: CarrierName) {}

  open(signal: AbortSignal): Promise<Lane> {
    return new Promise((resolve, reject) => {
      const lane = new FakeLane(this.name);
      signal.addEventListener("abort", () => reject(signal.reason));
      this.opening.push({ signal, succeeds: () => (resolve(lane), lane), fails: reject });
    });
  }

  close(): void {}
}

let webTransport: FakeCarrier;
let webSocket: FakeCarrier;
let choice: Choice;
let call: AbortController;

beforeEach(() => {
  vi.useFakeTimers();
  webTransport = new FakeCarrier("webtransport");
  webSocket = new FakeCarrier("websocket");
  const isOpen = (carrier: CarrierName) => carrier === "webtransport" && webTransport.isOpen;
  choice = new Choice({ order: ["webtransport", "websocket", "fetch"], headStartMs: 300, retryAfterMs: 60_000 }, isOpen, Date.now);
  call = new AbortController();
});

afterEach(() => {
  // Nothing is left behind, however a race ended.
  expect(vi.getTimerCount()).toBe(0);
  vi.useRealTimers();
});

function start(): Promise<Lane> {
  const carriers = new Map<CarrierName, Carrier>([["webtransport", webTransport], ["websocket", webSocket]]);
  const lane = race(choice, carriers, call.signal);
  lane.catch(() => {});
  return lane;
}

function attempts(): CarrierName[] {
  return choice.attempts().map(({ carrier }) => carrier);
}

describe("a race", () => {
  test("is won by WebTransport within its head start, and no WebSocket is opened", async () => {
    const racing = start();
    await vi.advanceTimersByTimeAsync(299);
    const lane = webTransport.opening[0]!.succeeds();
    expect(await racing).toBe(lane);
    await vi.advanceTimersByTimeAsync(1_000);
    expect([webSocket.opening.length, lane.cancelled]).toEqual([0, []]);
  });

  test("is won by the WebSocket when WebTransport gets no answer; its session is kept when it comes", async () => {
    const racing = start();
    await vi.advanceTimersByTimeAsync(300);
    const lane = webSocket.opening[0]!.succeeds();
    expect(await racing).toBe(lane);
    expect(attempts()).toEqual(["websocket", "webtransport"]);

    // Even the end of the call is no reason to give up the session that is being opened.
    call.abort(new Error("done"));
    const late = webTransport.opening[0]!.succeeds();
    await vi.advanceTimersByTimeAsync(0);
    expect([lane.cancelled, late.cancelled]).toEqual([[], [0]]);
    expect(webTransport.opening[0]!.signal.aborted).toBe(false);
    expect(attempts()).toEqual(["webtransport", "websocket"]);
  });

  test("is won by WebTransport beside a WebSocket, which is closed unused", async () => {
    const racing = start();
    await vi.advanceTimersByTimeAsync(300);
    const lane = webTransport.opening[0]!.succeeds();
    expect(await racing).toBe(lane);
    const unused = webSocket.opening[0]!.succeeds();
    await vi.advanceTimersByTimeAsync(0);
    expect([lane.cancelled, unused.cancelled]).toEqual([[], [0]]);
    expect(attempts()).toEqual(["webtransport", "websocket"]);
  });

  test("has a WebSocket at once when WebTransport fails at once", async () => {
    const racing = start();
    webTransport.opening[0]!.fails(new Unreached("no UDP"));
    await vi.advanceTimersByTimeAsync(0);
    expect(webSocket.opening.length).toBe(1);
    const lane = webSocket.opening[0]!.succeeds();
    expect(await racing).toBe(lane);
    expect(attempts()).toEqual(["websocket", "webtransport"]);
  });

  test("waits for a WebTransport that is slow when there is no WebSocket", async () => {
    const racing = start();
    await vi.advanceTimersByTimeAsync(300);
    webSocket.opening[0]!.fails(new Unreached("503"));
    await vi.advanceTimersByTimeAsync(2_000);
    const lane = webTransport.opening[0]!.succeeds();
    expect(await racing).toBe(lane);
  });

  test("does not begin with WebTransport after it was lost, and ends with it if there is no WebSocket any more", async () => {
    choice.won("websocket");
    const racing = start();
    await vi.advanceTimersByTimeAsync(5_000);
    expect(webTransport.opening.length).toBe(0);
    webSocket.opening[0]!.fails(new Unreached("503"));
    await vi.advanceTimersByTimeAsync(0);
    const lane = webTransport.opening[0]!.succeeds();
    expect(await racing).toBe(lane);
  });

  test("that nobody wins says what became of each, and is forgotten", async () => {
    const racing = start();
    webTransport.opening[0]!.fails(new Unreached("no UDP"));
    await vi.advanceTimersByTimeAsync(0);
    webSocket.opening[0]!.fails(new Unreached("closed with 1006"));
    const error = await racing.then(() => undefined, (error: Error) => error);
    expect(error).toBeInstanceOf(Unreached);
    expect(error!.message).toBe("the gateway cannot be reached (webtransport: no UDP; websocket: closed with 1006)");
    expect(attempts()).toEqual(["webtransport", "websocket"]);
  });

  test("ends when the call does, and everything that was being opened with it", async () => {
    const racing = start();
    await vi.advanceTimersByTimeAsync(300);
    const reason = new LaneError("given up", 1);
    call.abort(reason);
    await expect(racing).rejects.toBe(reason);
    expect([webTransport, webSocket].map(({ opening }) => opening[0]!.signal.reason)).toEqual([reason, reason]);
    await vi.advanceTimersByTimeAsync(0);
    expect(attempts()).toEqual(["webtransport", "websocket"]);
  });

  test("does not begin for a call that has ended", async () => {
    call.abort(new Error("too late"));
    await expect(start()).rejects.toThrow("too late");
    expect(webTransport.opening.length).toBe(0);
  });
});
