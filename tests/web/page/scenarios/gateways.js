// Gateways that go away while a page is open.

import { Code } from "@connectrpc/connect";

import { Conversation, expect, expectEqual, expectError, reply } from "../stage.js";

const ALL = ["webtransport", "websocket", "fetch"];
const OF_STREAMS = ["webtransport", "websocket"];

/** How many calls are made at once of a gateway that drains. A page that was not told makes them where it was before. */
const CALLS = 50;

/** Two gateways behind a balancer, of which the first drains while a stream runs: that ends as it would have, and the
 * next calls go to the second meanwhile. */
async function drain(stage, begin, hears) {
  await stage.ask("start", { gateway: "first" });
  const client = stage.client(await stage.ask("balance", { balancer: "front", gateway: "first" }));
  const { method, finish } = await begin(client);
  await stage.ask("start", { gateway: "second" });
  await stage.ask("aim", { balancer: "front", gateway: "second" });
  await stage.ask("drain", { gateway: "first" });
  if (hears) await stage.until(`${stage.carrier} draining`);
  await Promise.all(Array.from({ length: CALLS }, () => client.emptyCall({})));
  await stage.logged("EmptyCall", { gateway: "second", grpc_status: 0 });
  await finish();
  await stage.logged(method, { gateway: "first", grpc_status: 0 });
  await stage.ask("stop", { gateway: "first" });
}

/** A conversation in which the page waits for a reply. */
async function listening(client) {
  const conversation = new Conversation(client);
  await conversation.say(10);
  const next = conversation.next();
  const finish = async () => {
    conversation.requests.push(reply(70_000));
    expectEqual((await next).value?.payload.body.length, 70_000, "bytes of the reply");
    await conversation.end();
  };
  return { method: "FullDuplexCall", finish };
}

/** A conversation in which the page waits for nothing, and so is told nothing. */
async function idle(client) {
  const conversation = new Conversation(client);
  await conversation.say(10);
  const finish = async () => {
    await conversation.say(70_000);
    await conversation.end();
  };
  return { method: "FullDuplexCall", finish };
}

/** A stream that goes on by itself. */
async function watching(client) {
  const responseParameters = [reply(10), reply(10, 3)].flatMap(({ responseParameters }) => responseParameters);
  const replies = client.streamingOutputCall({ responseParameters })[Symbol.asyncIterator]();
  await replies.next();
  const finish = async () => {
    expectEqual([(await replies.next()).done, (await replies.next()).done], [false, true], "ends");
  };
  return { method: "StreamingOutputCall", finish };
}

/** A page without the package, which knows nothing of the drain and opens a stream on its session. The stream is refused,
 * and nothing happens to the call that is open. */
async function openedInDrain(stage) {
  const { webTransportUrl } = await stage.ask("start", { gateway: "other" });
  const session = new WebTransport(webTransportUrl, { serverCertificateHashes: [stage.certificateHash] });
  await session.ready;
  const running = await beginRaw(session);
  await stage.begun("FullDuplexCall");
  await stage.ask("drain", { gateway: "other" });
  // DRAIN, for which nobody has to wait; the gateway drains for certain when it is there.
  expectEqual((await running.reader.read()).value?.[0], 0x24, "the first byte of the response");
  const late = await beginRaw(session);
  expectEqual((await late.reader.read()).value?.[0], 0x30, "the first byte of the refusal");
  running.writer.close().catch(() => {});
  const { value } = await running.reader.read();
  expect(new TextDecoder().decode(value).includes("grpc-status: 0"), "the running call was lost");
  session.close();
}

/** A call with HEADERS alone. */
async function beginRaw(session) {
  const { readable, writable } = await session.createBidirectionalStream();
  const writer = writable.getWriter();
  const block = new TextEncoder().encode(":path: /grpc.testing.TestService/FullDuplexCall\r\n");
  await writer.write(Uint8Array.of(0x40, 0, 0, 0, block.length, ...block));
  return { writer, reader: readable.getReader() };
}

/** Calls again once the gateway is back at the same place, without a new page. */
async function restarted(stage) {
  const client = stage.client(await stage.ask("start", { gateway: "other" }));
  await client.emptyCall({});
  await stage.ask("stop", { gateway: "other" });
  await stage.ask("again", { gateway: "other" });
  await client.emptyCall({});
  await stage.logged("EmptyCall", { gateway: "other", grpc_status: 0 });
}

/** The same, but nobody tells the page that its session is gone: the call that finds out is lost, as it might have been
 * processed, and the next is not. */
async function killed(stage) {
  const client = stage.client(await stage.ask("start", { gateway: "other" }));
  await client.emptyCall({});
  await stage.ask("kill", { gateway: "other" });
  await stage.ask("again", { gateway: "other" });
  try {
    await client.emptyCall({});
  } catch (error) {
    expectEqual([stage.carrier, error.code], ["webtransport", Code.Unavailable], "what finds out");
    await client.emptyCall({});
  }
  await stage.logged("EmptyCall", { gateway: "other", grpc_status: 0 });
}

async function killedMidStream(stage) {
  const client = stage.client(await stage.ask("start", { gateway: "other" }));
  const conversation = new Conversation(client);
  await conversation.say(10);
  await stage.ask("kill", { gateway: "other" });
  // Nothing tells of it before something is sent.
  conversation.requests.push(reply(10));
  await expectError(conversation.next(), Code.Unavailable);
  await stage.ask("again", { gateway: "other" });
  const next = new Conversation(client);
  await next.say(10);
  await next.end();
}

export const GATEWAYS = [
  { name: "drain during a stream", carriers: OF_STREAMS, play: (stage) => drain(stage, listening, true) },
  { name: "drain during a stream that nobody reads", carriers: OF_STREAMS, play: (stage) => drain(stage, idle, false) },
  { name: "drain during a stream", carriers: ["fetch"], play: (stage) => drain(stage, watching, false) },
  { name: "a stream opened in a drain", carriers: ["webtransport"], play: openedInDrain },
  { name: "gateway restarted", carriers: ALL, play: restarted },
  { name: "gateway killed and started", carriers: ALL, patience: 60_000, play: killed },
  { name: "gateway killed mid-stream", carriers: OF_STREAMS, patience: 60_000, play: killedMidStream },
];
