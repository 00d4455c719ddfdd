/** A lane that is a WebSocket. */

import { type Lane, LaneError } from "../lane.js";
import { NO_ERROR } from "../wire/codes.js";
import { closeCodeOf, errorOfClose, frameOf, SUBPROTOCOL, wrongSubprotocol } from "./close.js";

/** What a lane tells its carrier. */
export interface LaneOwner {
  /** The gateway takes no more calls. */
  drain(): void;
  /** Nothing is open any more. Called once. */
  release(): void;
}

/** How much may wait to be sent, in bytes. */
const MAX_SENDING = 1 << 20;
/** How much may wait to be read, besides one message of the largest size, in bytes. */
const MAX_UNREAD = 64 << 20;
/** What a browser needs to keep a message besides its bytes, roughly. */
const PER_MESSAGE = 128;
/** There is no event for `bufferedAmount`; it is looked at again after so many milliseconds at most. */
const MAX_PAUSE_MS = 32;

const RESOURCE_EXHAUSTED = 8;

/**
 * There is no way to let a WebSocket wait: what the application does not read yet is kept in memory, and ends the call
 * with `RESOURCE_EXHAUSTED` when it is more than 64 MiB. Chromium's WebSocketStream would wait, but is not used: version
 * 156 forgets what was not read when the gateway closes, and the end of each response with it.
 */
export class WebSocketLane implements Lane {
  readonly carrier = "websocket";
  /** Fulfilled when it is open; rejected when that failed, or when it was given up before. */
  readonly opened: Promise<void>;
  /** What was received and is not read yet. */
  #unread: Uint8Array[] = [];
  #unreadBytes = 0;
  /** How it ended, once it has: without an error if the response is complete. */
  #end: { error: LaneError | undefined } | undefined;
  readonly #waiting = new Set<() => void>();

  /** @param readMaxBytes The size of the largest message. */
  constructor(private readonly socket: WebSocket, private readonly readMaxBytes: number, private readonly owner: LaneOwner) {
    socket.binaryType = "arraybuffer";
    this.opened = new Promise((resolve, reject) => {
      socket.onopen = () => (socket.protocol === SUBPROTOCOL ? resolve() : this.#giveUp(wrongSubprotocol()));
      this.#wait().then(() => this.#throwIfOver()).catch(reject);
    });
    // It says nothing that the close does not; but `ws`, for Node, throws if nobody listens.
    socket.onerror = () => {};
    socket.onmessage = ({ data }) => this.#take(data);
    socket.onclose = ({ code, reason }) => this.#over(errorOfClose(code, reason));
  }

  async send(frame: Uint8Array): Promise<void> {
    this.#throwIfOver();
    this.socket.send(frame as Uint8Array<ArrayBuffer>);
    for (let pause = 1; this.socket.bufferedAmount > MAX_SENDING; pause = Math.min(2 * pause, MAX_PAUSE_MS)) {
      await this.#wait(pause);
      this.#throwIfOver();
    }
  }

  async finish(): Promise<void> {
    // The TRAILERS frame was the end of the request: a WebSocket cannot be closed in one direction.
    this.#throwIfOver();
  }

  async receive(): Promise<Uint8Array | undefined> {
    while (this.#unread.length === 0 && !this.#end) await this.#wait();
    const frame = this.#unread.shift();
    if (frame) this.#unreadBytes -= frame.length + PER_MESSAGE;
    else if (this.#end?.error) throw this.#end.error;
    return frame;
  }

  cancel(code: number): void {
    this.#giveUp(new LaneError("the call was given up", code), code);
  }

  /** Ends it as one that was lost, and says why. */
  lose(why: string): void {
    this.#giveUp(new LaneError(why, undefined));
  }

  draining(): void {
    this.owner.drain();
  }

  #take(message: unknown): void {
    if (this.#end) return;
    try {
      const frame = frameOf(message);
      this.#unreadBytes += frame.length + PER_MESSAGE;
      if (this.#unreadBytes > MAX_UNREAD + this.readMaxBytes) throw tooMuchUnread();
      this.#unread.push(frame);
      this.#wake();
    } catch (error) {
      this.#giveUp(error as LaneError);
    }
  }

  #giveUp(error: LaneError, code = 1): void {
    this.#unread = [];
    this.socket.close(closeCodeOf(code));
    this.#over(error);
  }

  #over(error: LaneError | undefined): void {
    if (this.#end) return;
    this.#end = { error };
    this.#wake();
    this.owner.release();
  }

  #throwIfOver(): void {
    if (this.#end) throw this.#end.error ?? new LaneError("the response is complete", NO_ERROR);
  }

  /** Until a message came, or this ended, or some milliseconds have passed. */
  #wait(ms?: number): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        this.#waiting.delete(wake);
        clearTimeout(timer);
        resolve();
      };
      const timer = ms === undefined ? undefined : setTimeout(wake, ms);
      this.#waiting.add(wake);
    });
  }

  #wake(): void {
    for (const wake of this.#waiting) wake();
  }
}

function tooMuchUnread(): LaneError {
  return new LaneError("the gateway sent more than is kept while nothing is read of it", RESOURCE_EXHAUSTED);
}
