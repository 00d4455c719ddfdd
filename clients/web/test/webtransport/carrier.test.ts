import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

import { type CarrierState, type Lane, Unreached } from "../../src/lane.js";
import type { WebTransportOptions } from "../../src/options.js";
import { WebTransportCarrier } from "../../src/webtransport/carrier.js";
import { FakeGateway, FakeWebTransportError } from "./fake.js";

const never = new AbortController().signal;
const bytes = (text: string) => new TextEncoder().encode(text);
/** What a promise is rejected with. */
const failure = (promise: Promise<unknown>) =>
  promise.then(
    () => expect.fail("it did not fail"),
    (error: unknown) => error as Error,
  );
const advance = (ms: number) => vi.advanceTimersByTimeAsync(ms);

let gateway: FakeGateway;
let carrier: WebTransportCarrier;
let states: string[];

function carrierWith(options: Partial<WebTransportOptions & { fetch: typeof fetch }> = {}): WebTransportCarrier {
  const onState = ({ phase, failures }: CarrierState) => void states.push(failures ? `${phase} ${failures}` : phase);
  const backoff = { initialMs: 1_000, jitter: 0 };
  const given = { baseUrl: "https://gateway", webTransport: gateway.webTransport, backoff, onState, ...options };
  return (carrier = new WebTransportCarrier(given));
}

const sessionsOpened = () => gateway.sessions.all.length;
const callsOn = () => gateway.sessions.all.map((session) => session.streams.all.length);

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
  vi.stubGlobal("WebTransportError", FakeWebTransportError);
  gateway = new FakeGateway();
  states = [];
});

afterEach(() => {
  carrier.close();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

describe("sessions", () => {
  test("open with the first call, and are shared", async () => {
    carrierWith();
    expect([sessionsOpened(), carrier.isOpen]).toEqual([0, false]);
    await Promise.all([carrier.open(never), carrier.open(never)]);
    await carrier.open(never);
    expect([callsOn(), carrier.isOpen]).toEqual([[3], true]);
  });

  test("are opened as the wire says", async () => {
    await carrierWith({ baseUrl: "https://gateway:8443/some/path" }).open(never);
    const { url, options } = await gateway.sessions.next();
    expect(url).toBe("https://gateway:8443/grpc-wt/v1");
    expect(options).toEqual({ protocols: ["grpc-wt-1"], allowPooling: false });
  });

  test("are more when they are full, up to as many as there may be", async () => {
    carrierWith({ sessions: { max: 2, maxCallsPerSession: 3 } });
    await Promise.all(Array.from({ length: 5 }, () => carrier.open(never)));
    expect(callsOn()).toEqual([3, 2]);
    await Promise.all(Array.from({ length: 5 }, () => carrier.open(never)));
    expect(callsOn()).toEqual([5, 5]);
  });

  test("have room again after a call", async () => {
    carrierWith({ sessions: { maxCallsPerSession: 1 } });
    const lane = await carrier.open(never);
    (await (await gateway.sessions.next()).streams.next()).end();
    expect(await lane.receive()).toBeUndefined();
    await carrier.open(never);
    expect(callsOn()).toEqual([2]);
  });

  test("carry more calls than they should when no other one can be had", async () => {
    carrierWith({ sessions: { maxCallsPerSession: 1 } });
    await carrier.open(never);
    gateway.mode = "refuse";
    await carrier.open(never);
    // And during the pause there is no other attempt.
    await carrier.open(never);
    expect([sessionsOpened(), callsOn()]).toEqual([2, [3, 0]]);
  });

  test("close after a while without calls, and not while there is one", async () => {
    carrierWith({ sessions: { idleMs: 1_000 } });
    const lane = await carrier.open(never);
    const session = await gateway.sessions.next();
    await advance(5_000);
    expect(carrier.isOpen).toBe(true);
    lane.cancel(1);
    await advance(999);
    expect(carrier.isOpen).toBe(true);
    await advance(1);
    expect(await session.closedByClient.promise).toEqual({ closeCode: 0, reason: "" });
    expect([carrier.isOpen, states]).toEqual([false, ["connecting", "open", "idle"]]);
    await carrier.open(never);
    expect(sessionsOpened()).toBe(2);
  });

  test("close when the page is left, and open again", async () => {
    const page = new EventTarget();
    vi.stubGlobal("addEventListener", page.addEventListener.bind(page));
    vi.stubGlobal("removeEventListener", page.removeEventListener.bind(page));
    const lane = await carrierWith().open(never);
    page.dispatchEvent(new Event("pagehide"));
    await (await gateway.sessions.next()).closedByClient.promise;
    expect(await failure(lane.receive())).toMatchObject({ code: undefined });
    await carrier.open(never);
    expect(sessionsOpened()).toBe(2);
  });

  test("leave no listener on the page when there are none", async () => {
    const listeners = new Set<unknown>();
    vi.stubGlobal("addEventListener", (_: string, listener: unknown) => listeners.add(listener));
    vi.stubGlobal("removeEventListener", (_: string, listener: unknown) => listeners.delete(listener));
    await carrierWith().open(never);
    expect(listeners.size).toBe(1);
    carrier.close();
    expect(listeners.size).toBe(0);
  });

  test("close with the carrier, which can be used again", async () => {
    const lane = await carrierWith().open(never);
    carrier.close();
    expect(await failure(lane.receive())).toMatchObject({ code: undefined });
    expect([carrier.isOpen, states]).toEqual([false, ["connecting", "open", "idle"]]);
    expect(vi.getTimerCount()).toBe(0);
    await carrier.open(never);
    expect(callsOn()).toEqual([1, 1]);
  });
});

describe("a session that drains", () => {
  const drains: Record<string, (lane: Lane) => Promise<unknown>> = {
    "as a call is told": async (lane) => lane.draining(),
    "as the browser tells": async () => {
      const { promise, happen } = draining;
      happen();
      await promise;
    },
    "as a refused call shows": async (lane) => {
      gateway.sessions.all[0]!.streams.all[0]!.resetWith(0x20);
      expect(await failure(lane.receive())).toMatchObject({ code: 0x20 });
    },
  };
  let draining: { promise: Promise<void>; happen: () => void };

  test.each(Object.keys(drains))("%s, is given no more calls", async (name) => {
    let happen!: () => void;
    draining = { promise: new Promise((resolve) => (happen = resolve)), happen: () => happen() };
    gateway.onSession = (session) => (session.draining = draining.promise);
    carrierWith({ sessions: { max: 1 } });
    const lane = await carrier.open(never);
    const other = await carrier.open(never);
    await drains[name]!(lane);
    expect(carrier.isOpen).toBe(false);
    gateway.onSession = undefined;
    await carrier.open(never);
    expect(callsOn()).toEqual([2, 1]);
    // The calls that it has go on.
    await other.send(bytes("more"));
    expect(gateway.sessions.all[0]!.streams.all[1]!.received).toEqual(["more"]);
  });

  test("and carries no call, ends", async () => {
    let drain!: () => void;
    gateway.onSession = (session) => (session.draining = new Promise((resolve) => (drain = resolve)));
    (await carrierWith().open(never)).cancel(1);
    drain();
    await (await gateway.sessions.next()).closedByClient.promise;
    expect(states).toEqual(["connecting", "open", "idle"]);
  });

  test("does not end under a call because another one has ended and was given up then", async () => {
    const lane = await carrierWith().open(never);
    const session = await gateway.sessions.next();
    (await session.streams.next()).end();
    await lane.receive();
    lane.cancel(0);
    const other = await carrier.open(never);
    other.draining();
    (await session.streams.next()).respond("still here");
    expect(await other.receive()).toEqual(bytes("still here"));
  });

  test("ends with its last call", async () => {
    const lane = await carrierWith().open(never);
    lane.draining();
    expect(states).toEqual(["connecting", "open", "draining"]);
    lane.cancel(1);
    await (await gateway.sessions.next()).closedByClient.promise;
    expect(states.at(-1)).toBe("idle");
  });

  test("is not taken for a failure when the gateway closes it", async () => {
    const lane = await carrierWith().open(never);
    lane.draining();
    const session = await gateway.sessions.next();
    session.end({ closeCode: 1, reason: "drain" });
    await failure(lane.receive());
    await carrier.open(never);
    expect(states).toEqual(["connecting", "open", "draining", "idle", "connecting", "open"]);
  });
});

describe("a lane that Chromium has no stream for", () => {
  /** Opens more lanes than the gateway has room for, and tells in which order they opened. */
  async function openBeyond(credit: number, signals: AbortSignal[], options: Partial<WebTransportOptions> = {}) {
    gateway.onSession = (session) => Object.assign(session, { credit, beyondCredit: "refuse" });
    carrierWith(options);
    const opened: number[] = [];
    const outcomes = signals.map((signal, call) => carrier.open(signal).then(() => opened.push(call)));
    for (const outcome of outcomes) outcome.catch(() => {});
    const session = await gateway.sessions.next();
    await advance(0);
    return { session, opened, outcomes };
  }

  test("gets one when there is room again, in its turn", async () => {
    const { session, opened } = await openBeyond(2, [never, never, never, never, never]);
    expect(opened).toEqual([0, 1]);
    await advance(10_000);
    session.grant(1);
    await advance(250);
    expect(opened).toEqual([0, 1, 2]);
    session.grant(2);
    await advance(250);
    expect(opened).toEqual([0, 1, 2, 3, 4]);
    session.grant(1);
    await carrier.open(never);
  });

  test("leaves its turn to the next when it is given up", async () => {
    const abort = new AbortController();
    const { session, opened, outcomes } = await openBeyond(1, [never, abort.signal, never, abort.signal, never]);
    const reason = new Error("enough");
    abort.abort(reason);
    await expect(outcomes[1]).rejects.toBe(reason);
    await expect(outcomes[3]).rejects.toBe(reason);
    session.grant(2);
    await advance(500);
    expect(opened).toEqual([0, 2, 4]);
    expect(session.streams.all.length).toBe(3);
  });

  test("is not counted any more when it is given up", async () => {
    const abort = new AbortController();
    await openBeyond(0, [abort.signal], { sessions: { idleMs: 1_000 } });
    abort.abort();
    await advance(1_000);
    expect(states.at(-1)).toBe("idle");
  });

  test("moves to another session if its own ends first", async () => {
    const { session, opened } = await openBeyond(1, [never, never]);
    session.end({ closeCode: 1, reason: "drain" });
    await advance(0);
    expect(opened).toEqual([0, 1]);
    expect(callsOn()).toEqual([1, 1]);
  });

  test("makes those that come later take another session", async () => {
    await openBeyond(1, [never, never]);
    await carrier.open(never);
    expect(callsOn()).toEqual([1, 1]);
  });
});

describe("a lane", () => {
  test("waits for one of the gateway's streams", async () => {
    gateway.onSession = (session) => (session.credit = 1);
    carrierWith();
    await carrier.open(never);
    const waiting = carrier.open(never);
    const session = await gateway.sessions.next();
    await advance(60_000);
    expect(session.streams.all.length).toBe(1);
    session.grant(1);
    await waiting;
    expect(session.streams.all.length).toBe(2);
  });

  test("that nobody waits for any more is given back", async () => {
    gateway.onSession = (session) => (session.credit = 0);
    carrierWith({ sessions: { idleMs: 1_000 } });
    const abort = new AbortController();
    const waiting = failure(carrier.open(abort.signal));
    const session = await gateway.sessions.next();
    await advance(0);
    const reason = new Error("enough");
    abort.abort(reason);
    expect(await waiting).toBe(reason);
    session.grant(1);
    const stream = await session.streams.next();
    expect(await stream.reset.promise).toBe(0);
    expect(await stream.stopped.promise).toBe(0);
    await advance(1_000);
    expect(carrier.isOpen).toBe(false);
  });

  test("moves to another session if its own ends first", async () => {
    gateway.onSession = (session) => (session.credit = 0);
    const waiting = carrierWith().open(never);
    const session = await gateway.sessions.next();
    await advance(0);
    gateway.onSession = undefined;
    session.end({ closeCode: 1, reason: "drain" });
    await waiting;
    expect(callsOn()).toEqual([0, 1]);
  });
});

describe("connecting", () => {
  test("is one attempt for everybody, which goes on without one of them", async () => {
    gateway.mode = "wait";
    carrierWith();
    const abort = new AbortController();
    const first = failure(carrier.open(abort.signal));
    const second = carrier.open(never);
    const session = await gateway.sessions.next();
    const reason = new Error("enough");
    abort.abort(reason);
    expect(await first).toBe(reason);
    session.accept();
    await second;
    expect(callsOn()).toEqual([1]);
  });

  test("is not begun for a call that has been given up", async () => {
    carrierWith();
    const reason = new Error("enough");
    expect(await failure(carrier.open(AbortSignal.abort(reason)))).toBe(reason);
    expect(sessionsOpened()).toBe(0);
  });

  test.each(["refuse", "throw"] as const)("fails when browsers %s", async (mode) => {
    gateway.mode = mode;
    expect(await failure(carrierWith().open(never))).toBeInstanceOf(Unreached);
    expect(states).toEqual(["connecting", "down 1"]);
  });

  test("fails when it takes too long", async () => {
    gateway.mode = "wait";
    const opening = failure(carrierWith({ connectTimeoutMs: 2_000 }).open(never));
    await advance(1_999);
    expect(states).toEqual(["connecting"]);
    await advance(1);
    expect(await opening).toBeInstanceOf(Unreached);
    await (await gateway.sessions.next()).closedByClient.promise;
    expect(states).toEqual(["connecting", "down 1"]);
  });

  test("fails at once where there is no WebTransport", async () => {
    vi.stubGlobal("WebTransport", undefined);
    const carrier = new WebTransportCarrier({ baseUrl: "https://gateway" });
    expect(await failure(carrier.open(never))).toBeInstanceOf(Unreached);
    expect(await failure(carrier.open(never))).toBeInstanceOf(Unreached);
  });

  test("pauses longer after each failure, and calls wait for that", async () => {
    gateway.mode = "refuse";
    carrierWith();
    await failure(carrier.open(never));
    const second = failure(carrier.open(never));
    await advance(999);
    expect(sessionsOpened()).toBe(1);
    await advance(1);
    expect(await second).toBeInstanceOf(Unreached);
    expect(sessionsOpened()).toBe(2);
    gateway.mode = "accept";
    const both = Promise.all([carrier.open(never), carrier.open(never)]);
    await advance(1_999);
    expect(sessionsOpened()).toBe(2);
    await advance(1);
    await both;
    expect(sessionsOpened()).toBe(3);
    expect(states).toEqual(["connecting", "down 1", "connecting 1", "down 2", "connecting 2", "open"]);
  });

  test("is not waited for longer than it may take, pauses included", async () => {
    gateway.mode = "refuse";
    carrierWith({ connectTimeoutMs: 500 });
    await failure(carrier.open(never));
    const waiting = failure(carrier.open(never));
    await advance(500);
    expect(await waiting).toBeInstanceOf(Unreached);
    expect(sessionsOpened()).toBe(1);
  });

  test("pauses end for who gives up", async () => {
    gateway.mode = "refuse";
    carrierWith();
    await failure(carrier.open(never));
    const abort = new AbortController();
    const waiting = failure(carrier.open(abort.signal));
    const reason = new Error("enough");
    abort.abort(reason);
    expect(await waiting).toBe(reason);
  });

  test("pauses also after a session that was lost", async () => {
    const lane = await carrierWith().open(never);
    (await gateway.sessions.next()).lose();
    await failure(lane.receive());
    expect(states).toEqual(["connecting", "open", "down 1"]);
    const next = carrier.open(never);
    await advance(999);
    expect(sessionsOpened()).toBe(1);
    await advance(1);
    await next;
    expect(states.at(-1)).toBe("open");
  });

  test("pauses after a gateway that had too many", async () => {
    const lane = await carrierWith().open(never);
    (await gateway.sessions.next()).end({ closeCode: 4, reason: "overload" });
    await failure(lane.receive());
    expect(states.at(-1)).toBe("down 1");
  });

  test("ends with the carrier, for everybody and without a failure", async () => {
    gateway.mode = "wait";
    const opening = failure(carrierWith().open(never));
    const session = await gateway.sessions.next();
    carrier.close();
    expect(await opening).toBeInstanceOf(Unreached);
    await session.closedByClient.promise;
    expect(states).toEqual(["connecting", "idle"]);
    gateway.mode = "accept";
    await carrier.open(never);
    expect(callsOn()).toEqual([0, 1]);
  });
});

test("nothing stays open or opens, however late a connection is closed", async () => {
  gateway.mode = "wait";
  for (let turns = 0; turns < 20; turns += 1) {
    const opening = carrierWith().open(never).then(
      () => {},
      () => {},
    );
    const session = await gateway.sessions.next();
    session.accept();
    for (let turn = 0; turn < turns; turn += 1) await Promise.resolve();
    carrier.close();
    await opening;
    await session.closedByClient.promise;
    expect(sessionsOpened()).toBe(turns + 1);
  }
});

test("a gateway that could not be reached is asked for its address again", async () => {
  const answer = { webtransport_url: "https://elsewhere/grpc-wt/v1" };
  const fetch = vi.fn<typeof globalThis.fetch>(async () => Response.json(answer));
  carrierWith({ baseUrl: "http://gateway", fetch, sessions: { maxCallsPerSession: 1, max: 3 } });
  await carrier.open(never);
  await carrier.open(never);
  expect([sessionsOpened(), fetch.mock.calls.length]).toEqual([2, 1]);
  gateway.mode = "refuse";
  await carrier.open(never);
  gateway.mode = "accept";
  await advance(1_000);
  await carrier.open(never);
  expect([sessionsOpened(), fetch.mock.calls.length]).toEqual([4, 2]);
});

describe("state", () => {
  test("is told with what went wrong", async () => {
    gateway.mode = "refuse";
    const told: CarrierState[] = [];
    await failure(carrierWith({ onState: (state) => void told.push(state) }).open(never));
    const error = { name: "Unreached" };
    expect(told.at(-1)).toMatchObject({ carrier: "webtransport", phase: "down", failures: 1, error });
  });

  test("may be told to somebody who throws", async () => {
    carrierWith({
      onState() {
        throw new Error("not my day");
      },
    });
    await carrier.open(never);
    expect(carrier.isOpen).toBe(true);
  });
});
