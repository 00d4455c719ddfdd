// What stands between a page and gateways: a balancer of packets and connections, and networks that let no UDP through.

import { createSocket } from "node:dgram";
import { once } from "node:events";
import { connect, createServer } from "node:net";

const HOST = "127.0.0.1";

/** Passes on TCP connections and UDP flows that begin to whichever gateway it is aimed at; those that have begun stay
 * where they are. */
export class Balancer {
  #target;
  /** Whether it drops all UDP. */
  isSwallowing = false;
  #flows = new Map();
  #sockets = new Set();

  /** Opens one that is aimed at a gateway. */
  static async open(gateway) {
    const balancer = new Balancer();
    balancer.aim(gateway);
    balancer.tcp = createServer((client) => balancer.#connected(client)).listen(0, HOST);
    balancer.udp = createSocket("udp4").on("message", (packet, from) => balancer.#arrived(packet, from));
    balancer.udp.bind(0, HOST);
    await Promise.all([once(balancer.tcp, "listening"), once(balancer.udp, "listening")]);
    return balancer;
  }

  get addresses() {
    return { http: `${HOST}:${this.tcp.address().port}`, quic: `${HOST}:${this.udp.address().port}` };
  }

  aim({ addresses }) {
    this.#target = { http: portOf(addresses.http), quic: portOf(addresses.quic) };
  }

  #connected(client) {
    const server = connect(this.#target.http, HOST);
    for (const [from, to] of [[client, server], [server, client]]) {
      this.#sockets.add(from);
      from.on("error", () => to.destroy()).on("close", () => {
        this.#sockets.delete(from);
        to.destroy();
      });
      from.pipe(to);
    }
  }

  #arrived(packet, from) {
    if (this.isSwallowing) return;
    let flow = this.#flows.get(from.port);
    if (!flow) {
      flow = createSocket("udp4");
      flow.on("message", (answer) => this.udp.send(answer, from.port, HOST)).on("error", () => {});
      flow.connect(this.#target.quic, HOST);
      this.#flows.set(from.port, flow);
      flow.once("connect", () => flow.send(packet));
      return;
    }
    // What comes before it is connected is lost, as packets are.
    try {
      flow.send(packet);
    } catch {
      return;
    }
  }

  close() {
    this.tcp.close();
    for (const socket of this.#sockets) socket.destroy();
    this.udp.close();
    for (const flow of this.#flows.values()) flow.close();
  }
}

/** A UDP port at which packets arrive and nobody answers. */
export async function openSilentPort() {
  const socket = createSocket("udp4");
  socket.bind(0, HOST);
  await once(socket, "listening");
  return { port: socket.address().port, close: () => socket.close() };
}

/** A UDP port that nobody has: the system refuses what is sent there. */
export async function findClosedPort() {
  const { port, close } = await openSilentPort();
  close();
  return port;
}

function portOf(address) {
  return Number(address.slice(address.lastIndexOf(":") + 1));
}
