// gRPC from a browser, twice and without a library: over WebTransport, with every kind of call ("grpc-wt-1": one
// bidirectional stream is one call), and as gRPC-Web over fetch, where the client can send one message only.
//
// Both channels have the same two ways to call:
//   await channel.unary(method, request, options)
//   for await (const reply of channel.stream(method, requests, options))
// and WebTransport also `clientStream`, and `start`, whose call sends and receives whenever it likes.
//
// options: { metadata: [[name, value], …], timeoutMs, signal }

// Status codes ------------------------------------------------------------------------------------------------------

const CODES = [
  "OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS",
  "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED",
  "INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED",
];

/** The numbers of the status codes, by name. */
export const Code = Object.fromEntries(CODES.map((name, number) => [name, number]));

/** How a call ended, if it did not end well. */
export class GrpcError extends Error {
  constructor(code, message = "", trailers = new Headers()) {
    super(message || CODES[code] || "UNKNOWN");
    this.name = "GrpcError";
    this.code = code;
    this.trailers = trailers;
  }

  /** The code as the specification writes it, such as "UNAVAILABLE". */
  get codeName() {
    return CODES[this.code] ?? "UNKNOWN";
  }
}

/** Returns if trailers say OK, else throws what they say. */
function checkStatus(trailers) {
  const text = trailers.get("grpc-status");
  if (text === null) throw new GrpcError(Code.INTERNAL, "the response has no grpc-status", trailers);
  const code = /^([0-9]|1[0-6])$/.test(text) ? Number(text) : Code.UNKNOWN;
  if (code !== Code.OK) throw new GrpcError(code, percentDecode(trailers.get("grpc-message") ?? ""), trailers);
}

function percentDecode(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // Broken escapes stay as they are.
  }
}

// Protocol buffers --------------------------------------------------------------------------------------------------

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const VARINT = 0;
const BYTES = 2;

// A message type is { name: [tag, type] } with the types string, uint32, uint64 and int64; 64-bit values are BigInt.
const types = {
  string: { wire: BYTES, zero: "" },
  uint32: { wire: VARINT, zero: 0, read: (value) => Number(BigInt.asUintN(32, value)) },
  uint64: { wire: VARINT, zero: 0n, read: (value) => value },
  int64: { wire: VARINT, zero: 0n, read: (value) => BigInt.asIntN(64, value) },
};

function pushVarint(bytes, value) {
  let rest = BigInt.asUintN(64, BigInt(value));
  while (rest > 0x7fn) {
    bytes.push(Number(rest & 0x7fn) | 0x80);
    rest >>= 7n;
  }
  bytes.push(Number(rest));
}

/** The bytes of a message. As in proto3, fields that are zero or missing are not written. */
export function encodeMessage(type, message) {
  const bytes = [];
  for (const [name, [tag, kind]] of Object.entries(type)) {
    const { wire, zero } = types[kind];
    const value = message[name] ?? zero;
    if (wire === VARINT ? BigInt(value) === 0n : value === zero) continue;
    pushVarint(bytes, (tag << 3) | wire);
    if (wire === VARINT) {
      pushVarint(bytes, value);
    } else {
      const text = encoder.encode(value);
      pushVarint(bytes, text.length);
      for (const byte of text) bytes.push(byte);
    }
  }
  return Uint8Array.from(bytes);
}

/** The message in the bytes. Fields that the type does not know are skipped. */
export function decodeMessage(type, bytes) {
  const message = {};
  const byTag = new Map();
  for (const [name, [tag, kind]] of Object.entries(type)) {
    message[name] = types[kind].zero;
    byTag.set(tag, [name, types[kind]]);
  }
  let at = 0;
  const broken = () => new GrpcError(Code.INTERNAL, "a message is not valid protobuf");
  const varint = () => {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      if (at >= bytes.length) throw broken();
      const byte = bytes[at++];
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt.asUintN(64, value);
    }
    throw broken();
  };
  const take = (length) => {
    if (length > bytes.length - at) throw broken();
    at += length;
    return bytes.subarray(at - length, at);
  };
  while (at < bytes.length) {
    const key = Number(varint());
    const wire = key & 7;
    const value =
      wire === VARINT ? varint()
      : wire === BYTES ? take(Number(varint()))
      : wire === 1 ? take(8)
      : wire === 5 ? take(4)
      : undefined;
    if (value === undefined) throw broken();
    const [name, kind] = byTag.get(Math.floor(key / 8)) ?? [];
    if (kind?.wire === wire) message[name] = wire === VARINT ? kind.read(value) : decoder.decode(value);
  }
  return message;
}

// Frames: flags, length as big-endian u32, payload -------------------------------------------------------------------

export const MESSAGE = 0x00;
export const HEADERS = 0x40;
export const TRAILERS = 0x80;
const EXTENSION = 0x20; // Frames with this bit are skipped if they are not known; we know none.
const PREFIX = 5;
const MESSAGE_LIMIT = 4 << 20;

/** One frame in one piece. */
export function frame(flags, payload) {
  const bytes = new Uint8Array(PREFIX + payload.length);
  bytes[0] = flags;
  new DataView(bytes.buffer).setUint32(1, payload.length);
  bytes.set(payload, PREFIX);
  return bytes;
}

/** Cuts a byte stream, however it was chunked, into frames. It holds one frame and one chunk at most. */
export class FrameBuffer {
  #bytes = new Uint8Array(4096);
  #start = 0;
  #end = 0;

  /** Takes the next chunk. */
  push(chunk) {
    const length = this.#end - this.#start;
    if (this.#end + chunk.length > this.#bytes.length) {
      const room = length + chunk.length;
      // Doubling keeps the copying linear when a long message arrives in small chunks.
      const target = room > this.#bytes.length ? new Uint8Array(room * 2) : this.#bytes;
      target.set(this.#bytes.subarray(this.#start, this.#end));
      [this.#bytes, this.#start, this.#end] = [target, 0, length];
    }
    this.#bytes.set(chunk, this.#end);
    this.#end += chunk.length;
  }

  /** The next whole frame, or undefined until more has arrived. */
  next() {
    const available = this.#end - this.#start;
    if (available < PREFIX) return undefined;
    const length = new DataView(this.#bytes.buffer, this.#start + 1, 4).getUint32(0);
    if (length > MESSAGE_LIMIT) {
      throw new GrpcError(Code.RESOURCE_EXHAUSTED, `a message of ${length} bytes is over the limit`);
    }
    if (available < PREFIX + length) return undefined;
    const flags = this.#bytes[this.#start];
    const payload = this.#bytes.slice(this.#start + PREFIX, this.#start + PREFIX + length);
    this.#start += PREFIX + length;
    return { flags, payload };
  }

  /** Whether the stream may end here. */
  get empty() {
    return this.#start === this.#end;
  }
}

/** The frames of a stream. It reads on only when the frames so far were taken: that is the back-pressure. */
async function* readFrames(reader) {
  const buffer = new FrameBuffer();
  for (;;) {
    for (let next = buffer.next(); next; next = buffer.next()) yield next;
    const { value, done } = await reader.read();
    if (done) break;
    buffer.push(value);
  }
  if (!buffer.empty) throw new GrpcError(Code.INTERNAL, "the response ended inside a frame");
}

/** The lines of a HEADERS or TRAILERS frame. */
export function encodeHeaders(entries) {
  return encoder.encode(entries.map(([name, value]) => `${name}: ${value}\r\n`).join(""));
}

/** The headers in the lines; pseudo names such as ":path" stay out. */
export function decodeHeaders(bytes) {
  const headers = new Headers();
  for (const line of decoder.decode(bytes).split("\r\n")) {
    const colon = line.indexOf(":", 1);
    if (colon <= 0 || line.startsWith(":")) continue;
    try {
      headers.append(line.slice(0, colon), line.slice(colon + 1).trim());
    } catch {
      throw new GrpcError(Code.INTERNAL, "the response has a header that is none");
    }
  }
  return headers;
}

/** Yields the messages among response frames and returns the trailers. */
async function* readReplies(frames, type) {
  for await (const { flags, payload } of frames) {
    if (flags === MESSAGE) yield decodeMessage(type, payload);
    else if (flags === TRAILERS) return decodeHeaders(payload);
    else if (flags === HEADERS) continue; // Initial metadata, of which the demo needs nothing.
    else if ((flags & EXTENSION) === 0) {
      throw new GrpcError(Code.INTERNAL, `the response has a frame of unknown kind 0x${flags.toString(16)}`);
    }
  }
  throw new GrpcError(Code.INTERNAL, "the response ended without a status");
}

async function only(replies) {
  let only;
  for await (const reply of replies) {
    if (only) throw new GrpcError(Code.UNIMPLEMENTED, "one reply expected, several came");
    only = reply;
  }
  if (!only) throw new GrpcError(Code.UNIMPLEMENTED, "one reply expected, none came");
  return only;
}

/** A signal for the caller's own reasons to stop and for the deadline, and what each of them means. */
class Stop {
  #timer;
  #forget;
  controller = new AbortController();

  constructor({ signal, timeoutMs }) {
    const cancel = () => this.#stop(Code.CANCELLED, "cancelled here");
    if (signal?.aborted) cancel();
    signal?.addEventListener("abort", cancel);
    this.#forget = () => signal?.removeEventListener("abort", cancel);
    if (timeoutMs !== undefined) {
      this.#timer = setTimeout(() => this.#stop(Code.DEADLINE_EXCEEDED, "the deadline passed"), timeoutMs);
    }
  }

  #stop(code, message) {
    this.done();
    this.controller.abort(new GrpcError(code, message));
  }

  get signal() {
    return this.controller.signal;
  }

  done() {
    clearTimeout(this.#timer);
    this.#forget?.();
  }
}

const timeoutHeader = ({ timeoutMs }) => (timeoutMs === undefined ? [] : [["grpc-timeout", `${timeoutMs}m`]]);

// WebTransport ------------------------------------------------------------------------------------------------------

/** Opens a session. `certificateHash` is the SHA-256 of a certificate that the browser would not trust otherwise. */
export async function openWebTransport(url, certificateHash) {
  const options = { protocols: ["grpc-wt-1"] };
  if (certificateHash) options.serverCertificateHashes = [{ algorithm: "sha-256", value: certificateHash }];
  const session = new WebTransport(url, options);
  session.closed.catch(() => {}); // Who wants to know waits for `channel.closed`.
  await session.ready;
  return new WebTransportChannel(session);
}

/** Calls over one WebTransport session; or over anything else that has `createBidirectionalStream()`. */
export class WebTransportChannel {
  #session;

  constructor(session) {
    this.#session = session;
  }

  /** Settles when the session has ended, and with why. */
  get closed() {
    return this.#session.closed;
  }

  close() {
    this.#session.close();
  }

  /** Begins a call. It stays open in both directions until each side ends its own. */
  async start(method, options = {}) {
    const stop = new Stop(options);
    // This waits while as many calls are open as the other side allows; cancelling and the deadline hold meanwhile.
    const opening = this.#session.createBidirectionalStream();
    const stopped = new Promise((_, reject) => {
      if (stop.signal.aborted) reject(stop.signal.reason);
      stop.signal.addEventListener("abort", () => reject(stop.signal.reason));
    });
    stopped.catch(() => {}); // Once the stream is open, the call itself listens.
    try {
      return new WebTransportCall(await Promise.race([opening, stopped]), method, options, stop);
    } catch (error) {
      stop.done();
      // A stream that opens too late is given back.
      opening.then((late) => Promise.all([late.writable.abort(), late.readable.cancel()])).catch(() => {});
      if (error instanceof GrpcError) throw error;
      throw new GrpcError(Code.UNAVAILABLE, `no stream could be opened: ${error.message}`);
    }
  }

  /** Sends all requests, an array or anything async, while it yields the replies. */
  async *stream(method, requests, options) {
    const call = await this.start(method, options);
    const sending = (async () => {
      for await (const request of requests) if (!(await call.send(request))) break;
      await call.halfClose();
    })();
    sending.catch((error) => call.cancel(new GrpcError(Code.CANCELLED, `the requests ended with: ${error.message}`)));
    yield* call;
  }

  /** Any number of requests, one reply. */
  clientStream(method, requests, options) {
    return only(this.stream(method, requests, options));
  }

  /** One request, one reply. */
  unary(method, request, options) {
    return only(this.stream(method, [request], options));
  }
}

/** A call on a stream of its own. Send whenever you like; iterate over it for the replies. */
class WebTransportCall {
  #method;
  #stop;
  #writer;
  #reader;
  #writable = true;

  constructor(stream, method, options, stop) {
    this.#method = method;
    this.#stop = stop;
    this.#writer = stream.writable.getWriter();
    this.#reader = stream.readable.getReader();
    this.#writer.closed.catch(() => {}); // The response says why; see #write.
    stop.signal.addEventListener("abort", () => this.#abort(stop.signal.reason));
    if (stop.signal.aborted) this.#abort(stop.signal.reason);
    const headers = [
      [":path", method.path],
      ["content-type", "application/grpc+proto"],
      ...timeoutHeader(options),
      ...(options.metadata ?? []),
    ];
    this.#write(frame(HEADERS, encodeHeaders(headers)));
  }

  /** Sends one message. Waits while the way is full; false when the other side wants no more. */
  async send(request) {
    await this.#writer.ready.catch(() => {});
    return this.#write(frame(MESSAGE, encodeMessage(this.#method.request, request)));
  }

  /** Says that no more messages follow. Replies may. */
  async halfClose() {
    // Both signs of the end, because not every runtime can send the stream's own.
    if (await this.#write(frame(TRAILERS, new Uint8Array()))) {
      this.#writable = false;
      await this.#writer.close().catch(() => {});
    }
  }

  /** Takes the call back: whoever iterates gets CANCELLED, and the other side stops working for it. */
  cancel(reason = new GrpcError(Code.CANCELLED, "cancelled here")) {
    this.#stop.done();
    this.#stop.controller.abort(reason);
  }

  /** A write that fails is no error: whoever stopped us has said why in the response. */
  async #write(bytes) {
    if (!this.#writable) return false;
    try {
      await this.#writer.write(bytes);
      return true;
    } catch {
      this.#writable = false;
      return false;
    }
  }

  #abort(reason) {
    // Half a call can be left when the other half is done, so both directions are told; and the code with them.
    const error = streamError(reason?.code ?? Code.CANCELLED);
    if (this.#writable) this.#writer.abort(error).catch(() => {});
    this.#writable = false;
    this.#reader.cancel(error).catch(() => {});
  }

  async *[Symbol.asyncIterator]() {
    let trailers;
    try {
      trailers = yield* readReplies(readFrames(this.#reader), this.#method.reply);
    } catch (error) {
      throw this.#stop.signal.aborted ? this.#stop.signal.reason : asGrpcError(error);
    } finally {
      // Without trailers it was left by `break`, or went wrong: nobody wants the rest.
      if (trailers) this.#finish();
      else this.cancel();
    }
    checkStatus(trailers);
  }

  /** After the trailers: sends no more, and lets the stream end by itself. */
  #finish() {
    this.#stop.done();
    if (this.#writable) this.#writer.abort(streamError(0)).catch(() => {});
    this.#writable = false;
    this.#reader.read().then(({ done }) => done || this.#reader.cancel()).catch(() => {});
  }
}

function streamError(code) {
  return typeof WebTransportError === "function"
    ? new WebTransportError({ message: "cancelled", streamErrorCode: code })
    : new GrpcError(code);
}

/** What a failed read means: a reset carries a code, a lost session none. */
function asGrpcError(error) {
  if (error instanceof GrpcError) return error;
  if (error?.source !== "stream") return new GrpcError(Code.UNAVAILABLE, "the session was lost");
  const code = error.streamErrorCode;
  if (code >= 0x01 && code <= 0x10) return new GrpcError(code, "the stream was reset");
  const known = { 0x20: Code.UNAVAILABLE, 0x23: Code.RESOURCE_EXHAUSTED };
  return new GrpcError(known[code] ?? Code.INTERNAL, `the stream was reset with code ${code}`);
}

// gRPC-Web ----------------------------------------------------------------------------------------------------------

/** gRPC-Web in binary form. `origin` is where the gateway is; "" for where the page came from. */
export class GrpcWebChannel {
  #origin;
  #fetch;

  constructor(origin = "", fetch = globalThis.fetch.bind(globalThis)) {
    this.#origin = origin;
    this.#fetch = fetch;
  }

  /** Sends the one request and yields the replies. */
  async *stream(method, requests, options = {}) {
    const [request, ...more] = requests;
    if (!request || more.length) throw new GrpcError(Code.UNIMPLEMENTED, "gRPC-Web sends exactly one message");
    const stop = new Stop(options);
    let reader;
    try {
      stop.signal.throwIfAborted();
      const response = await this.#fetch(this.#origin + method.path, {
        method: "POST",
        headers: [
          ["content-type", "application/grpc-web+proto"],
          ["accept", "application/grpc-web+proto"],
          ["x-grpc-web", "1"],
          ...timeoutHeader(options),
          ...(options.metadata ?? []),
        ],
        body: frame(MESSAGE, encodeMessage(method.request, request)),
        cache: "no-store",
        signal: stop.signal,
      });
      // A call that ended before any message may say so in its headers alone.
      if (response.headers.has("grpc-status")) return checkStatus(response.headers);
      if (!response.ok) throw new GrpcError(fromHttp(response.status), `HTTP ${response.status}`);
      if (!response.body) throw new GrpcError(Code.INTERNAL, "the response has no body");
      reader = response.body.getReader();
      checkStatus(yield* readReplies(readFrames(reader), method.reply));
    } catch (error) {
      if (stop.signal.aborted) throw stop.signal.reason;
      throw error instanceof GrpcError ? error : new GrpcError(Code.UNAVAILABLE, `fetch failed: ${error.message}`);
    } finally {
      stop.done();
      reader?.cancel().catch(() => {});
    }
  }

  /** One request, one reply. */
  unary(method, request, options) {
    return only(this.stream(method, [request], options));
  }
}

/** What an HTTP status means when there is no gRPC status beside it. */
function fromHttp(status) {
  if (status === 401) return Code.UNAUTHENTICATED;
  if (status === 403) return Code.PERMISSION_DENIED;
  if (status === 404) return Code.UNIMPLEMENTED;
  if ([429, 502, 503, 504].includes(status)) return Code.UNAVAILABLE;
  return status === 400 ? Code.INTERNAL : Code.UNKNOWN;
}

// The demo's service, as in demo.proto -------------------------------------------------------------------------------

/** The methods of demo.v1.Demo. */
export const Demo = {
  Say: {
    path: "/demo.v1.Demo/Say",
    request: { name: [1, "string"] },
    reply: { text: [1, "string"], backend: [2, "string"] },
  },
  Count: {
    path: "/demo.v1.Demo/Count",
    request: { upTo: [1, "uint32"], intervalMs: [2, "uint32"] },
    reply: { number: [1, "uint32"], backend: [2, "string"] },
  },
  Sum: {
    path: "/demo.v1.Demo/Sum",
    request: { number: [1, "int64"] },
    reply: { sum: [1, "int64"], count: [2, "uint64"], backend: [3, "string"] },
  },
  Chat: {
    path: "/demo.v1.Demo/Chat",
    request: { text: [1, "string"] },
    reply: { text: [1, "string"], sequence: [2, "uint64"], backend: [3, "string"] },
  },
};

/** The methods of demo.v1.Vault. */
export const Vault = {
  Open: {
    path: "/demo.v1.Vault/Open",
    request: {},
    reply: { secret: [1, "string"], backend: [2, "string"] },
  },
};
