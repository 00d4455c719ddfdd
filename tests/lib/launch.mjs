// Starts the programs that a suite needs, and waits for the lines in which they say that they are ready.
//
// Every port is chosen by the system. What a program prints goes to NAME.log in RUN.

import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { createSocket } from "node:dgram";
import { createWriteStream, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import path from "node:path";

export const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../..");
const TARGET = path.join(ROOT, "target/tests");
// The files of this process, which others that run at the same time leave alone.
mkdirSync(path.join(TARGET, "runs"), { recursive: true });
const RUN = mkdtempSync(path.join(TARGET, "runs/"));
// Starting up is the slowest thing a program does here, and the machine may be busy building.
const PATIENCE = 30_000;

/** A process whose standard output is read line by line. */
export class Program {
  constructor(name, command, args) {
    this.name = name;
    this.log = path.join(RUN, `${name}.log`);
    const log = (this.logFile = createWriteStream(this.log));
    this.process = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"] });
    // Not "exit": that comes before the last of the output.
    this.exited = once(this.process, "close");
    this.exited.catch(() => {}); // It could not be started: whoever waits for a line is told so.
    // A test file that breaks off leaves nothing behind.
    process.on("exit", () => this.process.kill());
    this.process.stderr.pipe(log, { end: false });
    this.unread = [];
    this.waiting = [];
    this.ended = false;
    const lines = createInterface({ input: this.process.stdout });
    lines.on("line", (line) => {
      log.write(`stdout: ${line}\n`);
      this.unread.push(line);
      this.#wake();
    });
    lines.on("close", () => {
      this.ended = true;
      this.#wake();
    });
  }

  #wake() {
    for (const waiting of this.waiting.splice(0)) waiting();
  }

  /** Reads on to the next line that starts with `prefix`, and answers the rest of it. */
  async line(prefix) {
    const until = Date.now() + PATIENCE;
    for (;;) {
      while (this.unread.length > 0) {
        const line = this.unread.shift();
        if (line.startsWith(prefix)) return line.slice(prefix.length).trim();
      }
      const left = until - Date.now();
      if (this.ended || left <= 0) {
        const what = this.ended ? "ended without printing" : `did not within ${PATIENCE} ms print`;
        throw new Error(`${this.name} ${what} "${prefix}"; see ${this.log}`);
      }
      let timer;
      await new Promise((resolve) => {
        this.waiting.push(resolve);
        timer = setTimeout(resolve, left);
      });
      clearTimeout(timer);
    }
  }

  /** Reads on to the line `last`, and answers the lines before it. */
  async linesUntil(last) {
    const lines = [];
    for (let line = await this.line(""); line !== last; line = await this.line("")) lines.push(line);
    return lines;
  }

  /** Drops the lines printed so far, so that none of them is taken for one that is still to come. */
  forget() {
    this.unread.length = 0;
  }

  /** Asks the process to end, and answers its exit code. One that does not end in time is killed. */
  async stop() {
    this.process.kill("SIGTERM");
    const timer = setTimeout(() => this.process.kill("SIGKILL"), PATIENCE);
    const [code, signal] = await this.exited;
    clearTimeout(timer);
    this.logFile.end();
    await once(this.logFile, "finish");
    return code ?? signal;
  }
}

/** grpc-go's test service, without TLS. */
export async function startInteropServer() {
  const program = new Program("interop-server", path.join(TARGET, "bin/interop-server"), []);
  return { program, address: await program.line("listening "), stop: () => program.stop() };
}

/** The gateway before `upstream` (`host:port`), which speaks `protocol`, as gateway.toml beside this file tells. */
export async function startGateway(upstream, protocol = "grpc") {
  const { certificate, key } = makeCertificate();
  const config = path.join(RUN, "gateway.toml");
  const template = readFileSync(path.join(ROOT, "tests/lib/gateway.toml"), "utf8");
  writeFileSync(
    config,
    template
      .replace("CERTIFICATE", certificate)
      .replace("KEY", key)
      .replace('endpoints = ["UPSTREAM"]', `protocol = "${protocol}"\nendpoints = ["http://${upstream}"]`)
      .replace("PROTOS", path.join(ROOT, "tests/peers/proto")),
  );
  const started = await startSluicegate(["run", "--config", config]);
  return { ...started, certificate: readFileSync(certificate, "utf8") };
}

/** The gateway with this configuration. Several that run at once need names. */
export function startSluicegateWith(configuration, name) {
  const config = path.join(RUN, `${name ?? "sluicegate"}.toml`);
  writeFileSync(config, configuration);
  return startSluicegate(["run", "--config", config], name);
}

/** Starts the binary under test: what SLUICEGATE_BIN names, or the debug build. `addresses` maps each kind of socket to
 * the first that the gateway listens on; `lines` is all that it printed until it was ready. */
export async function startSluicegate(args, name = "gateway") {
  const binary = process.env.SLUICEGATE_BIN ?? path.join(ROOT, "target/debug/sluicegate");
  const program = new Program(name, binary, args);
  const lines = await program.linesUntil("ready");
  const addresses = {};
  for (const line of lines) {
    const [word, kind, address] = line.split(" ");
    if (word === "listening") addresses[kind] ??= address;
  }
  return { program, addresses, lines, stop: () => program.stop() };
}

/** Centrifugo with WebTransport and WebSocket, at a port that was free a moment ago unless an `address` is given: it
 * cannot be told to let the system choose one for TCP and UDP. */
export async function startCentrifugo({ certificate, key }, address) {
  const port = address ? Number(address.split(":")[1]) : await freePort();
  const config = path.join(RUN, "centrifugo.json");
  const allowed = ["subscribe_for_client", "publish_for_client", "subscribe_for_anonymous", "publish_for_anonymous"];
  writeFileSync(
    config,
    JSON.stringify({
      address: "127.0.0.1",
      port: String(port),
      tls: true,
      tls_cert: certificate,
      tls_key: key,
      http3: true,
      webtransport: true,
      allowed_origins: ["*"],
      allow_anonymous_connect_without_token: true,
      ...Object.fromEntries(allowed.map((name) => [`allow_${name}`, true])),
      join_leave: true,
      force_push_join_leave: true,
    }),
  );
  const program = new Program("centrifugo", path.join(TARGET, "bin/centrifugo"), ["--config", config]);
  await until(() => listens(port), "Centrifugo does not listen");
  return { program, address: `127.0.0.1:${port}`, stop: () => program.stop() };
}

/** A port that nothing listens on, over TCP or UDP. */
async function freePort() {
  for (;;) {
    const tcp = createServer().listen(0, "127.0.0.1");
    await once(tcp, "listening");
    const { port } = tcp.address();
    const udp = createSocket("udp4");
    const isFree = await new Promise((resolve) => {
      udp.once("error", () => resolve(false)).bind(port, "127.0.0.1", () => resolve(true));
    });
    await new Promise((resolve) => tcp.close(resolve));
    udp.close();
    if (isFree) return port;
  }
}

/** Whether something accepts TCP connections at a port. */
function listens(port) {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => resolve(true)).once("error", () => resolve(false));
    socket.once("connect", () => socket.destroy());
  });
}

/** Asks until the answer is yes. For programs that do not say when they are ready. */
async function until(isSo, complaint) {
  for (const deadline = Date.now() + PATIENCE; !(await isSo()); await new Promise((resolve) => setTimeout(resolve, 20))) {
    if (Date.now() > deadline) throw new Error(complaint);
  }
}

/** A throw-away certificate for `localhost` and 127.0.0.1 that is trusted as it is: an authority's own would be refused as
 * a server's. */
export function makeCertificate() {
  const certificate = path.join(RUN, "certificate.pem");
  const key = path.join(RUN, "key.pem");
  execFileSync(
    "openssl",
    `req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 10 -subj /CN=localhost
      -addext basicConstraints=critical,CA:FALSE -addext subjectAltName=DNS:localhost,IP:127.0.0.1 -keyout ${key} -out ${certificate}`.split(/\s+/),
    { stdio: "ignore" },
  );
  return { certificate, key };
}
