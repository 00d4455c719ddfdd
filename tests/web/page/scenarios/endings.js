// Calls that end before their time: the upstream must see that.

import { Code } from "@connectrpc/connect";

import { Conversation, expectEqual, expectError, FOREVER, reply } from "../stage.js";

const ALL = ["webtransport", "websocket", "fetch"];
const OF_STREAMS = ["webtransport", "websocket"];

/** The upstream has seen the client leave a call, and the gateway has logged it so. */
async function expectLeft(stage, method) {
  await stage.left(method);
  await stage.logged(method, { grpc_status: Code.Canceled });
}

async function cancelledBeforeResponse(stage) {
  const abort = new AbortController();
  // The service answers nothing, not even with metadata, before it is asked for something.
  const conversation = new Conversation(stage.client(), { signal: abort.signal });
  const end = expectError(conversation.next(), Code.Canceled);
  conversation.requests.push({});
  await stage.begun("FullDuplexCall");
  abort.abort();
  await end;
  await expectLeft(stage, "FullDuplexCall");
}

async function cancelledMidStream(stage) {
  const abort = new AbortController();
  const conversation = new Conversation(stage.client(), { signal: abort.signal });
  await conversation.say(10);
  const end = expectError(conversation.next(), Code.Canceled);
  abort.abort();
  await end;
  await expectLeft(stage, "FullDuplexCall");
}

/** A reply at once, and another when nobody waits for it any more. */
const SLOW = { responseParameters: [...reply(10).responseParameters, ...reply(10, FOREVER).responseParameters] };

async function cancelledAfterHalfClose(stage) {
  const abort = new AbortController();
  const replies = stage.client().streamingOutputCall(SLOW, { signal: abort.signal })[Symbol.asyncIterator]();
  expectEqual((await replies.next()).done, false, "an end");
  const end = expectError(replies.next(), Code.Canceled);
  abort.abort();
  await end;
  await expectLeft(stage, "StreamingOutputCall");
}

async function cancelledAfterHalfCloseBeforeResponse(stage) {
  const abort = new AbortController();
  const replies = stage.client().streamingOutputCall(reply(10, FOREVER), { signal: abort.signal });
  const end = expectError(replies[Symbol.asyncIterator]().next(), Code.Canceled);
  await stage.begun("StreamingOutputCall");
  abort.abort();
  await end;
  await expectLeft(stage, "StreamingOutputCall");
}

async function cancelledWhileBusy(stage) {
  const abort = new AbortController();
  async function* requests() {
    for (;;) yield { payload: { body: new Uint8Array(100_000) }, ...reply(100_000) };
  }
  const replies = stage.client().fullDuplexCall(requests(), { signal: abort.signal })[Symbol.asyncIterator]();
  for (let number = 0; number < 20; number++) expectEqual((await replies.next()).done, false, "an end");
  abort.abort();
  const drain = async () => {
    while (!(await replies.next()).done);
  };
  await expectError(drain(), Code.Canceled);
  await expectLeft(stage, "FullDuplexCall");
}

/** A client with a connection, so that the deadline of what it calls next does not pass before that has got anywhere. */
async function connected(stage, options) {
  const client = stage.client(options);
  await client.emptyCall({}, { timeoutMs: 0 });
  return client;
}

async function deadlineBeforeResponse(stage) {
  const client = await connected(stage);
  const replies = client.streamingOutputCall(reply(10, FOREVER), { timeoutMs: 500 });
  await expectError(replies[Symbol.asyncIterator]().next(), Code.DeadlineExceeded);
  await stage.left("StreamingOutputCall");
}

async function deadlineMidStream(stage) {
  const conversation = new Conversation(await connected(stage), { timeoutMs: 1000 });
  await conversation.say(10);
  await expectError(conversation.next(), Code.DeadlineExceeded);
  await stage.left("FullDuplexCall");
}

async function deadlineOfTransport(stage) {
  const client = await connected(stage, { defaultTimeoutMs: 500 });
  const replies = client.streamingOutputCall(SLOW)[Symbol.asyncIterator]();
  await replies.next();
  await expectError(replies.next(), Code.DeadlineExceeded);
  await stage.left("StreamingOutputCall");
}

export const ENDINGS = [
  { name: "cancelled before a response", carriers: OF_STREAMS, play: cancelledBeforeResponse },
  { name: "cancelled mid-stream", carriers: OF_STREAMS, play: cancelledMidStream },
  { name: "cancelled after half-close", carriers: ALL, play: cancelledAfterHalfClose },
  { name: "cancelled after half-close, before a response", carriers: ALL, play: cancelledAfterHalfCloseBeforeResponse },
  { name: "cancelled while both sides send", carriers: OF_STREAMS, play: cancelledWhileBusy },
  { name: "deadline before a response", carriers: ALL, play: deadlineBeforeResponse },
  { name: "deadline mid-stream", carriers: OF_STREAMS, play: deadlineMidStream },
  { name: "deadline of the transport", carriers: ALL, play: deadlineOfTransport },
];
