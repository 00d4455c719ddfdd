/** Calls whose both ends are the test's: the application's and the gateway's. */

import { ConnectError } from "@connectrpc/connect";
import type { UniversalClientResponse } from "@connectrpc/connect/protocol";

import { carry } from "../src/call.js";
import { frame, MESSAGE } from "../src/wire/frame.js";
import { FakeLanes, type FakeGateway } from "./fakes.js";

export const KIB = 1024;

/** The messages of a request, as the test gives them. */
export class Messages implements AsyncIterableIterator<Uint8Array> {
  readonly #given: (() => IteratorResult<Uint8Array>)[] = [];
  #wake: () => void = () => {};
  #onTaken: () => void = () => {};
  #onReturned!: () => void;
  /** When the call has said that it takes no more. */
  readonly returned = new Promise<void>((resolve) => (this.#onReturned = resolve));
  taken = 0;

  push(bytes: Uint8Array): void {
    this.#give(() => ({ done: false, value: bytes }));
  }

  finish(): void {
    this.#give(() => ({ done: true, value: undefined }));
  }

  fail(error: Error): void {
    this.#give(() => {
      throw error;
    });
  }

  /** Resolves when so many messages have been taken. */
  async hasTaken(count: number): Promise<void> {
    while (this.taken < count) await new Promise<void>((resolve) => (this.#onTaken = resolve));
  }

  async next(): Promise<IteratorResult<Uint8Array>> {
    while (this.#given.length === 0) await new Promise<void>((resolve) => (this.#wake = resolve));
    const result = this.#given.shift()!();
    this.taken += 1;
    this.#onTaken();
    return result;
  }

  async return(): Promise<IteratorResult<Uint8Array>> {
    this.#onReturned();
    this.finish();
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #give(result: () => IteratorResult<Uint8Array>): void {
    this.#given.push(result);
    this.#wake();
  }
}

export interface End {
  header?: Headers;
  trailer?: Headers;
  messages: Uint8Array[];
  error?: ConnectError;
}

export interface Setting {
  url?: string;
  header?: Headers;
  lanes?: FakeLanes;
  openLane?: FakeLanes["open"];
  controller?: AbortController;
}

/** Begins a call, on lanes that end in the test. */
export function begin(setting: Setting = {}) {
  const lanes = setting.lanes ?? new FakeLanes();
  const controller = setting.controller ?? new AbortController();
  const messages = new Messages();
  const response = carry(setting.openLane ?? lanes.open, { readMaxBytes: 256 * KIB })({
    url: setting.url ?? "https://gateway.test/t.Echo/Chat",
    method: "POST",
    header: setting.header ?? new Headers(),
    body: messages,
    signal: controller.signal,
  });
  // Some tests have no use for it.
  response.catch(() => {});
  return { lanes, controller, messages, response, end: () => endOf(response) };
}

async function endOf(response: Promise<UniversalClientResponse>): Promise<End> {
  const messages: Uint8Array[] = [];
  try {
    const { header, body, trailer } = await response;
    for await (const one of body) messages.push(one);
    return { header, trailer, messages };
  } catch (error) {
    if (!(error instanceof ConnectError)) throw error;
    return { messages, error };
  }
}

/** All that is sent of a request. */
export async function requestOf(gateway: FakeGateway): Promise<Buffer> {
  const frames: Uint8Array[] = [];
  for (let next = await gateway.receive(); next; next = await gateway.receive()) frames.push(next.bytes);
  return Buffer.concat(frames);
}

export function message(payload: string | Uint8Array): Uint8Array {
  return frame(MESSAGE, typeof payload === "string" ? new TextEncoder().encode(payload) : payload);
}

/** Resolves when all that could run without another event has run. */
export function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
