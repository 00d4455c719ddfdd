// The interop cases through the gateway to connect-node's server, which speaks Connect or gRPC-Web and no gRPC.

import assert from "node:assert/strict";
import { after, before, describe } from "node:test";
import { fileURLToPath } from "node:url";

import { Program, startGateway } from "../../lib/launch.mjs";
import { CASES_WITH_EARLY_MESSAGES, STREAMING_CASES, testCases } from "./cases.mjs";
import { connectNodeGrpc, connectNodeGrpcWeb, connectNodeOwn } from "./node_clients.mjs";

const SERVER = fileURLToPath(new URL("connect_server.mjs", import.meta.url));

for (const protocol of ["connect", "grpc-web"]) {
  describe(`an upstream that speaks ${protocol}`, () => {
    let upstream;
    let gateway;

    before(async () => {
      upstream = new Program(`${protocol}-server`, process.execPath, [SERVER, protocol]);
      gateway = await startGateway(await upstream.line("listening "), protocol);
    });

    after(async () => {
      const exit = await gateway?.stop();
      await upstream?.stop();
      assert.equal(exit, 0, "the gateway's exit code after SIGTERM");
    });

    const http = () => `http://${gateway.addresses.http}`;
    const https = () => `https://${gateway.addresses.tls}`;
    const testClient = (name, cases, client) =>
      testCases(`${name}, to ${protocol}`, cases, client, () => upstream);

    testClient("connect-node gRPC, h2c", STREAMING_CASES, () => connectNodeGrpc(http()));
    testClient("connect-node gRPC-Web, h2 TLS", CASES_WITH_EARLY_MESSAGES, () =>
      connectNodeGrpcWeb(https(), gateway.certificate),
    );
    for (const binary of [true, false]) {
      testClient(`connect-node Connect ${binary ? "proto" : "JSON"}, h2 TLS`, STREAMING_CASES, () =>
        connectNodeOwn(https(), { httpVersion: "2", binary, ca: gateway.certificate }),
      );
    }
  });
}
