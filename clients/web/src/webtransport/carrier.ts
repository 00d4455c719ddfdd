/** Lanes on pooled WebTransport sessions. */

import { pause, unlessAborted } from "../abort.js";
import { Backoff } from "../backoff.js";
import { type Carrier, type CarrierState, type Lane, Unreached } from "../lane.js";
import type { WebTransportOptions } from "../options.js";
import { AddressBook } from "./address.js";
import { connect, disconnect, Session } from "./session.js";

/** How often a session may be found to have ended under a call that was about to use it. */
const ATTEMPTS = 2;

/**
 * Opens lanes on sessions that it opens when they are needed: a first one, more of them when those are full, another
 * one instead of each that drains. They close when nothing was on them for a while, and when the page is left: a page
 * with open connections is not kept by browsers for when the user comes back.
 */
export class WebTransportCarrier implements Carrier {
  readonly name = "webtransport";
  readonly #addresses: AddressBook;
  readonly #backoff: Backoff;
  /** In the order in which they were opened. */
  readonly #sessions = new Set<Session>();
  /** The connection attempt that everybody waits for. */
  #attempt: Promise<void> | undefined;
  /** When there may be another attempt, on the clock of `performance`. */
  #notBefore = 0;
  /** What went wrong the last time, unless something went well since. */
  #error: unknown;
  /** Whatever waits for a session. */
  readonly #waiting = new Set<AbortController>();
  /** How often it was closed. */
  #closes = 0;
  #reported = "idle 0";
  readonly #onPageHide = () => this.close();

  /** @param options Its `fetch` is what asks a gateway for its address, where that has to be. */
  constructor(private readonly options: WebTransportOptions & { fetch?: typeof fetch }) {
    this.#addresses = new AddressBook(options);
    this.#backoff = new Backoff(options.backoff);
  }

  get isOpen(): boolean {
    return this.#usable().length > 0;
  }

  async open(signal: AbortSignal): Promise<Lane> {
    signal.throwIfAborted();
    const closes = this.#closes;
    for (let left = ATTEMPTS; ; left -= 1) {
      const session = await this.#inTime((patience) => this.#session(patience), signal);
      try {
        return await session.open(signal);
      } catch (error) {
        if (left === 1 || signal.aborted || closes !== this.#closes) throw error;
      }
    }
  }

  close(): void {
    const closed = new Unreached("WebTransport was closed");
    this.#closes += 1;
    this.#attempt = undefined;
    this.#error = undefined;
    this.#notBefore = 0;
    this.#backoff.reset();
    for (const waiting of this.#waiting) waiting.abort(closed);
    for (const session of this.#sessions) session.close();
    this.#changed();
  }

  /** Runs something that may take as long as a connection, unless `signal` is aborted or the carrier closed before. */
  async #inTime<T>(run: (patience: AbortSignal) => Promise<T>, signal?: AbortSignal): Promise<T> {
    const patience = new AbortController();
    const ms = this.options.connectTimeoutMs ?? 5_000;
    const timeout = () => patience.abort(new Unreached(`no session within ${ms} ms`, { cause: this.#error }));
    const timer = setTimeout(timeout, ms);
    const abort = () => patience.abort(signal?.reason);
    signal?.addEventListener("abort", abort);
    this.#waiting.add(patience);
    try {
      return await run(patience.signal);
    } finally {
      this.#waiting.delete(patience);
      signal?.removeEventListener("abort", abort);
      clearTimeout(timer);
    }
  }

  /** A session for one more call, which is reserved on it. */
  async #session(patience: AbortSignal): Promise<Session> {
    // Pages that are not secure have none either.
    const type = this.options.webTransport ?? globalThis.WebTransport;
    if (!type) throw new Unreached("there is no WebTransport here");
    for (;;) {
      patience.throwIfAborted();
      const session = this.#choose();
      if (session) {
        session.reserve();
        return session;
      }
      const wait = this.#notBefore - performance.now();
      try {
        if (this.#attempt || wait <= 0) await unlessAborted((this.#attempt ??= this.#connect(type)), patience);
        else await pause(wait, patience);
      } catch (error) {
        // If one more session was wanted, those that there are will do.
        if (patience.aborted || !this.isOpen) throw error;
      }
    }
  }

  /** The session for one more call; `undefined` if that should be a new one. */
  #choose(): Session | undefined {
    const { max = 2, maxCallsPerSession = 100 } = this.options.sessions ?? {};
    const usable = this.#usable();
    // The first one with room, so that the others can become idle.
    const withRoom = usable.find((session) => session.lanes < maxCallsPerSession && !session.isFull);
    const mayOpen = usable.length < max && this.#notBefore <= performance.now();
    if (withRoom || mayOpen || usable.length === 0) return withRoom;
    return usable.reduce((least, session) => (session.lanes < least.lanes ? session : least));
  }

  #connect(type: typeof WebTransport): Promise<void> {
    const attempt: Promise<void> = this.#inTime((patience) => this.#openTransport(type, patience)).then(
      (transport) => {
        if (this.#attempt !== attempt) return disconnect(transport);
        this.#attempt = undefined;
        this.#opened(transport);
      },
      (error: unknown) => {
        const failure =
          error instanceof Unreached ? error : new Unreached("no session could be opened", { cause: error });
        if (this.#attempt === attempt) {
          this.#attempt = undefined;
          this.#failed(failure);
        }
        throw failure;
      },
    );
    this.#attempt = attempt;
    this.#changed();
    return attempt;
  }

  async #openTransport(type: typeof WebTransport, patience: AbortSignal): Promise<WebTransport> {
    return connect(type, await unlessAborted(this.#addresses.find(patience), patience), patience);
  }

  #opened(transport: WebTransport): void {
    this.#error = undefined;
    this.#backoff.reset();
    const onChange = (error?: unknown) => (error === undefined ? this.#changed() : this.#failed(error));
    this.#sessions.add(new Session(transport, this.options.sessions?.idleMs ?? 60_000, onChange));
    this.#changed();
  }

  /** Also of a session that was lost: one that always is as soon as it is open must not be opened without a pause. */
  #failed(error: unknown): void {
    this.#error = error;
    this.#notBefore = performance.now() + this.#backoff.next();
    this.#addresses.forget();
    this.#changed();
  }

  #usable(): Session[] {
    return [...this.#sessions].filter((session) => session.isUsable);
  }

  #changed(): void {
    for (const session of this.#sessions) if (session.hasEnded) this.#sessions.delete(session);
    // Only while there is something to close: a listener would keep the carrier for as long as there is the page.
    if (this.#sessions.size > 0 || this.#attempt) globalThis.addEventListener?.("pagehide", this.#onPageHide);
    else globalThis.removeEventListener?.("pagehide", this.#onPageHide);
    this.#report();
  }

  #report(): void {
    const state = this.#state();
    const told = `${state.phase} ${state.failures}`;
    if (told === this.#reported) return;
    this.#reported = told;
    try {
      this.options.onState?.(state);
    } catch {
      // What shows a state must not end calls.
    }
  }

  #state(): CarrierState {
    const known = { carrier: this.name, failures: this.#backoff.failures } as const;
    if (this.isOpen) return { ...known, phase: "open" };
    if (this.#attempt) return { ...known, phase: "connecting" };
    if (this.#error !== undefined) return { ...known, phase: "down", error: this.#error };
    return { ...known, phase: this.#sessions.size > 0 ? "draining" : "idle" };
  }
}
