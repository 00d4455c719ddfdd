// Runs in a page: the clients of tests/peers/npm make their calls here, and foreign_page.test.mjs asks for them through
// the functions that this puts in the page's global scope. Messages cross as base64.

import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { base64Decode, base64Encode } from "@bufbuild/protobuf/wire";
import { connectWeb, googleGrpcWeb } from "/peers/clients.mjs";
import { servicesOf } from "/peers/services.mjs";

const services = servicesOf(base64Decode(document.body.dataset.descriptors));
const streams = new Map();

const clients = {
  "connect-web": connectWeb,
  "grpc-web binary": (url) => googleGrpcWeb(url, "binary"),
  "grpc-web text": (url) => googleGrpcWeb(url, "text"),
};

function prepare({ client, url, service, method, request, header, timeoutMs }) {
  const descriptor = services[service].method[method];
  return {
    client: clients[client](url),
    descriptor,
    message: fromBinary(descriptor.input, base64Decode(request)),
    options: { header, timeoutMs },
  };
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
    const { client, descriptor, message, options } = prepare(call);
    const reply = await client.unary(descriptor, message, options);
    return {
      message: base64Encode(toBinary(descriptor.output, reply.message)),
      header: [...reply.header],
      trailer: [...reply.trailer],
    };
  });

globalThis.openStream = (id, call) => {
  const { client, descriptor, message, options } = prepare(call);
  const leaving = new AbortController();
  const messages = client.stream(descriptor, [message], { ...options, signal: leaving.signal });
  streams.set(id, { leaving, descriptor, messages });
};

globalThis.nextOfStream = (id) =>
  settle(async () => {
    const { descriptor, messages } = streams.get(id);
    const { done, value } = await messages.next();
    return done ? {} : { message: base64Encode(toBinary(descriptor.output, value)) };
  });

globalThis.leaveStream = (id) => streams.get(id).leaving.abort();

document.body.dataset.ready = "true";
