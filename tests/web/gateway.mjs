// A gateway between pages and grpc-go's test service.

import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";

import { startSluicegateWith } from "../lib/launch.mjs";

const TEMPLATE = readFileSync(new URL("gateway.toml", import.meta.url), "utf8");
const PATIENCE = 15_000;
// Programs of one name would write to one log.
let started = 0;

export class Gateway {
  #calls = [];
  #waiting = new Set();
  #isGone = false;

  /** Starts one before `upstream` (`host:port`), at the `addresses` of another, or at any. */
  static async start({ certificate, key }, upstream, addresses = { http: "127.0.0.1:0", tls: "127.0.0.1:0" }) {
    const configuration = TEMPLATE.replace("HTTP", addresses.http)
      .replace("TLS", addresses.tls)
      .replace("CERTIFICATE", certificate)
      .replace("KEY", key)
      .replace("UPSTREAM", upstream);
    return new Gateway(await startSluicegateWith(configuration, `gateway-${++started}`));
  }

  constructor({ program, addresses }) {
    this.program = program;
    this.addresses = addresses;
    createInterface({ input: program.process.stdout }).on("line", (line) => {
      if (!line.startsWith("{")) return;
      this.#calls.push(JSON.parse(line));
      for (const look of this.#waiting) look();
    });
  }

  get pid() {
    return this.program.process.pid;
  }

  /** The next call in the access log with these members, such as `{ client_protocol: "grpc_wt" }`. Each is given once. */
  async call(wanted) {
    const isWanted = (call) => Object.entries(wanted).every(([name, value]) => call[name] === value);
    return new Promise((resolve, reject) => {
      const look = () => {
        const index = this.#calls.findIndex(isWanted);
        if (index < 0) return;
        clearTimeout(timer);
        this.#waiting.delete(look);
        resolve(this.#calls.splice(index, 1)[0]);
      };
      const timer = setTimeout(() => {
        this.#waiting.delete(look);
        const seen = this.#calls.map((call) => `${call.client_protocol} ${call.path} ${call.grpc_status}`);
        reject(new Error(`the gateway logged no call with ${JSON.stringify(wanted)}, but: ${seen.join(", ") || "none"}`));
      }, PATIENCE);
      this.#waiting.add(look);
      look();
    });
  }

  /** Drops the calls logged so far, so that none of them is taken for one that is still to come. */
  forget() {
    this.#calls.length = 0;
  }

  /** Lets it drain. Resolves at once. */
  drain() {
    this.program.process.kill("SIGTERM");
  }

  /** Ends it, which must be in order. */
  async stop() {
    if (this.#isGone) return;
    this.#isGone = true;
    const code = await this.program.stop();
    if (code !== 0) throw new Error(`the gateway exited with ${code} after SIGTERM; see ${this.program.log}`);
  }

  /** Takes it away without a word. */
  async kill() {
    this.#isGone = true;
    this.program.process.kill("SIGKILL");
    await this.program.exited;
  }
}
