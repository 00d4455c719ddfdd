/** Pauses between attempts that fail: longer each time, and never for everybody alike. */

import type { BackoffOptions } from "./options.js";

const GROWTH = 2;

/** Counts failures and says how long to wait after each. */
export class Backoff {
  #failures = 0;

  /** @param random What {@link Math.random} is for. */
  constructor(private readonly options: BackoffOptions = {}, private readonly random: () => number = Math.random) {}

  /** How many failures there were since the last success. */
  get failures(): number {
    return this.#failures;
  }

  /** Counts a failure. Returns how long to wait before the next attempt, in milliseconds. */
  next(): number {
    const { initialMs = 200, maxMs = 10_000, jitter = 0.3 } = this.options;
    const longest = Math.min(initialMs * GROWTH ** this.#failures, maxMs);
    this.#failures += 1;
    return longest * (1 - jitter * this.random());
  }

  /** Counts a success: the next failure is the first again. */
  reset(): void {
    this.#failures = 0;
  }
}
