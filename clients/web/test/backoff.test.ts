import { expect, test } from "vitest";

import { Backoff } from "../src/backoff.js";

const never = () => 0;
const always = () => 1;

test("pauses double up to the longest", () => {
  const backoff = new Backoff({ initialMs: 100, maxMs: 1_000 }, never);
  expect([1, 2, 3, 4, 5, 6].map(() => backoff.next())).toEqual([100, 200, 400, 800, 1_000, 1_000]);
});

test("chance shortens a pause by its part at most", () => {
  expect(new Backoff({ initialMs: 100, jitter: 0.3 }, always).next()).toBeCloseTo(70);
  expect(new Backoff({ initialMs: 100, jitter: 1 }, always).next()).toBe(0);
  expect(new Backoff({ initialMs: 100, jitter: 0 }, always).next()).toBe(100);
});

test("two clients that fail together do not try again together", () => {
  const pauses = new Set(Array.from({ length: 20 }, () => new Backoff().next()));
  expect(pauses.size).toBeGreaterThan(1);
});

test("a success begins anew", () => {
  const backoff = new Backoff({ initialMs: 100 }, never);
  backoff.next();
  backoff.next();
  expect(backoff.failures).toBe(2);
  backoff.reset();
  expect(backoff.failures).toBe(0);
  expect(backoff.next()).toBe(100);
});

test("thousands of failures are no special case", () => {
  const backoff = new Backoff({}, never);
  for (let i = 0; i < 5_000; i += 1) backoff.next();
  expect(backoff.next()).toBe(10_000);
});
