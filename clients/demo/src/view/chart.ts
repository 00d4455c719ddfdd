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
/** How many seconds a chart may show: as few as hold what there is. */
const SPANS = [20, 40, MEMORY];

export class Chart {
  /** @param hasZero Whether nothing is a value too, as it is of counts. */
  constructor(readonly svg: SVGSVGElement, readonly hasZero: boolean) {}

  draw(series: readonly Series[], events: readonly Event[]): void {
    const span = spanOf(series);
    const width = Math.max(this.svg.clientWidth, 200);
    const values = series.flatMap(([, values]) => values.filter((value) => value !== undefined));
    const steps = this.hasZero ? [0, ...marks(values.map(Math.ceil))] : marks(values);
    const inner = { width: width - MARGIN.left - MARGIN.right, height: HEIGHT - MARGIN.top - MARGIN.bottom };
    const x = (secondsAgo: number) => MARGIN.left + inner.width * (1 - secondsAgo / span);
    const [left, right] = [MARGIN.left, width - MARGIN.right];
    const y = (value: number) => MARGIN.top + inner.height * (1 - place(value, steps));
    this.svg.setAttribute("viewBox", `0 0 ${width} ${HEIGHT}`);
    this.svg.replaceChildren(
      ...steps.map((step) => shape("path", { class: "rule", d: `M${left} ${y(step).toFixed(1)}H${right}` })),
      ...(values.length === 0 ? [] : steps).map((step) => label(count(step), left - 8, y(step) + 4, "end")),
      // The outermost words stay within the picture.
      label(`−${span} s`, x(span), HEIGHT - 5, "start"),
      label(`−${span / 2} s`, x(span / 2), HEIGHT - 5, "middle"),
      label("now", x(0), HEIGHT - 5, "end"),
      ...events.filter(({ secondsAgo }) => secondsAgo < span).flatMap(({ text, secondsAgo }, index) => {
        const isRight = secondsAgo < span / 2;
        const at = x(secondsAgo);
        // Those that are close to each other stand below each other.
        const height = MARGIN.top + 10 + (index % 3) * 13;
        return [
          shape("path", { class: "event", d: `M${at.toFixed(1)} ${MARGIN.top}V${HEIGHT - MARGIN.bottom}` }),
          label(text, at + (isRight ? -5 : 5), height, isRight ? "end" : "start"),
        ];
      }),
      ...series.map(([lane, values]) =>
        shape("path", { class: `line ${lane}`, d: linePath(values.slice(-span), (index) => x(span - 1 - index), y) })),
    );
  }
}

function spanOf(series: readonly Series[]): number {
  const oldest = Math.max(...series.map(([, values]) => values.length - firstOf(values)));
  return SPANS.find((span) => span >= oldest) ?? MEMORY;
}

function firstOf(values: readonly (number | undefined)[]): number {
  const first = values.findIndex((value) => value !== undefined);
  return first < 0 ? values.length : first;
}

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
