import { Code, ConnectError, createRouterTransport } from "@connectrpc/connect";
import googleWrappers from "google-protobuf/google/protobuf/wrappers_pb.js";
import googleTimestamp from "google-protobuf/google/protobuf/timestamp_pb.js";
import { expect, test } from "vitest";

import { createMessageClient } from "../src/grpc_web.js";
import { Demo } from "./demo_pb.js";

// What protoc-gen-js made of google's own types has the fields of the demo's messages, as far as they are looked at.
const { StringValue, UInt32Value, Int64Value } = googleWrappers;
const { Timestamp } = googleTimestamp;

const text = (value: string) => new StringValue().setValue(value);

async function* texts(...values: string[]) {
  for (const value of values) yield text(value);
}

async function all<T>(messages: AsyncIterable<T>): Promise<T[]> {
  const got: T[] = [];
  for await (const message of messages) got.push(message);
  return got;
}

/** The demo's service, without a network but with everything written and read. */
const transport = createRouterTransport(({ service }) => {
  service(Demo, {
    say: ({ name }, { requestHeader, responseTrailer }) => {
      if (name === "") throw new ConnectError("who?", Code.InvalidArgument);
      responseTrailer.set("x-seen", requestHeader.get("x-sent") ?? "nothing");
      return { text: `Hello, ${name}`, backend: "a" };
    },
    async *count({ upTo, intervalMs }) {
      for (let number = intervalMs; number <= upTo; number++) yield { number };
    },
    async sum(requests) {
      let sum = 0n;
      for await (const { number } of requests) sum += number;
      return { sum };
    },
    async *chat(requests) {
      for await (const { text } of requests) yield { text: `${text}!` };
    },
  });
});

test("messages of google-protobuf are sent and read in all kinds of calls", async () => {
  const calls = createMessageClient(transport);

  const say = calls.unary("/demo.v1.Demo/Say", StringValue.deserializeBinary);
  expect((await say(text("you"))).getValue()).toBe("Hello, you");

  const count = calls.serverStreaming("/demo.v1.Demo/Count", UInt32Value.deserializeBinary);
  const from2to4 = new Timestamp().setSeconds(4).setNanos(2);
  expect((await all(count(from2to4))).map((reply) => reply.getValue())).toEqual([2, 3, 4]);

  const sum = calls.clientStreaming("/demo.v1.Demo/Sum", Int64Value.deserializeBinary);
  async function* numbers() {
    for (const number of [1, 20, -3]) yield new Int64Value().setValue(number);
  }
  expect((await sum(numbers())).getValue()).toBe(18);

  const chat = calls.bidiStreaming("/demo.v1.Demo/Chat", StringValue.deserializeBinary);
  expect((await all(chat(texts("a", "b")))).map((reply) => reply.getValue())).toEqual(["a!", "b!"]);
});

test("a reply is there before the next request was made", async () => {
  const chat = createMessageClient(transport).bidiStreaming("/demo.v1.Demo/Chat", StringValue.deserializeBinary);
  const heard: string[] = [];
  let wake = () => {};
  async function* pingPong() {
    yield text("first");
    while (heard.length === 0) await new Promise<void>((resolve) => (wake = resolve));
    yield text(`after ${heard[0]}`);
  }
  for await (const reply of chat(pingPong())) {
    heard.push(reply.getValue());
    wake();
  }
  expect(heard).toEqual(["first!", "after first!!"]);
});

test("options and errors are those of Connect", async () => {
  const say = createMessageClient(transport).unary("/demo.v1.Demo/Say", StringValue.deserializeBinary);
  let seen: string | null = null;
  await say(text("you"), { headers: { "x-sent": "1" }, onTrailer: (trailer) => (seen = trailer.get("x-seen")) });
  expect(seen).toBe("1");
  await expect(say(text(""))).rejects.toMatchObject({ code: Code.InvalidArgument, rawMessage: "who?" });
});

test("a service without a package has a path, and what is no path is refused", async () => {
  const calls = createMessageClient(transport);
  const unknown = calls.unary("/Demo/Say", StringValue.deserializeBinary);
  await expect(unknown(text("you"))).rejects.toMatchObject({ code: Code.Unimplemented });
  for (const path of ["", "demo.v1.Demo/Say", "/demo.v1.Demo", "/a/b/c", "/demo./Say"]) {
    expect(() => calls.unary(path, StringValue.deserializeBinary), path).toThrow(TypeError);
  }
});

test("clients that protoc-gen-grpc-web makes have nothing to put a transport in", async () => {
  // If this fails, there may be a way now: then src/grpc_web.ts and the README should take it.
  const { default: grpcWeb } = (await import("grpc-web")) as unknown as { default: Record<string, Function> };
  expect(grpcWeb).not.toHaveProperty("AbstractClientBase");
  expect(Object.getOwnPropertyNames(grpcWeb["MethodDescriptor"]!.prototype)).toEqual(["constructor", "getName"]);
});
