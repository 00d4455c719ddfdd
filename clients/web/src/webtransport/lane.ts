/** A lane that is a bidirectional stream of a session. */

import { type Lane, LaneError } from "../lane.js";
import { NO_ERROR, REFUSED } from "../wire/codes.js";

/** What the gateway ended a stream with, if the browser does not say: some code that is not known, so INTERNAL. */
const UNKNOWN = 13;

/** How long the session may take to end after a stream failed for no reason that was given, in milliseconds. */
const END_OF_SESSION_MS = 100;

/** What a lane tells its session, and asks it. */
export interface LaneOwner {
  /** Fulfilled when the session has ended. */
  readonly ended: Promise<unknown>;
  /** The session takes no more calls. */
  drain(): void;
  /** The lane is not used any more. Called once. */
  release(): void;
}

export class WebTransportLane implements Lane {
  readonly carrier = "webtransport";
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  #released = false;
  /** Everything of the request was sent. */
  #isFinished = false;
  /** Why nothing can be received any more. */
  #failure: LaneError | undefined;

  constructor(stream: WebTransportBidirectionalStream, private readonly owner: LaneOwner) {
    this.#writer = stream.writable.getWriter();
    this.#reader = stream.readable.getReader();
  }

  async send(frame: Uint8Array): Promise<void> {
    try {
      // How the write ends shows in `ready` too, which comes sooner: as soon as there is room.
      this.#writer.write(frame).catch(ignore);
      await this.#writer.ready;
    } catch (error) {
      throw await this.#explain(error);
    }
  }

  async finish(): Promise<void> {
    // The TRAILERS frame was the end of the request (section 5). The stream's end comes after the response: before it, a
    // page of Firefox 153 would have nothing left to cancel the call with.
    if (this.#failure) throw this.#failure;
    this.#isFinished = true;
  }

  async receive(): Promise<Uint8Array | undefined> {
    if (this.#failure) throw this.#failure;
    try {
      const { done, value } = await this.#reader.read();
      // A reader that was cancelled says `done`.
      if (this.#failure) throw this.#failure;
      if (done) this.#release();
      return value;
    } catch (error) {
      const failure = await this.#explain(error);
      // Whatever the gateway had to say was said: the request is not waited for.
      this.#end(NO_ERROR, failure);
      throw failure;
    }
  }

  cancel(code: number): void {
    this.#end(code, new LaneError("the call was given up", code));
  }

  draining(): void {
    this.owner.drain();
  }

  #end(code: number, failure: LaneError): void {
    this.#failure ??= failure;
    const reason = streamError(code);
    if (code === NO_ERROR && this.#isFinished) {
      this.#writer.close().catch(ignore);
      void this.#seeEnd(reason);
    } else {
      this.#writer.abort(reason).catch(ignore);
      this.#reader.cancel(reason).catch(ignore);
    }
    this.#release();
  }

  /** Behind a complete response there is only its end. A gateway counts streams that are stopped, and this need not be. */
  async #seeEnd(reason: unknown): Promise<void> {
    const isOver = await this.#reader.read().then(({ done }) => done, () => true);
    if (!isOver) this.#reader.cancel(reason).catch(ignore);
  }

  #release(): void {
    if (this.#released) return;
    this.#released = true;
    this.owner.release();
  }

  async #explain(error: unknown): Promise<LaneError> {
    if (this.#failure) return this.#failure;
    const code = await this.#codeOf(error);
    if (code === REFUSED) this.owner.drain();
    const message = code === undefined ? "the session is gone" : `the gateway ended the stream with code ${code}`;
    return this.#failure ?? new LaneError(message, code, { cause: error });
  }

  /** The gateway's code in `error`; `undefined` if the session has ended. */
  async #codeOf(error: unknown): Promise<number | undefined> {
    const { source, streamErrorCode } = error as Partial<WebTransportError>;
    if (source === "stream") return streamErrorCode ?? UNKNOWN;
    if (source === "session") return undefined;
    // Firefox 153 fails reads of a stream that was reset with a TypeError, and those of a lost session as well. If the
    // request was stopped too, it says why that was.
    let timer: ReturnType<typeof setTimeout> | undefined;
    const unknown = new Promise<number>((resolve) => (timer = setTimeout(resolve, END_OF_SESSION_MS, UNKNOWN)));
    const lost = this.owner.ended.then(() => undefined);
    const stopped = this.#writer.closed.then(
      () => unknown,
      (why: Partial<WebTransportError>) => why.streamErrorCode || unknown,
    );
    const code = await Promise.race([lost, stopped, unknown]);
    clearTimeout(timer);
    return code;
  }
}

/** What ends a stream with `code` when it is its reason. */
function streamError(code: number): unknown {
  const { WebTransportError } = globalThis;
  // WebTransport was injected.
  if (!WebTransportError) return Object.assign(new Error("the stream was ended"), { streamErrorCode: code });
  // Chromium 156 and Firefox 153 take one dictionary, the later specification a message before it, Safari takes both.
  const error = new WebTransportError({ streamErrorCode: code } as unknown as string);
  return error.streamErrorCode === code ? error : new WebTransportError("", { streamErrorCode: code });
}

/** For promises whose failure shows elsewhere. */
export function ignore(): void {}
