// The interop cases, for any client as clients.mjs has them.

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { TestService, UnimplementedService } from "./protos.mjs";

const DEADLINE_EXCEEDED = 4;
const UNKNOWN = 2;
const CANCELLED = 1;
const UNIMPLEMENTED = 12;
const { emptyCall, unaryCall, streamingOutputCall, streamingInputCall, fullDuplexCall, unimplementedCall } =
  TestService.method;

/** Cases of unary calls and server streams: what gRPC-Web has. */
export const CASES = {
  empty_unary: emptyUnary,
  empty_unary_with_deadline: emptyUnaryWithDeadline,
  large_unary: largeUnary,
  server_streaming: serverStreaming,
  custom_metadata: customMetadata,
  status_code_and_message: statusCodeAndMessage,
  special_status_message: specialStatusMessage,
  unimplemented_method: unimplementedMethod,
  unimplemented_service: unimplementedService,
  deadline_on_slow_stream: deadlineOnSlowStream,
  cancel_before_any_response: cancelBeforeAnyResponse,
};

/** For clients that hand on a stream's messages as they arrive. */
export const CASES_WITH_EARLY_MESSAGES = {
  ...CASES,
  cancel_after_first_response: cancelAfterFirstResponse,
  cancel_silent_stream: cancelSilentStream,
};

/** For clients whose requests stream, too, but which send all before they read. */
export const HALF_DUPLEX_CASES = {
  ...CASES_WITH_EARLY_MESSAGES,
  client_streaming: clientStreaming,
  empty_stream: emptyStream,
};

/** For clients that send and read at once. */
export const STREAMING_CASES = { ...HALF_DUPLEX_CASES, ping_pong: pingPong };

/** Makes a test of each case. `client` and `upstream` (the test service's Program) are called when it runs. */
export function testCases(name, cases, client, upstream) {
  describe(name, () => {
    for (const [what, run] of Object.entries(cases)) {
      test(`${name}: ${what}`, { timeout: 30_000 }, () => run(client(), upstream()));
    }
  });
}

async function emptyUnary(client) {
  const { message } = await client.unary(emptyCall, {});
  assert.equal(message.$typeName, "grpc.testing.Empty");
}

async function emptyUnaryWithDeadline(client) {
  await client.unary(emptyCall, {}, { timeoutMs: 20_000 });
}

async function largeUnary(client) {
  const request = { responseSize: 314_159, payload: { body: new Uint8Array(271_828) } };
  const { message } = await client.unary(unaryCall, request);
  assert.equal(message.payload.body.length, 314_159);
}

const SIZES = [31_415, 9, 2_653, 58_979];

async function serverStreaming(client) {
  const request = { responseParameters: SIZES.map((size) => ({ size })) };
  assert.deepEqual(await sizesOf(client.stream(streamingOutputCall, [request])), SIZES);
}

async function customMetadata(client) {
  const header = { "x-grpc-test-echo-initial": "test_initial_metadata_value", "x-grpc-test-echo-trailing-bin": "q6ur" };
  const { header: initial, trailer } = await client.unary(unaryCall, { responseSize: 1 }, { header });
  assert.equal(initial.get("x-grpc-test-echo-initial"), "test_initial_metadata_value");
  assert.equal(trailer.get("x-grpc-test-echo-trailing-bin"), "q6ur");
}

async function statusCodeAndMessage(client) {
  const responseStatus = { code: UNKNOWN, message: "test status message" };
  const expected = { code: UNKNOWN, status: "test status message" };
  await assert.rejects(client.unary(unaryCall, { responseStatus }), expected);
}

async function specialStatusMessage(client) {
  const message = "\t\ntest with whitespace\r\nand Unicode BMP ☺ and non-BMP 😈\t\n";
  const responseStatus = { code: UNKNOWN, message };
  await assert.rejects(client.unary(unaryCall, { responseStatus }), { code: UNKNOWN, status: message });
}

async function unimplementedMethod(client) {
  await assert.rejects(client.unary(unimplementedCall, {}), { code: UNIMPLEMENTED });
}

async function unimplementedService(client) {
  await assert.rejects(client.unary(UnimplementedService.method.unimplementedCall, {}), { code: UNIMPLEMENTED });
}

const HALF_AN_HOUR_US = 2_147_000_000;
const SILENT_AFTER_FIRST = { responseParameters: [{ size: 7 }, { size: 8, intervalUs: HALF_AN_HOUR_US }] };
const STREAM = "/grpc.testing.TestService/StreamingOutputCall";

async function deadlineOnSlowStream(client, upstream) {
  upstream.forget();
  const messages = client.stream(streamingOutputCall, [SILENT_AFTER_FIRST], { timeoutMs: 700 });
  await assert.rejects(sizesOf(messages), { code: DEADLINE_EXCEEDED });
  await upstream.line(`left ${STREAM}`);
}

async function clientStreaming(client) {
  const requests = [27_182, 8, 1_828, 45_904].map((size) => ({ payload: { body: new Uint8Array(size) } }));
  const messages = await all(client.stream(streamingInputCall, requests));
  assert.deepEqual(messages.map((message) => message.aggregatedPayloadSize), [74_922]);
}

// Each request is sent only when the reply to the one before has arrived.
async function pingPong(client) {
  const sent = [];
  let replied = () => {};
  async function* requests() {
    for (const size of SIZES) {
      sent.push(size);
      const reply = new Promise((resolve) => (replied = resolve));
      yield { responseParameters: [{ size }], payload: { body: new Uint8Array(size) } };
      await reply;
    }
  }
  const received = [];
  for await (const message of client.stream(fullDuplexCall, requests())) {
    received.push(message.payload.body.length);
    assert.deepEqual(received, sent);
    replied();
  }
  assert.deepEqual(received, SIZES);
}

async function emptyStream(client) {
  assert.deepEqual(await sizesOf(client.stream(fullDuplexCall, [])), []);
}

// A gigabyte is on its way when the client leaves; only a cancellation can end this call early.
async function cancelAfterFirstResponse(client, upstream) {
  upstream.forget();
  const cancelling = new AbortController();
  const request = { responseParameters: Array.from({ length: 10_000 }, () => ({ size: 100_000 })) };
  const receive = async () => {
    const messages = client.stream(streamingOutputCall, [request], { signal: cancelling.signal });
    for await (const _ of messages) cancelling.abort();
  };
  await assert.rejects(receive(), { code: CANCELLED });
  await upstream.line(`ended ${STREAM} Canceled`);
}

// Nothing is on its way when the client leaves, so that no failed write can tell of it.
async function cancelSilentStream(client, upstream) {
  upstream.forget();
  const cancelling = new AbortController();
  let leftAt;
  const receive = async () => {
    const messages = client.stream(streamingOutputCall, [SILENT_AFTER_FIRST], { signal: cancelling.signal });
    for await (const _ of messages) {
      leftAt = Date.now();
      cancelling.abort();
    }
  };
  await assert.rejects(receive(), { code: CANCELLED });
  await leftSoonAfter(leftAt, upstream);
}

// The same before there is even a header of the response.
async function cancelBeforeAnyResponse(client, upstream) {
  upstream.forget();
  const cancelling = new AbortController();
  const request = { responseParameters: [{ size: 7, intervalUs: HALF_AN_HOUR_US }] };
  const messages = client.stream(streamingOutputCall, [request], { signal: cancelling.signal });
  const cancelled = assert.rejects(sizesOf(messages), { code: CANCELLED });
  await upstream.line(`began ${STREAM}`);
  const leftAt = Date.now();
  cancelling.abort();
  await cancelled;
  await leftSoonAfter(leftAt, upstream);
}

// Less than any keep-alive on the way takes to find out; but Chromium may go on reading a response of HTTP/1.1 for 5 s
// after a page has left it.
const SOON_MS = 8_000;

async function leftSoonAfter(leftAt, upstream) {
  await upstream.line(`left ${STREAM} Canceled`);
  const took = Date.now() - leftAt;
  assert.ok(took < SOON_MS, `the upstream was told after ${took} ms`);
}

async function sizesOf(messages) {
  return (await all(messages)).map((message) => message.payload.body.length);
}

async function all(messages) {
  const seen = [];
  for await (const message of messages) seen.push(message);
  return seen;
}
