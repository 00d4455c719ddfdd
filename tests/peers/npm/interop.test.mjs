// The interop cases by clients from npm, in Node, through the gateway to grpc-go's test service. DIRECT=1 leaves the
// gateway out, for the client that needs no translation.

import assert from "node:assert/strict";
import { after, before } from "node:test";

import { startGateway, startInteropServer } from "../../lib/launch.mjs";
import { CASES, CASES_WITH_EARLY_MESSAGES, HALF_DUPLEX_CASES, STREAMING_CASES, testCases } from "./cases.mjs";
import { connectWeb, connectWebOwn, googleGrpcWeb } from "./clients.mjs";
import { connectNodeGrpc, connectNodeGrpcWeb, connectNodeOwn } from "./node_clients.mjs";
import { improbableWebSocket } from "./websocket_clients.mjs";

let upstream;
let gateway;

before(async () => {
  upstream = await startInteropServer();
  if (!process.env.DIRECT) gateway = await startGateway(upstream.address);
});

after(async () => {
  const exit = await gateway?.stop();
  await upstream?.stop();
  if (gateway) assert.equal(exit, 0, "the gateway's exit code after SIGTERM");
});

const http = () => `http://${gateway.addresses.http}`;
const https = () => `https://${gateway.addresses.tls}`;

function testClient(name, cases, client) {
  testCases(name, cases, client, () => upstream.program);
}

if (process.env.DIRECT) {
  testClient("connect-node gRPC, direct", STREAMING_CASES, () => connectNodeGrpc(`http://${upstream.address}`));
} else {
  // xhr2, the XMLHttpRequest for Node, shows a response only when it is whole.
  testClient("grpc-web binary, h1", CASES, () => googleGrpcWeb(http(), "binary"));
  testClient("grpc-web text, h1", CASES, () => googleGrpcWeb(http(), "text"));
  testClient("connect-web, h1", CASES_WITH_EARLY_MESSAGES, () => connectWeb(http()));
  testClient("connect-node gRPC-Web, h2c", CASES_WITH_EARLY_MESSAGES, () => connectNodeGrpcWeb(http()));
  testClient("connect-node gRPC-Web, h2 TLS", CASES_WITH_EARLY_MESSAGES, () =>
    connectNodeGrpcWeb(https(), gateway.certificate),
  );
  for (const binary of [true, false]) {
    const codec = binary ? "proto" : "JSON";
    testClient(`connect-web Connect ${codec}, h1`, CASES_WITH_EARLY_MESSAGES, () => connectWebOwn(http(), binary));
    testClient(`connect-node Connect ${codec}, h1`, HALF_DUPLEX_CASES, () =>
      connectNodeOwn(http(), { httpVersion: "1.1", binary }),
    );
    testClient(`connect-node Connect ${codec}, h2 TLS`, STREAMING_CASES, () =>
      connectNodeOwn(https(), { httpVersion: "2", binary, ca: gateway.certificate }),
    );
  }
  testClient("connect-node gRPC, h2c", STREAMING_CASES, () => connectNodeGrpc(http()));
  testClient("connect-node gRPC, h2 TLS", STREAMING_CASES, () => connectNodeGrpc(https(), gateway.certificate));
  testClient("improbable grpc-web, WebSocket", STREAMING_CASES, () => improbableWebSocket(http()));
}
