/** One call over one transport, told step by step to whoever shows it. */

import { create } from "@bufbuild/protobuf";
import type { DescMethod, DescMethodStreaming, DescMethodUnary, Message } from "@bufbuild/protobuf";
import type { Transport } from "@connectrpc/connect";

import { streamsFromClient } from "./method.js";
import { Outbox } from "./outbox.js";
import { endOf } from "./status.js";
import type { End } from "./status.js";

/** Is told what happens to a call. */
export interface Witness {
  headers(headers: Headers): void;
  sent(): void;
  /**
   * A message of the response came.
   *
   * @param ms How long it took: for a method that answers once, since the request had ended; for one that streams, since
   *   the call began, and for the first message only; when both stream, since the nth message was sent, for the nth.
   */
  received(message: Message, ms: number | undefined): void;
  ended(end: End, ms: number): void;
}

/** What a call is made with. */
export interface Terms {
  method: DescMethod;
  headers: Headers;
  timeoutMs: number | undefined;
}

export class Call {
  readonly #requests = new Outbox<Message>();
  readonly #leaving = new AbortController();
  readonly #began = performance.now();
  /** When the messages without an answer were sent. */
  readonly #unanswered: number[] = [];
  #finished = this.#began;
  #received = 0;

  /** Resolves when the call has ended, however it did. */
  readonly over: Promise<void>;

  constructor(transport: Transport, readonly terms: Terms, readonly witness: Witness) {
    this.over = this.#run(transport).then(
      (trailers) => this.#end({ status: "OK", message: "", trailers }),
      (error: unknown) => this.#end(endOf(error)),
    );
  }

  /** Sends one more message. Resolves when the transport has taken it, or the call is over. */
  send(message: Message): Promise<void> {
    return this.#requests.push(message);
  }

  /** Half-close: no more messages. */
  finish(): void {
    this.#finished = performance.now();
    this.#requests.end();
  }

  cancel(): void {
    this.#leaving.abort();
  }

  async #run(transport: Transport): Promise<Headers> {
    const { method } = this.terms;
    // TypeScript does not tell the one from the others by its kind.
    return method.methodKind === "unary"
      ? this.#unary(transport, method as DescMethodUnary)
      : this.#stream(transport, method as DescMethodStreaming);
  }

  async #unary(transport: Transport, method: DescMethodUnary): Promise<Headers> {
    let message = create(method.input);
    for await (const only of this.#requests) message = only;
    this.#sent();
    const { headers, timeoutMs } = this.terms;
    const response = await transport.unary(method, this.#leaving.signal, timeoutMs, headers, message);
    this.witness.headers(response.header);
    this.#receive(response.message);
    return response.trailer;
  }

  async #stream(transport: Transport, method: DescMethodStreaming): Promise<Headers> {
    const { headers, timeoutMs } = this.terms;
    const requests = this.#sending();
    const response = await transport.stream(method, this.#leaving.signal, timeoutMs, headers, requests);
    this.witness.headers(response.header);
    for await (const message of response.message) this.#receive(message);
    return response.trailer;
  }

  async *#sending(): AsyncGenerator<Message, void> {
    for await (const message of this.#requests) {
      this.#sent();
      yield message;
    }
  }

  #sent(): void {
    this.#unanswered.push(performance.now());
    this.witness.sent();
  }

  #receive(message: Message): void {
    this.#received += 1;
    this.witness.received(message, this.#latency());
  }

  #latency(): number | undefined {
    const { method } = this.terms;
    if (method.methodKind === "bidi_streaming") {
      const sent = this.#unanswered.shift();
      return sent === undefined ? undefined : performance.now() - sent;
    }
    if (this.#received > 1) return undefined;
    return performance.now() - (streamsFromClient(method) ? this.#finished : this.#began);
  }

  #end(end: End): void {
    // Whoever waits for room is let go.
    this.#requests.drop();
    this.witness.ended(end, performance.now() - this.#began);
  }
}
