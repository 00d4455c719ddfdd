import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

import type { Lane, LaneError } from "../../src/lane.js";
import { WebTransportCarrier } from "../../src/webtransport/carrier.js";
import type { FakeSession, FakeStream } from "./fake.js";
import { FakeGateway, FakeWebTransportError, LaterWebTransportError } from "./fake.js";

const bytes = (text: string) => new TextEncoder().encode(text);
const text = (received: Uint8Array | undefined) => received && new TextDecoder().decode(received);
/** What a promise is rejected with. */
const failure = (promise: Promise<unknown>) =>
  promise.then(
    () => expect.fail("it did not fail"),
    (error: unknown) => error as LaneError,
  );

let carrier: WebTransportCarrier;
let session: FakeSession;
let stream: FakeStream;
let lane: Lane;

beforeEach(async () => {
  vi.stubGlobal("WebTransportError", FakeWebTransportError);
  const gateway = new FakeGateway();
  carrier = new WebTransportCarrier({ baseUrl: "https://gateway", webTransport: gateway.webTransport });
  lane = await carrier.open(new AbortController().signal);
  session = await gateway.sessions.next();
  stream = await session.streams.next();
});

afterEach(() => {
  carrier.close();
  vi.unstubAllGlobals();
});

test("frames go out and bytes come in", async () => {
  await lane.send(bytes("one"));
  await lane.send(bytes("two"));
  await lane.finish();
  stream.respond("three");
  expect(text(await lane.receive())).toBe("three");
  expect(stream.received).toEqual(["one", "two"]);
  stream.end();
  expect(await lane.receive()).toBeUndefined();
});

test("the end of a complete call is the end of its stream, which is not stopped", async () => {
  const stopped = vi.fn();
  void stream.stopped.promise.then(stopped);
  await lane.finish();
  stream.respond("the response");
  await lane.receive();
  lane.cancel(0);
  await stream.finished.promise;
  stream.end();
  // Another stream is a way round.
  await carrier.open(new AbortController().signal);
  expect(stopped).not.toHaveBeenCalled();
});

test("a response that goes on behind its end is stopped", async () => {
  await lane.finish();
  lane.cancel(0);
  stream.respond("more");
  expect(await stream.stopped.promise).toBe(0);
});

test("`send` waits until there is room", async () => {
  stream.hold();
  let sent = false;
  const sending = lane.send(bytes("one")).then(() => (sent = true));
  // The response is a way round: what comes after it would come after `sent` too.
  stream.respond("still there?");
  await lane.receive();
  expect(sent).toBe(false);
  stream.resume();
  await sending;
  expect(stream.received).toEqual(["one"]);
});

test("the response is not read before it is asked for", async () => {
  stream.respond("one");
  stream.respond("two");
  expect(text(await lane.receive())).toBe("one");
  expect(text(await lane.receive())).toBe("two");
});

describe("the gateway ends", () => {
  test("the response with a code", async () => {
    stream.resetWith(8);
    expect(await failure(lane.receive())).toMatchObject({ name: "LaneError", code: 8 });
    // Nothing is left open behind it.
    expect(await stream.reset.promise).toBe(0);
    await failure(lane.send(bytes("too late")));
  });

  test("the request, and the response still comes", async () => {
    const sending = failure(lane.send(bytes("one")).then(() => lane.send(bytes("two"))));
    stream.stopWith(0);
    expect(await sending).toMatchObject({ code: 0 });
    stream.respond("status");
    stream.end();
    expect(text(await lane.receive())).toBe("status");
    expect(await lane.receive()).toBeUndefined();
  });

  test("the response without a code, which Firefox loses", async () => {
    stream.resetWithoutCode();
    expect(await failure(lane.receive())).toMatchObject({ code: 13 });
  });

  test("both, and Firefox knows why from the request", async () => {
    stream.stopWith(0x20);
    stream.resetWithoutCode();
    expect(await failure(lane.receive())).toMatchObject({ code: 0x20 });
  });
});

describe("the session is lost", () => {
  test("for who receives and who sends", async () => {
    stream.hold();
    const receiving = failure(lane.receive());
    const sending = failure(lane.send(bytes("one")));
    session.lose();
    expect(await receiving).toMatchObject({ name: "LaneError", code: undefined });
    expect(await sending).toMatchObject({ code: undefined });
    expect(await failure(lane.receive())).toMatchObject({ code: undefined });
  });

  test("with an error that does not say so, as in Firefox", async () => {
    const receiving = failure(lane.receive());
    session.lose(new TypeError("Error in input stream"));
    expect(await receiving).toMatchObject({ code: undefined });
  });

  test("because the gateway closed it", async () => {
    const receiving = failure(lane.receive());
    session.end({ closeCode: 1, reason: "drain" });
    expect(await receiving).toMatchObject({ code: undefined });
  });
});

describe("a call is given up", () => {
  test("while it sends and receives", async () => {
    stream.hold();
    const receiving = failure(lane.receive());
    const sending = failure(lane.send(bytes("one")));
    lane.cancel(1);
    expect(await receiving).toMatchObject({ name: "LaneError", code: 1 });
    expect(await sending).toMatchObject({ code: 1 });
    stream.resume();
    expect(await stream.reset.promise).toBe(1);
    expect(await stream.stopped.promise).toBe(1);
  });

  test("after its request has ended", async () => {
    await lane.finish();
    lane.cancel(4);
    expect(await stream.stopped.promise).toBe(4);
    expect(await stream.reset.promise).toBe(4);
    expect(await failure(lane.receive())).toMatchObject({ code: 4 });
  });

  test("after its response has ended", async () => {
    stream.end();
    expect(await lane.receive()).toBeUndefined();
    lane.cancel(0);
    expect(await stream.reset.promise).toBe(0);
  });

  test("more than once", async () => {
    lane.cancel(1);
    lane.cancel(4);
    expect(await stream.reset.promise).toBe(1);
    expect(await failure(lane.receive())).toMatchObject({ code: 1 });
    expect(await failure(lane.finish())).toMatchObject({ code: 1 });
  });

  test("where WebTransportError is that of the later specification", async () => {
    vi.stubGlobal("WebTransportError", LaterWebTransportError);
    lane.cancel(4);
    expect(await stream.reset.promise).toBe(4);
  });

  test("where there is no WebTransportError", async () => {
    vi.stubGlobal("WebTransportError", undefined);
    lane.cancel(4);
    expect(await stream.reset.promise).toBe(4);
  });
});
