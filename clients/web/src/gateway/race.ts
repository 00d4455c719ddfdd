/** Opens a lane on whichever carrier is first. */

import { type Carrier, type CarrierName, type Lane, Unreached } from "../lane.js";
import { NO_ERROR } from "../wire/codes.js";
import type { Attempt, Choice } from "./choice.js";

/**
 * Opens a lane as the {@link Choice} says, and tells it how that went. Rejects with an {@link Unreached} that names every
 * carrier when all have failed, or with the signal's reason.
 */
export function race(choice: Choice, carriers: ReadonlyMap<CarrierName, Carrier>, signal: AbortSignal): Promise<Lane> {
  return new Promise((resolve, reject) => new Race(choice, carriers, signal, resolve, reject).start());
}

class Race {
  readonly #untried: Attempt[];
  readonly #failures: string[] = [];
  #running = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isOver = false;
  /** Not the call's signal: a connection that is being made is for later calls too, when this one has another lane. */
  readonly #attempts = new AbortController();

  constructor(
    private readonly choice: Choice,
    private readonly carriers: ReadonlyMap<CarrierName, Carrier>,
    private readonly signal: AbortSignal,
    private readonly resolve: (lane: Lane) => void,
    private readonly reject: (error: unknown) => void,
  ) {
    this.#untried = choice.attempts();
  }

  start(): void {
    this.signal.addEventListener("abort", this.#abort);
    if (this.signal.aborted) this.#abort();
    else this.#tryNext();
  }

  readonly #abort = (): void => {
    this.#end();
    this.#attempts.abort(this.signal.reason);
    this.reject(this.signal.reason);
  };

  #tryNext(): void {
    clearTimeout(this.#timer);
    const attempt = this.#untried.shift();
    if (!attempt) return;
    this.#running += 1;
    const wait = this.#untried[0]?.afterMs;
    if (wait !== undefined) this.#timer = setTimeout(() => this.#tryNext(), wait);
    const { carrier } = attempt;
    this.carriers.get(carrier)!.open(this.#attempts.signal).then(
      (lane) => this.#opened(lane),
      (error: unknown) => this.#failed(carrier, error),
    );
  }

  #opened(lane: Lane): void {
    if (this.#isOver) {
      this.choice.opened(lane.carrier);
      lane.cancel(NO_ERROR);
      return;
    }
    this.#end();
    this.choice.won(lane.carrier);
    this.resolve(lane);
  }

  #failed(carrier: CarrierName, error: unknown): void {
    this.#running -= 1;
    if (this.#isOver) return;
    this.#failures.push(`${carrier}: ${error instanceof Error ? error.message : error}`);
    this.#tryNext();
    if (this.#running > 0) return;
    this.#end();
    this.reject(new Unreached(`the gateway cannot be reached (${this.#failures.join("; ")})`));
  }

  #end(): void {
    this.#isOver = true;
    clearTimeout(this.#timer);
    this.signal.removeEventListener("abort", this.#abort);
  }
}
