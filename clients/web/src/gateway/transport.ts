/** A transport that finds out what gets through. */

import { Code, ConnectError, type Transport } from "@connectrpc/connect";

import type { Carrier, CarrierName } from "../lane.js";
import type { GatewayTransportOptions } from "../options.js";
import { fetchTransport, framedTransport } from "../transport.js";
import { WebSocketCarrier } from "../websocket/carrier.js";
import { WebTransportCarrier } from "../webtransport/carrier.js";
import { Choice, type MethodKind } from "./choice.js";
import { race } from "./race.js";
import { reportingFetch } from "./reporting_fetch.js";

const CONNECT_TIMEOUT_MS = 10_000;
const ALL: CarrierName[] = ["webtransport", "websocket", "fetch"];

/** A {@link createGatewayTransport | transport} with some more to ask and say. */
export interface GatewayTransport extends Transport {
  /** Gives up every connection: calls on them end with `UNAVAILABLE`. Later calls connect again. */
  close(): void;

  /** What would carry a call of this kind now. Throws a ConnectError, `UNIMPLEMENTED`, if nothing can. */
  carrierOf(kind: MethodKind): CarrierName;
}

/**
 * A transport for a gateway, on which every kind of call works.
 *
 * Calls that stream from the client travel in a stream of a WebTransport session. Where none opens soon, a WebSocket is
 * tried as well, and the first to open carries the call; a WebTransport that was too slow is left alone for a while,
 * unless its session opens after all. Other calls use a session if there is one and are made with `fetch`, in gRPC-Web,
 * otherwise: they never wait for a connection.
 *
 * A call moves from one to another only while nothing of it can have been processed. If none gets through it ends with
 * `UNAVAILABLE`, and with `UNIMPLEMENTED` if there is none that could carry a call of its kind.
 */
export function createGatewayTransport(options: GatewayTransportOptions): GatewayTransport {
  const timed = { connectTimeoutMs: CONNECT_TIMEOUT_MS, ...options };
  const carriers = new Map<CarrierName, Carrier>();
  const order = (options.carriers ?? ALL).filter((carrier) => isHere(carrier, options));
  if (order.includes("webtransport")) carriers.set("webtransport", new WebTransportCarrier(timed));
  if (order.includes("websocket")) carriers.set("websocket", new WebSocketCarrier(timed));

  const { headStartMs = 300, retryWebTransportAfterMs: retryAfterMs = 300_000 } = options;
  const isOpen = (carrier: CarrierName) => carriers.get(carrier)?.isOpen ?? false;
  const choice = new Choice({ order, headStartMs, retryAfterMs }, isOpen, () => performance.now());
  const forget = () => choice.forget();
  globalThis.addEventListener?.("online", forget);

  const onLanes = framedTransport((signal) => race(choice, carriers, signal), options);
  const fetching = options.fetch ?? ((input, init) => fetch(input, init));
  const onFetch = fetchTransport({ ...options, fetch: reportingFetch(fetching, options.onState) });
  const carrierOf = (kind: MethodKind) => {
    const carrier = choice.carrierOf(kind);
    if (carrier) return carrier;
    const what = `no carrier here takes ${kind.replace("_", " ")} calls: there is ${order.join(" and ") || "none at all"}`;
    throw new ConnectError(what, Code.Unimplemented);
  };
  const transportOf = (kind: MethodKind) => (carrierOf(kind) === "fetch" ? onFetch : onLanes);
  return {
    unary: async (method, ...rest) => transportOf(method.methodKind).unary(method, ...rest),
    stream: async (method, ...rest) => transportOf(method.methodKind).stream(method, ...rest),
    carrierOf,
    close() {
      globalThis.removeEventListener?.("online", forget);
      for (const carrier of carriers.values()) carrier.close();
    },
  };
}

/** Whether there is such a thing in this runtime, or was injected. */
function isHere(carrier: CarrierName, options: GatewayTransportOptions): boolean {
  if (carrier === "webtransport") return (options.webTransport ?? globalThis.WebTransport) !== undefined;
  if (carrier === "websocket") return (options.webSocket ?? globalThis.WebSocket) !== undefined;
  return true;
}
