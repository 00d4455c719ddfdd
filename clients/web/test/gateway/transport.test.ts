import { type Client, Code, ConnectError, createClient, type Interceptor } from "@connectrpc/connect";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

import { createGatewayTransport, type GatewayTransport } from "../../src/gateway/transport.js";
import type { CarrierState } from "../../src/lane.js";
import type { GatewayTransportOptions } from "../../src/options.js";
import { HEADERS, MESSAGE, TRAILERS } from "../../src/wire/frame.js";
import { Demo } from "../demo_pb.js";
import { FakeGateway } from "./fake_gateway.js";

let gateway: FakeGateway;
let transport: GatewayTransport;
let client: Client<typeof Demo>;
const states: string[] = [];

function connect(options: Partial<GatewayTransportOptions> = {}): void {
  const { webTransport, webSocket, fetch } = gateway;
  const onState = ({ carrier, phase, failures }: CarrierState) => states.push(`${carrier} ${phase} ${failures}`);
  transport = createGatewayTransport({ baseUrl: "https://gateway.test", webTransport, webSocket, fetch, onState, ...options });
  client = createClient(Demo, transport);
}

beforeEach(() => {
  vi.useFakeTimers();
  states.length = 0;
  gateway = new FakeGateway();
  connect();
});

afterEach(() => {
  transport.close();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

async function* numbers() {
  yield { number: 1n };
  yield { number: 2n };
}

/** Lets a call go on for so long; what becomes of it by then. */
async function within<T>(ms: number, call: Promise<T>): Promise<T> {
  let outcome: (() => T) | undefined;
  call.then((value) => (outcome = () => value), (error) => (outcome = () => { throw error; }));
  // Streams take turns of the event loop, and not only of timers.
  for (let turn = 0; turn < 20 && !outcome; turn += 1) await vi.advanceTimersByTimeAsync(0);
  if (!outcome) await vi.advanceTimersByTimeAsync(ms);
  for (let turn = 0; turn < 20 && !outcome; turn += 1) await vi.advanceTimersByTimeAsync(0);
  if (!outcome) throw new Error(`the call took longer than ${ms} ms`);
  return outcome();
}

async function all<T>(replies: AsyncIterable<T>): Promise<T[]> {
  const seen: T[] = [];
  for await (const reply of replies) seen.push(reply);
  return seen;
}

async function failure(call: Promise<unknown>): Promise<ConnectError> {
  return call.then(() => expect.fail("the call succeeded"), (error) => ConnectError.from(error));
}

describe("a call", () => {
  test("that does not stream from the client waits for no session, and takes one that there is", async () => {
    await within(0, client.say({}));
    expect(await within(0, all(client.count({})))).toHaveLength(1);
    expect([gateway.carriers, gateway.sessions.length]).toEqual([["fetch", "fetch"], 0]);

    await within(0, client.sum(numbers()));
    await within(0, client.say({}));
    expect(await within(0, all(client.count({})))).toHaveLength(1);
    expect(gateway.carriers.slice(2)).toEqual(["webtransport", "webtransport", "webtransport"]);
  });

  test("of every kind is carried by WebTransport alone", async () => {
    connect({ carriers: ["webtransport"] });
    await within(0, client.say({}));
    await within(0, all(client.count({})));
    await within(0, client.sum(numbers()));
    await within(0, all(client.chat((async function* () { yield {}; })())));
    expect(gateway.carriers).toEqual(["webtransport", "webtransport", "webtransport", "webtransport"]);
    expect(gateway.sessions.length).toBe(1);
  });

  test("loses its head start on a network that drops UDP, once", async () => {
    gateway.udp = "dropped";
    await within(300, client.sum(numbers()));
    expect(gateway.carriers).toEqual(["websocket"]);
    expect(gateway.calls[0]!.frames).toEqual([HEADERS, MESSAGE, MESSAGE, TRAILERS]);
    expect(transport.carrierOf("client_streaming")).toBe("websocket");
    await within(0, client.sum(numbers()));
    expect([gateway.carriers, gateway.sessions.length]).toEqual([["websocket", "websocket"], 1]);
  });

  test("takes WebTransport again when its session opens late", async () => {
    gateway.udp = "dropped";
    await within(300, client.sum(numbers()));
    gateway.sessions[0]!.accept();
    for (let turn = 0; turn < 5; turn += 1) await vi.advanceTimersByTimeAsync(0);
    expect(transport.carrierOf("unary")).toBe("webtransport");
    await within(0, client.sum(numbers()));
    expect(gateway.carriers).toEqual(["websocket", "webtransport"]);
  });

  test("takes WebTransport again when it was left alone for long enough, or the browser is back online", async () => {
    const page = new EventTarget();
    vi.stubGlobal("addEventListener", page.addEventListener.bind(page));
    vi.stubGlobal("removeEventListener", page.removeEventListener.bind(page));
    connect({ retryWebTransportAfterMs: 20_000 });
    gateway.udp = "refused";
    await within(0, client.sum(numbers()));
    expect(transport.carrierOf("bidi_streaming")).toBe("websocket");
    page.dispatchEvent(new Event("online"));
    expect(transport.carrierOf("bidi_streaming")).toBe("webtransport");

    await within(300, client.sum(numbers()));
    expect(transport.carrierOf("bidi_streaming")).toBe("websocket");
    gateway.udp = "open";
    await vi.advanceTimersByTimeAsync(20_000);
    await within(0, client.sum(numbers()));
    expect(gateway.carriers).toEqual(["websocket", "websocket", "webtransport"]);

    connect();
    gateway.udp = "refused";
    await within(300, client.sum(numbers()));
    transport.close();
    page.dispatchEvent(new Event("online"));
    // It has nothing to do with the page any more.
    expect(transport.carrierOf("bidi_streaming")).toBe("websocket");
  });

  test("moves to a WebSocket when it was refused, with what it had sent", async () => {
    await within(0, client.sum(numbers()));
    gateway.refusals = 1;
    gateway.udp = "refused";
    await within(300, client.sum(numbers()));
    expect(gateway.carriers).toEqual(["webtransport", "websocket"]);
    expect(gateway.calls[1]!.frames).toEqual([HEADERS, MESSAGE, MESSAGE, TRAILERS]);
  });

  test("has its interceptors run once, however many carriers are tried", async () => {
    let runs = 0;
    const interceptor: Interceptor = (next) => (request) => {
      runs += 1;
      request.header.set("authorization", `Bearer ${runs}`);
      return next(request);
    };
    connect({ interceptors: [interceptor] });
    gateway.udp = "refused";
    await within(0, client.sum(numbers()));
    expect(gateway.carriers).toEqual(["websocket"]);
    expect(gateway.calls[0]!.header.get("authorization")).toBe("Bearer 1");
    await within(0, client.say({}));
    expect(gateway.calls[1]!.header.get("authorization")).toBe("Bearer 2");
    expect(runs).toBe(2);
  });

  test("that nothing carries says what was tried", async () => {
    gateway.udp = "refused";
    gateway.tcp = "refused";
    const error = await within(0, failure(client.sum(numbers())));
    expect(error.code).toBe(Code.Unavailable);
    expect(error.rawMessage).toMatch(/webtransport: .+; websocket: .*wss:\/\/gateway\.test\/grpc-ws\/v1.*1006/);
    expect((await within(0, failure(client.say({})))).code).toBe(Code.Unavailable);
    gateway.tcp = "open";
    await within(300, client.sum(numbers()));
  });

  test("ends in time on a network that drops everything", async () => {
    gateway.udp = gateway.tcp = "dropped";
    connect({ connectTimeoutMs: 4_000 });
    const error = await within(4_300, failure(client.sum(numbers())));
    expect(error.code).toBe(Code.Unavailable);
    const late = await within(1_000, failure(client.sum(numbers(), { timeoutMs: 1_000 })));
    expect(late.code).toBe(Code.DeadlineExceeded);
  });
});

describe("a transport", () => {
  test("says what it cannot carry", async () => {
    connect({ carriers: ["fetch"] });
    expect(transport.carrierOf("server_streaming")).toBe("fetch");
    expect(() => transport.carrierOf("bidi_streaming")).toThrow(ConnectError);
    const error = await within(0, failure(client.sum(numbers())));
    expect(error.code).toBe(Code.Unimplemented);
    expect(error.rawMessage).toBe("no carrier here takes client streaming calls: there is fetch");
    await within(0, client.say({}));
  });

  test("does without what the runtime has not", async () => {
    vi.stubGlobal("WebTransport", undefined);
    vi.stubGlobal("WebSocket", undefined);
    transport = createGatewayTransport({ baseUrl: "https://gateway.test", webSocket: gateway.webSocket });
    expect(transport.carrierOf("bidi_streaming")).toBe("websocket");
    transport = createGatewayTransport({ baseUrl: "https://gateway.test", carriers: ["webtransport", "websocket"] });
    expect(() => transport.carrierOf("unary")).toThrow("none at all");
  });

  test("tells of each of its carriers", async () => {
    gateway.udp = "refused";
    await within(0, client.sum(numbers()));
    await within(0, client.say({}));
    gateway.tcp = "refused";
    await within(0, failure(client.say({})));
    await within(0, failure(client.say({})));
    gateway.tcp = "open";
    await within(0, client.say({}));
    expect(states.filter((state) => state.startsWith("webtransport"))).toEqual(["webtransport connecting 0", "webtransport down 1"]);
    expect(states.filter((state) => state.startsWith("websocket"))).toEqual([
      "websocket connecting 0", "websocket open 0", "websocket idle 0",
    ]);
    // A deadline says nothing of the network.
    gateway.tcp = "dropped";
    expect((await within(500, failure(client.say({}, { timeoutMs: 500 })))).code).toBe(Code.DeadlineExceeded);
    const fetches = states.filter((state) => state.startsWith("fetch"));
    expect(fetches).toEqual(["fetch open 0", "fetch down 1", "fetch down 2", "fetch open 0"]);
  });

  test("loses its calls when it is closed, and makes new ones", async () => {
    const chat = all(client.chat((async function* () { await new Promise(() => {}); })()));
    await within(0, client.sum(numbers()));
    transport.close();
    expect((await within(0, failure(chat))).code).toBe(Code.Unavailable);
    await within(0, client.sum(numbers()));
    expect(gateway.sessions.length).toBe(2);
  });
});
