import { expect, test } from "vitest";

import { Outbox } from "../src/call/outbox.js";

test("messages are taken in order, also those that come later, and the end is seen", async () => {
  const outbox = new Outbox<number>();
  const read: number[] = [];
  const reading = (async () => {
    for await (const value of outbox) read.push(value);
  })();
  void outbox.push(1);
  await outbox.push(2);
  await outbox.push(3);
  outbox.end();
  await reading;
  expect(read).toEqual([1, 2, 3]);
});

test("a push waits until the message is taken", async () => {
  const outbox = new Outbox<string>();
  let isTaken = false;
  const pushed = outbox.push("a").then(() => (isTaken = true));
  await Promise.resolve();
  expect(isTaken).toBe(false);
  const reader = outbox[Symbol.asyncIterator]();
  expect(await reader.next()).toEqual({ done: false, value: "a" });
  await pushed;
});

test("who waits is let go when the reader leaves, and nothing more is kept", async () => {
  const outbox = new Outbox<string>();
  const waiting = [outbox.push("a"), outbox.push("b"), outbox.push("c")];
  const reader = outbox[Symbol.asyncIterator]();
  await reader.next();
  await reader.return();
  await Promise.all(waiting);
  await outbox.push("d");
  expect(await outbox[Symbol.asyncIterator]().next()).toEqual({ done: true, value: undefined });
});
