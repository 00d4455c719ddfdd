/** Lanes that end in the test instead of a gateway. */

import { LaneError, type CarrierName, type Lane } from "../src/lane.js";
import { frame, FrameReader, TRAILERS, type Frame } from "../src/wire/frame.js";

export interface FakeLaneOptions {
  carrier?: CarrierName;
  /** How many bytes of a direction are on their way at most, before who sends has to wait. 64 KiB by default. */
  room?: number;
}

/** A lane, and the gateway's end of it, which the test plays. */
export function fakeLane(options: FakeLaneOptions = {}): [lane: Lane, gateway: FakeGateway] {
  const gateway = new FakeGateway(options.room ?? 64 * 1024);
  return [new FakeLane(options.carrier ?? "webtransport", gateway), gateway];
}

/** What an opening comes to: an error, or nothing until it is aborted, or a lane. */
export type Failure = Error | "never" | undefined;

/** Opens fake lanes, and hands their other ends to the test in the order in which they were opened. */
export class FakeLanes {
  readonly #options: FakeLaneOptions;
  readonly #opened = new Pipe<FakeGateway>(Infinity, () => 0);
  readonly #failures: Failure[];
  /** How often a lane was asked for. */
  openings = 0;

  /** @param failures What the first openings come to. All others succeed. */
  constructor(options: FakeLaneOptions = {}, failures: Failure[] = []) {
    this.#options = options;
    this.#failures = failures;
  }

  readonly open = async (signal: AbortSignal): Promise<Lane> => {
    this.openings += 1;
    signal.throwIfAborted();
    const failure = this.#failures.shift();
    if (failure === "never") await new Promise((_, reject) => whenAborted(signal, reject));
    if (failure instanceof Error) throw failure;
    const [lane, gateway] = fakeLane(this.#options);
    void this.#opened.put(gateway);
    return lane;
  };

  /** The gateway's end of the next lane, once there is one. */
  async next(): Promise<FakeGateway> {
    return (await this.#opened.take())!;
  }
}

class FakeLane implements Lane {
  #drained = false;

  constructor(readonly carrier: CarrierName, private readonly gateway: FakeGateway) {}

  send(bytes: Uint8Array): Promise<void> {
    return this.gateway.request.put(bytes);
  }

  finish(): Promise<void> {
    return this.gateway.request.end();
  }

  receive(): Promise<Uint8Array | undefined> {
    return this.gateway.response.take();
  }

  cancel(code: number): void {
    this.gateway.onCancel(code);
  }

  draining(): void {
    if (this.#drained) return;
    this.#drained = true;
    this.gateway.onDraining();
  }
}

/** What a gateway can do with a call, and see of it. */
export class FakeGateway {
  /** Frames on their way to the gateway, and bytes on their way from it. */
  readonly request: Pipe<Uint8Array>;
  readonly response: Pipe<Uint8Array>;
  /** The code with which the client gave the lane up, when it has. Later codes change nothing, as on a real stream. */
  readonly canceled: Promise<number>;
  /** Whether the client has understood that the gateway drains. */
  isDraining = false;
  /** The first code that the client gave the lane up with. */
  code: number | undefined;
  readonly #frames = new FrameReader(0xffff_ffff);
  #onCanceled!: (code: number) => void;

  constructor(room: number) {
    this.request = new Pipe(room, (bytes) => bytes.byteLength);
    this.response = new Pipe(room, (bytes) => bytes.byteLength);
    this.canceled = new Promise((resolve) => (this.#onCanceled = resolve));
  }

  /** The next frame of the request; `undefined` when it has ended. Rejects when the client has canceled the call. */
  async receive(): Promise<Frame | undefined> {
    for (;;) {
      const next = this.#frames.next();
      if (next !== undefined) return next;
      const bytes = await this.request.take();
      if (bytes === undefined) return undefined;
      this.#frames.push(bytes);
    }
  }

  /** Sends bytes, cut as they are given. Resolves when there is room for more. */
  send(bytes: Uint8Array): Promise<void> {
    return this.response.put(bytes);
  }

  /** Sends a frame. */
  sendFrame(flags: number, payload: Uint8Array | string = ""): Promise<void> {
    return this.send(frame(flags, typeof payload === "string" ? new TextEncoder().encode(payload) : payload));
  }

  /** Ends the response with TRAILERS, and stops the request if it still runs. */
  async end(trailers = "grpc-status: 0\r\n"): Promise<void> {
    const sent = this.sendFrame(TRAILERS, trailers);
    const finished = this.finish();
    await Promise.all([sent, finished]).catch((error) => this.#unlessComplete(error));
    this.stop(0);
  }

  /** Ends the response where it is. */
  finish(): Promise<void> {
    return this.response.end().catch((error) => this.#unlessComplete(error));
  }

  /** A client that has read the trailers may give up the rest of the stream. */
  #unlessComplete(error: unknown): void {
    if (this.code !== 0) throw error;
  }

  /** Resets the response, which overtakes what was sent and not yet received. */
  reset(code: number): void {
    this.response.fail(new LaneError("the gateway reset the response", code));
  }

  /** Wants no more of the request. */
  stop(code: number): void {
    this.request.fail(new LaneError("the gateway stopped the request", code));
  }

  /** Refuses the call with a code, as a gateway may that goes away. */
  refuse(): void {
    this.stop(0x20);
    this.reset(0x20);
  }

  /** Loses the lane: the session or the connection is gone. */
  lose(): void {
    const lost = new LaneError("the connection is lost", undefined);
    this.request.fail(lost);
    this.response.fail(lost);
  }

  onCancel(code: number): void {
    if (this.code !== undefined) return;
    this.code = code;
    const given = new LaneError("the call gave the lane up", code);
    this.request.fail(given);
    this.response.fail(given);
    this.#onCanceled(code);
  }

  onDraining(): void {
    this.isDraining = true;
  }
}

/** A queue with an end. Who puts more into it than it has room for waits; who fails it fails both its sides. */
export class Pipe<T> {
  readonly #room: number;
  readonly #sizeOf: (item: T) => number;
  #items: T[] = [];
  #size = 0;
  #hasEnded = false;
  #failure: Error | undefined;
  #changed = signalOfChange();

  constructor(room: number, sizeOf: (item: T) => number) {
    this.#room = room;
    this.#sizeOf = sizeOf;
  }

  /** What is on its way. */
  get size(): number {
    return this.#size;
  }

  /** Resolves when nothing is on its way. */
  async isEmpty(): Promise<void> {
    await this.#until(() => this.#items.length === 0);
  }

  async put(item: T): Promise<void> {
    if (this.#failure) throw this.#failure;
    if (this.#hasEnded) throw new TypeError("the pipe has ended");
    this.#items.push(item);
    this.#size += this.#sizeOf(item);
    this.#change();
    await this.#until(() => this.#size < this.#room);
  }

  async end(): Promise<void> {
    if (this.#failure) throw this.#failure;
    this.#hasEnded = true;
    this.#change();
  }

  async take(): Promise<T | undefined> {
    await this.#until(() => this.#items.length > 0 || this.#hasEnded);
    if (this.#items.length === 0) return undefined;
    const item = this.#items.shift()!;
    this.#size -= this.#sizeOf(item);
    this.#change();
    return item;
  }

  fail(failure: Error): void {
    if (this.#failure || (this.#hasEnded && this.#items.length === 0)) return;
    this.#failure = failure;
    this.#items = [];
    this.#size = 0;
    this.#change();
  }

  async #until(isSo: () => boolean): Promise<void> {
    while (!this.#failure && !isSo()) await this.#changed.promise;
    if (this.#failure) throw this.#failure;
  }

  #change(): void {
    this.#changed.resolve();
    this.#changed = signalOfChange();
  }
}

function signalOfChange(): { promise: Promise<void>; resolve: () => void } {
  let resolve!: () => void;
  const promise = new Promise<void>((done) => (resolve = done));
  return { promise, resolve };
}

function whenAborted(signal: AbortSignal, then: (reason: unknown) => void): void {
  signal.addEventListener("abort", () => then(signal.reason), { once: true });
}
