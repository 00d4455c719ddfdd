// Counts what came of each cell: it must be what is known of the browser.

import { LIMITATIONS } from "./limitations.mjs";

export class Judge {
  #passed = 0;
  #failed = [];
  #unseen = new Set(LIMITATIONS);

  /** Counts a cell, with what went wrong in it: nothing, if `note` is empty. */
  note({ browser, scenario, carrier }, label, note, ms) {
    const limitation = LIMITATIONS.find(
      (known) => known.browsers.includes(browser) && known.carriers.includes(carrier) && known.scenarios.includes(scenario),
    );
    if (limitation) this.#unseen.delete(limitation);
    if (limitation && !note) this.#fail(label, `it passes, though it is known that: ${limitation.because}`);
    else if (limitation && !note.includes(limitation.shows)) this.#fail(label, note);
    else if (!limitation && note) this.#fail(label, note);
    else this.#pass(`${label}${limitation ? ` (known: ${limitation.because})` : ""} (${Math.round(ms)} ms)`);
  }

  /** Every limitation must be one of something that is played. */
  finishLimitations() {
    for (const { because } of this.#unseen) this.#fail("every known limitation was seen", because);
  }

  /** Prints the sum, and answers the exit code. */
  finish() {
    for (const label of this.#failed) console.log(`failed: ${label}`);
    console.log(`${this.#passed} passed, ${this.#failed.length} failed`);
    return this.#failed.length === 0 ? 0 : 1;
  }

  #pass(line) {
    this.#passed += 1;
    console.log(`ok     ${line}`);
  }

  #fail(label, note) {
    this.#failed.push(label);
    console.log(`FAILED ${label}\n${note.replace(/^/gm, "       ")}`);
  }
}
