import { create } from "@bufbuild/protobuf";
import type { DescMethod, Message } from "@bufbuild/protobuf";
import { Code, ConnectError, createRouterTransport } from "@connectrpc/connect";
import type { Transport } from "@connectrpc/connect";
import { expect, test } from "vitest";

import { Call } from "../src/call/call.js";
import type { Witness } from "../src/call/call.js";
import type { End } from "../src/call/status.js";
import { reflect } from "../src/reflection/reflection.js";
import { reflectionMethod } from "../src/reflection/schema.js";

// A method that streams both ways is at hand; the others are made of it.
const bidi = reflectionMethod("v1");
const kind = (methodKind: DescMethod["methodKind"]) => ({ ...bidi, methodKind }) as DescMethod;
const reply = (errorCode: number) =>
  create(bidi.output, { errorResponse: { errorCode } } as never);

function witness() {
  const log: string[] = [];
  const seen: { log: string[]; end?: End; latencies: (number | undefined)[] } = { log, latencies: [] };
  const told: Witness = {
    headers: () => log.push("headers"),
    sent: () => log.push("sent"),
    received: (_message, ms) => {
      log.push("received");
      seen.latencies.push(ms);
    },
    ended: (end) => {
      log.push(end.status);
      seen.end = end;
    },
  };
  return { told, seen };
}

const terms = (method: DescMethod) => ({ method, headers: new Headers(), timeoutMs: undefined });

/** A transport on which streams do as `answer` says. */
function streams(answer: (requests: AsyncIterable<Message>, signal?: AbortSignal) => AsyncIterable<Message>): Transport {
  return {
    unary: () => Promise.reject(new ConnectError("not here", Code.Internal)),
    stream: (async (...[method, signal, , , requests]: Parameters<Transport["stream"]>) => ({
      stream: true, service: method.parent, method, header: new Headers(), trailer: new Headers({ "x-end": "yes" }),
      message: answer(requests as AsyncIterable<Message>, signal),
    })) as unknown as Transport["stream"],
  };
}

test("both sides stream, and each answer has a latency", async () => {
  const { told, seen } = witness();
  const call = new Call(streams(async function* (requests) {
    for await (const _ of requests) yield reply(1);
  }), terms(bidi), told);
  await call.send(create(bidi.input));
  await call.send(create(bidi.input));
  call.finish();
  await call.over;
  expect(seen.log).toEqual(["headers", "sent", "received", "sent", "received", "OK"]);
  expect(seen.latencies.every((ms) => ms !== undefined && ms >= 0)).toBe(true);
  expect(seen.end?.trailers.get("x-end")).toBe("yes");
});

test("only the first message of a server stream has a latency", async () => {
  const { told, seen } = witness();
  const call = new Call(streams(async function* (requests) {
    for await (const _ of requests) yield* [reply(1), reply(2)];
  }), terms(kind("server_streaming")), told);
  void call.send(create(bidi.input));
  call.finish();
  await call.over;
  expect(seen.latencies.map((ms) => ms === undefined)).toEqual([false, true]);
});

test("a cancelled call ends so, and lets go of who waits to send", async () => {
  const { told, seen } = witness();
  const call = new Call(streams(async function* (_requests, signal) {
    const left = new ConnectError("left", Code.Canceled);
    if (signal!.aborted) throw left;
    await new Promise((_, reject) => signal!.addEventListener("abort", () => reject(left)));
  }), terms(bidi), told);
  const waiting = call.send(create(bidi.input));
  call.cancel();
  await Promise.all([call.over, waiting]);
  expect(seen.end?.status).toBe("CANCELLED");
});

test("an error keeps its status", async () => {
  const { told, seen } = witness();
  const call = new Call(streams(() => ({})  as never), terms(kind("unary")), told);
  call.finish();
  await call.over;
  expect([seen.end?.status, seen.end?.message]).toEqual(["INTERNAL", "not here"]);
});

test("reflection falls back to v1alpha, and says when there is none", async () => {
  const asked: string[] = [];
  const transport = createRouterTransport(({ rpc }) => {
    const method = reflectionMethod("v1alpha");
    rpc(method, async function* (requests: AsyncIterable<Message>) {
      for await (const _ of requests) {
        asked.push("v1alpha");
        yield create(method.output, { listServicesResponse: { service: [] } } as never);
      }
    } as never);
  });
  expect((await reflect(transport)).version).toBe("v1alpha");
  expect(asked).toEqual(["v1alpha"]);
  await expect(reflect(createRouterTransport(() => {}))).rejects.toMatchObject({ code: Code.Unimplemented });
});
