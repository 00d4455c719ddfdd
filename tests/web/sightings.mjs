// What programs have told, for those who wait for some of it.

const PATIENCE = 15_000;

export class Sightings {
  #seen = [];
  #waiting = new Set();

  /** `describe` says in a line what was seen, for those who wait for something else. */
  constructor(what, describe) {
    this.what = what;
    this.describe = describe;
  }

  add(sighting) {
    this.#seen.push(sighting);
    for (const { look } of this.#waiting) look();
  }

  /** The next that is wanted, which nobody else gets then. */
  next(isWanted, wanted) {
    return new Promise((resolve, reject) => {
      const end = (settle, value) => {
        clearTimeout(timer);
        this.#waiting.delete(waiter);
        settle(value);
      };
      const fail = (why) => end(reject, new Error(`${this.what} showed no ${wanted} ${why}`));
      const look = () => {
        const index = this.#seen.findIndex(isWanted);
        if (index >= 0) end(resolve, this.#seen.splice(index, 1)[0]);
      };
      const waiter = { look, fail };
      const timer = setTimeout(() => fail(`within ${PATIENCE} ms, but: ${this.#seen.map(this.describe).join(", ")}`), PATIENCE);
      this.#waiting.add(waiter);
      look();
    });
  }

  /** Drops what was seen so far, and those who wait: none of it is taken for what is still to come. */
  forget() {
    this.#seen.length = 0;
    for (const { fail } of this.#waiting) fail("before something else began");
  }
}
