/** Messages on their way to a transport, which takes them one at a time when there is room on the network. */
export class Outbox<T> implements AsyncIterable<T> {
  readonly #waiting: { value: T; taken: () => void }[] = [];
  #ended = false;
  #wake = () => {};

  /** Adds a message. Resolves when the transport has taken it, or will take no more. */
  push(value: T): Promise<void> {
    if (this.#ended) return Promise.resolve();
    return new Promise((taken) => {
      this.#waiting.push({ value, taken });
      this.#wake();
    });
  }

  /** No more messages. Those that wait still go. */
  end(): void {
    this.#ended = true;
    this.#wake();
  }

  /** No more messages, and none that still wait. */
  drop(): void {
    this.end();
    for (const { taken } of this.#waiting.splice(0)) taken();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T, void> {
    try {
      for (;;) {
        const next = this.#waiting.shift();
        if (next) {
          next.taken();
          yield next.value;
        } else if (this.#ended) {
          return;
        } else {
          await new Promise<void>((wake) => (this.#wake = wake));
        }
      }
    } finally {
      this.drop();
    }
  }
}
