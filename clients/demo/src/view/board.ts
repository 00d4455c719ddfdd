/** All lanes at once: what the buttons of the form do to each of them. */

import type { Column } from "./column.js";
import type { Composed, Composer } from "./composer.js";
import { announce, find } from "./page.js";

/** How many messages "Send 1,000" sends. */
export const MANY = 1000;
/** How long nothing must have ended before it is told what has, in milliseconds. */
const QUIET_MS = 200;

export class Board {
  /** Which repetition it is that goes on, so that one that was stopped does not take the next for itself. */
  #repetition = 0;
  #isRepeating = false;
  #telling: ReturnType<typeof setTimeout> | undefined;

  constructor(readonly composer: Composer, readonly columns: readonly Column[]) {
    const on = (id: string, work: () => unknown) => find(id).addEventListener("click", () => void work());
    find("composer").addEventListener("submit", (event) => {
      event.preventDefault();
      const isStream = !find("send").closest<HTMLElement>("[data-for]")!.hidden;
      void (isStream ? this.send() : this.call());
    });
    on("repeat", () => this.repeat());
    on("cancel", () => this.cancel());
    on("send-many", () => this.send(MANY));
    on("keep-sending", () => this.keepSending());
    on("finish", () => this.finish());
    on("cancel-stream", () => this.cancel());
  }

  /** Begins anew with the method that was chosen. */
  async fresh(): Promise<void> {
    await this.cancel();
    const { method } = this.composer;
    if (method) for (const column of this.columns) column.fresh(method);
  }

  /** One call on each lane, some times over. */
  async call(times = 1): Promise<void> {
    const composed = this.composer.read();
    if (!composed) return;
    await this.cancel();
    const columns = this.#taking(composed);
    for (let time = 0; time < times; time++) {
      await Promise.all(columns.map((column) => column.call(composed.terms, composed.compose)));
    }
  }

  /** Calls on each lane, one after the other, until it is stopped. */
  async repeat(): Promise<void> {
    if (!this.#isRepeating) await this.cancel();
    await this.#repeatedly("repeat", async (column, { terms, compose }) => column.call(terms, compose));
  }

  /** Sends messages on each lane, in calls that stay open. */
  async send(times = 1): Promise<void> {
    const composed = this.composer.read();
    if (!composed) return;
    await Promise.all(this.#taking(composed).map(async (column) => {
      const { terms, compose } = composed;
      // The first opens a call if there is none; if that one ends, the rest have nowhere to go.
      await column.send(terms, compose);
      for (let time = 1; time < times && column.isCalling; time++) await column.send(terms, compose);
    }));
  }

  /** Sends messages until it is stopped. */
  async keepSending(): Promise<void> {
    await this.#repeatedly("keep-sending", async (column, { terms, compose }) => column.send(terms, compose));
  }

  finish(): void {
    this.#stop();
    for (const column of this.columns) column.finish();
  }

  /** Resolves when no lane has a call any more. */
  async cancel(): Promise<void> {
    this.#stop();
    await Promise.all(this.columns.map((column) => column.cancel()));
  }

  /** A call is over. When all are, those who listen are told how. */
  ended(): void {
    clearTimeout(this.#telling);
    this.#telling = setTimeout(() => {
      if (this.#isRepeating || this.columns.some(({ isCalling }) => isCalling)) return;
      const ended = this.columns.filter(({ isUsed, status }) => isUsed && status !== "idle" && status !== "unsupported");
      announce(ended.map(({ lane, status }) => `${lane.title}: ${status}`).join("; "));
    }, QUIET_MS);
  }

  get over(): Promise<unknown> {
    return Promise.all(this.columns.map(({ over }) => over));
  }

  #taking({ terms }: Composed): Column[] {
    return this.columns.filter((column) => column.isUsed && column.carries(terms.method));
  }

  async #repeatedly(id: string, once: (column: Column, composed: Composed) => Promise<void>): Promise<void> {
    if (this.#isRepeating) return this.#stop();
    const composed = this.composer.read();
    if (!composed) return;
    const repetition = ++this.#repetition;
    this.#isRepeating = true;
    find(id).setAttribute("aria-pressed", "true");
    document.body.dataset["repeating"] = "true";
    await Promise.all(this.#taking(composed).map(async (column) => {
      while (this.#isRepeating && repetition === this.#repetition) {
        await once(column, composed);
        // At least a turn of the page's own work, which a lane that fails at once would not leave it.
        const pause = column.status === "UNAVAILABLE" ? Math.max(this.composer.pace, 100) : this.composer.pace;
        await new Promise((resolve) => setTimeout(resolve, pause));
      }
    }));
  }

  #stop(): void {
    this.#isRepeating = false;
    delete document.body.dataset["repeating"];
    for (const id of ["repeat", "keep-sending"]) find(id).setAttribute("aria-pressed", "false");
  }
}
