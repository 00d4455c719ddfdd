/** WebSockets that behave as the browsers' do, and the gateway at their other end. */

import { DATAGRAMS, DRAIN, frame, HEADERS, REFUSED, TRAILERS, WINDOW } from "../../src/wire/frame.js";

/** What a test does as the gateway, and sees of the client. */
export interface Server {
  readonly url: string;
  readonly protocols: unknown;
  /** The frames that came. One that the client may not send closes the WebSocket. */
  readonly received: Uint8Array[];
  /** What the client has granted, by one frame each, in bytes. */
  readonly grants: number[];
  /** What may be sent, in bytes. Whether it is heeded is up to the test. */
  readonly window: number;
  /** The code that the client closed with, as soon as it has; 1006 if nothing was open yet. */
  readonly closedByClient: number | undefined;
  accept(protocol?: string): void;
  /** As a server that cannot be reached. */
  refuse(): void;
  send(message: ArrayBuffer | string): void;
  /** Lets the client send so much more, in bytes. */
  grant(bytes: number): void;
  /** Ends it by a close frame, after what was sent. */
  close(code: number, reason?: string): void;
  /** Breaks the connection. */
  lose(): void;
  /** Reads nothing, until told again. */
  hold(): void;
  resume(): void;
}

/** The `WebSocket` of every browser. */
export class FakeWebSocket extends EventTarget {
  static readonly instances: FakeWebSocket[] = [];

  readonly url: string;
  binaryType: BinaryType = "blob";
  bufferedAmount = 0;
  readyState = 0;
  protocol = "";
  /** The gateway's end. */
  readonly server: Server;
  readonly #sending: Uint8Array[] = [];
  #isHeld = false;
  #closedByClient: number | undefined;
  /** What the client may send. */
  #requestWindow = 65_536;
  #hasRequestEnded = false;
  /** What the gateway may send. */
  #responseWindow = 65_536;

  constructor(url: string, protocols: string[] = []) {
    super();
    if (!/^wss?:/.test(url)) throw new DOMException("The URL's scheme must be either 'ws' or 'wss'.", "SyntaxError");
    this.url = url;
    FakeWebSocket.instances.push(this);
    const closedByClient = () => this.#closedByClient;
    const window = () => this.#responseWindow;
    this.server = {
      url,
      protocols,
      received: [],
      grants: [],
      get window() {
        return window();
      },
      get closedByClient() {
        return closedByClient();
      },
      accept: (protocol = "grpc-ws-1-windows") => this.#open(protocol),
      refuse: () => this.#end(1006, "", false),
      send: (message) => {
        if (message instanceof ArrayBuffer) this.#responseWindow -= costOf(new Uint8Array(message));
        this.#message(message);
      },
      grant: (bytes) => {
        this.#requestWindow += bytes;
        this.#message(frame(WINDOW, u32(bytes)).buffer as ArrayBuffer);
      },
      close: (code, reason = "") => this.#end(code, reason, true),
      lose: () => this.#end(1006, "", false),
      hold: () => void (this.#isHeld = true),
      resume: () => {
        this.#isHeld = false;
        this.#flush();
      },
    };
  }

  set onopen(listener: EventListener) {
    this.addEventListener("open", listener);
  }

  set onerror(listener: EventListener) {
    this.addEventListener("error", listener);
  }

  set onmessage(listener: EventListener) {
    this.addEventListener("message", listener);
  }

  set onclose(listener: EventListener) {
    this.addEventListener("close", listener);
  }

  send(frame: Uint8Array): void {
    if (this.readyState === 0) throw new DOMException("Still in CONNECTING state.", "InvalidStateError");
    // What is sent after the close counts as well, for ever.
    this.bufferedAmount += frame.byteLength;
    if (this.readyState !== 1) return;
    this.#sending.push(frame.slice());
    queueMicrotask(() => this.#flush());
  }

  close(code = 1005): void {
    assertCloseCode(code);
    if (this.readyState > 1) return;
    this.#closedByClient = this.readyState === 1 ? code : 1006;
    // The gateway's answer to a close may take its time.
    if (this.readyState === 0) queueMicrotask(() => this.#end(1006, "", false));
    this.readyState = 2;
  }

  #open(protocol: string): void {
    if (this.readyState !== 0) return;
    this.readyState = 1;
    this.protocol = protocol;
    this.dispatchEvent(new Event("open"));
  }

  /** Browsers tell of a message whether or not anybody is ready for it. */
  #message(message: ArrayBuffer | string): void {
    if (this.readyState !== 1) return;
    const data = typeof message === "string" || this.binaryType === "arraybuffer" ? message : new Blob([message]);
    this.dispatchEvent(Object.assign(new Event("message"), { data }));
  }

  #flush(): void {
    if (this.#isHeld || this.readyState > 1) return;
    for (const frame of this.#sending.splice(0)) {
      this.bufferedAmount -= frame.byteLength;
      if (this.readyState === 1) this.#receive(frame);
    }
  }

  /** The gateway takes a frame, if it may be sent. */
  #receive(frame: Uint8Array): void {
    const { received, grants } = this.server;
    const [flags] = frame;
    const cost = costOf(frame);
    const isInOrder = (flags === HEADERS) === (received.length === 0) && (flags === WINDOW || !this.#hasRequestEnded);
    const isGranted = cost === 0 || this.#requestWindow > 0;
    const isNumber = flags !== WINDOW || frame.length === 9;
    received.push(frame);
    if (!isInOrder || !isGranted || !isNumber) return this.#end(4033, "", true);
    this.#requestWindow -= cost;
    this.#hasRequestEnded ||= flags === TRAILERS;
    if (flags !== WINDOW) return;
    grants.push(new DataView(frame.buffer).getUint32(5));
    this.#responseWindow += grants.at(-1)!;
  }

  #end(code: number, reason: string, wasClean: boolean): void {
    if (this.readyState === 3) return;
    this.readyState = 3;
    if (!wasClean) this.dispatchEvent(new Event("error"));
    this.dispatchEvent(Object.assign(new Event("close"), { code, reason, wasClean }));
  }
}

function costOf(frame: Uint8Array): number {
  return [HEADERS, TRAILERS, DRAIN, DATAGRAMS, WINDOW, REFUSED].includes(frame[0]!) ? 0 : frame.length + 128;
}

function u32(number: number): Uint8Array {
  return Uint8Array.of(number >>> 24, number >>> 16, number >>> 8, number);
}

function assertCloseCode(code: number): void {
  if (code === 1000 || code === 1005 || (code >= 3000 && code <= 4999)) return;
  throw new DOMException(`The close code must be either 1000, or between 3000 and 4999. ${code} is neither.`, "InvalidAccessError");
}
