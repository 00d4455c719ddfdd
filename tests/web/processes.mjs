// What processes hold and have written, as Linux counts it.

import { readFileSync, readdirSync } from "node:fs";

/** What a process has written to anything, in bytes. */
export function writtenBy(pid) {
  return Number(/^wchar: (\d+)$/m.exec(read(pid, "io"))[1]);
}

/** Looks at the memory of processes until it is stopped. */
export class MemoryWatch {
  #families;
  #before;
  #samples = {};
  #timer;

  /** `pids` are named: `{ gateway: 1234 }`. What these have started until now counts too, and what they start later does
   * not: browsers keep processes ready for pages to come. */
  constructor(pids) {
    this.#families = Object.entries(pids).map(([name, pid]) => [name, [pid, ...descendants(pid)]]);
    this.#before = this.#now();
    this.forget();
    this.#timer = setInterval(() => {
      for (const [name, bytes] of Object.entries(this.#now())) this.#samples[name].push(bytes);
    }, 100);
  }

  #now() {
    return Object.fromEntries(this.#families.map(([name, pids]) => [name, pids.map(resident).reduce((a, b) => a + b, 0)]));
  }

  /** Counts what is held from now on only, still against what was held at first. */
  forget() {
    for (const [name] of this.#families) this.#samples[name] = [this.#now()[name]];
  }

  /** How much more than at first each held at least and at most, in bytes. */
  get grown() {
    return Object.fromEntries(
      Object.entries(this.#samples).map(([name, samples]) => {
        const [least, most] = [Math.min(...samples), Math.max(...samples)].map((bytes) => bytes - this.#before[name]);
        return [name, { least, most }];
      }),
    );
  }

  stop() {
    clearInterval(this.#timer);
  }
}

function descendants(pid) {
  const children = new Map();
  for (const other of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    const parent = Number(read(other, "stat")?.replace(/^.*\) . /s, "").split(" ")[0]);
    children.set(parent, [...(children.get(parent) ?? []), Number(other)]);
  }
  const below = (parent) => (children.get(parent) ?? []).flatMap((child) => [child, ...below(child)]);
  return below(pid);
}

/** What a process has in memory, in bytes. Pages that several share count for each. */
function resident(pid) {
  return 1024 * Number(/^VmRSS:\s+(\d+) kB$/m.exec(read(pid, "status") ?? "")?.[1] ?? 0);
}

/** A file of a process, if that has not ended. */
function read(pid, file) {
  try {
    return readFileSync(`/proc/${pid}/${file}`, "utf8");
  } catch {
    return undefined;
  }
}
