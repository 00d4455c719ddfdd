import { beforeEach, describe, expect, test } from "vitest";

import { Choice, type MethodKind } from "../../src/gateway/choice.js";
import type { CarrierName } from "../../src/lane.js";

const UNARY: MethodKind[] = ["unary", "server_streaming"];
const STREAMING: MethodKind[] = ["client_streaming", "bidi_streaming"];
const ALL: CarrierName[] = ["webtransport", "websocket", "fetch"];

let now = 0;
const open = new Set<CarrierName>();

beforeEach(() => {
  now = 1_000;
  open.clear();
});

function choose(order: CarrierName[] = ALL): Choice {
  return new Choice({ order, headStartMs: 300, retryAfterMs: 60_000 }, (carrier) => open.has(carrier), () => now);
}

/** The attempts in a line: `webtransport, websocket after 300`; `finally` is for those that wait for all others to fail. */
function attempts(choice: Choice): string {
  const said = choice.attempts().map(({ carrier, afterMs }, index) => {
    if (afterMs === undefined) return `finally ${carrier}`;
    return index === 0 ? carrier : `${carrier} after ${afterMs}`;
  });
  return said.join(", ");
}

describe("what carries a call", () => {
  const wt = "webtransport", ws = "websocket";
  test.each<[kinds: MethodKind[], order: CarrierName[], isOpen: boolean, carrier: CarrierName | undefined]>([
    [UNARY, ALL, false, "fetch"],
    [UNARY, ALL, true, wt],
    [STREAMING, ALL, false, wt],
    [STREAMING, ALL, true, wt],
    [UNARY, [ws, "fetch"], false, "fetch"],
    [STREAMING, [ws, "fetch"], false, ws],
    [UNARY, [wt, ws], false, wt],
    [UNARY, [ws, wt], true, wt],
    [UNARY, [ws], false, ws],
    [UNARY, ["fetch", wt, ws], true, "fetch"],
    [STREAMING, ["fetch", wt, ws], false, wt],
    [STREAMING, [ws, wt], true, ws],
    [UNARY, ["fetch"], false, "fetch"],
    [STREAMING, ["fetch"], false, undefined],
    [UNARY, [], false, undefined],
  ])("%j of %j, WebTransport open: %s: %s", (kinds, order, isOpen, carrier) => {
    if (isOpen) open.add(wt);
    for (const kind of kinds) expect(choose(order).carrierOf(kind)).toBe(carrier);
  });
});

describe("what is tried for a lane", () => {
  test("is in order, each after a head start", () => {
    expect(attempts(choose())).toBe("webtransport, websocket after 300");
    expect(attempts(choose(["fetch", "websocket", "webtransport"]))).toBe("websocket, webtransport after 300");
    expect(attempts(choose(["webtransport"]))).toBe("webtransport");
    expect(attempts(choose(["fetch"]))).toBe("");
  });

  test("is not a WebTransport for which a WebSocket had to step in, until some time has passed", () => {
    const choice = choose();
    choice.won("websocket");
    expect(attempts(choice)).toBe("websocket, finally webtransport");
    expect(choice.carrierOf("bidi_streaming")).toBe("websocket");
    expect(choice.carrierOf("unary")).toBe("fetch");
    now += 59_999;
    choice.won("websocket");
    expect(attempts(choice)).toBe("websocket, finally webtransport");
    now += 1;
    expect(attempts(choice)).toBe("webtransport, websocket after 300");
    choice.won("websocket");
    expect(attempts(choice)).toBe("websocket, finally webtransport");
  });

  test("is WebTransport again once its session is open after all", () => {
    const choice = choose();
    choice.won("websocket");
    open.add("webtransport");
    expect(attempts(choice)).toBe("webtransport, websocket after 300");
    expect(choice.carrierOf("unary")).toBe("webtransport");
    choice.opened("webtransport");
    open.clear();
    expect(attempts(choice)).toBe("webtransport, websocket after 300");
  });

  test("is WebTransport again when it carried a call that no WebSocket did", () => {
    const choice = choose();
    choice.won("websocket");
    choice.won("webtransport");
    expect(attempts(choice)).toBe("webtransport, websocket after 300");
  });

  test("is WebTransport again when the network may have changed", () => {
    const choice = choose();
    choice.won("websocket");
    choice.forget();
    expect(attempts(choice)).toBe("webtransport, websocket after 300");
  });

  test("may still be a WebSocket after WebTransport was faster", () => {
    const choice = choose();
    choice.won("webtransport");
    expect(attempts(choice)).toBe("webtransport, websocket after 300");
  });
});
