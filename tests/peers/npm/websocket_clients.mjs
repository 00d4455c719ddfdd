// Clients on WebSockets, as clients.mjs has clients.

import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import improbable from "@improbable-eng/grpc-web";
import WebSocket from "ws";

import { CallError } from "./clients.mjs";

const { grpc } = improbable;

// Browsers have it, and Node from version 22 on.
globalThis.WebSocket ??= WebSocket;

/** Improbable's grpc-web on its WebSocket transport, which only its own proxy understood. */
export function improbableWebSocket(url) {
  const start = (method, { header, timeoutMs }, on) => {
    // What its code generator would have made of the method.
    const descriptor = {
      methodName: method.name,
      service: { serviceName: method.parent.typeName },
      requestStream: method.methodKind !== "unary" && method.methodKind !== "server_streaming",
      responseStream: method.methodKind !== "unary" && method.methodKind !== "client_streaming",
      requestType: Object,
      responseType: {
        deserializeBinary(bytes) {
          const message = fromBinary(method.output, bytes);
          return { message, toObject: () => message };
        },
      },
    };
    const client = grpc.client(descriptor, { host: url, transport: grpc.WebsocketTransport() });
    client.onHeaders((headers) => on.headers?.(fieldsOf(headers)));
    client.onMessage(({ message }) => on.message(message));
    client.onEnd((code, message, trailers) => on.end(code, message, fieldsOf(trailers)));
    client.start({ ...header, ...(timeoutMs && { "grpc-timeout": `${timeoutMs}m` }) });
    return {
      send(request) {
        const bytes = toBinary(method.input, create(method.input, request));
        client.send({ serializeBinary: () => bytes, toObject: () => request });
      },
      finishSend: () => client.finishSend(),
      close: () => client.close(),
    };
  };
  return {
    unary: (method, request, options = {}) =>
      new Promise((resolve, reject) => {
        const seen = {};
        const call = start(method, options, {
          headers: (header) => (seen.header = header),
          message: (message) => (seen.message = message),
          end(code, status, trailer) {
            if (code === 0) resolve({ ...seen, trailer });
            else reject(new CallError(code, status, trailer));
          },
        });
        call.send(request);
        call.finishSend();
      }),
    async *stream(method, requests, options = {}) {
      const events = [];
      let wake = () => {};
      const push = (event) => {
        events.push(event);
        wake();
      };
      const call = start(method, options, {
        message: (message) => push({ message }),
        end: (code, status, trailer) =>
          push(code === 0 ? { end: true } : { error: new CallError(code, status, trailer) }),
      });
      options.signal?.addEventListener("abort", () => {
        call.close();
        // Nothing follows a cancellation, not even an event for it.
        events.splice(0, events.length, { error: new CallError(1, "cancelled", new Headers()) });
        wake();
      });
      const sending = (async () => {
        for await (const request of requests) call.send(request);
        call.finishSend();
      })();
      sending.catch((error) => push({ error }));
      for (;;) {
        while (events.length > 0) {
          const event = events.shift();
          if (event.error) throw event.error;
          if (event.end) return;
          yield event.message;
        }
        await new Promise((resolve) => (wake = resolve));
      }
    },
  };
}

function fieldsOf(metadata) {
  const fields = new Headers();
  metadata.forEach((name, values) => values.forEach((value) => fields.append(name, value)));
  return fields;
}
