// Runs in a page: the clients of tests/peers/npm make their calls here, and foreign_page.test.mjs asks for them through
// the functions that this puts in the page's global scope. Messages cross as base64.

import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { base64Decode, base64Encode } from "@bufbuild/protobuf/wire";
import { connectWeb, connectWebOwn, googleGrpcWeb } from "/peers/clients.mjs";
import { servicesOf } from "/peers/services.mjs";
import { improbableWebSocket } from "/peers/websocket_clients.mjs";

const services = servicesOf(base64Decode(document.body.dataset.descriptors));
const streams = new Map();

const clients = {
  "connect-web gRPC-Web": connectWeb,
  "connect-web Connect proto": (url) => connectWebOwn(url, true),
  "connect-web Connect JSON": (url) => connectWebOwn(url, false),
  "grpc-web binary": (url) => googleGrpcWeb(url, "binary"),
  "grpc-web text": (url) => googleGrpcWeb(url, "text"),
  "improbable WebSocket": improbableWebSocket,
};

const decode = (descriptor, request) => fromBinary(descriptor.input, base64Decode(request));

function prepare({ client, url, service, method, header, timeoutMs }) {
  const descriptor = services[service].method[method];
  return { client: clients[client](url), descriptor, options: { header, timeoutMs } };
}

/** What `work` resolves to, or the status that it fails with. */
async function settle(work) {
  try {
    return await work();
  } catch ({ code, status, trailer, message }) {
    return { error: { code, status: status ?? message, trailer: [...(trailer ?? [])] } };
  }
}

globalThis.unary = (call) =>
  settle(async () => {
    const { client, descriptor, options } = prepare(call);
    const reply = await client.unary(descriptor, decode(descriptor, call.request), options);
    return {
      message: base64Encode(toBinary(descriptor.output, reply.message)),
      header: [...reply.header],
      trailer: [...reply.trailer],
    };
  });

/** Without a `request` in the call, those of the stream follow by `sendOnStream` until `endOfRequests`. */
globalThis.openStream = (id, call) => {
  const { client, descriptor, options } = prepare(call);
  const leaving = new AbortController();
  let sending;
  const requests = call.request !== undefined
    ? [decode(descriptor, call.request)]
    : new ReadableStream({ start: (controller) => (sending = controller) });
  const messages = client.stream(descriptor, requests, { ...options, signal: leaving.signal });
  streams.set(id, { leaving, descriptor, sending, messages });
};

globalThis.sendOnStream = (id, request) => {
  const { sending, descriptor } = streams.get(id);
  sending.enqueue(decode(descriptor, request));
};

globalThis.endOfRequests = (id) => streams.get(id).sending.close();

globalThis.nextOfStream = (id) =>
  settle(async () => {
    const { descriptor, messages } = streams.get(id);
    const { done, value } = await messages.next();
    return done ? {} : { message: base64Encode(toBinary(descriptor.output, value)) };
  });

globalThis.leaveStream = (id) => streams.get(id).leaving.abort();

document.body.dataset.ready = "true";
