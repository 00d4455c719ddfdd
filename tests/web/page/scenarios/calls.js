// The kinds of calls, and what they may end with.

import { Code, createClient } from "@connectrpc/connect";

import { Conversation, expect, expectEqual, expectError, payload, reply, UnimplementedService } from "../stage.js";

const ALL = ["webtransport", "websocket", "fetch"];

async function unary(stage) {
  const response = await stage.client().unaryCall({ responseSize: 1000, ...payload(2000) });
  expectEqual(response.payload.body.length, 1000, "bytes of the response");
  await stage.logged("UnaryCall", { grpc_status: 0 });
}

async function serverStreaming(stage) {
  const sizes = [1, 70_000, 0, 300_000, 31];
  const request = { responseParameters: sizes.map((size) => ({ size })) };
  const arrived = [];
  for await (const { payload } of stage.client().streamingOutputCall(request)) arrived.push(payload.body.length);
  expectEqual(arrived, sizes, "sizes of the replies");
  await stage.logged("StreamingOutputCall", { grpc_status: 0, response_messages: sizes.length });
}

async function clientStreaming(stage) {
  async function* requests() {
    for (const size of [1, 70_000, 0, 300_000, 31]) yield payload(size);
  }
  const response = stage.client().streamingInputCall(requests());
  if (stage.carrier === "fetch") return expectUnimplemented(response);
  expectEqual((await response).aggregatedPayloadSize, 370_032, "bytes that arrived");
  await stage.logged("StreamingInputCall", { grpc_status: 0, request_messages: 5 });
}

async function bidi(stage) {
  const conversation = new Conversation(stage.client());
  if (stage.carrier === "fetch") return expectUnimplemented(conversation.say(1));
  // Each is asked for only when the one before is there.
  for (const size of [1, 70_000, 0, 300_000, 31]) await conversation.say(size);
  await conversation.end();
  await stage.logged("FullDuplexCall", { grpc_status: 0, request_messages: 5, response_messages: 5 });
}

/** No carrier of the transport can carry calls of this kind, and the error says so. */
async function expectUnimplemented(call) {
  const error = await expectError(call, Code.Unimplemented);
  expect(/stream/.test(error.message), `the message does not say what is missing: ${error.message}`);
}

async function largeMessages(stage) {
  const size = 4 * 1024 * 1024 - 100;
  const response = await stage.client().unaryCall({ responseSize: size, ...payload(size) });
  expectEqual(response.payload.body.length, size, "bytes of the response");
}

async function tooLarge(stage) {
  const client = stage.client({ readMaxBytes: 1000 });
  await expectError(client.unaryCall({ responseSize: 1000 }), Code.ResourceExhausted);
}

async function refusedByService(stage) {
  const responseStatus = { code: Code.FailedPrecondition, message: "not ÿet: 50 % \u{1f600}" };
  const error = await expectError(stage.client().unaryCall({ responseStatus }), Code.FailedPrecondition);
  expectEqual(error.rawMessage, responseStatus.message, "the message");
}

async function refusedMidStream(stage) {
  const conversation = new Conversation(stage.client());
  await conversation.say(10);
  conversation.requests.push({ responseStatus: { code: Code.Aborted, message: "enough" } });
  // The client goes on sending, as it cannot know yet.
  conversation.requests.push(reply(10));
  const error = await expectError(conversation.next(), Code.Aborted);
  expectEqual(error.rawMessage, "enough", "the message");
}

async function unknownMethod(stage) {
  const client = createClient(UnimplementedService, stage.transport());
  await expectError(client.unimplementedCall({}), Code.Unimplemented);
}

export const CALLS = [
  { name: "unary", carriers: ALL, play: unary },
  { name: "server streaming", carriers: ALL, play: serverStreaming },
  { name: "client streaming", carriers: ALL, play: clientStreaming },
  { name: "bidi", carriers: ALL, play: bidi },
  { name: "messages of 4 MiB", carriers: ALL, play: largeMessages },
  { name: "a message that is too large", carriers: ALL, play: tooLarge },
  { name: "refused by the service", carriers: ALL, play: refusedByService },
  { name: "refused mid-stream", carriers: ["webtransport", "websocket"], play: refusedMidStream },
  { name: "unknown method", carriers: ALL, play: unknownMethod },
];
