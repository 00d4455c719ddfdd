/** The wires between the page and the gateway, each with a gate that can be shut. */

import type { CarrierName, CarrierState } from "@sluicegate/web";
import type { DescMethod } from "@bufbuild/protobuf";

import { RETRY_MS } from "../call/lanes.js";
import type { Network } from "../network.js";
import { announce, find, make, part } from "./page.js";

export const CARRIERS: Record<CarrierName, string> = {
  webtransport: "WebTransport",
  websocket: "WebSocket",
  fetch: "fetch",
};
const NAMES = Object.keys(CARRIERS) as CarrierName[];

/** How long a wire shows that a call was put on it, in milliseconds. */
const FLOW_MS = 400;

export class Carriers {
  readonly #rows = new Map<CarrierName, HTMLElement>();
  readonly #phases = new Map<CarrierName, CarrierState>();
  readonly #flowing = new Map<CarrierName, ReturnType<typeof setTimeout>>();

  /**
   * @param onGate Told when a gate is shut or opened, in words.
   * @param carrierOf What would carry a call now.
   */
  constructor(
    readonly network: Network,
    readonly onGate: (text: string) => void,
    readonly carrierOf: (kind: DescMethod["methodKind"]) => CarrierName,
  ) {
    for (const name of NAMES) this.#rows.set(name, this.#row(name));
    find("carriers").replaceChildren(...this.#rows.values());
  }

  /** A carrier of the automatic lane is in another state. */
  state(state: CarrierState): void {
    this.#phases.set(state.carrier, state);
    this.#draw(state.carrier);
    this.choice();
  }

  /** A call was put on a carrier. */
  flow(carrier: CarrierName): void {
    const row = this.#rows.get(carrier)!;
    row.classList.add("flowing");
    clearTimeout(this.#flowing.get(carrier));
    this.#flowing.set(carrier, setTimeout(() => row.classList.remove("flowing"), FLOW_MS));
  }

  /** Says what calls would take now. */
  choice(): void {
    const single = this.carrierOf("unary");
    const stream = this.carrierOf("bidi_streaming");
    const note = find("choice");
    note.dataset["single"] = single;
    note.dataset["stream"] = stream;
    const text = single === stream
      ? `The automatic lane takes ${CARRIERS[single]} for every call now.`
      : `The automatic lane takes ${CARRIERS[single]} for unary calls and server streams now, ` +
        `${CARRIERS[stream]} for what streams from the page.`;
    if (note.textContent !== text) note.textContent = text;
  }

  #row(name: CarrierName): HTMLElement {
    const button = make("button", { type: "button", "data-part": "gate", class: "gate-switch" });
    const row = make("li", { "data-carrier": name, "data-phase": "idle" },
      make("span", { class: "name" }, CARRIERS[name]),
      make("span", { class: "pipe", "aria-hidden": "true" }, make("span", { class: "valve" })),
      make("span", { class: "phase", "data-part": "phase" }),
      button,
    );
    button.addEventListener("click", () => this.#turn(name));
    this.#rows.set(name, row);
    this.#draw(name);
    return row;
  }

  #turn(name: CarrierName): void {
    const isCut = this.network.isCut(name);
    if (isCut) this.network.mend(name);
    else this.network.cut(name);
    const text = `${CARRIERS[name]} ${isCut ? "mended" : "cut"}`;
    announce(`${text}.`);
    this.onGate(text);
    this.#draw(name);
    this.choice();
  }

  #draw(name: CarrierName): void {
    const row = this.#rows.get(name)!;
    const isCut = this.network.isCut(name);
    const state = this.#phases.get(name);
    row.classList.toggle("cut", isCut);
    row.dataset["cut"] = String(isCut);
    row.dataset["phase"] = state?.phase ?? "idle";
    part(row, "phase").textContent = isCut ? `cut; ${words(state)}` : words(state);
    const gate = part(row, "gate");
    gate.textContent = isCut ? "Mend" : "Cut";
    gate.setAttribute("aria-label", `${isCut ? "Mend" : "Cut"} ${CARRIERS[name]}`);
  }
}

function words(state: CarrierState | undefined): string {
  if (!state || state.phase === "idle") return "nothing open";
  if (state.phase !== "down") return state.phase;
  const failures = `${state.failures} ${state.failures === 1 ? "failure" : "failures"}`;
  return `down, ${failures}${state.carrier === "webtransport" ? `; tried again after ${RETRY_MS / 1000} s` : ""}`;
}
