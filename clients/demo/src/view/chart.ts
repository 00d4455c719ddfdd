/** A line for each lane over the last minute, in SVG. */

import type { LaneName } from "../call/lanes.js";
import { MEMORY } from "../measure/meter.js";
import { count, linePath, marks, place } from "../measure/scale.js";

/** What a lane measured, second by second, the oldest first. */
export type Series = readonly [lane: LaneName, values: readonly (number | undefined)[]];

/** Something that happened, as long ago. */
export interface Event {
  text: string;
  secondsAgo: number;
}

const HEIGHT = 190;
const MARGIN = { top: 8, right: 8, bottom: 22, left: 50 };
const SECONDS = [60, 45, 30, 15, 0];

export class Chart {
  /** @param hasZero Whether nothing is a value too, as it is of counts. */
  constructor(readonly svg: SVGSVGElement, readonly hasZero: boolean) {}

  draw(series: readonly Series[], events: readonly Event[]): void {
    const width = Math.max(this.svg.clientWidth, 200);
    const values = series.flatMap(([, values]) => values.filter((value) => value !== undefined));
    const steps = this.hasZero ? [0, ...marks(values.map(Math.ceil))] : marks(values);
    const inner = { width: width - MARGIN.left - MARGIN.right, height: HEIGHT - MARGIN.top - MARGIN.bottom };
    const x = (secondsAgo: number) => MARGIN.left + inner.width * (1 - secondsAgo / MEMORY);
    const y = (value: number) => MARGIN.top + inner.height * (1 - place(value, steps));
    this.svg.setAttribute("viewBox", `0 0 ${width} ${HEIGHT}`);
    this.svg.replaceChildren(
      ...steps.map((step) => shape("path", { class: "rule", d: `M${MARGIN.left} ${y(step).toFixed(1)}H${width - MARGIN.right}` })),
      ...(values.length === 0 ? [] : steps).map((step) => label(step > 0 && step < 1 ? String(step) : count(step), MARGIN.left - 8, y(step) + 4, "end")),
      ...SECONDS.map((seconds) => label(seconds ? `−${seconds} s` : "now", x(seconds), HEIGHT - 5, end(seconds))),
      ...events.filter(({ secondsAgo }) => secondsAgo < MEMORY).flatMap(({ text, secondsAgo }, index) => [
        shape("path", { class: "event", d: `M${x(secondsAgo).toFixed(1)} ${MARGIN.top}V${HEIGHT - MARGIN.bottom}` }),
        label(text, x(secondsAgo) + (secondsAgo < MEMORY / 3 ? -5 : 5), MARGIN.top + 10 + (index % 3) * 13, secondsAgo < MEMORY / 3 ? "end" : "start"),
      ]),
      ...series.map(([lane, values]) =>
        shape("path", { class: `line ${lane}`, d: linePath(values, (index) => x(MEMORY - 1 - index), y) })),
    );
  }
}

/** The outermost words stay within the picture. */
const end = (seconds: number): string => (seconds === 0 ? "end" : seconds === MEMORY ? "start" : "middle");

function label(text: string, x: number, y: number, anchor: string): SVGElement {
  const made = shape("text", { x: x.toFixed(1), y: y.toFixed(1), "text-anchor": anchor });
  made.textContent = text;
  return made;
}

function shape(tag: string, attributes: Record<string, string>): SVGElement {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}
