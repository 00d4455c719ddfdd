/** A transport that carries every call on a WebSocket. */

import type { Transport } from "@connectrpc/connect";

import type { WebSocketOptions } from "../options.js";
import { framedTransport } from "../transport.js";
import { WebSocketCarrier } from "./carrier.js";

/**
 * A transport for which every call, of whichever kind, is a WebSocket, and nothing else: calls fail with `UNAVAILABLE`
 * where none gets through. `createGatewayTransport` knows other ways.
 *
 * A response is read ahead by 1 MiB and one message at most, so a slow reader slows its sender down. There is not room
 * for any number of calls: Chromium opens 255 WebSockets, and on HTTP/2 as many as the gateway takes streams. Further ones
 * wait, and end with `UNAVAILABLE` after `connectTimeoutMs`.
 *
 * `close` ends all calls with `UNAVAILABLE`; later ones connect again.
 */
export function createWebSocketTransport(options: WebSocketOptions): Transport & { close(): void } {
  const carrier = new WebSocketCarrier(options);
  return { ...framedTransport((signal) => carrier.open(signal), options), close: () => carrier.close() };
}
