/**
 * The page's own switches for its connections: what browsers have, with a gate in front.
 *
 * A carrier that is cut loses what it has open, and opens nothing more. All of it happens in this page; the gateway only
 * sees connections go, and none come.
 */

import type { CarrierName } from "@sluicegate/web";

/** One of the "bad ports" of the Fetch standard: browsers refuse it by themselves, so nobody else is disturbed. */
const NOWHERE = "//127.0.0.1:9/";

/** One page's connections, by carrier. */
export class Network {
  readonly #cut = new Set<CarrierName>();
  /** How to lose each connection that is open. */
  readonly #open: Record<CarrierName, Set<() => void>> = {
    webtransport: new Set(),
    websocket: new Set(),
    fetch: new Set(),
  };

  isCut(carrier: CarrierName): boolean {
    return this.#cut.has(carrier);
  }

  cut(carrier: CarrierName): void {
    this.#cut.add(carrier);
    for (const lose of this.#open[carrier]) lose();
    this.#open[carrier].clear();
  }

  mend(carrier: CarrierName): void {
    this.#cut.delete(carrier);
  }

  /**
   * The browser's ways to connect, behind this network's gates.
   *
   * @param used Told each time that a call is put on a carrier.
   */
  carriers(used: (carrier: CarrierName) => void): Carriers {
    return { webTransport: this.#webTransport(used), webSocket: this.#webSocket(used), fetch: this.#fetch(used) };
  }

  #webTransport(used: (carrier: CarrierName) => void): Carriers["webTransport"] {
    if (!("WebTransport" in globalThis)) return undefined;
    const network = this;
    return class extends WebTransport {
      constructor(url: string | URL, options?: WebTransportOptions) {
        super(network.isCut("webtransport") ? `https:${NOWHERE}` : url, options);
        network.#keep("webtransport", () => this.close({ closeCode: 0, reason: "cut by the page" }), this.closed);
      }

      override createBidirectionalStream(...args: Parameters<WebTransport["createBidirectionalStream"]>) {
        used("webtransport");
        return super.createBidirectionalStream(...args);
      }
    };
  }

  #webSocket(used: (carrier: CarrierName) => void): typeof WebSocket {
    const network = this;
    return class extends WebSocket {
      #isUsed = false;

      constructor(url: string | URL, protocols?: string | string[]) {
        super(network.isCut("websocket") ? new URL(`${new URL(url).protocol}${NOWHERE}`) : url, protocols);
        const closed = new Promise<void>((resolve) => this.addEventListener("close", () => resolve()));
        network.#keep("websocket", () => this.#lose(), closed);
      }

      /** What a lost connection looks like, at once; browsers would wait for the other side to close, too. */
      #lose(): void {
        this.dispatchEvent(new Event("error"));
        this.dispatchEvent(new CloseEvent("close", { code: 1006, reason: "cut by the page", wasClean: false }));
        this.close();
      }

      override send(data: Parameters<WebSocket["send"]>[0]): void {
        if (!this.#isUsed) used("websocket");
        this.#isUsed = true;
        super.send(data);
      }
    };
  }

  #fetch(used: (carrier: CarrierName) => void): typeof fetch {
    return async (input, init) => {
      const lost = new TypeError("cut by the page");
      if (this.isCut("fetch")) throw lost;
      used("fetch");
      const losing = new AbortController();
      const lose = () => losing.abort(lost);
      const over = () => void this.#open.fetch.delete(lose);
      this.#open.fetch.add(lose);
      const request = new Request(input, init);
      // Connect aborts the signal when a call is over, however it ended.
      request.signal.addEventListener("abort", over);
      try {
        const response = await fetch(request, { signal: AbortSignal.any([request.signal, losing.signal]) });
        if (!response.body) return response;
        const body = response.body.pipeThrough(new TransformStream({ flush: over }));
        return new Response(body, { status: response.status, headers: response.headers });
      } catch (error) {
        over();
        throw error;
      }
    };
  }

  #keep(carrier: CarrierName, lose: () => void, closed: Promise<unknown>): void {
    this.#open[carrier].add(lose);
    const forget = () => this.#open[carrier].delete(lose);
    closed.then(forget, forget);
  }
}

/** What can be handed to a transport. */
export interface Carriers {
  /** `undefined` where the browser has none. */
  webTransport: typeof WebTransport | undefined;
  webSocket: typeof WebSocket;
  fetch: typeof fetch;
}
