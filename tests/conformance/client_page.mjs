// Runs in a page: makes the calls that the conformance suite asks for, with the transports of @sluicegate/web.
// client_under_test.mjs hands over what the suite says, and takes what it is answered, as base64.

import { createFileRegistry, fromBinary, toBinary } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { base64Decode, base64Encode } from "@bufbuild/protobuf/wire";
import {
  compressionGzip,
  createGatewayTransport,
  createWebSocketTransport,
  createWebTransportTransport,
} from "@sluicegate/web";

import { makeCall } from "./client_call.mjs";
import { Messages } from "./client_messages.mjs";

let messages;
let createTransport;
// The calls to one server that want the same options share what their transport has open.
const transports = new Map();

/** Comes first: what is to carry the calls, and descriptors of what the suite says. */
globalThis.begin = (carrier, descriptors) => {
  messages = new Messages(createFileRegistry(fromBinary(FileDescriptorSetSchema, base64Decode(descriptors))));
  createTransport = {
    webtransport: createWebTransportTransport,
    websocket: createWebSocketTransport,
    fetch: (options) => createGatewayTransport({ ...options, carriers: ["fetch"] }),
    best: createGatewayTransport,
  }[carrier];
};

/** Makes the call of a ClientCompatRequest, and answers with a ClientCompatResponse. */
globalThis.answer = async (bytes) => {
  const request = fromBinary(messages.type("ClientCompatRequest"), base64Decode(bytes));
  const response = messages.create("ClientCompatResponse", { testName: request.testName });
  try {
    const value = await makeCall(await transportFor(request), request, messages);
    response.result = { case: "response", value };
  } catch (error) {
    const value = messages.create("ClientErrorResult", { message: String(error) });
    response.result = { case: "error", value };
  }
  return base64Encode(toBinary(messages.type("ClientCompatResponse"), response));
};

/** What the suite does not ask for has the package's defaults. */
async function transportFor(request) {
  const protocol = messages.enumName("Protocol", request.protocol).replace("_", "-");
  const address = `${request.host}:${request.port}`;
  const { baseUrl, webTransportUrl, certificateHash } = await globalThis.gatewayBefore(address, protocol);
  const useBinaryFormat = messages.enumName("Codec", request.codec) === "proto";
  const isGzip = messages.enumName("Compression", request.compression) === "gzip";
  const limit = request.messageReceiveLimit;

  const name = [baseUrl, useBinaryFormat, isGzip, limit].join();
  if (!transports.has(name)) {
    const gzip = isGzip && compressionGzip();
    const transport = createTransport({
      baseUrl,
      webTransportUrl,
      serverCertificateHashes: [{ algorithm: "sha-256", value: base64Decode(certificateHash) }],
      useBinaryFormat,
      jsonOptions: { registry: messages.registry },
      // The suite wants to see the smallest messages compressed too.
      ...(gzip && { acceptCompression: [gzip], sendCompression: gzip, compressMinBytes: 0 }),
      ...(limit > 0 && { readMaxBytes: limit }),
    });
    transports.set(name, transport);
  }
  return transports.get(name);
}
