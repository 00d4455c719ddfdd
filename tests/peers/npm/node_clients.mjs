// What clients.mjs says of those for browsers, of those for Node.

import {
  compressionGzip,
  createConnectTransport,
  createGrpcTransport,
  createGrpcWebTransport,
} from "@connectrpc/connect-node";
import XMLHttpRequest from "xhr2";

import { connectClient } from "./clients.mjs";

// The one thing of a browser that grpc-web needs and Node does not have.
globalThis.XMLHttpRequest = XMLHttpRequest;

/** Connect's gRPC-Web for Node, over HTTP/2. */
export function connectNodeGrpcWeb(url, ca) {
  return connectClient(createGrpcWebTransport({ baseUrl: url, httpVersion: "2", nodeOptions: { ca } }));
}

/** Connect's own protocol for Node, in JSON unless `binary`, compressing what is long enough. */
export function connectNodeOwn(url, { httpVersion, binary, ca }) {
  const transport = createConnectTransport({
    baseUrl: url,
    httpVersion,
    useBinaryFormat: binary,
    sendCompression: compressionGzip,
    compressMinBytes: 100,
    nodeOptions: { ca },
  });
  return connectClient(transport);
}

/** Connect's native gRPC for Node. */
export function connectNodeGrpc(url, ca) {
  return connectClient(createGrpcTransport({ baseUrl: url, nodeOptions: { ca } }));
}
