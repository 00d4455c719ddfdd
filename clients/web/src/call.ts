/** Makes a call of frames on a lane (docs/grpc-webtransport.md, sections 5 to 8). */

import { Code, ConnectError } from "@connectrpc/connect";
import type { UniversalClientFn, UniversalClientRequest, UniversalClientResponse } from "@connectrpc/connect/protocol";

import { LaneError, Unreached, type Lane } from "./lane.js";
import { decodeBlock, encodeBlock } from "./wire/block.js";
import { codeOfReset, NO_ERROR, REFUSED } from "./wire/codes.js";
import {
  DRAIN,
  EXTENSION,
  frame,
  FrameReader,
  HEADERS,
  REFUSED as REFUSED_FRAME,
  TRAILERS,
  type Frame,
} from "./wire/frame.js";

/** Opens a lane for a call, or rejects as {@link Carrier.open} does. */
export type OpenLane = (signal: AbortSignal) => Promise<Lane>;

/** How much of a request is kept until the response begins, to be sent again if the gateway refuses the call. */
const KEPT_BYTES = 64 * 1024;
const MAX_ATTEMPTS = 3;

/**
 * What Connect takes for an HTTP client, and is given calls of: each on a lane of its own.
 *
 * @param limits `readMaxBytes` is the largest message that is read.
 */
export function carry(openLane: OpenLane, limits: { readMaxBytes: number }): UniversalClientFn {
  return (request) => new Call(openLane, limits.readMaxBytes, request).start();
}

/**
 * One call. It sends while it receives, and has ended when either the response is complete or it was given up; then the
 * lane has been let go, with a code, and no more is taken of the request.
 */
class Call {
  readonly #openLane: OpenLane;
  readonly #maxBytes: number;
  readonly #request: UniversalClientRequest;
  readonly #signal: AbortSignal;
  readonly #messages: AsyncIterator<Uint8Array>;
  /** The next message of the request, if one was asked for and not yet sent. */
  #nextMessage: Promise<IteratorResult<Uint8Array>> | undefined;
  /** What was sent, while it may have to be sent again. */
  #kept: Uint8Array[] | undefined = [];
  #keptBytes = 0;
  #lane: Lane | undefined;
  #frames: FrameReader;
  #hasEnded = false;
  /** Why the call was given up. */
  #failure: ConnectError | undefined;

  constructor(openLane: OpenLane, maxBytes: number, request: UniversalClientRequest) {
    this.#openLane = openLane;
    this.#maxBytes = maxBytes;
    this.#request = request;
    this.#signal = request.signal ?? new AbortController().signal;
    this.#messages = (request.body ?? none())[Symbol.asyncIterator]();
    this.#frames = new FrameReader(maxBytes);
  }

  /** Resolves when the response begins. */
  async start(): Promise<UniversalClientResponse> {
    // Connect's signal is that of this call alone, so the listener goes with it.
    this.#signal.addEventListener("abort", this.#abort);
    try {
      if (this.#signal.aborted) throw ConnectError.from(this.#signal.reason, Code.Canceled);
      const first = await this.#begin(this.#headers());
      this.#kept = undefined;
      const trailer = new Headers();
      if (first.flags === TRAILERS) {
        // Connect calls for a content type where gRPC over WebTransport needs none.
        this.#complete(first, trailer);
        return { status: 200, header: withContentType(new Headers()), body: none(), trailer };
      }
      if (first.flags !== HEADERS) throw new ConnectError("the response does not begin with headers", Code.Internal);
      const header = withContentType(decodeBlock(first.payload));
      return { status: 200, header, body: this.#body(trailer), trailer };
    } catch (error) {
      throw this.#giveUp(error);
    }
  }

  #headers(): Uint8Array {
    // A base URL may have a path, which is that of a gateway on `fetch`: a lane has its own address.
    const path = `/${this.#request.url.split("/").slice(-2).join("/")}`;
    return frame(HEADERS, encodeBlock(path, this.#request.header));
  }

  /** Sends the request, again if it is refused, and returns the first frame of the response. */
  async #begin(headers: Uint8Array): Promise<Frame> {
    for (let attempt = 1; ; attempt += 1) {
      const lane = await this.#openLane(this.#signal);
      if (this.#failure) {
        lane.cancel(this.#failure.code);
        throw this.#failure;
      }
      this.#lane = lane;
      this.#frames = new FrameReader(this.#maxBytes);
      void this.#send(lane, headers);
      try {
        return await this.#receive(lane);
      } catch (error) {
        const isRefused = error instanceof LaneError && error.code === REFUSED;
        if (isRefused) lane.draining();
        if (!isRefused || !this.#kept || attempt === MAX_ATTEMPTS) throw error;
        lane.cancel(NO_ERROR);
        this.#lane = undefined;
      }
    }
  }

  /** Sends the request on a lane to its end, or until the lane takes no more of it: then the response says why. */
  async #send(lane: Lane, headers: Uint8Array): Promise<void> {
    try {
      await lane.send(headers);
      for (const message of [...(this.#kept ?? [])]) await lane.send(message);
      for (;;) {
        // An attempt that was refused may still wait for a message. The next attempt waits for the same one.
        this.#nextMessage ??= this.#messages.next();
        const message = await this.#nextMessage;
        if (this.#lane !== lane) return;
        this.#nextMessage = undefined;
        if (message.done) break;
        this.#keep(message.value);
        await lane.send(message.value);
      }
      await lane.send(frame(TRAILERS, new Uint8Array()));
      await lane.finish();
    } catch (error) {
      if (!(error instanceof LaneError)) this.#giveUp(error);
    }
  }

  #keep(message: Uint8Array): void {
    if (!this.#kept) return;
    this.#keptBytes += message.byteLength;
    if (this.#keptBytes > KEPT_BYTES) this.#kept = undefined;
    else this.#kept.push(message);
  }

  /** The messages of the response, each a whole frame, for that is what Connect splits them by. */
  async *#body(trailer: Headers): AsyncGenerator<Uint8Array> {
    try {
      while (!this.#hasEnded) {
        const next = await this.#receive(this.#lane!);
        if (next.flags === TRAILERS) this.#complete(next, trailer);
        else if (next.flags === HEADERS) throw new ConnectError("the response has headers twice", Code.Internal);
        else yield next.bytes;
      }
      if (this.#failure) throw this.#failure;
    } catch (error) {
      throw this.#giveUp(error);
    } finally {
      this.#giveUp(new ConnectError("the response was not read to its end", Code.Canceled));
    }
  }

  /** The next frame that is not an extension. */
  async #receive(lane: Lane): Promise<Frame> {
    for (;;) {
      const next = this.#frames.next();
      if (next === undefined) {
        const bytes = await lane.receive();
        if (bytes === undefined) throw new ConnectError("the response ended before its trailers", Code.Internal);
        this.#frames.push(bytes);
      } else if (next.flags === DRAIN) {
        lane.draining();
      } else if (next.flags === REFUSED_FRAME) {
        throw new LaneError("the gateway takes no new calls", REFUSED);
      } else if (!(next.flags & EXTENSION)) {
        return next;
      }
    }
  }

  #complete(trailers: Frame, trailer: Headers): void {
    decodeBlock(trailers.payload).forEach((value, name) => trailer.append(name, value));
    this.#end(NO_ERROR);
  }

  /** Connect aborts with its own error when the deadline passes, and with the application's reason otherwise. */
  readonly #abort = (): void => {
    this.#giveUp(ConnectError.from(this.#signal.reason, Code.Canceled));
  };

  /** Gives the call up, unless it has ended, and returns why it was. */
  #giveUp(reason: unknown): ConnectError {
    const error = this.#failure ?? errorOf(reason);
    if (!this.#hasEnded) this.#failure = error;
    this.#end(error.code);
    return error;
  }

  #end(code: number): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#lane?.cancel(code);
    this.#lane = undefined;
    // It may be waiting for the application, so it is told and not waited for; what it throws has nobody to go to.
    this.#messages.return?.().catch(() => {});
  }
}

function errorOf(reason: unknown): ConnectError {
  const code =
    reason instanceof LaneError ? codeOfReset(reason.code) : reason instanceof Unreached ? Code.Unavailable : Code.Unknown;
  return ConnectError.from(reason, code);
}

function withContentType(header: Headers): Headers {
  if (!header.has("content-type")) header.set("content-type", "application/grpc");
  return header;
}

async function* none(): AsyncGenerator<Uint8Array> {}
