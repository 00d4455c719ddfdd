import { expect, test } from "vitest";

import { MEMORY, Meter, quantile } from "../src/measure/meter.js";

function meterAt(start: number) {
  const clock = { now: start };
  return { clock, meter: new Meter(() => clock.now) };
}

test("a quantile is a value that was measured", () => {
  expect(quantile([], 0.5)).toBeUndefined();
  expect(quantile([3], 0.95)).toBe(3);
  expect(quantile([4, 1, 3, 2], 0.5)).toBe(2);
  expect(quantile(Array.from({ length: 100 }, (_, index) => index + 1), 0.95)).toBe(95);
});

test("each second has its own median and count, and the one that is not over is left out", () => {
  const { clock, meter } = meterAt(1_000_500);
  for (const ms of [1, 9, 2]) meter.latency(ms);
  meter.message();
  expect(meter.latencies().every((value) => value === undefined)).toBe(true);
  clock.now += 1000;
  meter.message();
  expect(meter.latencies().at(-1)).toBe(2);
  expect(meter.throughput().at(-1)).toBe(1);
  clock.now += 2000;
  expect(meter.throughput().slice(-3)).toEqual([1, 1, 0]);
  expect(meter.latencies()).toHaveLength(MEMORY);
});

test("what is older than a minute counts in the totals only", () => {
  const { clock, meter } = meterAt(0);
  meter.latency(5);
  meter.message();
  meter.ended(true);
  meter.ended(false);
  expect(meter.summary()).toEqual({ calls: 2, failures: 1, messages: 1, median: 5, p95: 5 });
  clock.now += (MEMORY + 1) * 1000;
  expect(meter.summary()).toEqual({ calls: 2, failures: 1, messages: 1, median: undefined, p95: undefined });
  expect(Math.max(...meter.throughput())).toBe(0);
});
