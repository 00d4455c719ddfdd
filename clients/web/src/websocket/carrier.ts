/** Lanes that are WebSockets: one for each call. */

import { type Carrier, type Lane, Unreached } from "../lane.js";
import type { WebSocketOptions } from "../options.js";
import { unlessAborted } from "../webtransport/abort.js";
import { SUBPROTOCOL } from "./close.js";
import { type LaneOwner, type OpeningLane, WebSocketLane } from "./lane.js";
import { Reporter } from "./reporter.js";
import { type WebSocketStream, WebSocketStreamLane } from "./stream_lane.js";

const PATH = "/grpc-ws/v1";
const READ_MAX_BYTES = 4 << 20;

/** Every lane is a connection of its own, so there is nothing to be kept between calls. */
export class WebSocketCarrier implements Carrier {
  readonly name = "websocket";
  readonly isOpen = false;
  readonly #url: string;
  /** Those that are opening too. */
  readonly #lanes = new Set<OpeningLane>();
  readonly #state: Reporter;

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
    for (const lane of this.#lanes) lane.lose("the transport was closed");
  }

  /** A new lane, once it is open. */
  async #opened(signal: AbortSignal): Promise<Lane> {
    let isOpen = false;
    const lane: OpeningLane = this.#connect({
      drain: () => this.#state.becomes("draining"),
      release: () => {
        this.#lanes.delete(lane);
        if (isOpen) this.#rest();
      },
    });
    this.#lanes.add(lane);
    const ms = this.options.connectTimeoutMs ?? 10_000;
    const timer = setTimeout(() => lane.lose(`it was not open within ${ms} ms`), ms);
    try {
      await unlessAborted(lane.opened, signal);
      isOpen = true;
      return lane;
    } catch (error) {
      lane.lose("it was not opened");
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  #rest(): void {
    if (this.#lanes.size === 0) this.#state.becomes("idle");
  }

  #connect(owner: LaneOwner): OpeningLane {
    const { webSocket, readMaxBytes = READ_MAX_BYTES } = this.options;
    const { WebSocketStream } = globalThis as { WebSocketStream?: new (url: string, options: object) => WebSocketStream };
    if (!webSocket && WebSocketStream) {
      return new WebSocketStreamLane(new WebSocketStream(this.#url, { protocols: [SUBPROTOCOL] }), owner);
    }
    const type = webSocket ?? globalThis.WebSocket;
    return new WebSocketLane(new type(this.#url, [SUBPROTOCOL]), readMaxBytes, owner);
  }
}
