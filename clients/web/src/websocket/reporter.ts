/** What is told of a carrier. */

import type { CarrierName, CarrierState } from "../lane.js";

/** Tells of each change once, and counts failures. */
export class Reporter {
  #last: CarrierState;

  constructor(carrier: CarrierName, private readonly onState: ((state: CarrierState) => void) | undefined) {
    this.#last = { carrier, phase: "idle", failures: 0 };
  }

  becomes(phase: CarrierState["phase"], error?: unknown): void {
    const { carrier, failures, phase: before } = this.#last;
    if (phase === before && phase !== "down") return;
    const counted = phase === "open" ? 0 : phase === "down" ? failures + 1 : failures;
    this.#last = { carrier, phase, failures: counted, ...(error !== undefined && { error }) };
    try {
      this.onState?.(this.#last);
    } catch {
      // What shows a state must not end calls.
    }
  }
}
