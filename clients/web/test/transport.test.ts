import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { gunzipSync, gzipSync } from "node:zlib";
import { create, fromBinary, toBinary, type MessageInitShape } from "@bufbuild/protobuf";
import { AnySchema, StringValueSchema } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError, createClient, encodeBinaryHeader, type CallOptions, type Client } from "@connectrpc/connect";
import { afterEach, describe, expect, test, vi } from "vitest";

import { compressionGzip } from "../src/compression.js";
import type { TransportOptions } from "../src/options.js";
import { fetchTransport, framedTransport } from "../src/transport.js";
import { frame, HEADERS, MESSAGE, MESSAGE_COMPRESSED, TRAILERS, type Frame } from "../src/wire/frame.js";
import { Echo } from "./echo.js";
import { FakeLanes, type FakeGateway } from "./fakes.js";

afterEach(() => vi.useRealTimers());

describe("on lanes", () => {
  test("a unary call", async () => {
    const { client, lanes } = framed();
    const call = observed((options) => client.say({ value: "hello" }, options));
    const gateway = await lanes.next();
    expect(linesOf(await gateway.receive())).toEqual([":path: /t.Echo/Say", "content-type: application/grpc+proto"]);
    expect(await textOf(gateway)).toBe("hello");
    expect((await gateway.receive())?.flags).toBe(TRAILERS);
    await gateway.sendFrame(HEADERS, "x-h: 1\r\n");
    await gateway.sendFrame(MESSAGE, encoded("hi"));
    await gateway.end("grpc-status: 0\r\nx-t: 2\r\n");
    expect((await call.result).value).toBe("hi");
    expect([call.header?.get("x-h"), call.trailer?.get("x-t")]).toEqual(["1", "2"]);
  });

  test("a call that streams to the client", async () => {
    const { client, lanes } = framed();
    const texts = collected(client.list({ value: "all" }));
    const gateway = await lanes.next();
    await gateway.sendFrame(HEADERS);
    for (const text of ["a", "b", "c"]) await gateway.sendFrame(MESSAGE, encoded(text));
    await gateway.end();
    expect(await texts).toEqual(["a", "b", "c"]);
  });

  test("a call that streams from the client", async () => {
    const { client, lanes } = framed();
    const sum = client.sum(given("a", "b"));
    const gateway = await lanes.next();
    await gateway.receive();
    expect(await textOf(gateway)).toBe("a");
    expect(await textOf(gateway)).toBe("b");
    expect((await gateway.receive())?.flags).toBe(TRAILERS);
    await gateway.sendFrame(HEADERS);
    await gateway.sendFrame(MESSAGE, encoded("ab"));
    await gateway.end();
    expect((await sum).value).toBe("ab");
  });

  test("a call that streams both ways at once", async () => {
    const { client, lanes } = framed();
    let ask!: (text: string | undefined) => void;
    const asked = () => new Promise<string | undefined>((resolve) => (ask = resolve));
    const answers = client.chat(
      (async function* () {
        let text: string | undefined = "1";
        for (; text !== undefined; text = await asked()) yield { value: text };
      })(),
    );
    const gateway = await lanes.next();
    await gateway.receive();
    await gateway.sendFrame(HEADERS);
    let answered = 0;
    const served = serveChat(gateway);
    for await (const { value } of answers) {
      answered += 1;
      expect(value).toBe(`re: ${answered}`);
      ask(answered < 5 ? String(answered + 1) : undefined);
    }
    await served;
    expect(answered).toBe(5);
    expect(gateway.code).toBe(0);
  });

  async function serveChat(gateway: FakeGateway) {
    for (;;) {
      const next = await gateway.receive();
      if (next?.flags !== MESSAGE) return gateway.end();
      await gateway.sendFrame(MESSAGE, encoded(`re: ${decoded(next.payload)}`));
    }
  }

  test("metadata with several and with binary values", async () => {
    const { client, lanes } = framed();
    const headers = new Headers([["x-tag", "a"], ["x-tag", "b"]]);
    for (const bytes of [[0], [1, 2]]) headers.append("x-raw-bin", encodeBinaryHeader(Uint8Array.from(bytes)));
    const call = observed((options) => client.say({}, { ...options, headers }));
    const gateway = await lanes.next();
    expect(linesOf(await gateway.receive()).slice(2)).toEqual(["x-raw-bin: AA", "x-raw-bin: AQI", "x-tag: a, b"]);
    await gateway.sendFrame(HEADERS, "x-tag: c\r\nx-tag: d\r\nx-raw-bin: AA\r\n");
    await gateway.sendFrame(MESSAGE, encoded(""));
    await gateway.end();
    await call.result;
    expect([call.header?.get("x-tag"), call.header?.get("x-raw-bin")]).toEqual(["c, d", "AA"]);
  });

  test.each(["say", "list"] as const)("an error with details and metadata: %s", async (name) => {
    const { client, lanes } = framed();
    const failure = failureOf(name === "say" ? client.say({}) : collected(client.list({})));
    const gateway = await lanes.next();
    // google.rpc.Status { code: 9, message: "no ☺", details: [Any of StringValue "why"] }
    const any = create(AnySchema, {
      typeUrl: "type.googleapis.com/google.protobuf.StringValue",
      value: encoded("why"),
    });
    const detail = toBinary(AnySchema, any);
    const status = Uint8Array.of(8, 9, 0x12, 6, ...Buffer.from("no ☺"), 0x1a, detail.byteLength, ...detail);
    await gateway.end(
      `grpc-status: 9\r\ngrpc-message: no %E2%98%BA\r\nx-t: 1\r\ngrpc-status-details-bin: ${encodeBinaryHeader(status)}\r\n`,
    );
    const error = await failure;
    expect(error).toMatchObject({ code: Code.FailedPrecondition, rawMessage: "no ☺" });
    expect(error.metadata.get("x-t")).toBe("1");
    expect(error.findDetails(StringValueSchema).map(({ value }) => value)).toEqual(["why"]);
  });

  test("a response without a status is INTERNAL", async () => {
    const { client, lanes } = framed();
    const failure = failureOf(client.say({}));
    await (await lanes.next()).end("x: 1\r\n");
    expect((await failure).code).toBe(Code.Internal);
  });

  test("messages compressed in both directions", async () => {
    const gzip = compressionGzip();
    const { client, lanes } = framed({ sendCompression: gzip, acceptCompression: [gzip], compressMinBytes: 100 });
    const long = "long ".repeat(100);
    const answer = client.sum(given("short", long));
    const gateway = await lanes.next();
    expect(linesOf(await gateway.receive())).toContain("grpc-encoding: gzip");
    expect(await textOf(gateway)).toBe("short");
    const compressed = (await gateway.receive())!;
    expect(compressed.flags).toBe(MESSAGE_COMPRESSED);
    expect(decoded(gunzipSync(compressed.payload))).toBe(long);
    await gateway.sendFrame(HEADERS, "grpc-encoding: gzip\r\n");
    await gateway.sendFrame(MESSAGE_COMPRESSED, gzipSync(encoded(long)));
    await gateway.end();
    expect((await answer).value).toBe(long);
  });

  test("a message that is too large, compressed or not", async () => {
    const { client, lanes } = framed({ readMaxBytes: 1000, acceptCompression: [compressionGzip()] });
    for (const flags of [MESSAGE, MESSAGE_COMPRESSED]) {
      const failure = failureOf(client.say({}));
      const gateway = await lanes.next();
      const message = encoded("x".repeat(1001));
      await gateway.sendFrame(HEADERS, "grpc-encoding: gzip\r\n");
      await gateway.sendFrame(flags, flags === MESSAGE ? message : gzipSync(message));
      expect((await failure).code).toBe(Code.ResourceExhausted);
      await gateway.canceled;
    }
  });

  test("4 MiB are the largest message by default, in both directions", async () => {
    const { client, lanes } = framed();
    expect((await failureOf(client.say({ value: "x".repeat(4 * 1024 * 1024) }))).code).toBe(Code.ResourceExhausted);
    await lanes.next();
    const failure = failureOf(client.say({}));
    const gateway = await lanes.next();
    await gateway.sendFrame(HEADERS);
    await gateway.send(Uint8Array.of(0, 0, 0x40, 0, 1));
    expect((await failure).code).toBe(Code.ResourceExhausted);
  });

  test("JSON", async () => {
    const { client, lanes } = framed({ useBinaryFormat: false });
    const answer = client.say({ value: "hello" });
    const gateway = await lanes.next();
    expect(linesOf(await gateway.receive())).toContain("content-type: application/grpc+json");
    expect(Buffer.from((await gateway.receive())!.payload).toString()).toBe('"hello"');
    await gateway.sendFrame(HEADERS, "content-type: application/grpc+json\r\n");
    await gateway.sendFrame(MESSAGE, '"hi"');
    await gateway.end();
    expect((await answer).value).toBe("hi");
  });

  test("interceptors, which see and change each call", async () => {
    const { client, lanes } = framed({
      interceptors: [
        (next) => async (request) => {
          request.header.set("authorization", "Bearer abc");
          const response = await next(request);
          response.header.set("seen", request.url);
          return response;
        },
      ],
    });
    const call = observed((options) => client.say({}, options));
    const gateway = await lanes.next();
    expect(linesOf(await gateway.receive())).toContain("authorization: Bearer abc");
    await gateway.sendFrame(HEADERS);
    await gateway.sendFrame(MESSAGE, encoded(""));
    await gateway.end();
    await call.result;
    expect(call.header?.get("seen")).toBe("https://gateway.test/t.Echo/Say");
  });

  test("a deadline is sent, and cancels when it passes", async () => {
    vi.useFakeTimers();
    for (const call of [
      (client: Client<typeof Echo>) => client.say({}, { timeoutMs: 5000 }),
      (client: Client<typeof Echo>) => collected(client.chat(neverEnding(), { timeoutMs: 5000 })),
    ]) {
      const { client, lanes } = framed();
      const failure = failureOf(call(client));
      const gateway = await lanes.next();
      expect(linesOf(await gateway.receive())).toContain("grpc-timeout: 5000m");
      await vi.advanceTimersByTimeAsync(4999);
      expect(gateway.code).toBeUndefined();
      await vi.advanceTimersByTimeAsync(1);
      expect((await failure).code).toBe(Code.DeadlineExceeded);
      expect(gateway.code).toBe(Code.DeadlineExceeded);
    }
  });

  test("the default deadline is that of calls that have none", async () => {
    const { client, lanes } = framed({ defaultTimeoutMs: 1000 });
    for (const [timeoutMs, want] of [[undefined, "1000m"], [200, "200m"]] as const) {
      const controller = new AbortController();
      const options: CallOptions = { signal: controller.signal };
      if (timeoutMs !== undefined) options.timeoutMs = timeoutMs;
      const failure = failureOf(client.say({}, options));
      expect(linesOf(await (await lanes.next()).receive())).toContain(`grpc-timeout: ${want}`);
      controller.abort();
      await failure;
    }
  });

  test.each([
    [0.2, "1m"],
    [1500.7, "1501m"],
    [99_999_999, "99999999m"],
    [100_000_001, "100001S"],
  ])("a deadline of %f ms is written as gRPC has it", async (timeoutMs, want) => {
    const { client, lanes } = framed();
    const controller = new AbortController();
    vi.useFakeTimers();
    const failure = failureOf(client.say({}, { timeoutMs, signal: controller.signal }));
    expect(linesOf(await (await lanes.next()).receive())).toContain(`grpc-timeout: ${want}`);
    controller.abort();
    await failure;
  });

  test("an abort cancels, and takes no more messages of the application", async () => {
    const { client, lanes } = framed();
    const controller = new AbortController();
    let onReturned!: () => void;
    const returned = new Promise<void>((resolve) => (onReturned = resolve));
    const messages: AsyncIterable<MessageInitShape<typeof StringValueSchema>> = {
      [Symbol.asyncIterator]: vi.fn(() => ({
        next: () => new Promise<never>(() => {}),
        return: async () => {
          onReturned();
          return { done: true as const, value: undefined };
        },
      })),
    };
    const failure = failureOf(collected(client.chat(messages, { signal: controller.signal })));
    const gateway = await lanes.next();
    await gateway.sendFrame(HEADERS);
    controller.abort();
    expect((await failure).code).toBe(Code.Canceled);
    expect(await gateway.canceled).toBe(Code.Canceled);
    await returned;
    expect(messages[Symbol.asyncIterator]).toHaveBeenCalledOnce();
  });

  test("a ReadableStream as the request, which is canceled with the call", async () => {
    const { client, lanes } = framed();
    let onCanceled!: () => void;
    const canceled = new Promise<void>((resolve) => (onCanceled = resolve));
    const texts = ["a", "b"];
    const messages = new ReadableStream<{ value: string }>(
      { pull: (controller) => controller.enqueue({ value: texts.shift() ?? "more" }), cancel: () => onCanceled() },
      { highWaterMark: 0 },
    );
    const failure = failureOf(client.sum(messages));
    const gateway = await lanes.next();
    await gateway.receive();
    expect([await textOf(gateway), await textOf(gateway)]).toEqual(["a", "b"]);
    await gateway.end("grpc-status: 8\r\n");
    expect((await failure).code).toBe(Code.ResourceExhausted);
    await canceled;
  });
});

describe("on fetch", () => {
  test("a unary call", async () => {
    const { client, served } = await fetched((request, response, body) => {
      expect(body).toEqual(Buffer.from(frame(0, encoded("hello"))));
      expect(request.headers).toMatchObject({
        "content-type": "application/grpc-web+proto",
        "x-grpc-web": "1",
        "grpc-timeout": "5000m",
        "x-h": "1",
      });
      respond(response, [frame(0, encoded("hi")), frame(0x80, Buffer.from("grpc-status: 0\r\nx-t: 2\r\n"))]);
    });
    const call = observed((options) =>
      client.say({ value: "hello" }, { ...options, timeoutMs: 5000, headers: { "x-h": "1" } }),
    );
    expect((await call.result).value).toBe("hi");
    expect([call.header?.get("x-served"), call.trailer?.get("x-t")]).toEqual(["yes", "2"]);
    expect(served).toEqual(["/base/t.Echo/Say"]);
  });

  test("a call that streams to the client, whose messages come when they are sent", async () => {
    let sendMore!: () => void;
    const { client } = await fetched((_, response) => {
      respond(response, [frame(0, encoded("a"))], { end: false });
      sendMore = () => response.end(Buffer.concat([frame(0, encoded("b")), frame(0x80, Buffer.from("grpc-status: 0\r\n"))]));
    });
    const texts: string[] = [];
    for await (const { value } of client.list({})) {
      texts.push(value);
      if (texts.length === 1) sendMore();
    }
    expect(texts).toEqual(["a", "b"]);
  });

  test("no call that streams from the client", async () => {
    const { client, served } = await fetched(() => {});
    expect(await failureOf(client.sum(given("a")))).toMatchObject({ code: Code.Unimplemented });
    expect(await failureOf(collected(client.chat(neverEnding())))).toMatchObject({ code: Code.Unimplemented });
    expect(served).toEqual([]);
  });

  test("an error of the call, and one of HTTP", async () => {
    const { client } = await fetched((request, response) => {
      if (request.url?.endsWith("List")) response.writeHead(503).end();
      else respond(response, [frame(0x80, Buffer.from("grpc-status: 5\r\ngrpc-message: no%20such\r\n"))]);
    });
    expect(await failureOf(client.say({}))).toMatchObject({ code: Code.NotFound, rawMessage: "no such" });
    expect(await failureOf(collected(client.list({})))).toMatchObject({ code: Code.Unavailable });
  });

  test("a gateway that is not there is UNAVAILABLE", async () => {
    const { client, server } = await fetched(() => {});
    await new Promise((closed) => server.close(closed));
    expect(await failureOf(client.say({}))).toMatchObject({ code: Code.Unavailable, cause: expect.any(TypeError) });
  });

  test("a gateway that is lost is UNAVAILABLE", async () => {
    const { client } = await fetched((_, response) => {
      respond(response, [frame(0, encoded("a"))], { end: false });
    });
    const texts: string[] = [];
    const failure = failureOf(
      (async () => {
        for await (const { value } of client.list({})) {
          texts.push(value);
          open.at(-1)!.closeAllConnections();
        }
      })(),
    );
    expect((await failure).code).toBe(Code.Unavailable);
    expect(texts).toEqual(["a"]);
  });

  test("an abort and a deadline end the request", async () => {
    for (const [code, options, after] of [
      [Code.Canceled, (signal: AbortSignal) => ({ signal }), (controller: AbortController) => controller.abort()],
      [Code.DeadlineExceeded, () => ({ timeoutMs: 50 }), () => {}],
    ] as const) {
      const closed: Promise<void>[] = [];
      let onRequest!: () => void;
      const requested = new Promise<void>((resolve) => (onRequest = resolve));
      const { client } = await fetched((_, response) => {
        closed.push(new Promise((resolve) => response.on("close", resolve)));
        onRequest();
      });
      const controller = new AbortController();
      const failure = failureOf(client.say({}, options(controller.signal)));
      await requested;
      after(controller);
      expect((await failure).code).toBe(code);
      await closed[0];
    }
  });

  test("a fetch that was given", async () => {
    const requests: string[] = [];
    let names: string[] = [];
    const transport = fetchTransport({
      baseUrl: "https://gateway.test",
      fetch: async (url, init) => {
        requests.push(`${init?.method} ${url} ${init?.redirect}`);
        names = [...new Headers(init?.headers).keys()];
        return new Response(null, { status: 401 });
      },
    });
    const failure = await failureOf(createClient(Echo, transport).say({}));
    expect(failure.code).toBe(Code.Unauthenticated);
    expect(requests).toEqual(["POST https://gateway.test/t.Echo/Say error"]);
    // Each of these must be allowed to pages of other origins, and by default the gateway allows no others.
    expect(names).toEqual(["content-type", "x-grpc-web", "x-user-agent"]);
  });
});

function framed(options: Partial<TransportOptions> = {}) {
  const lanes = new FakeLanes();
  const transport = framedTransport(lanes.open, { baseUrl: "https://gateway.test", ...options });
  return { lanes, client: createClient(Echo, transport) };
}

type Serve = (request: IncomingMessage, response: ServerResponse, body: Buffer) => void;
const open: Server[] = [];
afterEach(() => {
  for (const server of open.splice(0)) server.closeAllConnections(), server.close();
});

async function fetched(serve: Serve) {
  const served: string[] = [];
  const server = createServer((request, response) => {
    served.push(request.url!);
    const pieces: Buffer[] = [];
    request.on("data", (piece: Buffer) => pieces.push(piece));
    request.on("end", () => serve(request, response, Buffer.concat(pieces)));
  });
  open.push(server);
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/base`;
  return { server, served, client: createClient(Echo, fetchTransport({ baseUrl })) };
}

function respond(response: ServerResponse, frames: Uint8Array[], { end } = { end: true }) {
  response.writeHead(200, { "content-type": "application/grpc-web+proto", "x-served": "yes" });
  response.write(Buffer.concat(frames));
  if (end) response.end();
}

/** A call with the metadata that comes with its response. */
function observed<T>(call: (options: CallOptions) => Promise<T>) {
  const seen: { header?: Headers; trailer?: Headers } = {};
  const result = call({ onHeader: (header) => (seen.header = header), onTrailer: (trailer) => (seen.trailer = trailer) });
  return Object.assign(seen, { result });
}

async function failureOf(call: Promise<unknown>): Promise<ConnectError> {
  try {
    await call;
  } catch (error) {
    if (error instanceof ConnectError) return error;
    throw error;
  }
  throw new Error("the call succeeded");
}

async function collected(messages: AsyncIterable<{ value: string }>): Promise<string[]> {
  const texts: string[] = [];
  for await (const { value } of messages) texts.push(value);
  return texts;
}

async function* given(...texts: string[]) {
  for (const value of texts) yield { value };
}

async function* neverEnding() {
  yield { value: "first" };
  await new Promise(() => {});
}

function linesOf(headers: Frame | undefined): string[] {
  return Buffer.from(headers!.payload).toString().split("\r\n").slice(0, -1);
}

async function textOf(gateway: FakeGateway): Promise<string> {
  return decoded((await gateway.receive())!.payload);
}

function encoded(value: string): Uint8Array {
  return toBinary(StringValueSchema, create(StringValueSchema, { value }));
}

function decoded(bytes: Uint8Array): string {
  return fromBinary(StringValueSchema, bytes).value;
}
