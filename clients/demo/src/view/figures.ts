/** The charts and the table beside them. */

import { begun, count, duration } from "../measure/scale.js";
import { MEMORY } from "../measure/meter.js";
import { Chart } from "./chart.js";
import type { Column } from "./column.js";
import { find, make } from "./page.js";

/** How often all is drawn again, in milliseconds. */
const PACE = 500;
/** Of the table, after the name of the lane. */
const COLUMNS = ["calls", "failures", "messages", "median", "p95"] as const;

export class Figures {
  readonly #latency = new Chart(find<SVGSVGElement>("latency-chart"), false);
  readonly #throughput = new Chart(find<SVGSVGElement>("throughput-chart"), true);
  readonly #cells: Map<(typeof COLUMNS)[number], HTMLElement>[] = [];
  readonly #events: { text: string; at: number }[] = [];

  constructor(readonly columns: readonly Column[]) {
    const rows = columns.map(({ lane }) => {
      const cells = new Map(COLUMNS.map((name) => [name, make("td", { "data-part": name })]));
      this.#cells.push(cells);
      const template = document.querySelector<HTMLTemplateElement>("#lane")!;
      const swatch = template.content.querySelector(".swatch")!.cloneNode(true);
      return make("tr", { "data-numbers": lane.name, class: lane.name },
        make("th", { scope: "row" }, swatch, ` ${lane.title}`), ...cells.values());
    });
    find("numbers").querySelector("tbody")!.replaceChildren(...rows);
    this.draw();
    setInterval(() => this.draw(), PACE);
    addEventListener("resize", () => this.draw());
  }

  /** Something happened that explains what the lines do. */
  mark(text: string): void {
    this.#events.push({ text, at: performance.now() });
  }

  draw(): void {
    if (document.hidden) return;
    const now = performance.now();
    const events = this.#events.map(({ text, at }) => ({ text, secondsAgo: (now - at) / 1000 }));
    while (this.#events[0] && now - this.#events[0].at > MEMORY * 1000) this.#events.shift();
    this.#latency.draw(this.columns.map(({ lane, meter }) => [lane.name, meter.latencies()]), events);
    this.#throughput.draw(this.columns.map(({ lane, meter }) => [lane.name, begun(meter.throughput())]), events);
    this.columns.forEach(({ meter }, index) => {
      const { calls, failures, messages, median, p95 } = meter.summary();
      const texts = [count(calls), count(failures), count(messages), duration(median), duration(p95)];
      COLUMNS.forEach((name, column) => (this.#cells[index]!.get(name)!.textContent = texts[column]!));
    });
  }
}
