// Clients that others wrote, each behind the same two functions, so that one list of cases runs over all of them:
//
//   unary(method, request, { header, timeoutMs })  resolves to { message, header, trailer }
//   stream(method, requests, { header, timeoutMs, signal })  is an async iterable of messages
//
// `method` is a method descriptor as @bufbuild/protobuf generates it; `header` and `trailer` are Headers, with base64
// in `-bin` fields as on the wire. Both functions fail with an error that has the gRPC `code`, the status' message as
// `status` and its metadata as `trailer`.

import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { ConnectError } from "@connectrpc/connect";
import { createConnectTransport, createGrpcWebTransport } from "@connectrpc/connect-web";
import grpcWeb from "grpc-web";

export class CallError extends Error {
  constructor(code, status, trailer) {
    super(`code ${code}: ${status}`);
    Object.assign(this, { code, status, trailer });
  }
}

/** Google's grpc-web, whose format is "binary" or "text". */
export function googleGrpcWeb(url, format) {
  const client = new grpcWeb.GrpcWebClientBase({ format });
  const start = (method, type, metadata, request, callback) => {
    const descriptor = new grpcWeb.MethodDescriptor(
      `/${method.parent.typeName}/${method.name}`,
      type,
      Object,
      Object,
      (message) => toBinary(method.input, message),
      (bytes) => fromBinary(method.output, bytes),
    );
    const message = create(method.input, request);
    return type === "unary"
      ? client.rpcCall(url + descriptor.name, message, metadata, descriptor, callback)
      : client.serverStreaming(url + descriptor.name, message, metadata, descriptor);
  };
  const metadataOf = ({ header, timeoutMs }) => ({
    ...Object.fromEntries(new Headers(header)),
    ...(timeoutMs && { deadline: String(Date.now() + timeoutMs) }),
  });
  const failure = (error) => new CallError(error.code, error.message, new Headers(error.metadata));
  return {
    unary: (method, request, options = {}) =>
      new Promise((resolve, reject) => {
        const seen = {};
        const settle = () => {
          // The status follows the message; a call is complete with both.
          if (seen.message && seen.trailer) resolve(seen);
        };
        const call = start(method, "unary", metadataOf(options), request, (error, message) => {
          if (error) return reject(failure(error));
          seen.message = message;
          settle();
        });
        call.on("metadata", (metadata) => (seen.header = new Headers(metadata)));
        call.on("status", (status) => {
          seen.trailer = new Headers(status.metadata);
          settle();
        });
      }),
    async *stream(method, [request], options = {}) {
      const call = start(method, "server_streaming", metadataOf(options), request);
      const events = [];
      let wake = () => {};
      const on = (kind, of) =>
        call.on(kind, (value) => {
          events.push({ [kind]: of ? of(value) : true });
          wake();
        });
      on("data", (message) => message);
      on("error", failure);
      on("end");
      options.signal?.addEventListener("abort", () => {
        call.cancel();
        // Nothing follows a cancellation, not even an event for it.
        events.splice(0, events.length, { error: new CallError(1, "cancelled", new Headers()) });
        wake();
      });
      for (;;) {
        while (events.length > 0) {
          const event = events.shift();
          if (event.error) throw event.error;
          if (event.end) return;
          yield event.data;
        }
        await new Promise((resolve) => (wake = resolve));
      }
    },
  };
}

/** A client on one of Connect's transports. */
export function connectClient(transport) {
  const fail = (error) => {
    const { code, rawMessage, metadata } = ConnectError.from(error);
    throw new CallError(code, rawMessage, metadata);
  };
  return {
    unary: (method, request, { header, timeoutMs } = {}) =>
      transport.unary(method, undefined, timeoutMs, header, create(method.input, request)).catch(fail),
    async *stream(method, requests, { header, timeoutMs, signal } = {}) {
      async function* messages() {
        for await (const request of requests) yield create(method.input, request);
      }
      try {
        const response = await transport.stream(method, signal, timeoutMs, header, messages());
        yield* response.message;
      } catch (error) {
        fail(error);
      }
    },
  };
}

/** Connect's gRPC-Web for browsers, on fetch. */
export function connectWeb(url) {
  return connectClient(createGrpcWebTransport({ baseUrl: url }));
}

/** Connect's own protocol for browsers, on fetch, in JSON unless `binary`. */
export function connectWebOwn(url, binary) {
  return connectClient(createConnectTransport({ baseUrl: url, useBinaryFormat: binary }));
}
