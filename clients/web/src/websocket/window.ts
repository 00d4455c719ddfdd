/** Windows: how much of each direction may be on its way or unread (docs/grpc-webtransport.md, section 11). */

import { LaneError } from "../lane.js";
import { PROTOCOL_ERROR } from "../wire/codes.js";
import { DATAGRAMS, DRAIN, frame, HEADERS, PREFIX_BYTES, REFUSED, TRAILERS, WINDOW } from "../wire/frame.js";

/** What may be sent before anything was granted, in bytes. */
const INITIAL = 64 << 10;
/** What it takes to keep a frame besides its bytes, roughly. */
const PER_FRAME = 128;
/** Frames that cost nothing, because a call has few of them or they are not kept: they pass whatever was granted. */
const FREE = [HEADERS, TRAILERS, DRAIN, DATAGRAMS, WINDOW, REFUSED];

/** How much of a response is read ahead of the application, besides one frame, in bytes. */
const READ_AHEAD = 1 << 20;
/** Less is not worth a frame, in bytes. */
const LEAST_GRANT = READ_AHEAD / 8;

/** What may be sent in one direction. */
export class Window {
  #bytes = INITIAL;

  /** Whether `frame` may be sent now. It may be larger than the window, or large messages would never pass. */
  admits(frame: Uint8Array): boolean {
    return this.#bytes > 0 || costOf(frame) === 0;
  }

  /** Takes off what `frame` costs, which may leave less than nothing. */
  spend(frame: Uint8Array): void {
    this.#bytes -= costOf(frame);
  }

  widen(bytes: number): void {
    this.#bytes += bytes;
  }
}

/** The window of a response, and what the gateway is to be granted. */
export class ResponseWindow {
  readonly #window = new Window();
  /** What is not granted yet. It is much at first, so that the first grant is not left to the application's reading. */
  #due = READ_AHEAD - INITIAL;

  /** Throws a {@link LaneError} if the gateway was not granted `frame`. */
  received(frame: Uint8Array): void {
    if (!this.#window.admits(frame)) throw new LaneError("the gateway sent more than it was granted", PROTOCOL_ERROR);
    this.#window.spend(frame);
  }

  /** The application has `frame`, so there is room for as much again. */
  taken(frame: Uint8Array): void {
    this.#due += costOf(frame);
  }

  /** The WINDOW frame that is to be sent now, if what is due is worth one. */
  grant(): Uint8Array | undefined {
    if (this.#due < LEAST_GRANT) return undefined;
    const payload = new Uint8Array(4);
    new DataView(payload.buffer).setUint32(0, this.#due);
    this.#window.widen(this.#due);
    this.#due = 0;
    return frame(WINDOW, payload);
  }
}

/** What a WINDOW frame adds to the window of the request. Throws a {@link LaneError} if its payload is no number. */
export function bytesGranted(frame: Uint8Array): number {
  const payload = frame.subarray(PREFIX_BYTES);
  if (payload.length !== 4) throw new LaneError("the gateway sent a WINDOW frame whose payload is not a number", PROTOCOL_ERROR);
  return new DataView(payload.buffer, payload.byteOffset).getUint32(0);
}

function costOf(frame: Uint8Array): number {
  return FREE.includes(frame[0]!) ? 0 : frame.length + PER_FRAME;
}
