/** A gateway that is reached in each of the three ways, or not, and answers every call with an empty message. */

import { type CarrierName } from "../../src/lane.js";
import { frame, type Frame, FrameReader, HEADERS, MESSAGE, TRAILERS, WINDOW } from "../../src/wire/frame.js";
import { decodeBlock } from "../../src/wire/block.js";
import { FakeWebSocket } from "../websocket/fakes.js";
import { FakeSession, FakeWebTransportError } from "../webtransport/fake.js";

const OK = frame(TRAILERS, new TextEncoder().encode("grpc-status: 0\r\n"));
const ANSWER = [frame(HEADERS, new Uint8Array()), frame(MESSAGE, new Uint8Array()), OK];
const REFUSED = 0x20;

/** What becomes of a connection: `dropped` is for no answer. */
export type Network = "open" | "dropped" | "refused";

/** A call that was answered. */
export interface SeenCall {
  readonly carrier: CarrierName;
  /** The flags of its frames, but for windows. */
  readonly frames: number[];
  readonly header: Headers;
}

export class FakeGateway {
  udp: Network = "open";
  tcp: Network = "open";
  /** How many calls are refused from now on, before any is processed. */
  refusals = 0;
  readonly calls: SeenCall[] = [];
  readonly sessions: FakeSession[] = [];
  readonly sockets: FakeWebSocket[] = [];

  /** What the carriers of the calls were. */
  get carriers(): CarrierName[] {
    return this.calls.map(({ carrier }) => carrier);
  }

  readonly fetch: typeof fetch = async (_, init) => {
    if (this.tcp === "dropped") {
      await new Promise((_, reject) => init?.signal?.addEventListener("abort", () => reject(init.signal!.reason)));
    }
    if (this.tcp === "refused") throw new TypeError("Failed to fetch");
    this.calls.push({ carrier: "fetch", frames: [], header: new Headers(init?.headers) });
    const body = new Blob([frame(MESSAGE, new Uint8Array()), OK] as BlobPart[]);
    return new Response(body, { headers: { "content-type": "application/grpc-web+proto" } });
  };

  readonly webSocket: typeof WebSocket = ((gateway: FakeGateway) =>
    class extends FakeWebSocket {
      readonly #request = new FrameReader(1 << 20);
      readonly #frames: Frame[] = [];

      constructor(url: string, protocols: string[]) {
        super(url, protocols);
        gateway.sockets.push(this);
        if (gateway.tcp === "open") queueMicrotask(() => this.server.accept());
        if (gateway.tcp === "refused") queueMicrotask(() => this.server.refuse());
      }

      override send(bytes: Uint8Array): void {
        super.send(bytes);
        this.#request.push(bytes);
        this.#frames.push(this.#request.next()!);
        if (this.#frames.at(-1)!.flags !== TRAILERS) return;
        gateway.#saw("websocket", this.#frames);
        for (const answer of ANSWER) this.server.send(answer.slice().buffer as ArrayBuffer);
        this.server.close(1000);
      }
    })(this) as unknown as typeof WebSocket;

  readonly webTransport: typeof WebTransport = ((gateway: FakeGateway) =>
    class extends FakeSession {
      constructor(url: string, options: Record<string, unknown>) {
        super(url, options);
        gateway.sessions.push(this);
        if (gateway.udp === "open") this.accept();
        if (gateway.udp === "refused") this.refuse();
      }

      override async createBidirectionalStream(): Promise<WebTransportBidirectionalStream> {
        const refuses = gateway.refusals > 0;
        if (refuses) gateway.refusals -= 1;
        const error = new FakeWebTransportError({ streamErrorCode: REFUSED });
        let response!: ReadableStreamDefaultController<Uint8Array>;
        const readable = new ReadableStream<Uint8Array>({
          start: (controller) => (refuses ? controller.error(error) : void (response = controller)),
        });
        const request = new FrameReader(1 << 20);
        const frames: Frame[] = [];
        const writable = new WritableStream<Uint8Array>({
          write: (bytes) => {
            request.push(bytes);
            frames.push(request.next()!);
            if (refuses || frames.at(-1)!.flags !== TRAILERS) return;
            gateway.#saw("webtransport", frames);
            for (const answer of ANSWER) response.enqueue(answer);
            response.close();
          },
        });
        const lose = () => response?.error(Object.assign(new FakeWebTransportError(), { source: "session" }));
        this.closed.finally(lose).catch(() => {});
        return { readable, writable };
      }
    })(this) as unknown as typeof WebTransport;

  #saw(carrier: CarrierName, frames: Frame[]): void {
    this.calls.push({ carrier, frames: frames.map(({ flags }) => flags).filter((flags) => flags !== WINDOW), header: decodeBlock(withoutPath(frames[0]!)) });
  }
}

/** `:path` is no name for Headers. */
function withoutPath({ payload }: Frame): Uint8Array {
  return payload.subarray(payload.indexOf(0x0a) + 1);
}
