/** Lanes that are WebSockets: one for each call. */

import { unlessAborted } from "../abort.js";
import { type Carrier, type Lane, Unreached } from "../lane.js";
import type { WebSocketOptions } from "../options.js";
import { SUBPROTOCOL } from "./close.js";
import { type LaneOwner, WebSocketLane } from "./lane.js";
import { Reporter } from "./reporter.js";

const PATH = "/grpc-ws/v1";

/**
 * How many open at once. Browsers open those to one host one after the other anyway; but Chromium 156 makes each wait
 * seconds when 16 are under way, and fails them when 255 are.
 */
const MAX_OPENING = 6;

/** Every lane is a connection of its own, so there is nothing to be kept between calls. */
export class WebSocketCarrier implements Carrier {
  readonly name = "websocket";
  readonly isOpen = false;
  readonly #url: string;
  /** Those that are opening too. */
  readonly #lanes = new Set<WebSocketLane>();
  #opening = 0;
  /** Those that are opening, or wait for a ticket before. */
  readonly #attempts = new Set<AbortController>();
  /** Those who wait for others to have opened. */
  readonly #turns: { resolve: () => void; reject: (error: Error) => void }[] = [];
  readonly #state: Reporter;
  /** A page that is left may be kept with its connections, and its calls would go on for nobody. */
  readonly #onPageHide = () => this.close();

  constructor(private readonly options: WebSocketOptions) {
    const { baseUrl, webSocketUrl } = options;
    const url = webSocketUrl ?? new URL(PATH, new URL(baseUrl, globalThis.location?.href)).href;
    this.#url = url.replace(/^http/, "ws");
    this.#state = new Reporter(this.name, options.onState);
  }

  async open(signal: AbortSignal): Promise<Lane> {
    signal.throwIfAborted();
    if (this.#lanes.size === 0) this.#state.becomes("connecting");
    try {
      const lane = await this.#opened(signal);
      this.#state.becomes("open");
      return lane;
    } catch (error) {
      if (signal.aborted) {
        this.#rest();
        throw error;
      }
      const { message } = error as Error;
      const failure = new Unreached(`no WebSocket could be opened at ${this.#url}: ${message}`, { cause: error });
      this.#state.becomes("down", failure);
      throw failure;
    }
  }

  close(): void {
    const why = "the transport was closed";
    for (const { reject } of this.#turns.splice(0)) reject(new Error(why));
    for (const attempt of this.#attempts) attempt.abort(new Error(why));
    for (const lane of this.#lanes) lane.lose(why);
  }

  /** A new lane, once it is open. */
  async #opened(signal: AbortSignal): Promise<Lane> {
    if (this.#opening < MAX_OPENING) this.#opening += 1;
    else await this.#turn(signal);
    const attempt = new AbortController();
    this.#attempts.add(attempt);
    const ms = this.options.connectTimeoutMs ?? 10_000;
    const timer = setTimeout(() => attempt.abort(new Error(`it was not open within ${ms} ms`)), ms);
    const unlessGivenUp = <T>(step: Promise<T>) => unlessAborted(unlessAborted(step, attempt.signal), signal);
    let lane: WebSocketLane | undefined;
    try {
      let isOpen = false;
      const { ticket } = this.options;
      const url = ticket ? withTicket(this.#url, await unlessGivenUp(ticket())) : this.#url;
      const opening = (lane = this.#connect(url, {
        drain: () => this.#state.becomes("draining"),
        release: () => {
          this.#lanes.delete(opening);
          if (this.#lanes.size === 0) globalThis.removeEventListener?.("pagehide", this.#onPageHide);
          if (isOpen) this.#rest();
        },
      }));
      this.#lanes.add(opening);
      globalThis.addEventListener?.("pagehide", this.#onPageHide);
      await unlessGivenUp(opening.opened);
      isOpen = true;
      return opening;
    } catch (error) {
      lane?.lose("it was not opened");
      throw error;
    } finally {
      clearTimeout(timer);
      this.#attempts.delete(attempt);
      this.#nextTurn();
    }
  }

  #connect(url: string, owner: LaneOwner): WebSocketLane {
    const { webSocket: type = globalThis.WebSocket } = this.options;
    if (!type) throw new Error("there is no WebSocket here");
    return new WebSocketLane(new type(url, [SUBPROTOCOL]), owner);
  }

  /** Waits until another one has opened, or failed to. */
  async #turn(signal: AbortSignal): Promise<void> {
    const turn = new Promise<void>((resolve, reject) => this.#turns.push({ resolve, reject }));
    try {
      await unlessAborted(turn, signal);
    } catch (error) {
      // It comes all the same, and is passed on.
      turn.then(() => this.#nextTurn(), () => {});
      throw error;
    }
  }

  #nextTurn(): void {
    const next = this.#turns.shift();
    if (next) next.resolve();
    else this.#opening -= 1;
  }

  #rest(): void {
    if (this.#lanes.size === 0) this.#state.becomes("idle");
  }
}

/** Source: docs/grpc-webtransport.md, section 13. */
function withTicket(address: string, ticket: string): string {
  const url = new URL(address);
  url.searchParams.set("ticket", ticket);
  return url.href;
}
