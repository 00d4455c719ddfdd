/**
 * A WebTransport that behaves as the browsers' does, and the gateway at its other end.
 *
 * Streams are the platform's own, so locks, `ready` and what `abort` and `cancel` reach are as in a browser.
 */

/** What browsers end streams and sessions with. Takes what Chromium 156 and Firefox 153 take. */
export class FakeWebTransportError extends DOMException {
  readonly streamErrorCode: number | null;
  readonly source: "stream" | "session" = "stream";

  constructor(init: { message?: string; streamErrorCode?: number } = {}) {
    if (typeof init !== "object") throw new TypeError("The provided value is not of type 'WebTransportErrorInit'.");
    super(init.message, "WebTransportError");
    this.streamErrorCode = init.streamErrorCode ?? null;
  }
}

/** The same as the later specification has it: a message, and then a dictionary. */
export class LaterWebTransportError extends DOMException {
  readonly streamErrorCode: number | null;
  readonly source: "stream" | "session";

  constructor(message = "", options: { streamErrorCode?: number; source?: "stream" | "session" } = {}) {
    super(String(message), "WebTransportError");
    this.streamErrorCode = options.streamErrorCode ?? null;
    this.source = options.source ?? "stream";
  }
}

/** A promise with its ends outside. */
export class Event<T = void> {
  readonly promise: Promise<T>;
  happen!: (value: T) => void;
  fail!: (error: unknown) => void;

  constructor() {
    this.promise = new Promise((resolve, reject) => {
      this.happen = resolve;
      this.fail = reject;
    });
    this.promise.catch(() => {});
  }
}

/** What the gateway meets, in order. */
class Arrivals<T> {
  readonly all: T[] = [];
  #taken = 0;
  #waiting: (() => void)[] = [];

  add(item: T): void {
    this.all.push(item);
    for (const wake of this.#waiting.splice(0)) wake();
  }

  async next(): Promise<T> {
    const index = this.#taken++;
    while (index >= this.all.length) await new Promise<void>((wake) => this.#waiting.push(wake));
    return this.all[index]!;
  }
}

/** A stream as the gateway has it. */
export class FakeStream {
  readonly received: string[] = [];
  readonly finished = new Event();
  /** The code of the client's RESET_STREAM, and that of its STOP_SENDING. */
  readonly reset = new Event<number>();
  readonly stopped = new Event<number>();
  /** Takes no more bytes until `resume`. */
  #hold: Event | undefined;
  #reading!: ReadableStreamDefaultController<Uint8Array>;
  #writing!: WritableStreamDefaultController;
  readonly browsers: WebTransportBidirectionalStream;

  constructor() {
    const readable = new ReadableStream<Uint8Array>({
      start: (controller) => void (this.#reading = controller),
      cancel: (reason) => this.stopped.happen(codeOf(reason)),
    });
    const writable = new WritableStream<Uint8Array>({
      start: (controller) => void (this.#writing = controller),
      write: async (chunk) => {
        await this.#hold?.promise;
        this.received.push(new TextDecoder().decode(chunk));
      },
      close: () => this.finished.happen(),
      abort: (reason) => this.reset.happen(codeOf(reason)),
    });
    this.browsers = { readable, writable };
  }

  hold(): void {
    this.#hold = new Event();
  }

  resume(): void {
    this.#hold?.happen();
    this.#hold = undefined;
  }

  respond(text: string): void {
    this.#reading.enqueue(new TextEncoder().encode(text));
  }

  end(): void {
    this.#reading.close();
  }

  /** RESET_STREAM and STOP_SENDING. */
  resetWith(code: number): void {
    this.#reading.error(new FakeWebTransportError({ streamErrorCode: code }));
  }

  stopWith(code: number): void {
    this.#writing.error(new FakeWebTransportError({ streamErrorCode: code }));
  }

  /** RESET_STREAM as Firefox 153 shows it. */
  resetWithoutCode(): void {
    this.#reading.error(new TypeError("Error in input stream"));
  }

  lose(error: unknown): void {
    try {
      this.#reading.error(error);
    } catch {
      // It had ended.
    }
    this.#writing.error(error);
  }
}

function codeOf(reason: unknown): number {
  return (reason as Partial<WebTransportError>).streamErrorCode ?? -1;
}

/** A session, both as the browser's object and as the gateway has it. */
export class FakeSession {
  readonly #ready = new Event();
  readonly #closed = new Event<WebTransportCloseInfo>();
  readonly #opening: Event<WebTransportBidirectionalStream>[] = [];
  readonly streams = new Arrivals<FakeStream>();
  /** How the client closed it. */
  readonly closedByClient = new Event<WebTransportCloseInfo>();
  /** How many more streams it may open, and what becomes of those that it may not: Chromium 156 refuses them. */
  credit = Infinity;
  beyondCredit: "wait" | "refuse" = "wait";
  #over = false;
  /** Safari's. */
  draining?: Promise<void>;

  constructor(readonly url: string, readonly options: Record<string, unknown>) {}

  readonly ready = this.#ready.promise;
  readonly closed = this.#closed.promise;

  createBidirectionalStream(options: { waitUntilAvailable?: boolean } = {}): Promise<WebTransportBidirectionalStream> {
    if (this.#over) return Promise.reject(new DOMException("No connection.", "InvalidStateError"));
    if (this.credit === 0 && (this.beyondCredit === "refuse" || !options.waitUntilAvailable)) {
      return Promise.reject(new DOMException("Failed to create bidirectional stream.", "NetworkError"));
    }
    const event = new Event<WebTransportBidirectionalStream>();
    this.#opening.push(event);
    this.grant(0);
    return event.promise;
  }

  close(info: WebTransportCloseInfo = {}): void {
    if (this.#over) return;
    this.closedByClient.happen(info);
    this.end(info);
  }

  /** Lets so many more streams open. */
  grant(streams: number): void {
    this.credit += streams;
    while (this.credit > 0 && this.#opening.length > 0) {
      this.credit -= 1;
      const stream = new FakeStream();
      this.streams.add(stream);
      this.#opening.shift()!.happen(stream.browsers);
    }
  }

  accept(): void {
    this.#ready.happen();
  }

  refuse(): void {
    this.#over = true;
    const error = sessionError("Opening handshake failed.");
    this.#ready.fail(error);
    this.#closed.fail(error);
  }

  /** The gateway, or `close`, ends it. */
  end(info: WebTransportCloseInfo): void {
    this.#lose(sessionError("The session was closed."));
    this.#closed.happen(info);
  }

  /** The network ends it. */
  lose(error: unknown = sessionError("Connection lost.")): void {
    this.#lose(error);
    this.#closed.fail(error);
  }

  #lose(error: unknown): void {
    this.#over = true;
    this.#ready.fail(error);
    for (const stream of this.streams.all) stream.lose(error);
    for (const event of this.#opening.splice(0)) event.fail(error);
  }
}

function sessionError(message: string): unknown {
  return Object.assign(new FakeWebTransportError({ message }), { source: "session" });
}

/** A gateway for which WebTransport can be injected. */
export class FakeGateway {
  readonly sessions = new Arrivals<FakeSession>();
  /** What becomes of connections. */
  mode: "accept" | "wait" | "refuse" | "throw" = "accept";
  /** Prepares a session before the client has it. */
  onSession: ((session: FakeSession) => void) | undefined;

  readonly webTransport = ((gateway: FakeGateway) =>
    function (url: string, options: Record<string, unknown> = {}) {
      if (gateway.mode === "throw") throw new DOMException("not allowed", "SecurityError");
      const session = new FakeSession(url, options);
      gateway.onSession?.(session);
      if (gateway.mode === "accept") session.accept();
      if (gateway.mode === "refuse") session.refuse();
      gateway.sessions.add(session);
      return session;
    })(this) as unknown as typeof WebTransport;
}
