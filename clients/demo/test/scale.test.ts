import { expect, test } from "vitest";

import { begun, duration, linePath, marks, place } from "../src/measure/scale.js";

test("marks are powers of ten around what there is", () => {
  expect(marks([])).toEqual([1, 10, 100]);
  expect(marks([0, 0])).toEqual([1, 10, 100]);
  expect(marks([3, 80])).toEqual([1, 10, 100]);
  expect(marks([1000])).toEqual([1, 10, 100, 1000]);
  expect(marks([1001])).toEqual([1, 10, 100, 1000, 10_000]);
  expect(marks([0.3, 5])).toEqual([0.1, 1, 10]);
  expect(marks([0.000_1])).toEqual([0.01, 0.1, 1]);
});

test("a place is a part of the way between the marks", () => {
  const all = [1, 10, 100];
  expect([0.5, 1, 10, 100].map((value) => place(value, all))).toEqual([0, 0, 0.5, 1]);
  expect([0, 0.5, 1, 10, 100].map((value) => place(value, [0, 1, 10, 100]))).toEqual([0, 1 / 6, 1 / 3, 2 / 3, 1]);
});

test("counts begin at the zero before the first that is none", () => {
  expect(begun([0, 0, 3, 0, 1])).toEqual([undefined, 0, 3, 0, 1]);
  expect(begun([0, 0])).toEqual([undefined, undefined]);
});

test("a line is broken where nothing was measured, and one value alone is a dot", () => {
  const path = linePath([1, 2, undefined, 3, undefined, undefined, 4, 5], (x) => x, (y) => -y);
  expect(path).toBe("M0.0 -1.0L1.0 -2.0M3.0 -3.0h0M6.0 -4.0L7.0 -5.0");
});

test("durations keep three digits", () => {
  expect([undefined, 0.424, 9.994, 9.999, 99.94, 99.96, 999.4, 999.6, 12_345].map(duration)).toEqual([
    "–", "0.42 ms", "9.99 ms", "10.0 ms", "99.9 ms", "100 ms", "999 ms", "1.00 s", "12.3 s",
  ]);
});
