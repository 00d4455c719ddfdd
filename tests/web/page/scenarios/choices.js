// What carries a call when several might.

import { createWebSocketTransport, createWebTransportTransport } from "@sluicegate/web";
import { Code, createClient } from "@connectrpc/connect";

import { Conversation, expect, expectEqual, expectError, reply, TestService } from "../stage.js";

/** A call that streams both ways, on this carrier in the end. */
async function converse(stage, client, carrier) {
  const conversation = new Conversation(client);
  await conversation.say(10);
  await conversation.end();
  await stage.logged("FullDuplexCall", { carrier, grpc_status: 0 });
}

async function byKind(stage) {
  const transport = stage.transport();
  const client = createClient(TestService, transport);
  const { unaryCall, fullDuplexCall } = TestService.method;
  await client.emptyCall({});
  await stage.logged("EmptyCall", { carrier: "fetch" });
  expectEqual(transport.carrierOf(unaryCall.methodKind), "fetch", "the carrier of unary calls before there is a session");
  await converse(stage, client, "webtransport");
  expectEqual(transport.carrierOf(fullDuplexCall.methodKind), "webtransport", "the carrier of bidi calls");
  await client.emptyCall({});
  await stage.logged("EmptyCall", { carrier: "webtransport" });
}

/** WebTransport gets no answer at a port: the call takes a WebSocket before that is known, and later ones do so at once. */
async function withoutUdp(stage, port) {
  const transport = stage.transport({ webTransportUrl: `https://127.0.0.1:${port}/grpc-wt/v1` });
  const client = createClient(TestService, transport);
  await converse(stage, client, "websocket");
  const seen = stage.states.filter((state) => /webtransport (open|down)/.test(state));
  for (let number = 0; number < 3; number++) await converse(stage, client, "websocket");
  const attempts = stage.states.filter((state) => state === "webtransport connecting").length;
  expectEqual(attempts, 1, "attempts to reach it");
  await client.emptyCall({});
  await stage.logged("EmptyCall", { carrier: "fetch" });
  return seen;
}

async function udpRefused(stage) {
  await withoutUdp(stage, await stage.ask("closed-port"));
}

async function udpSwallowed(stage) {
  expectEqual(await withoutUdp(stage, await stage.ask("silent-port")), [], "what was known when the call was over");
}

async function udpReturns(stage) {
  await stage.ask("start", { gateway: "other" });
  const places = await stage.ask("balance", { balancer: "network", gateway: "other" });
  await stage.ask("swallow", { balancer: "network", isSwallowing: true });
  const client = stage.client({ ...places, connectTimeoutMs: 1000, retryWebTransportAfterMs: 500 });
  const conversation = new Conversation(client);
  await conversation.say(1);
  await stage.until("webtransport down");
  await stage.ask("swallow", { balancer: "network", isSwallowing: false });
  while (!stage.states.includes("webtransport open")) {
    const further = new Conversation(client);
    await further.say(2);
    await further.end();
  }
  // What has begun stays where it is.
  await conversation.say(3);
  await conversation.end();
  await stage.logged("FullDuplexCall", { gateway: "other", carrier: "websocket", request_messages: 2 });
  await new Conversation(client).say(4);
}

async function withoutWebTransport(stage) {
  const { WebTransport } = globalThis;
  delete globalThis.WebTransport;
  try {
    await converse(stage, stage.client(), "websocket");
  } finally {
    globalThis.WebTransport = WebTransport;
  }
  expect(!stage.states.includes("webtransport connecting"), "it was tried");
}

/** A development gateway says itself where sessions open and by which certificates: the page has been told nothing. */
async function development(stage) {
  const { baseUrl } = await stage.ask("develop", { gateway: "other" });
  const client = stage.client({ baseUrl, webTransportUrl: undefined, serverCertificateHashes: undefined });
  const conversation = new Conversation(client);
  await conversation.say(10);
  // Either may have been sooner, this time.
  await stage.until("webtransport open");
  await conversation.end();
  await new Conversation(client).say(10);
  await client.emptyCall({});
  expectEqual(stage.states.filter((state) => /^fetch|down/.test(state)), [], "what went wrong");
}

/** Sessions and WebSockets open to those who have fetched a ticket, each with its own. */
async function tickets(stage) {
  const places = await stage.ask("start", { gateway: "other", tickets: "" });
  const without = new Conversation(stage.client(places));
  await expectError(without.say(10), Code.Unavailable);
  const { client, count } = withTickets(stage, places);
  for (let number = 0; number < 2; number++) {
    const conversation = new Conversation(client);
    await conversation.say(10);
    await conversation.end();
    await stage.logged("FullDuplexCall", { gateway: "other", grpc_status: 0, identity: "page" });
  }
  expectEqual(count(), stage.carrier === "webtransport" ? 1 : 2, "tickets fetched");
}

/** A session takes calls for a second. The stream in it goes on, and the next call has a session, and a ticket, of its own. */
async function expiringSession(stage) {
  const places = await stage.ask("start", { gateway: "other", tickets: 'session_lifetime = "1s"' });
  const { client, count } = withTickets(stage, places);
  const conversation = new Conversation(client);
  await conversation.say(10);
  const next = conversation.next();
  await stage.until("webtransport draining");
  await client.emptyCall({});
  expect(count() > 1, "no other ticket was fetched");
  conversation.requests.push(reply(70_000));
  expectEqual((await next).value?.payload.body.length, 70_000, "bytes of the reply");
  await conversation.end();
}

/** A client that fetches tickets, and how many it has fetched. */
function withTickets(stage, places) {
  let fetched = 0;
  const ticket = async () => {
    const response = await fetch(`${places.baseUrl}/grpc-ws/v1/ticket`, { method: "POST", headers: { "x-api-key": "secret" } });
    fetched++;
    return (await response.json()).ticket;
  };
  return { client: stage.client({ ...places, ticket }), count: () => fetched };
}

/** The transport that has one carrier only. */
async function single(stage) {
  const { baseUrl, webTransportUrl } = stage.to;
  const transport =
    stage.carrier === "webtransport"
      ? createWebTransportTransport({ baseUrl, webTransportUrl, serverCertificateHashes: [stage.certificateHash] })
      : createWebSocketTransport({ baseUrl });
  const client = createClient(TestService, transport);
  await client.emptyCall({});
  await stage.logged("EmptyCall");
  await converse(stage, client, stage.carrier);
  transport.close();
}

export const CHOICES = [
  { name: "each kind its carrier", carriers: ["any"], play: byKind },
  { name: "UDP refused", carriers: ["any"], play: udpRefused },
  { name: "UDP swallowed", carriers: ["any"], play: udpSwallowed },
  { name: "UDP swallowed, and let through later", carriers: ["any"], play: udpReturns },
  { name: "a browser without WebTransport", carriers: ["any"], play: withoutWebTransport },
  { name: "a development gateway", carriers: ["any"], play: development },
  { name: "tickets", carriers: ["webtransport", "websocket"], play: tickets },
  { name: "a session that is too old", carriers: ["webtransport"], play: expiringSession },
  { name: "its own transport", carriers: ["webtransport", "websocket"], play: single },
];
