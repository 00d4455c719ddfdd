/** A transport that carries every call on a WebSocket. */

import type { Transport } from "@connectrpc/connect";

import type { WebSocketOptions } from "../options.js";
import { framedTransport } from "../transport.js";
import { WebSocketCarrier } from "./carrier.js";

/**
 * A transport for which every call, of whichever kind, is a WebSocket, and nothing else: calls fail with `UNAVAILABLE`
 * where none gets through. `createGatewayTransport` knows other ways.
 *
 * Browsers cannot let a WebSocket wait. What the application does not read of a response is kept in memory, and ends the
 * call with `RESOURCE_EXHAUSTED` when it is more than 64 MiB. Nor is there room for any number: Chromium opens 255, and on
 * HTTP/2 as many as the gateway takes streams. Further calls wait, and end with `UNAVAILABLE` after `connectTimeoutMs`.
 *
 * `close` ends all calls with `UNAVAILABLE`; later ones connect again.
 */
export function createWebSocketTransport(options: WebSocketOptions): Transport & { close(): void } {
  const carrier = new WebSocketCarrier(options);
  return { ...framedTransport((signal) => carrier.open(signal), options), close: () => carrier.close() };
}
