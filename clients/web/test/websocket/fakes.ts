/** WebSockets that behave as the browsers' do, and the gateway at their other end. */

/** What a test does as the gateway, and sees of the client. */
export interface Server {
  readonly url: string;
  readonly protocols: unknown;
  /** The frames that came. */
  readonly received: Uint8Array[];
  /** The code that the client closed with, as soon as it has; 1006 if nothing was open yet. */
  readonly closedByClient: number | undefined;
  accept(protocol?: string): void;
  /** As a server that cannot be reached. */
  refuse(): void;
  send(message: ArrayBuffer | string): void;
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

  constructor(url: string, protocols: string[] = []) {
    super();
    if (!/^wss?:/.test(url)) throw new DOMException("The URL's scheme must be either 'ws' or 'wss'.", "SyntaxError");
    this.url = url;
    FakeWebSocket.instances.push(this);
    const closedByClient = () => this.#closedByClient;
    this.server = {
      url,
      protocols,
      received: [],
      get closedByClient() {
        return closedByClient();
      },
      accept: (protocol = "grpc-ws-1") => this.#open(protocol),
      refuse: () => this.#end(1006, "", false),
      send: (message) => this.#message(message),
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
      this.server.received.push(frame);
      this.bufferedAmount -= frame.byteLength;
    }
  }

  #end(code: number, reason: string, wasClean: boolean): void {
    if (this.readyState === 3) return;
    this.readyState = 3;
    if (!wasClean) this.dispatchEvent(new Event("error"));
    this.dispatchEvent(Object.assign(new Event("close"), { code, reason, wasClean }));
  }
}

function assertCloseCode(code: number): void {
  if (code === 1000 || code === 1005 || (code >= 3000 && code <= 4999)) return;
  throw new DOMException(`The close code must be either 1000, or between 3000 and 4999. ${code} is neither.`, "InvalidAccessError");
}
