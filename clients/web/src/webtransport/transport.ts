/** A transport that carries every call on WebTransport. */

import type { Transport } from "@connectrpc/connect";

import type { WebTransportOptions } from "../options.js";
import { framedTransport } from "../transport.js";
import { WebTransportCarrier } from "./carrier.js";

/**
 * A transport for which every kind of call is a stream of a WebTransport session, and nothing else: calls fail with
 * `UNAVAILABLE` where there is no WebTransport, or none gets through. `createGatewayTransport` knows other ways.
 *
 * Sessions open with the first call. `close` ends them, and the calls on them with `UNAVAILABLE`; a later call opens
 * another one.
 */
export function createWebTransportTransport(options: WebTransportOptions): Transport & { close(): void } {
  const carrier = new WebTransportCarrier(options);
  return { ...framedTransport((signal) => carrier.open(signal), options), close: () => carrier.close() };
}
