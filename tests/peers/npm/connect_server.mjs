// The test service on connect-node, over HTTP/2 without TLS, in one protocol only: `connect` or `grpc-web`. It prints
// what tests/interop/server prints:
//
//	listening 127.0.0.1:40123
//	began /grpc.testing.TestService/StreamingOutputCall
//	left /grpc.testing.TestService/StreamingOutputCall Canceled
//	ended /grpc.testing.TestService/StreamingOutputCall Canceled

import { ConnectError } from "@connectrpc/connect";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import { createServer } from "node:http2";
import { setTimeout } from "node:timers/promises";

import { TestService } from "./protos.mjs";

const payload = (size) => ({ body: new Uint8Array(size) });

function checkStatus(status) {
  if (status?.code) throw new ConnectError(status.message, status.code);
}

async function* replies(request, { signal }) {
  for (const { size, intervalUs } of request.responseParameters) {
    await setTimeout(intervalUs / 1000, undefined, { signal });
    yield { payload: payload(size) };
  }
}

/** Prints what becomes of a stream. */
function telling(name, stream) {
  const tell = (what, code) => console.log([what, `/${TestService.typeName}/${name}`, code].filter(Boolean).join(" "));
  return async function* (request, context) {
    let ended = "Unknown";
    const leave = () => tell("left", "Canceled");
    context.signal.addEventListener("abort", leave);
    tell("began");
    try {
      yield* stream(request, context);
      ended = "OK";
    } finally {
      context.signal.removeEventListener("abort", leave);
      tell("ended", context.signal.aborted ? "Canceled" : ended);
    }
  };
}

const service = {
  emptyCall: () => ({}),
  unaryCall(request, { requestHeader, responseHeader, responseTrailer }) {
    const [initial, trailing] = ["x-grpc-test-echo-initial", "x-grpc-test-echo-trailing-bin"];
    if (requestHeader.has(initial)) responseHeader.set(initial, requestHeader.get(initial));
    if (requestHeader.has(trailing)) responseTrailer.set(trailing, requestHeader.get(trailing));
    checkStatus(request.responseStatus);
    return { payload: payload(request.responseSize) };
  },
  streamingOutputCall: telling("StreamingOutputCall", replies),
  async streamingInputCall(requests) {
    let aggregatedPayloadSize = 0;
    for await (const request of requests) aggregatedPayloadSize += request.payload.body.length;
    return { aggregatedPayloadSize };
  },
  fullDuplexCall: telling("FullDuplexCall", async function* (requests, context) {
    for await (const request of requests) {
      checkStatus(request.responseStatus);
      yield* replies(request, context);
    }
  }),
};

const [protocol] = process.argv.slice(2);
if (!["connect", "grpc-web"].includes(protocol)) throw new Error("usage: connect_server.mjs connect|grpc-web");
const handler = connectNodeAdapter({
  routes: (router) => router.service(TestService, service),
  connect: protocol === "connect",
  grpc: false,
  grpcWeb: protocol === "grpc-web",
});
const server = createServer(handler);
server.listen(0, "127.0.0.1", () => console.log(`listening 127.0.0.1:${server.address().port}`));
process.on("SIGTERM", () => process.exit(0));
