/** One WebTransport session and the calls on it. */

import { pause, unlessAborted } from "../abort.js";
import { Backoff } from "../backoff.js";
import { type Lane, Unreached } from "../lane.js";
import { NO_ERROR } from "../wire/codes.js";
import type { Address } from "./address.js";
import { ignore, type LaneOwner, WebTransportLane } from "./lane.js";

const SUBPROTOCOL = "grpc-wt-1";

/** Why a gateway closes a session that it has too many of (docs/grpc-webtransport.md, section 9). */
const OVERLOAD = 4;

/** What browsers have, or will have, that TypeScript's library does not know yet. */
type Transport = WebTransport & {
  /** Safari's, and the specification's. */
  readonly draining?: Promise<unknown>;
};

/** Connects. Throws what went wrong, or the signal's reason. */
export async function connect(type: typeof WebTransport, address: Address, signal: AbortSignal): Promise<WebTransport> {
  const options = { allowPooling: false, protocols: [SUBPROTOCOL] };
  const { hashes } = address;
  const transport = new type(address.url, hashes ? { ...options, serverCertificateHashes: hashes } : options);
  // Who has to know hears of it from `ready`.
  transport.closed.catch(ignore);
  try {
    await unlessAborted(transport.ready, signal);
    return transport;
  } catch (error) {
    disconnect(transport);
    throw error;
  }
}

export class Session {
  /** Fulfilled when it has ended. */
  readonly ended: Promise<void>;
  #lanes = 0;
  #isDraining = false;
  #hasEnded = false;
  #idle: ReturnType<typeof setTimeout> | undefined;
  /** How many calls wait for a stream because the gateway had no room for one. */
  #waiting = 0;
  /** Fulfilled when the last of them has its stream. */
  #queue: Promise<unknown> = Promise.resolve();

  /**
   * @param idleMs How long it stays open without lanes.
   * @param onChange Called when it begins to drain, and when it has ended: with an error if it was lost, or was more
   *   than the gateway could carry.
   */
  constructor(
    private readonly transport: Transport,
    private readonly idleMs: number,
    private readonly onChange: (error?: unknown) => void,
  ) {
    this.ended = transport.closed.then(
      ({ closeCode }) => this.#end(closeCode === OVERLOAD ? new Error("the gateway is overloaded") : undefined),
      (error: unknown) => this.#end(error),
    );
    // A session that is lost drains for nobody: `closed` has told it.
    transport.draining?.then(() => this.drain(), ignore);
    this.#rest();
  }

  /** How many calls it carries. */
  get lanes(): number {
    return this.#lanes;
  }

  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** Whether one more call would have to wait for the end of another. */
  get isFull(): boolean {
    return this.#waiting > 0;
  }

  /** Whether new calls may travel on it. */
  get isUsable(): boolean {
    return !this.#isDraining && !this.#hasEnded;
  }

  /** Counts a call that is about to {@link open} a lane, so that those who choose a session meanwhile know of it. */
  reserve(): void {
    this.#lanes += 1;
    clearTimeout(this.#idle);
  }

  /**
   * Opens the lane that was reserved, which may have to wait for the end of another one. Throws an {@link Unreached} if
   * there is none, or the signal's reason.
   */
  async open(signal: AbortSignal): Promise<Lane> {
    const owner: LaneOwner = { ended: this.ended, drain: () => this.drain(), release: () => this.#release() };
    const opening = this.#stream(signal).then((stream) => new WebTransportLane(stream, owner));
    try {
      return await unlessAborted(opening, signal);
    } catch (error) {
      // A stream that comes when nobody waits for it any more is given back.
      opening.then((lane) => lane.cancel(NO_ERROR), owner.release);
      if (signal.aborted) throw error;
      throw new Unreached("no stream could be opened", { cause: error });
    }
  }

  /** Takes no more calls, and ends after those that it has. */
  drain(): void {
    if (!this.isUsable) return;
    this.#isDraining = true;
    if (this.#lanes === 0) this.close();
    this.onChange();
  }

  /** Ends at once: lanes are lost. */
  close(): void {
    this.#end();
    disconnect(this.transport);
  }

  /**
   * A new stream, as soon as the gateway has room for it.
   *
   * Chromium 156 does not wait for room but fails, and does not tell when there is some. So one of those who wait asks
   * again and again, and the others wait for it.
   */
  async #stream(signal: AbortSignal): Promise<WebTransportBidirectionalStream> {
    // By the later specification browsers do so too, unless they are told to wait.
    const options = { waitUntilAvailable: true } as WebTransportSendStreamOptions;
    const create = () => this.transport.createBidirectionalStream(options);
    if (!this.isFull) {
      try {
        return await create();
      } catch (error) {
        if (this.#hasEnded) throw error;
      }
    }
    const pauses = new Backoff({ initialMs: 10, maxMs: 250 });
    const askAgain = async () => {
      for (;;) {
        signal.throwIfAborted();
        try {
          return await create();
        } catch (error) {
          if (this.#hasEnded) throw error;
        }
        await Promise.race([pause(pauses.next(), signal), this.ended]);
      }
    };
    this.#waiting += 1;
    const stream = this.#queue.then(askAgain).finally(() => (this.#waiting -= 1));
    this.#queue = stream.catch(ignore);
    return stream;
  }

  #release(): void {
    this.#lanes -= 1;
    if (this.#lanes > 0 || this.#hasEnded) return;
    if (this.#isDraining) this.close();
    else this.#rest();
  }

  #rest(): void {
    this.#idle = setTimeout(() => this.close(), this.idleMs);
  }

  #end(error?: unknown): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    clearTimeout(this.#idle);
    this.onChange(error);
  }
}

/** Gives a connection up, whatever has become of it. */
export function disconnect(transport: WebTransport): void {
  try {
    transport.close({ closeCode: 0, reason: "" });
  } catch {
    // It has ended by itself.
  }
}
