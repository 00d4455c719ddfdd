/** What was measured on one lane during the last minute, second by second. */

/** One second. */
interface Second {
  latencies: number[];
  messages: number;
}

/** How far back is remembered, in seconds. */
export const MEMORY = 60;
/** Latencies kept of one second; more would not change its median. */
const PER_SECOND = 500;

export interface Summary {
  /** Since the page was loaded. */
  calls: number;
  failures: number;
  messages: number;
  /** Of the last minute, in milliseconds; `undefined` without any. */
  median: number | undefined;
  p95: number | undefined;
}

export class Meter {
  readonly #seconds = new Map<number, Second>();
  #calls = 0;
  #failures = 0;
  #messages = 0;

  /** @param now Milliseconds on a clock that does not go back. */
  constructor(readonly now: () => number = () => performance.now()) {}

  ended(isOk: boolean): void {
    this.#calls += 1;
    if (!isOk) this.#failures += 1;
  }

  /** A message went or came. */
  message(): void {
    this.#messages += 1;
    this.#second().messages += 1;
  }

  /** @param ms How long something took. */
  latency(ms: number): void {
    const { latencies } = this.#second();
    if (latencies.length < PER_SECOND) latencies.push(ms);
  }

  /** The median of each of the last seconds, the oldest first; `undefined` where nothing was measured. */
  latencies(): (number | undefined)[] {
    return this.#each((second) => second && quantile(second.latencies, 0.5));
  }

  /** Messages in each of the last seconds, both ways. The one that is not over is left out. */
  throughput(): number[] {
    return this.#each((second) => second?.messages ?? 0);
  }

  summary(): Summary {
    this.#forget();
    const latencies = [...this.#seconds.values()].flatMap(({ latencies }) => latencies);
    return {
      calls: this.#calls,
      failures: this.#failures,
      messages: this.#messages,
      median: quantile(latencies, 0.5),
      p95: quantile(latencies, 0.95),
    };
  }

  #each<T>(tell: (second: Second | undefined) => T): T[] {
    const last = this.#number() - 1;
    return Array.from({ length: MEMORY }, (_, index) => tell(this.#seconds.get(last - MEMORY + 1 + index)));
  }

  #second(): Second {
    const number = this.#number();
    let second = this.#seconds.get(number);
    if (!second) {
      this.#forget();
      second = { latencies: [], messages: 0 };
      this.#seconds.set(number, second);
    }
    return second;
  }

  #forget(): void {
    const oldest = this.#number() - MEMORY;
    for (const number of this.#seconds.keys()) if (number < oldest) this.#seconds.delete(number);
  }

  #number(): number {
    return Math.floor(this.now() / 1000);
  }
}

/** The value that a part of them does not exceed; `undefined` if there are none. */
export function quantile(values: readonly number[], part: number): number | undefined {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(part * sorted.length) - 1)];
}
