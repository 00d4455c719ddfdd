/** A lane that is a WebSocket. */

import { type Lane, LaneError } from "../lane.js";
import { NO_ERROR } from "../wire/codes.js";
import { HEADERS, TRAILERS, WINDOW } from "../wire/frame.js";
import { closeCodeOf, errorOfClose, frameOf, SUBPROTOCOL, wrongSubprotocol } from "./close.js";
import { bytesGranted, ResponseWindow, Window } from "./window.js";

/** What a lane tells its carrier. */
export interface LaneOwner {
  /** The gateway takes no more calls. */
  drain(): void;
  /** Nothing is open any more. Called once. */
  release(): void;
}

/** How much may wait in the browser to be sent, in bytes: a gateway may grant more than its network takes. */
const MAX_SENDING = 1 << 20;
/** There is no event for `bufferedAmount`; it is looked at again after so many milliseconds at most. */
const MAX_PAUSE_MS = 32;

/**
 * There is no way to let a WebSocket wait: whatever comes is kept in memory until the application reads it. So each
 * direction has a window, and neither side sends what the other has no room for.
 */
export class WebSocketLane implements Lane {
  readonly carrier = "websocket";
  /** Fulfilled when it is open; rejected when that failed, or when it was given up before. */
  readonly opened: Promise<void>;
  /** What was received and is not read yet. */
  #unread: Uint8Array[] = [];
  readonly #request = new Window();
  readonly #response = new ResponseWindow();
  /** Whether all of the response has come, though it may not be read yet. */
  #hasTrailers = false;
  /** How it ended, once it has: without an error if the response is complete. */
  #end: { error: LaneError | undefined } | undefined;
  readonly #waiting = new Set<() => void>();

  constructor(private readonly socket: WebSocket, private readonly owner: LaneOwner) {
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
    while (!this.#request.admits(frame)) {
      await this.#wait();
      this.#throwIfOver();
    }
    this.#request.spend(frame);
    this.socket.send(frame as Uint8Array<ArrayBuffer>);
    // Nothing may come before HEADERS. Behind them, the response's window is made as wide as it is to be.
    if (frame[0] === HEADERS) this.#grant();
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
    if (frame) {
      this.#response.taken(frame);
      this.#grant();
    } else if (this.#end?.error) {
      throw this.#end.error;
    }
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
      if (frame[0] === WINDOW) {
        this.#request.widen(bytesGranted(frame));
      } else {
        this.#response.received(frame);
        this.#hasTrailers ||= frame[0] === TRAILERS;
        this.#unread.push(frame);
      }
      this.#wake();
    } catch (error) {
      this.#giveUp(error as LaneError);
    }
  }

  /** Grants the gateway what is due, unless it has nothing more to send. */
  #grant(): void {
    if (this.#end || this.#hasTrailers) return;
    const grant = this.#response.grant();
    if (grant) this.socket.send(grant as Uint8Array<ArrayBuffer>);
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
