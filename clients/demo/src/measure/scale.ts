/** How values become places in a chart, and numbers become words. */

/** The power of ten that no scale goes below: less than 10 µs is nothing that a browser can measure. */
const LOWEST = -2;

/** Powers of ten around all values above 0, at least two steps of them. Bursts and single calls fit one chart so. */
export function marks(values: readonly number[]): number[] {
  const powers = values.filter((value) => value > 0).map(Math.log10);
  const bottom = Math.max(LOWEST, Math.min(0, ...powers.map(Math.floor)));
  const top = Math.max(bottom + 2, ...powers.map(Math.ceil));
  return Array.from({ length: top - bottom + 1 }, (_, index) => Number(`1e${bottom + index}`));
}

/** Where a value is between the first and the last mark, 0 to 1. The first may be 0, which is a step below the second. */
export function place(value: number, marks: readonly number[]): number {
  const steps = marks.length - 1;
  const [origin, offset] = marks[0] === 0 ? [marks[1]!, 1] : [marks[0]!, 0];
  if (value < origin) return (value / origin) * (offset / steps);
  return (offset + Math.log10(value / origin)) / steps;
}

/** Counts without the zeros before the first that is none, for who has not begun has not paused. */
export function begun(counts: readonly number[]): (number | undefined)[] {
  const first = counts.findIndex((count) => count > 0);
  return counts.map((count, index) => (first >= 0 && index >= first - 1 ? count : undefined));
}

/** The path of a line through the values that are there, broken where none is. A single one becomes a dot. */
export function linePath(
  values: readonly (number | undefined)[],
  x: (index: number) => number,
  y: (value: number) => number,
): string {
  let path = "";
  values.forEach((value, index) => {
    if (value === undefined) return;
    const place = `${x(index).toFixed(1)} ${y(value).toFixed(1)}`;
    if (values[index - 1] !== undefined) path += `L${place}`;
    // A line of no length has round ends, so it can be seen.
    else path += values[index + 1] === undefined ? `M${place}h0` : `M${place}`;
  });
  return path;
}

/** A duration with three digits that matter: `0.42 ms`, `12.3 ms`, `1.25 s`. */
export function duration(ms: number | undefined): string {
  if (ms === undefined) return "–";
  if (ms >= 9999.5) return `${(ms / 1000).toFixed(1)} s`;
  if (ms >= 999.5) return `${(ms / 1000).toFixed(2)} s`;
  return `${ms.toFixed(ms >= 99.95 ? 0 : ms >= 9.995 ? 1 : 2)} ms`;
}

/** A number with separators, as English writes it. */
export const count = (number: number): string => number.toLocaleString("en");
