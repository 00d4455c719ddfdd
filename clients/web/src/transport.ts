/** Connect's transports, on what this package carries calls with. */

import { Code, ConnectError, type Transport } from "@connectrpc/connect";
import type { UniversalClientFn } from "@connectrpc/connect/protocol";
import { createTransport as createGrpcTransport } from "@connectrpc/connect/protocol-grpc";
import { createTransport as createGrpcWebTransport } from "@connectrpc/connect/protocol-grpc-web";

import { carry, type OpenLane } from "./call.js";
import type { TransportOptions } from "./options.js";

/** A transport whose calls are frames on lanes. */
export function framedTransport(openLane: OpenLane, options: TransportOptions): Transport {
  const defaulted = withDefaults(options);
  const transport = createGrpcTransport({ ...defaulted, httpClient: withLegalTimeout(carry(openLane, defaulted)) });
  return {
    unary: transport.unary,
    stream: (method, signal, timeoutMs, header, input, contextValues) =>
      transport.stream(method, signal, timeoutMs, header, iteratedOnce(input), contextValues),
  };
}

/**
 * A transport that makes gRPC-Web calls with `fetch`. Calls that stream from the client end with `UNIMPLEMENTED`: not
 * every browser can send a body bit by bit, and none receives while it does.
 */
export function fetchTransport(options: TransportOptions & { fetch?: typeof fetch }): Transport {
  const httpClient = withLegalTimeout(fetchClient(options.fetch ?? ((input, init) => fetch(input, init))));
  const transport = createGrpcWebTransport({ ...withDefaults(options), httpClient });
  return {
    unary: transport.unary,
    stream: async (method, ...rest) => {
      if (method.methodKind !== "server_streaming") {
        throw new ConnectError("fetch cannot stream from the client", Code.Unimplemented);
      }
      return transport.stream(method, ...rest);
    },
  };
}

function withDefaults(options: TransportOptions) {
  return {
    ...options,
    useBinaryFormat: options.useBinaryFormat ?? true,
    interceptors: options.interceptors ?? [],
    acceptCompression: options.acceptCompression ?? [],
    sendCompression: options.sendCompression ?? null,
    compressMinBytes: options.compressMinBytes ?? 1024,
    readMaxBytes: options.readMaxBytes ?? 4 * 1024 * 1024,
    writeMaxBytes: options.writeMaxBytes ?? 4 * 1024 * 1024,
  };
}

/**
 * Connect asks for the iterator of a request again to end it, and calls a `throw` that not every iterator has. Those of
 * a `ReadableStream` know neither.
 */
function iteratedOnce<T>(input: AsyncIterable<T>): AsyncIterable<T> {
  const given = input[Symbol.asyncIterator]();
  const leave = async () => (await given.return?.()) ?? { done: true as const, value: undefined };
  const iterator: AsyncIterator<T> = {
    next: () => given.next(),
    return: leave,
    throw: (error) => given.throw?.(error) ?? leave(),
  };
  return { [Symbol.asyncIterator]: () => iterator };
}

/**
 * Connect writes any number of milliseconds into `grpc-timeout`, where gRPC has at most eight digits and no fraction,
 * and a server refuses what is malformed.
 *
 * Source: PROTOCOL-HTTP2.md, "Timeout".
 */
function withLegalTimeout(client: UniversalClientFn): UniversalClientFn {
  return (request) => {
    const milliseconds = parseFloat(request.header.get("grpc-timeout") ?? "");
    if (milliseconds > 99_999_999) request.header.set("grpc-timeout", `${Math.ceil(milliseconds / 1000)}S`);
    else if (milliseconds > 0) request.header.set("grpc-timeout", `${Math.ceil(milliseconds)}m`);
    return client(request);
  };
}

/** Connect's own client gives `fetch` a stream for a body, which browsers refuse or do not know. */
function fetchClient(fetching: typeof fetch): UniversalClientFn {
  return async ({ url, method, header, body, signal }) => {
    // Connect sets it as for gRPC. Pages may by now, so Firefox would ask whether they may from another origin, too.
    header.delete("user-agent");
    const pieces: Uint8Array<ArrayBuffer>[] = [];
    for await (const piece of body ?? []) pieces.push(new Uint8Array(piece));
    const response = await orUnavailable(
      fetching(url, { method, headers: header, body: new Blob(pieces), signal: signal ?? null, redirect: "error" }),
    );
    return { status: response.status, header: response.headers, body: bytesOf(response), trailer: new Headers() };
  };
}

async function* bytesOf(response: Response): AsyncGenerator<Uint8Array> {
  const reader = response.body?.getReader();
  if (!reader) return;
  try {
    for (;;) {
      const { done, value } = await orUnavailable(reader.read());
      if (done) return;
      yield value;
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}

/** `fetch` rejects when the gateway cannot be reached or is lost. Connect sees to what was aborted. */
async function orUnavailable<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    throw ConnectError.from(error, Code.Unavailable);
  }
}
