// A gateway between pages and grpc-go's test service.

import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";

import { startSluicegate, startSluicegateWith } from "../lib/launch.mjs";
import { Sightings } from "./sightings.mjs";

const TEMPLATE = readFileSync(new URL("gateway.toml", import.meta.url), "utf8");
const ANY = { http: "127.0.0.1:0", tls: "127.0.0.1:0" };
// Tickets of one listener are good for the other if both make them with the same secret.
const TICKETS = `
[listeners.tickets]
filters = [{ use = "api_key", keys = [{ identity = "page", key = "secret" }] }]
secrets = ["0123456789abcdef0123456789abcdef"]
`;
// Programs of one name would write to one log.
let started = 0;

export class Gateway {
  #calls = new Sightings("the access log", ({ client_protocol, path, grpc_status }) => {
    return `${client_protocol} ${path} ${grpc_status}`;
  });
  #isGone = false;

  /** Starts one before `upstream` (`host:port`), at the `addresses` of another, or at any. With `tickets`, which are
   * further keys for them, sessions and WebSockets need one, and it is given to whoever has the key "secret". */
  static async start({ certificate, key }, upstream, { addresses = ANY, tickets } = {}) {
    const configuration = TEMPLATE.replaceAll("TICKETS", tickets === undefined ? "" : TICKETS + tickets)
      .replace("HTTP", addresses.http)
      .replace("TLS", addresses.tls)
      .replace("CERTIFICATE", certificate)
      .replace("KEY", key)
      .replace("UPSTREAM", upstream);
    return new Gateway(await startSluicegateWith(configuration, `gateway-${++started}`));
  }

  /** Starts one for development, which makes its certificate itself. */
  static async develop(upstream) {
    const addresses = ["--listen", "127.0.0.1:0", "--http", "127.0.0.1:0", "--admin", "127.0.0.1:0"];
    const command = ["dev", "--upstream", `http://${upstream}`, ...addresses];
    return new Gateway(await startSluicegate(command, `gateway-${++started}`));
  }

  constructor({ program, addresses }) {
    this.program = program;
    this.addresses = addresses;
    createInterface({ input: program.process.stdout }).on("line", (line) => {
      if (line.startsWith("{")) this.#calls.add(JSON.parse(line));
    });
  }

  get pid() {
    return this.program.process.pid;
  }

  /** The next call in the access log with these members, such as `{ client_protocol: "grpc_wt" }`. */
  call(wanted) {
    const isWanted = (call) => Object.entries(wanted).every(([name, value]) => call[name] === value);
    return this.#calls.next(isWanted, JSON.stringify(wanted));
  }

  /** None of the calls logged so far is waited for any more. */
  forget() {
    this.#calls.forget();
  }

  /** Lets it drain. Resolves when it does, or has nothing left to do and is gone. */
  async drain() {
    const isReady = () => fetch(`http://${this.addresses.admin}/ready`).then(({ ok }) => ok, () => false);
    this.program.process.kill("SIGTERM");
    while (await isReady());
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
