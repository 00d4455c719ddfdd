/** How WebSockets end, and what each of their messages is (docs/grpc-webtransport.md, section 11). */

import { LaneError } from "../lane.js";
import { NO_ERROR, PROTOCOL_ERROR } from "../wire/codes.js";
import { PREFIX_BYTES } from "../wire/frame.js";

export const SUBPROTOCOL = "grpc-ws-1-windows";

const COMPLETE = 1000;
const BASE = 4000;
/** What cancels a call, whatever the reason. */
const CANCELLED = BASE + 1;

/**
 * RFC 6455, section 7.4.1, and its registry: somebody goes away, the connection broke, a service starts anew, or has too
 * much to do.
 */
const LOST = [1001, 1006, 1012, 1013];

/** What a client closes a WebSocket with that it gives up with this code of section 7. */
export function closeCodeOf(reset: number): number {
  return reset === NO_ERROR ? COMPLETE : CANCELLED;
}

/** What a WebSocket that was closed with `code` has ended its lane with; `undefined` for the end of a response. */
export function errorOfClose(code: number, reason = ""): LaneError | undefined {
  if (code === COMPLETE) return undefined;
  if (LOST.includes(code)) return new LaneError(`the WebSocket was lost (${code})`, undefined);
  const reset = code > BASE && code < BASE + 0x100 ? code - BASE : PROTOCOL_ERROR;
  return new LaneError(`the gateway closed the WebSocket with ${code}${reason && `: ${reason}`}`, reset);
}

/** The frame that is a message. Throws a {@link LaneError} if the message is not exactly one. */
export function frameOf(message: unknown): Uint8Array {
  if (message instanceof ArrayBuffer && message.byteLength >= PREFIX_BYTES) {
    if (new DataView(message).getUint32(1) === message.byteLength - PREFIX_BYTES) return new Uint8Array(message);
  }
  throw new LaneError("the gateway sent a WebSocket message that is not one frame", PROTOCOL_ERROR);
}

/** For a WebSocket that opened although the server did not take up what was offered. */
export function wrongSubprotocol(): LaneError {
  return new LaneError(`the server did not agree on ${SUBPROTOCOL}`, undefined);
}
