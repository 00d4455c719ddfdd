// The demo page's gRPC client, in Node: its codecs, and whole calls over a session made of in-memory streams.
// Run: node --test tests/browser/

import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";

// The page has no package.json, so Node knows that the file is a module only by another name for it.
const source = new URL("../../gateway/server/src/demo/page/grpc.js", import.meta.url);
const copy = join(mkdtempSync(join(tmpdir(), "grpc-js-")), "grpc.mjs");
writeFileSync(copy, readFileSync(source));
const {
  Code, Demo, FrameBuffer, GrpcError, GrpcWebChannel, HEADERS, MESSAGE, TRAILERS, Vault, WebTransportChannel,
  decodeHeaders, decodeMessage, encodeHeaders, encodeMessage, frame,
} = await import(pathToFileURL(copy));

const text = new TextEncoder();
const concat = (parts) => Uint8Array.from(parts.flatMap((part) => [...part]));

/** A random source that repeats itself from its seed, so that a failure can be had again. */
function random(seed) {
  return (below) => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return seed % below;
  };
}

// Codecs --------------------------------------------------------------------------------------------------------------

test("messages have the bytes that protobuf gives them", () => {
  const check = (type, message, bytes) => {
    assert.deepEqual([...encodeMessage(type, message)], bytes);
    assert.deepEqual(encodeMessage(type, decodeMessage(type, Uint8Array.from(bytes))), Uint8Array.from(bytes));
  };
  check(Demo.Say.request, { name: "Ada" }, [0x0a, 3, 0x41, 0x64, 0x61]);
  check(Demo.Say.request, {}, []);
  check(Demo.Count.request, { upTo: 300, intervalMs: 1 }, [0x08, 0xac, 0x02, 0x10, 1]);
  check(Demo.Count.request, { upTo: 0xffffffff }, [0x08, 0xff, 0xff, 0xff, 0xff, 0x0f]);
  check(Demo.Sum.request, { number: -1n }, [0x08, ...Array(9).fill(0xff), 1]);
  check(Vault.Open.request, {}, []);
});

test("messages survive the round trip", () => {
  for (const message of [
    { text: "", sequence: 0n, backend: "" },
    { text: "☺ 😈", sequence: 2n ** 64n - 1n, backend: "backend-a" },
    { text: "x".repeat(70_000), sequence: 128n, backend: "b" },
  ]) {
    assert.deepEqual(decodeMessage(Demo.Chat.reply, encodeMessage(Demo.Chat.reply, message)), message);
  }
  const lowest = { sum: -(2n ** 63n), count: 1n, backend: "" };
  assert.deepEqual(decodeMessage(Demo.Sum.reply, encodeMessage(Demo.Sum.reply, lowest)), lowest);
});

test("fields of other versions are skipped, broken messages refused", () => {
  const unknown = [0x78, 5, 0x7a, 2, 1, 2, 0x79, ...Array(8).fill(0), 0x7d, ...Array(4).fill(0)];
  assert.deepEqual(decodeMessage(Demo.Say.request, Uint8Array.from([...unknown, 0x0a, 1, 0x41])), { name: "A" });
  // A known tag with another wire type is another field.
  assert.deepEqual(decodeMessage(Demo.Say.request, Uint8Array.from([0x08, 1])), { name: "" });
  for (const broken of [[0x0a], [0x0a, 5, 0x41], [0x80], [0x0b], [0x0d, 1], Array(11).fill(0xff)]) {
    const refused = (error) => error instanceof GrpcError && error.code === Code.INTERNAL;
    assert.throws(() => decodeMessage(Demo.Say.request, Uint8Array.from(broken)), refused, String(broken));
  }
});

test("random bytes are decoded or refused, nothing else", () => {
  const below = random(7);
  for (let round = 0; round < 3000; round++) {
    const bytes = Uint8Array.from({ length: below(24) }, () => below(256));
    try {
      decodeMessage(Demo.Sum.reply, bytes);
    } catch (error) {
      assert.ok(error instanceof GrpcError, `${[...bytes]}: ${error}`);
    }
  }
});

test("frames are the same however the stream is cut", () => {
  const sent = [
    [HEADERS, text.encode("a: b\r\n")], [MESSAGE, new Uint8Array()], [MESSAGE, new Uint8Array(9000).fill(7)],
    [0x20, text.encode("ignored")], [TRAILERS, text.encode("grpc-status: 0\r\n")],
  ];
  const stream = concat(sent.map(([flags, payload]) => frame(flags, payload)));
  const cutInto = (sizes) => {
    const buffer = new FrameBuffer();
    const seen = [];
    for (let at = 0; at < stream.length; ) {
      const size = sizes();
      buffer.push(stream.subarray(at, at + size));
      at += size;
      for (let next = buffer.next(); next; next = buffer.next()) seen.push([next.flags, next.payload]);
    }
    assert.ok(buffer.empty);
    assert.deepEqual(seen, sent);
  };
  cutInto(() => 1);
  cutInto(() => stream.length);
  const below = random(42);
  for (let round = 0; round < 200; round++) cutInto(() => 1 + below(6000));
});

test("a frame over the limit is refused at its prefix", () => {
  const buffer = new FrameBuffer();
  buffer.push(Uint8Array.from([0, 0xff, 0xff, 0xff, 0xff]));
  assert.throws(() => buffer.next(), (error) => error.code === Code.RESOURCE_EXHAUSTED);
});

test("header blocks keep values and leave pseudo names out", () => {
  const block = encodeHeaders([[":path", "/a.B/C"], ["x-a", "1"], ["x-a", "2: 3"], ["grpc-status", "0"]]);
  assert.equal(new TextDecoder().decode(block), ":path: /a.B/C\r\nx-a: 1\r\nx-a: 2: 3\r\ngrpc-status: 0\r\n");
  const headers = decodeHeaders(block);
  assert.deepEqual([...headers], [["grpc-status", "0"], ["x-a", "1, 2: 3"]]);
  assert.throws(() => decodeHeaders(text.encode("bad name: 1\r\n")), (error) => error.code === Code.INTERNAL);
});

// Calls over WebTransport ---------------------------------------------------------------------------------------------

/** A session whose streams go to `serve(call)`, which plays the gateway. `seen` tells what became of them. */
function session(serve) {
  const seen = { calls: [], aborted: [] };
  const channel = new WebTransportChannel({
    async createBidirectionalStream() {
      const up = new TransformStream(undefined, { highWaterMark: 2 }, { highWaterMark: 2 });
      const down = new TransformStream(undefined, { highWaterMark: 2 }, { highWaterMark: 2 });
      const call = new Served(up.readable, down.writable);
      seen.calls.push(call);
      call.done = serve(call).catch((error) => seen.aborted.push(error.code ?? error));
      return { writable: up.writable, readable: down.readable };
    },
  });
  return { channel, seen };
}

class Served {
  constructor(readable, writable) {
    this.reader = readable.getReader();
    this.writer = writable.getWriter();
    this.writer.closed.catch(() => {});
    this.buffer = new FrameBuffer();
  }

  /** The next frame; undefined at the end of the stream. */
  async frame() {
    for (;;) {
      const next = this.buffer.next();
      if (next) return next;
      const { value, done } = await this.reader.read();
      if (done) return undefined;
      this.buffer.push(value);
    }
  }

  send(flags, payload) {
    return this.writer.write(frame(flags, payload));
  }

  async end(...entries) {
    await this.send(TRAILERS, encodeHeaders(entries));
    await this.writer.close();
  }
}

async function echo(call) {
  const { flags, payload } = await call.frame();
  assert.equal(flags, HEADERS);
  call.head = new TextDecoder().decode(payload);
  await call.send(HEADERS, text.encode("content-type: application/grpc+proto\r\n"));
  await call.send(0x20, text.encode("an extension"));
  for (let sequence = 1n; ; sequence++) {
    const next = await call.frame();
    assert.ok(next, "the stream ended without TRAILERS");
    if (next.flags === TRAILERS) break;
    const { text } = decodeMessage(Demo.Chat.request, next.payload);
    await call.send(MESSAGE, encodeMessage(Demo.Chat.reply, { text, sequence, backend: "fake" }));
  }
  assert.equal(await call.frame(), undefined, "TRAILERS are followed by the end of the stream");
  await call.end(["grpc-status", "0"]);
}

/** Nothing of a test may wait for ever. */
const soon = (promise) => {
  let timer;
  const late = new Promise((_, reject) => (timer = setTimeout(() => reject(new Error("hangs")), 5000)));
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
};

async function failure(promise) {
  try {
    await soon(promise);
  } catch (error) {
    assert.ok(error instanceof GrpcError, String(error));
    return error;
  }
  assert.fail("the call succeeded");
}

async function all(replies) {
  const seen = [];
  for await (const reply of replies) seen.push(reply);
  return seen;
}

test("a chat sends and receives in turns, on one stream", async () => {
  const { channel, seen } = session(echo);
  const call = await channel.start(Demo.Chat, { metadata: [["x-api-key", "k"]], timeoutMs: 5000 });
  const replies = call[Symbol.asyncIterator]();
  for (const line of ["one", "", "three"]) {
    assert.equal(await soon(call.send({ text: line })), true);
    assert.equal((await soon(replies.next())).value.text, line);
  }
  await soon(call.halfClose());
  assert.equal((await soon(replies.next())).done, true);
  await soon(seen.calls[0].done);
  assert.deepEqual(seen.aborted, []);
  assert.equal(
    seen.calls[0].head,
    ":path: /demo.v1.Demo/Chat\r\ncontent-type: application/grpc+proto\r\ngrpc-timeout: 5000m\r\nx-api-key: k\r\n",
  );
});

test("a thousand messages each way do not wait for each other", async () => {
  const { channel } = session(echo);
  const lines = Array.from({ length: 1000 }, (_, number) => ({ text: `line ${number}` }));
  const replies = await soon(all(channel.stream(Demo.Chat, lines)));
  assert.deepEqual(replies.map((reply) => reply.text), lines.map((line) => line.text));
});

test("sending waits while nobody reads", async () => {
  let wake;
  const awake = new Promise((resolve) => (wake = resolve));
  const { channel } = session(async (call) => {
    await awake;
    await echo(call);
  });
  const call = await channel.start(Demo.Chat);
  let sent = 0;
  const sending = (async () => {
    for (; sent < 50; sent++) await call.send({ text: "x" });
    await call.halfClose();
  })();
  // A turn of the timer queue runs everything that can run.
  await new Promise((resolve) => setTimeout(resolve));
  assert.ok(sent < 10, `${sent} messages were sent to nobody`);
  wake();
  assert.equal((await soon(all(call))).length, 50);
  await soon(sending);
});

test("a status in the trailers is what the call throws", async () => {
  const { channel } = session(async (call) => {
    await call.frame();
    await call.end(["grpc-status", "16"], ["grpc-message", "no key %E2%98%BA"], ["x-why", "because"]);
  });
  const error = await failure(channel.unary(Vault.Open, {}));
  assert.deepEqual([error.codeName, error.message], ["UNAUTHENTICATED", "no key ☺"]);
  assert.equal(error.trailers.get("x-why"), "because");
});

test("an early end by the other side does not hang the sender", async () => {
  const { channel } = session(async (call) => {
    await call.frame();
    await call.end(["grpc-status", "8"]);
    await call.reader.cancel();
  });
  const endless = (async function* () {
    for (;;) yield { text: "more" };
  })();
  assert.equal((await failure(all(channel.stream(Demo.Chat, endless)))).code, Code.RESOURCE_EXHAUSTED);
});

test("broken responses are told from good ones", async () => {
  const check = async (what, frames, code) => {
    const { channel } = session(async (call) => {
      await call.frame();
      for (const bytes of frames) await call.writer.write(Uint8Array.from(bytes));
      await call.writer.close();
    });
    assert.equal((await failure(channel.unary(Demo.Say, {}))).code, code, what);
  };
  const status = (line) => frame(TRAILERS, text.encode(line));
  await check("no trailers", [], Code.INTERNAL);
  await check("cut off", [[0, 0, 0, 0, 9, 1]], Code.INTERNAL);
  await check("unknown frame", [frame(0x02, []), status("grpc-status: 0\r\n")], Code.INTERNAL);
  await check("no status", [status("x: 1\r\n")], Code.INTERNAL);
  await check("no such status", [status("grpc-status: 17\r\n")], Code.UNKNOWN);
  await check("two statuses", [status("grpc-status: 0\r\ngrpc-status: 0\r\n")], Code.UNKNOWN);
  await check("no reply", [status("grpc-status: 0\r\n")], Code.UNIMPLEMENTED);
  await check("two replies", [frame(0, []), frame(0, []), status("grpc-status: 0\r\n")], Code.UNIMPLEMENTED);
});

const hang = async (call) => {
  while (await call.frame());
};

test("cancelling stops both directions with code 1", async () => {
  const { channel, seen } = session(hang);
  const cancelled = new AbortController();
  const replies = all(channel.stream(Demo.Count, [{ upTo: 9 }], { signal: cancelled.signal }));
  const failed = failure(replies);
  while (!seen.calls.length) await new Promise((resolve) => setTimeout(resolve));
  cancelled.abort();
  assert.equal((await failed).code, Code.CANCELLED);
  await soon(seen.calls[0].done);
  seen.aborted.length = 0;

  const call = await channel.start(Demo.Chat);
  call.cancel();
  assert.equal((await failure(all(call))).code, Code.CANCELLED);
  await soon(seen.calls[1].done);
  assert.deepEqual(seen.aborted, [Code.CANCELLED], "the request was open, so it was reset");
  const stopped = await soon(seen.calls[1].writer.closed.catch((error) => error));
  assert.equal(stopped.code, Code.CANCELLED, "the response was stopped");
  assert.equal(await soon(call.send({ text: "too late" })), false);
});

test("the deadline ends a call with code 4, even one that waits for a stream", async () => {
  const { channel, seen } = session(hang);
  assert.equal((await failure(channel.unary(Demo.Say, {}, { timeoutMs: 5 }))).code, Code.DEADLINE_EXCEEDED);
  const stopped = await soon(seen.calls[0].writer.closed.catch((error) => error));
  assert.equal(stopped.code, Code.DEADLINE_EXCEEDED);

  const full = new WebTransportChannel({ createBidirectionalStream: () => new Promise(() => {}) });
  assert.equal((await failure(full.unary(Demo.Say, {}, { timeoutMs: 5 }))).code, Code.DEADLINE_EXCEEDED);
  const gone = new WebTransportChannel({ createBidirectionalStream: () => Promise.reject(new Error("closed")) });
  assert.equal((await failure(gone.unary(Demo.Say, {}))).code, Code.UNAVAILABLE);
});

test("leaving the loop early cancels the call", async () => {
  const { channel, seen } = session(echo);
  const call = await channel.start(Demo.Chat);
  await call.send({ text: "only one" });
  for await (const reply of call) {
    assert.equal(reply.text, "only one");
    break;
  }
  await soon(seen.calls[0].done);
  assert.deepEqual(seen.aborted, [Code.CANCELLED]);
});

test("resets and lost sessions become the status that they mean", async () => {
  const check = async (error, code) => {
    const { channel } = session(async (call) => {
      await call.frame();
      await call.writer.abort(error);
    });
    assert.equal((await failure(channel.unary(Demo.Say, {}))).code, code, JSON.stringify(error));
  };
  await check({ source: "stream", streamErrorCode: 0x04 }, Code.DEADLINE_EXCEEDED);
  await check({ source: "stream", streamErrorCode: 0x20 }, Code.UNAVAILABLE);
  await check({ source: "stream", streamErrorCode: 0x21 }, Code.INTERNAL);
  await check({ source: "stream", streamErrorCode: 0x23 }, Code.RESOURCE_EXHAUSTED);
  await check({ source: "stream", streamErrorCode: null }, Code.INTERNAL);
  await check({ source: "session" }, Code.UNAVAILABLE);
});

// gRPC-Web ------------------------------------------------------------------------------------------------------------

/** A channel whose fetch answers with these bytes, in chunks of every size from `cut`. */
function web(bytes, { status = 200, headers = {}, cut = 3 } = {}) {
  const seen = {};
  const channel = new GrpcWebChannel("http://gateway", async (url, init) => {
    Object.assign(seen, { url, ...init, headers: new Headers(init.headers) });
    const body = new ReadableStream({
      start(controller) {
        for (let at = 0; at < bytes.length; at += cut) controller.enqueue(bytes.slice(at, at + cut));
        controller.close();
      },
    });
    return new Response(body, { status, headers });
  });
  return { channel, seen };
}

const counted = concat([
  ...[1, 2, 3].map((number) => frame(MESSAGE, encodeMessage(Demo.Count.reply, { number, backend: "b" }))),
  frame(TRAILERS, text.encode("grpc-status:0\r\n")),
]);

test("gRPC-Web reads a stream however it is cut", async () => {
  for (let cut = 1; cut <= counted.length; cut++) {
    const { channel, seen } = web(counted, { cut });
    const replies = await soon(all(channel.stream(Demo.Count, [{ upTo: 3 }], { timeoutMs: 900 })));
    assert.deepEqual(replies.map((reply) => reply.number), [1, 2, 3]);
    assert.equal(seen.url, "http://gateway/demo.v1.Demo/Count");
    assert.deepEqual([...seen.body], [0, 0, 0, 0, 2, 0x08, 3]);
    assert.equal(seen.headers.get("content-type"), "application/grpc-web+proto");
    assert.equal(seen.headers.get("grpc-timeout"), "900m");
  }
});

test("gRPC-Web failures become statuses", async () => {
  const check = async (bytes, options, code) => {
    assert.equal((await failure(web(bytes, options).channel.unary(Demo.Say, {}))).code, code, JSON.stringify(options));
  };
  await check([], { headers: { "grpc-status": "16", "grpc-message": "no" } }, Code.UNAUTHENTICATED);
  await check([], { headers: { "grpc-status": "0" } }, Code.UNIMPLEMENTED);
  await check([], { status: 503 }, Code.UNAVAILABLE);
  await check([], { status: 404 }, Code.UNIMPLEMENTED);
  await check(new Uint8Array(), {}, Code.INTERNAL);
  const one = concat([frame(MESSAGE, []), frame(TRAILERS, text.encode("grpc-status:0\r\n"))]);
  assert.deepEqual(await web(one).channel.unary(Demo.Say, {}), { text: "", backend: "" });
  for (let cut = 0; cut < one.length; cut++) await check(one.slice(0, cut), {}, Code.INTERNAL);
  const broken = new GrpcWebChannel("", () => Promise.reject(new TypeError("refused")));
  assert.equal((await failure(broken.unary(Demo.Say, {}))).code, Code.UNAVAILABLE);
  const two = web([]).channel.stream(Demo.Say, [{}, {}]);
  assert.equal((await failure(all(two))).code, Code.UNIMPLEMENTED);
});

test("gRPC-Web stops at the deadline and when cancelled", async () => {
  const never = (_, { signal }) =>
    new Promise((_, reject) => signal.addEventListener("abort", () => reject(new DOMException("", "AbortError"))));
  const channel = new GrpcWebChannel("", never);
  assert.equal((await failure(channel.unary(Demo.Say, {}, { timeoutMs: 5 }))).code, Code.DEADLINE_EXCEEDED);
  assert.equal((await failure(channel.unary(Demo.Say, {}, { signal: AbortSignal.abort() }))).code, Code.CANCELLED);
});
