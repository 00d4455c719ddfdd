// Serves the page, and does for its scenarios what pages cannot do themselves: POST /backstage/NAME with JSON, answered
// with JSON.

import { once } from "node:events";
import { createServer } from "node:http";
import { createInterface } from "node:readline";
import { buffer } from "node:stream/consumers";

import { Gateway } from "./gateway.mjs";
import { MemoryWatch, writtenBy } from "./processes.mjs";
import { Balancer, findClosedPort, openSilentPort } from "./relay.mjs";
import { Sightings } from "./sightings.mjs";

const HTML = `<!doctype html><meta charset=utf-8><title>clients/web</title><script type=module src=/esm/page.js></script>`;

export class Backstage {
  #files;
  #certificate;
  #upstream;
  #lines = new Sightings("the upstream", String);
  /** The gateways and balancers, by the names that scenarios give them. `main` outlives them. */
  #gateways = new Map();
  #balancers = new Map();
  #closing = [];
  #watch;

  static async open(files, certificate, upstream) {
    const backstage = new Backstage();
    backstage.#files = files;
    backstage.#certificate = certificate;
    backstage.#upstream = upstream;
    const lines = createInterface({ input: upstream.program.process.stdout });
    lines.on("line", (line) => backstage.#lines.add(line));
    backstage.#gateways.set("main", await Gateway.start(certificate, upstream.address));
    backstage.site = createServer((request, response) => backstage.#answer(request, response)).listen(0, "127.0.0.1");
    await once(backstage.site, "listening");
    return backstage;
  }

  get url() {
    return `http://127.0.0.1:${this.site.address().port}/`;
  }

  /** Where a page finds the gateway that outlives scenarios. */
  get main() {
    return placesOf(this.#gateways.get("main").addresses);
  }

  /** Nothing of an earlier scenario counts for the next, which runs in this `browser`. */
  begin(browser) {
    this.browser = browser;
    this.#lines.forget();
    this.#gateways.get("main").forget();
  }

  /** Takes away what a scenario has set up. */
  async end() {
    this.#watch?.stop();
    this.#watch = undefined;
    for (const close of this.#closing.splice(0)) close();
    for (const balancer of this.#balancers.values()) balancer.close();
    this.#balancers.clear();
    const gateways = [...this.#gateways].filter(([name]) => name !== "main");
    for (const [name] of gateways) this.#gateways.delete(name);
    await Promise.all(gateways.map(([, gateway]) => gateway.stop()));
  }

  async close() {
    this.site.close();
    this.site.closeAllConnections();
    await this.#gateways.get("main").stop();
  }

  /** Does what a page may ask for. */
  perform(deed, told) {
    return this.#deeds[deed](told);
  }

  async #answer(request, response) {
    const [, folder, name] = request.url.split("/");
    try {
      if (folder === "backstage") {
        const told = JSON.parse((await buffer(request)).toString());
        const answer = await this.perform(name, told);
        response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(answer ?? null));
      } else if (this.#files.has(request.url)) {
        const type = request.url.endsWith(".js") ? "text/javascript" : "application/octet-stream";
        response.writeHead(200, { "content-type": type }).end(this.#files.get(request.url));
      } else {
        response.writeHead(request.url === "/" ? 200 : 404, { "content-type": "text/html" }).end(HTML);
      }
    } catch (error) {
      response.writeHead(500, { "content-type": "text/plain" }).end(String(error?.message ?? error));
    }
  }

  #deeds = {
    /** The next line of the upstream's that begins so. */
    upstream: ({ prefix }) => this.#lines.next((line) => line.startsWith(prefix), prefix),
    /** The next call in a gateway's access log that has the `wanted` members. */
    call: ({ gateway = "main", wanted }) => this.#gateways.get(gateway).call(wanted),

    start: async ({ gateway, tickets }) => {
      this.#gateways.set(gateway, await Gateway.start(this.#certificate, this.#upstream.address, { tickets }));
      return placesOf(this.#gateways.get(gateway).addresses);
    },
    develop: async ({ gateway }) => {
      this.#gateways.set(gateway, await Gateway.develop(this.#upstream.address));
      return placesOf(this.#gateways.get(gateway).addresses);
    },
    drain: ({ gateway }) => this.#gateways.get(gateway).drain(),
    /** Whether the gateway has ended as it should; waits for that. */
    stop: ({ gateway }) => this.#gateways.get(gateway).stop(),
    kill: ({ gateway }) => this.#gateways.get(gateway).kill(),
    /** Starts one anew that has ended, at its addresses and with its certificate. */
    again: async ({ gateway }) => {
      const { http, quic } = this.#gateways.get(gateway).addresses;
      const addresses = { http, tls: quic };
      this.#gateways.set(gateway, await Gateway.start(this.#certificate, this.#upstream.address, { addresses }));
    },

    balance: async ({ balancer, gateway }) => {
      this.#balancers.set(balancer, await Balancer.open(this.#gateways.get(gateway)));
      return placesOf(this.#balancers.get(balancer).addresses);
    },
    aim: ({ balancer, gateway }) => this.#balancers.get(balancer).aim(this.#gateways.get(gateway)),
    swallow: ({ balancer, isSwallowing }) => {
      this.#balancers.get(balancer).isSwallowing = isSwallowing;
    },

    "closed-port": () => findClosedPort(),
    "silent-port": async () => {
      const { port, close } = await openSilentPort();
      this.#closing.push(close);
      return port;
    },

    /** Begins to watch what the gateway and the browser hold in memory. */
    watch: () => {
      const gateway = this.#gateways.get("main").pid;
      this.#watch = new MemoryWatch({ gateway, browser: this.browser.process().pid });
    },
    /** How much more than then each held at least and at most, in bytes. */
    grown: () => this.#watch.grown,
    /** Begins those anew. */
    "forget-grown": () => this.#watch.forget(),
    /** How much the upstream has written to its sockets, in bytes. */
    written: () => writtenBy(this.#upstream.program.process.pid),
  };
}

function placesOf({ http, tls, quic }) {
  const port = quic.slice(quic.lastIndexOf(":"));
  return {
    baseUrl: `http://${http}`,
    secureUrl: tls && `https://${tls}`,
    webTransportUrl: `https://127.0.0.1${port}/grpc-wt/v1`,
  };
}
