// The cases of tests/webtransport/README.md, as a page plays them.

const encode = (text) => new TextEncoder().encode(text);
const decode = (bytes) => new TextDecoder().decode(bytes);

/** Why a browser has no way to try a case. */
class Unable extends Error {}

/** The sessions of the case that is played, to be closed when it is over. */
let sessions = [];

/** Plays a case, and answers whether it passed. */
globalThis.play = async (name, to, patience) => {
  sessions = [];
  let timer;
  const timeout = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no end after ${patience} ms`)), patience);
  });
  try {
    if (!CASES[name]) throw new Unable("there is no such case for this client");
    await Promise.race([CASES[name](to), timeout]);
    return { result: "pass", note: "" };
  } catch (error) {
    return { result: error instanceof Unable ? "cannot" : "fail", note: String(error) };
  } finally {
    clearTimeout(timer);
    for (const session of sessions) {
      try {
        session.close();
      } catch {
        // It is closed already.
      }
    }
  }
};

const CASES = {
  "session.opened": (to) => open(to),
  "session.refused": refused,
  "bidi.client": inSession(bidiOfClient),
  "bidi.server": inSession((session) => bidiOfServer(session, 10)),
  "bidi.many": inSession((session) => bidiOfServer(session, 300)),
  "uni.client": inSession(uniOfClient),
  "uni.server": inSession(uniOfServer),
  "datagrams.echo": inSession(datagrams),
  "close.client": closedByClient,
  "close.server": inSession(closedByServer),
  "codes.client-reset": inSession(resetByClient),
  "codes.client-stop": inSession(stoppedByClient),
  "codes.server-reset": inSession(resetByServer),
  "codes.server-stop": inSession(stoppedByServer),
  "codes.large": inSession((session) => resetByClient(session, 1000)),
  "subprotocol.chosen": subprotocol,
  "sessions.two": twoSessions,
  "sessions.pooled": () => unable("makes a connection for each session"),
  "get.beside": () => unable("makes its requests on other connections than its sessions"),
  "grpc.call": grpcCall,
};

function unable(why) {
  throw new Unable(why);
}

function inSession(play) {
  return async (to) => play(await open(to));
}

/** Opens a session with the application, or at another path. */
async function open(to, path = to.path, options = {}) {
  const value = Uint8Array.from(atob(to.certificateHash), (c) => c.charCodeAt(0));
  const serverCertificateHashes = [{ algorithm: "sha-256", value }];
  const session = new WebTransport(to.url + path, { serverCertificateHashes, ...options });
  session.closed.catch(() => {}); // Whoever waits for the end is told all the same.
  await session.ready;
  sessions.push(session);
  return session;
}

function expectEqual(arrived, wanted) {
  if (arrived !== wanted) throw new Error(`${JSON.stringify(String(arrived).slice(0, 80))}, not ${JSON.stringify(String(wanted).slice(0, 80))}`);
}

async function readToEnd(readable) {
  return new Response(readable).text();
}

/** Opens a stream that begins with a command. */
async function command(session, line) {
  const stream = await session.createBidirectionalStream();
  const writer = stream.writable.getWriter();
  await writer.write(encode(`${line}\n`));
  return { readable: stream.readable, writer };
}

/** Gives a command that has an answer. */
async function expectAnswer(session, line, answer) {
  const { readable, writer } = await command(session, line);
  await writer.close();
  expectEqual(await readToEnd(readable), answer);
}

async function echo(session, content) {
  const { readable, writer } = await command(session, "echo");
  const [, arrived] = await Promise.all([writer.write(encode(content)).then(() => writer.close()), readToEnd(readable)]);
  expectEqual(arrived, content);
}

/** What arrives next on a stream of streams, of datagrams or of bytes. */
async function next(readable) {
  const reader = readable.getReader();
  const { value, done } = await reader.read();
  reader.releaseLock();
  if (done) throw new Error("nothing more arrives");
  return value;
}

async function refused(to) {
  try {
    await open(to, "/no/such/route");
  } catch {
    return; // A page is not told the status.
  }
  throw new Error("a session was opened where there is no route");
}

async function bidiOfClient(session) {
  for (let number = 0; number < 10; number++) await echo(session, "hello");
  await echo(session, "0123456789".repeat(100_000));
}

async function bidiOfServer(session, rounds) {
  for (let number = 0; number < rounds; number++) {
    const asked = await command(session, "bidi from the server");
    await asked.writer.close();
    const opened = await next(session.incomingBidirectionalStreams);
    expectEqual(await readToEnd(opened.readable), "from the server");
    const writer = opened.writable.getWriter();
    await writer.write(encode("from the client"));
    await writer.close();
    expectEqual(await readToEnd(asked.readable), "from the client");
  }
}

async function uniOfClient(session) {
  for (let number = 0; number < 10; number++) {
    const writer = (await session.createUnidirectionalStream()).getWriter();
    await writer.write(encode(`number ${number}`));
    await writer.close();
    await expectAnswer(session, "next", `uni number ${number}`);
  }
}

async function uniOfServer(session) {
  for (let number = 0; number < 10; number++) {
    await expectAnswer(session, "uni one way", "ok");
    expectEqual(await readToEnd(await next(session.incomingUnidirectionalStreams)), "one way");
  }
}

async function datagrams(session) {
  const writable = session.datagrams.createWritable?.() ?? session.datagrams.writable;
  const writer = writable.getWriter();
  for (let number = 0; number < 3; number++) {
    await writer.write(encode(`datagram ${number}`));
    expectEqual(decode(await next(session.datagrams.readable)), `datagram ${number}`);
  }
  writer.releaseLock();
}

async function closedByClient(to) {
  const session = await open(to);
  const name = `${to.client} ${Date.now()} ${Math.random()}`;
  await expectAnswer(session, `name ${name}`, "ok");
  session.close({ closeCode: 7, reason: "bye" });
  await expectAnswer(await open(to), `end ${name}`, "closed 7 bye");
}

async function closedByServer(session) {
  await command(session, "close 99 the server says bye");
  const { closeCode, reason } = await session.closed;
  expectEqual(`${closeCode} ${reason}`, "99 the server says bye");
}

/** Opens a stream on which the application watches what the page does. */
async function watched(session) {
  const stream = await command(session, "watch");
  const reader = stream.readable.getReader();
  expectEqual(decode((await reader.read()).value), "ok");
  return { reader, writer: stream.writer };
}

const withCode = (streamErrorCode) => new WebTransportError({ message: "the test says so", streamErrorCode });

async function resetByClient(session, code = 200) {
  const { writer } = await watched(session);
  await writer.abort(withCode(code));
  await expectAnswer(session, "next", `reset ${code}`);
}

async function stoppedByClient(session) {
  const { reader } = await watched(session);
  await reader.cancel(withCode(201));
  await expectAnswer(session, "next", "stop 201");
}

/** What a promise fails with, which must be this code. */
async function expectCode(promise, code) {
  const error = await promise.then(() => new Error("it did not fail"), (error) => error);
  if (error?.streamErrorCode !== code) throw new Error(`not code ${code} but ${error?.streamErrorCode}: ${error}`);
}

async function resetByServer(session) {
  const { readable } = await command(session, "reset 200");
  const reader = readable.getReader();
  const all = async () => {
    while (!(await reader.read()).done);
  };
  await expectCode(all(), 200);
}

async function stoppedByServer(session) {
  const { readable, writer } = await command(session, "stop 201");
  expectEqual(await readToEnd(readable), "ok");
  await expectCode(writer.closed, 201);
}

async function subprotocol(to) {
  if (!("protocol" in WebTransport.prototype)) unable("has no option for subprotocols");
  const session = await open(to, to.path, { protocols: ["other", "echo-1"] });
  expectEqual(session.protocol, "echo-1");
}

async function twoSessions(to) {
  const [one, other] = [await open(to), await open(to)];
  for (const session of [one, other, one]) {
    await echo(session, "hello");
    await datagrams(session);
  }
  other.close();
  await echo(one, "still here");
}

const MESSAGE = 0x00;
const HEADERS = 0x40;
const TRAILERS = 0x80;
// A StreamingOutputCallRequest for one response of five bytes.
const FIVE_BYTES = Uint8Array.of(0x12, 2, 0x08, 5);

/** Makes one call that streams in both directions, as docs/grpc-webtransport.md has it. */
async function grpcCall(to) {
  const session = await open(to, "/grpc-wt/v1");
  const { readable, writable } = await session.createBidirectionalStream();
  const writer = writable.getWriter();
  const frames = framesOf(readable);
  await writer.write(frame(HEADERS, encode(":path: /grpc.testing.TestService/FullDuplexCall\r\n")));
  for (let number = 0; number < 3; number++) {
    await writer.write(frame(MESSAGE, FIVE_BYTES));
    if (number === 0) expectEqual((await frames.next()).value.flags, HEADERS);
    const { flags, payload } = (await frames.next()).value;
    expectEqual(flags, MESSAGE);
    if (payload.length < 5) throw new Error(`a message of ${payload.length} bytes`);
  }
  await writer.write(frame(TRAILERS, new Uint8Array()));
  await writer.close();
  const { flags, payload } = (await frames.next()).value;
  expectEqual(flags, TRAILERS);
  if (!decode(payload).includes("grpc-status: 0\r\n")) throw new Error(`the trailers are ${decode(payload)}`);
  if (!(await frames.next()).done) throw new Error("something follows the trailers");
}

function frame(flags, payload) {
  const bytes = new Uint8Array(5 + payload.length);
  bytes[0] = flags;
  new DataView(bytes.buffer).setUint32(1, payload.length);
  bytes.set(payload, 5);
  return bytes;
}

async function* framesOf(readable) {
  const reader = readable.getReader();
  let read = new Uint8Array();
  for (;;) {
    while (read.length >= 5) {
      const length = new DataView(read.buffer, read.byteOffset).getUint32(1);
      if (read.length < 5 + length) break;
      yield { flags: read[0], payload: read.subarray(5, 5 + length) };
      read = read.subarray(5 + length);
    }
    const { value, done } = await reader.read();
    if (done) return;
    const joined = new Uint8Array(read.length + value.length);
    joined.set(read);
    joined.set(value, read.length);
    read = joined;
  }
}
