// What scenarios have: transports on their carrier, the test service, and whoever does backstage what pages cannot do.

import { createFileRegistry, fromBinary } from "@bufbuild/protobuf";
import { base64Decode } from "@bufbuild/protobuf/wire";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { createGatewayTransport } from "@sluicegate/web";

/* global DESCRIPTORS: a FileDescriptorSet in base64, put here when the page is bundled. */
const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, base64Decode(DESCRIPTORS)));
export const TestService = registry.getService("grpc.testing.TestService");
export const UnimplementedService = registry.getService("grpc.testing.UnimplementedService");
export const message = (name) => registry.getMessage(`grpc.testing.${name}`);

/** What the gateway's access log calls calls on a carrier. */
const PROTOCOLS = { webtransport: "grpc_wt", websocket: "grpc_ws", fetch: "grpc_web" };

export class Stage {
  #transports = [];
  /** What transports have told of their carriers, in order: "webtransport open". */
  states = [];
  #watchers = new Set();

  /** `to` is where the gateway is. The carrier "any" is whatever the package chooses. */
  constructor(carrier, to) {
    this.carrier = carrier;
    this.to = to;
  }

  /** A transport on the carrier of this scenario. */
  transport(options = {}) {
    const { baseUrl, webTransportUrl } = this.to;
    const transport = createGatewayTransport({
      baseUrl,
      webTransportUrl,
      serverCertificateHashes: [this.certificateHash],
      ...(this.carrier === "any" ? {} : { carriers: [this.carrier] }),
      ...options,
      onState: ({ carrier, phase }) => this.#note(`${carrier} ${phase}`),
    });
    this.#transports.push(transport);
    return transport;
  }

  get certificateHash() {
    return { algorithm: "sha-256", value: Uint8Array.from(atob(this.to.hash), (c) => c.charCodeAt(0)) };
  }

  client(options) {
    return createClient(TestService, this.transport(options));
  }

  /** Has something done backstage. */
  async ask(deed, told = {}) {
    const response = await fetch(`/backstage/${deed}`, { method: "POST", body: JSON.stringify(told) });
    if (!response.ok) throw new Error(`backstage, ${deed}: ${await response.text()}`);
    return response.json();
  }

  /** The next call of a method that a gateway has logged, on a carrier. */
  logged(method, { carrier = this.carrier, gateway, ...wanted } = {}) {
    const path = `/grpc.testing.TestService/${method}`;
    return this.ask("call", { gateway, wanted: { path, client_protocol: PROTOCOLS[carrier], ...wanted } });
  }

  /** Waits until a stream of a method has reached the upstream. */
  begun(method) {
    return this.ask("upstream", { prefix: `began /grpc.testing.TestService/${method}` });
  }

  /** Waits until the upstream has seen its client leave a call of a method. */
  left(method) {
    return this.ask("upstream", { prefix: `left /grpc.testing.TestService/${method} ` });
  }

  /** Waits until a transport has told this of a carrier, if it has not yet. */
  until(state) {
    return new Promise((resolve) => {
      const look = () => this.states.includes(state) && (this.#watchers.delete(look), resolve());
      this.#watchers.add(look);
      look();
    });
  }

  #note(state) {
    this.states.push(state);
    for (const look of this.#watchers) look();
  }

  /** What may help to understand a failure. */
  told() {
    return this.states.length === 0 ? [] : [`states: ${this.states.join(", ")}`];
  }

  close() {
    for (const transport of this.#transports) transport.close();
  }
}

/** A message of zeros. */
export const payload = (size) => ({ payload: { body: new Uint8Array(size) } });

/** Asks for a reply of this size, after a pause in seconds. */
export const reply = (size, after = 0) => ({ responseParameters: [{ size, intervalUs: after * 1e6 }] });

/** A pause that no scenario lives to see the end of. */
export const FOREVER = 60;

/** Requests that are sent when they are pushed. */
export class Requests {
  #queue = [];
  #wake = () => {};
  #isOver = false;

  push(request) {
    this.#queue.push(request);
    this.#wake();
  }

  end() {
    this.#isOver = true;
    this.#wake();
  }

  async *[Symbol.asyncIterator]() {
    for (;;) {
      while (this.#queue.length > 0) yield this.#queue.shift();
      if (this.#isOver) return;
      await new Promise((resolve) => (this.#wake = resolve));
    }
  }
}

/** A call that streams in both directions, of which every request is answered by one reply. */
export class Conversation {
  requests = new Requests();
  #replies;

  constructor(client, options) {
    this.#replies = client.fullDuplexCall(this.requests, options)[Symbol.asyncIterator]();
  }

  /** Asks for a reply of this size, and waits for it. */
  async say(size) {
    this.requests.push(reply(size));
    const { value, done } = await this.next();
    if (done) throw new Error("the call ended instead of a reply");
    expectEqual(value.payload.body.length, size, "bytes of a reply");
  }

  next() {
    return this.#replies.next();
  }

  /** Ends the requests, which must end the call. */
  async end() {
    this.requests.end();
    expectEqual((await this.next()).done, true, "an end of the replies");
  }
}

export function expectEqual(is, wanted, what) {
  const [shown, expected] = [is, wanted].map((value) => JSON.stringify(value));
  if (shown !== expected) throw new Error(`${what}: ${shown?.slice(0, 200)}, not ${expected?.slice(0, 200)}`);
}

export function expect(isSo, what) {
  if (!isSo) throw new Error(what);
}

/** What a call fails with, which must be this code. */
export async function expectError(promise, code) {
  let value;
  try {
    value = await promise;
  } catch (error) {
    if (ConnectError.from(error).code !== code) {
      throw new Error(`not ${Code[code]} but ${error}`, { cause: error.cause });
    }
    return error;
  }
  throw new Error(`not ${Code[code]} but ${JSON.stringify(value)?.slice(0, 200)}`);
}
