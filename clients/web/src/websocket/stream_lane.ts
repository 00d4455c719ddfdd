/** A lane that is a WebSocketStream, as Chromium has it: it waits for who reads, and who writes can wait for it. */

import { LaneError } from "../lane.js";
import { NO_ERROR } from "../wire/codes.js";
import { ignore } from "../webtransport/lane.js";
import { closeCodeOf, errorOfClose, frameOf, LOST, SUBPROTOCOL, wrongSubprotocol } from "./close.js";
import type { LaneOwner, OpeningLane } from "./lane.js";

/** What is used of it: TypeScript's library does not have it (https://github.com/whatwg/websockets/pull/48). */
export interface WebSocketStream {
  readonly opened: Promise<{ readable: ReadableStream<unknown>; writable: WritableStream<Uint8Array>; protocol: string }>;
  /** Rejected, with an error that has the same members, if it was not closed in order. */
  readonly closed: Promise<CloseInfo>;
  close(info: { closeCode: number }): void;
}

interface CloseInfo {
  closeCode?: number | null;
  reason?: string;
}

const END = { done: true, value: undefined } as const;

export class WebSocketStreamLane implements OpeningLane {
  readonly carrier = "websocket";
  readonly opened: Promise<void>;
  #reader!: ReadableStreamDefaultReader<unknown>;
  #writer!: WritableStreamDefaultWriter<Uint8Array>;
  /** How the WebSocket was closed, which is known when everything before that was read. */
  readonly #closed: Promise<LaneError | undefined>;
  #isReleased = false;
  /** Why it was given up on this side. */
  #failure: LaneError | undefined;
  /** Rejects those who wait. */
  readonly #waiting = new Set<(error: LaneError) => void>();

  constructor(private readonly stream: WebSocketStream, private readonly owner: LaneOwner) {
    const over = ({ closeCode, reason }: CloseInfo) => {
      this.#release();
      return errorOfClose(closeCode ?? LOST, reason);
    };
    this.#closed = stream.closed.then(over, over);
    this.opened = this.#unlessGivenUp(this.#open());
  }

  send(frame: Uint8Array): Promise<void> {
    return this.#unlessGivenUp(this.#write(frame));
  }

  async finish(): Promise<void> {
    // The TRAILERS frame was the end of the request: a WebSocket cannot be closed in one direction.
    if (this.#failure) throw this.#failure;
  }

  receive(): Promise<Uint8Array | undefined> {
    return this.#unlessGivenUp(this.#read());
  }

  cancel(code: number): void {
    this.#giveUp(new LaneError("the call was given up", code), code);
  }

  lose(why: string): void {
    this.#giveUp(new LaneError(why, undefined));
  }

  draining(): void {
    this.owner.drain();
  }

  async #open(): Promise<void> {
    const { readable, writable, protocol } = await this.stream.opened;
    this.#reader = readable.getReader();
    this.#writer = writable.getWriter();
    this.#writer.closed.catch(ignore);
    if (this.#failure) void this.#discard();
    else if (protocol !== SUBPROTOCOL) this.#giveUp(wrongSubprotocol());
  }

  async #write(frame: Uint8Array): Promise<void> {
    try {
      await this.#writer.write(frame);
    } catch {
      throw (await this.#closed) ?? new LaneError("the response is complete", NO_ERROR);
    }
  }

  async #read(): Promise<Uint8Array | undefined> {
    const { done, value } = await this.#reader.read().catch(() => END);
    if (done) {
      const error = await this.#closed;
      if (error) throw error;
      return undefined;
    }
    try {
      return frameOf(value);
    } catch (error) {
      this.#giveUp(error as LaneError);
      throw error;
    }
  }

  #giveUp(error: LaneError, code = 1): void {
    if (this.#failure) return;
    this.#failure = error;
    this.stream.close({ closeCode: closeCodeOf(code) });
    for (const reject of this.#waiting) reject(error);
    this.#release();
    if (this.#reader) void this.#discard();
  }

  /** Reads on, for nobody: what is not read stands before the gateway's close, and would keep the connection. */
  async #discard(): Promise<void> {
    while (!(await this.#reader.read().catch(() => END)).done);
  }

  #release(): void {
    if (!this.#isReleased) this.owner.release();
    this.#isReleased = true;
  }

  #unlessGivenUp<T>(work: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      if (this.#failure) reject(this.#failure);
      this.#waiting.add(reject);
      work.then(resolve, reject).finally(() => this.#waiting.delete(reject));
    });
  }
}
