/** One WebTransport session and the calls on it. */

import { type Lane, Unreached } from "../lane.js";
import { NO_ERROR } from "../wire/codes.js";
import { unlessAborted } from "./abort.js";
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

  /**
   * @param idleMs How long it stays open without lanes.
   * @param onChange Called when it begins to drain, and when it has ended: with an error if it was lost, or was more than
   *   the gateway could carry.
   */
  constructor(
    private readonly transport: Transport,
    private readonly idleMs: number,
    private readonly onChange: (error?: unknown) => void,
  ) {
    this.ended = transport.closed.then(
      ({ closeCode, reason }) => this.#end(closeCode === OVERLOAD ? new Error(`the gateway is overloaded: ${reason}`) : undefined),
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
    // By the later specification, a stream for which the gateway has no room is refused unless one says so.
    const options = { waitUntilAvailable: true } as WebTransportSendStreamOptions;
    const opening = this.transport.createBidirectionalStream(options).then((stream) => new WebTransportLane(stream, owner));
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
