// What clients.mjs says of those for browsers, of those for Node.

import { createGrpcTransport, createGrpcWebTransport } from "@connectrpc/connect-node";
import XMLHttpRequest from "xhr2";

import { connectClient } from "./clients.mjs";

// The one thing of a browser that grpc-web needs and Node does not have.
globalThis.XMLHttpRequest = XMLHttpRequest;

/** Connect's gRPC-Web for Node, over HTTP/2. */
export function connectNodeGrpcWeb(url, ca) {
  return connectClient(createGrpcWebTransport({ baseUrl: url, httpVersion: "2", nodeOptions: { ca } }));
}

/** Connect's native gRPC for Node. */
export function connectNodeGrpc(url, ca) {
  return connectClient(createGrpcTransport({ baseUrl: url, nodeOptions: { ca } }));
}
