/** Which carrier a call is given to. */

import type { DescMethod } from "@bufbuild/protobuf";

import type { CarrierName } from "../lane.js";

/** What streams in a call. */
export type MethodKind = DescMethod["methodKind"];

/** A carrier to try for a lane. */
export interface Attempt {
  readonly carrier: CarrierName;
  /**
   * When it is tried, in milliseconds after the one before it: at once if that fails sooner, and only then if this is
   * `undefined`.
   */
  readonly afterMs: number | undefined;
}

/** What a {@link Choice} is told once. */
export interface ChoiceOptions {
  /** What may carry calls, the best first. */
  readonly order: readonly CarrierName[];
  readonly headStartMs: number;
  /** For how long a carrier is left alone that another one was faster than. */
  readonly retryAfterMs: number;
}

/**
 * Chooses by what it has been told of earlier calls. It opens nothing and waits for nothing.
 *
 * A carrier had its chance when one that comes after it in the order opened first, because this one failed or because it
 * took longer than its head start: a network that drops UDP looks like the latter. It is then left alone, and tried only
 * if all others fail, until some time has passed or it turns out to be open after all. When every carrier fails, that
 * says more of the gateway than of them, and nothing is remembered.
 */
export class Choice {
  /** Carriers that are left alone, and until when. */
  readonly #leftAlone = new Map<CarrierName, number>();

  /**
   * @param isOpen Whether a carrier has a lane without connecting first.
   * @param now The time, in milliseconds.
   */
  constructor(
    private readonly options: ChoiceOptions,
    private readonly isOpen: (carrier: CarrierName) => boolean,
    private readonly now: () => number,
  ) {}

  /** What carries a call of this kind if it is made now; `undefined` if nothing can. */
  carrierOf(kind: MethodKind): CarrierName | undefined {
    const ready = this.options.order.find((carrier) => carrier === "fetch" || this.isOpen(carrier));
    if (ready && (kind === "unary" || kind === "server_streaming")) return ready;
    return this.attempts()[0]?.carrier;
  }

  /** What to try for a lane, in this order. */
  attempts(): Attempt[] {
    const lanes = this.options.order.filter((carrier) => carrier !== "fetch");
    const tried = lanes.filter((carrier) => !this.#isLeftAlone(carrier));
    const last = lanes.filter((carrier) => this.#isLeftAlone(carrier));
    return [
      ...tried.map((carrier) => ({ carrier, afterMs: this.options.headStartMs })),
      ...last.map((carrier) => ({ carrier, afterMs: undefined })),
    ];
  }

  /** The first lane that opened for a call was of this carrier. */
  won(carrier: CarrierName): void {
    const { order, retryAfterMs } = this.options;
    for (const better of order.slice(0, order.indexOf(carrier))) {
      if (!this.#isLeftAlone(better)) this.#leftAlone.set(better, this.now() + retryAfterMs);
    }
    this.opened(carrier);
  }

  /** A lane of this carrier opened, though it may have been too late for its call. */
  opened(carrier: CarrierName): void {
    this.#leftAlone.delete(carrier);
  }

  /** The network may be another one. */
  forget(): void {
    this.#leftAlone.clear();
  }

  #isLeftAlone(carrier: CarrierName): boolean {
    return !this.isOpen(carrier) && this.now() < (this.#leftAlone.get(carrier) ?? 0);
  }
}
