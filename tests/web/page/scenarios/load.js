// Many calls, and long ones.

import { Conversation, expect, expectEqual, payload, reply } from "../stage.js";

const MIB = 1024 * 1024;
const MESSAGES = 100;

/** Calls that stream both ways, all of which are open at the same time. */
async function atOnce(stage, count, options) {
  const client = stage.client(options);
  const conversations = Array.from({ length: count }, () => new Conversation(client));
  await Promise.all(conversations.map((conversation) => conversation.say(5)));
  await Promise.all(conversations.map((conversation) => conversation.say(7)));
  await Promise.all(conversations.map((conversation) => conversation.end()));
}

/** More calls than two sessions have room for: some have to wait for others. */
async function moreThanThereIsRoomFor(stage) {
  const client = stage.client();
  const converse = async () => {
    const conversation = new Conversation(client);
    await conversation.say(5);
    await conversation.say(7);
    await conversation.end();
  };
  await Promise.all(Array.from({ length: 1000 }, converse));
}

async function thousandUnary(stage, options) {
  const client = stage.client(options);
  const call = async () => expectEqual((await client.unaryCall({ responseSize: 9 })).payload.body.length, 9, "bytes");
  await Promise.all(Array.from({ length: 1000 }, call));
}

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Waits until a number stays what it is. */
async function settled(read) {
  for (let last = await read(); ; ) {
    await pause(500);
    const now = await read();
    if (now === last) return now;
    last = now;
  }
}

/** Reads 1 MiB of a stream, pauses until nothing comes any more, and reads on slowly. Without back-pressure somebody would
 * have to hold what the page has not read when it pauses, and without an end of it what it has read. */
async function slowReader(stage) {
  const client = stage.client();
  await client.emptyCall({});
  const before = await stage.ask("written");
  await stage.ask("watch");
  const responseParameters = Array.from({ length: MESSAGES }, () => ({ size: MIB }));
  const replies = client.streamingOutputCall({ responseParameters })[Symbol.asyncIterator]();
  await replies.next();
  const ahead = (await settled(() => stage.ask("written"))) - before;
  const inPause = await stage.ask("grown");
  let count = 1;
  for (; !(await replies.next()).done; count++) {
    await pause(10);
    if (count === MESSAGES / 2) await stage.ask("forget-grown");
  }
  expectEqual(count, MESSAGES, "messages");
  const inSecondHalf = await stage.ask("grown");
  expectGrown("gateway", Math.max(inPause.gateway.most, inSecondHalf.gateway.most), 32);
  expect(ahead < 40 * MIB, `${mib(ahead)} had left the upstream when the page had read 1 MiB`);
  expectGrown("browser, in the pause,", inPause.browser.most, 64);
  // The most of it is what nobody needs and nobody has cleared away yet.
  expectGrown("browser, in the second half,", inSecondHalf.browser.least, 80);
}

function expectGrown(what, bytes, most) {
  expect(bytes < most * MIB, `the ${what} has grown by ${mib(bytes)}`);
}

/** A page that would send more than the upstream takes is asked for no more. */
async function slowUpstream(stage) {
  let sent = 0;
  let isAnswered = false;
  async function* requests() {
    // Until it has answered this the upstream reads nothing.
    yield reply(1, 4);
    for (; sent < MESSAGES; sent++) yield payload(MIB);
  }
  const replies = stage.client().fullDuplexCall(requests())[Symbol.asyncIterator]();
  const answer = replies.next().then(() => (isAnswered = true));
  await stage.begun("FullDuplexCall");
  const ahead = await settled(async () => sent);
  expect(!isAnswered, "the upstream did not wait");
  expect(ahead < 40, `${ahead} MiB were asked for when the upstream had read nothing`);
  await answer;
  expectEqual((await replies.next()).done, true, "an end");
  expectEqual(sent, MESSAGES, "messages");
}

const mib = (bytes) => `${(bytes / MIB).toFixed(1)} MiB`;

export const LOAD = [
  {
    name: "1,000 bidi calls at once",
    carriers: ["webtransport"],
    patience: 60_000,
    play: (stage) => atOnce(stage, 1000, { sessions: { max: 10 } }),
  },
  { name: "1,000 bidi calls on two sessions", carriers: ["webtransport"], patience: 60_000, play: moreThanThereIsRoomFor },
  { name: "100 bidi calls at once", carriers: ["websocket"], play: (stage) => atOnce(stage, 100) },
  { name: "1,000 unary calls", carriers: ["fetch"], patience: 60_000, play: thousandUnary },
  {
    name: "1,000 unary calls over HTTP/2",
    carriers: ["fetch"],
    patience: 60_000,
    play: (stage) => thousandUnary(stage, { baseUrl: stage.to.secureUrl }),
  },
  {
    name: "100 MiB to a slow reader",
    carriers: ["webtransport", "websocket", "fetch"],
    patience: 60_000,
    play: slowReader,
  },
  { name: "100 MiB to a slow upstream", carriers: ["webtransport", "websocket"], patience: 60_000, play: slowUpstream },
];
