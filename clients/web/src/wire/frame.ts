/** Frames: what a call is cut into on every lane (docs/grpc-webtransport.md, section 3). */

import { Code, ConnectError } from "@connectrpc/connect";

export const MESSAGE = 0x00;
export const MESSAGE_COMPRESSED = 0x01;
export const HEADERS = 0x40;
export const TRAILERS = 0x80;
/** The bit that makes any frame one to be skipped by those who do not know it. */
export const EXTENSION = 0x20;
/** An extension: the gateway goes away, so new calls should take another way. */
export const DRAIN = 0x24;
/** An extension: messages may come in datagrams, which nothing here ever asks for. */
export const DATAGRAMS = 0x28;
/** An extension: more may be sent on a WebSocket. */
export const WINDOW = 0x2c;
/** An extension: nothing of this call was processed, and no more than trailers follow. */
export const REFUSED = 0x30;

/** What a frame has before its payload: the flags, and the length as a big-endian u32. */
export const PREFIX_BYTES = 5;
const MAX_EXTENSION_BYTES = 16 * 1024;
const MAX_BLOCK_BYTES = 64 * 1024;

/** Makes a frame of its payload. */
export function frame(flags: number, payload: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(PREFIX_BYTES + payload.byteLength);
  bytes[0] = flags;
  new DataView(bytes.buffer).setUint32(1, payload.byteLength);
  bytes.set(payload, PREFIX_BYTES);
  return bytes;
}

export interface Frame {
  readonly flags: number;
  readonly payload: Uint8Array;
  /** The frame as it came, prefix included. */
  readonly bytes: Uint8Array;
}

/**
 * Finds the frames of a response in bytes that were cut anywhere.
 *
 * What comes is kept as it comes. A frame that lies within one piece is a view of it, and one that does not is put
 * together when its last byte is there, so no byte is copied twice however a long response is cut.
 */
export class FrameReader {
  readonly #maxBytes: number;
  #pieces: Uint8Array[] = [];
  #available = 0;
  /** Of the frame that comes next, prefix included, once that much is known. */
  #wanted: number | undefined;

  /** @param maxBytes The largest message, in bytes. */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  push(bytes: Uint8Array): void {
    if (bytes.byteLength === 0) return;
    this.#pieces.push(bytes);
    this.#available += bytes.byteLength;
  }

  /**
   * The next frame, if all of it is there. Throws a ConnectError as soon as a prefix is there that may not be:
   * `INTERNAL` for flags that nothing has, `RESOURCE_EXHAUSTED` for a length beyond what is accepted.
   */
  next(): Frame | undefined {
    if (this.#wanted === undefined) {
      if (this.#available < PREFIX_BYTES) return undefined;
      this.#wanted = PREFIX_BYTES + this.#payloadBytes();
    }
    if (this.#available < this.#wanted) return undefined;
    const bytes = this.#take(this.#wanted);
    this.#wanted = undefined;
    return { flags: bytes[0]!, payload: bytes.subarray(PREFIX_BYTES), bytes };
  }

  /** Whether what was pushed ends where a frame ends, if all frames have been taken. */
  get isAtBorder(): boolean {
    return this.#available === 0;
  }

  /** What the prefix says that comes after it. The prefix is read where it is, or else its frame would lie in pieces. */
  #payloadBytes(): number {
    const prefix = new Uint8Array(PREFIX_BYTES);
    for (let piece = 0, filled = 0; filled < PREFIX_BYTES; piece += 1) {
      const part = this.#pieces[piece]!.subarray(0, PREFIX_BYTES - filled);
      prefix.set(part, filled);
      filled += part.byteLength;
    }
    const length = new DataView(prefix.buffer).getUint32(1);
    const limit = limitOf(prefix[0]!, this.#maxBytes);
    if (length > limit) {
      const what = `a frame of ${length} bytes is larger than the limit of ${limit}`;
      throw new ConnectError(what, Code.ResourceExhausted);
    }
    return length;
  }

  /** Takes that many bytes, which must be there. */
  #take(count: number): Uint8Array {
    this.#available -= count;
    const first = this.#pieces[0]!;
    if (first.byteLength > count) {
      this.#pieces[0] = first.subarray(count);
      return first.subarray(0, count);
    }
    if (first.byteLength === count) {
      this.#pieces.shift();
      return first;
    }
    const whole = new Uint8Array(count);
    let filled = 0;
    let used = 0;
    while (filled < count) {
      const piece = this.#pieces[used]!;
      const part = piece.subarray(0, count - filled);
      whole.set(part, filled);
      filled += part.byteLength;
      if (part.byteLength < piece.byteLength) this.#pieces[used] = piece.subarray(part.byteLength);
      else used += 1;
    }
    this.#pieces.splice(0, used);
    return whole;
  }
}

/** The largest payload of a frame with these flags. */
function limitOf(flags: number, maxMessageBytes: number): number {
  if (flags & EXTENSION) return MAX_EXTENSION_BYTES;
  if (flags === MESSAGE || flags === MESSAGE_COMPRESSED) return maxMessageBytes;
  if (flags === HEADERS || flags === TRAILERS) return MAX_BLOCK_BYTES;
  throw new ConnectError(`a frame with unknown flags 0x${flags.toString(16)}`, Code.Internal);
}
