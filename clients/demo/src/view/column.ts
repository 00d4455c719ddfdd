/** One lane of the board: what it is told to call, and what came of it. */

import { toJsonString } from "@bufbuild/protobuf";
import type { DescMethod, Message, Registry } from "@bufbuild/protobuf";
import type { CarrierName } from "@sluicegate/web";

import { Call } from "../call/call.js";
import type { Terms, Witness } from "../call/call.js";
import type { Lane } from "../call/lanes.js";
import { streamsFromClient } from "../call/method.js";
import type { End } from "../call/status.js";
import { Meter } from "../measure/meter.js";
import { count, duration } from "../measure/scale.js";
import { CARRIERS } from "./carriers.js";
import { make, part } from "./page.js";

/** Messages that a column shows; older ones are dropped. */
const SHOWN = 40;

/** What takes longer is shown while it lasts, in milliseconds. */
const SOON_MS = 150;

/** Makes the nth message of a call. */
export type Compose = (n: number) => Message;

export class Column {
  readonly meter = new Meter();
  readonly element: HTMLElement;
  #call: Call | undefined;
  /** Messages of the call: made, taken by the transport, and come back. */
  #made = 0;
  #sent = 0;
  #received = 0;
  /** Messages that came since the last time that the column was drawn. */
  #unseen: Message[] = [];
  #willDraw = false;
  /** Whether the call was put on a carrier: it may fail before. */
  #isOnCarrier = false;
  /** How calls ended since {@link fresh}. */
  #endings = new Map<string, number>();

  /**
   * @param registry The types of what an `Any` may hold.
   * @param onReply Told of each message of a response.
   * @param onEnd Told when a call is over.
   */
  constructor(
    readonly lane: Lane,
    readonly registry: () => Registry,
    readonly onReply: (reply: Message) => void,
    readonly onEnd: () => void,
  ) {
    const template = document.querySelector<HTMLTemplateElement>("#lane")!;
    this.element = template.content.firstElementChild!.cloneNode(true) as HTMLElement;
    this.element.dataset["lane"] = lane.name;
    this.element.classList.add(lane.name);
    part(this.element, "title").textContent = lane.title;
    part(this.element, "about").textContent = lane.about;
    part(this.element, "messages").setAttribute("aria-label", `Messages over ${lane.title}`);
    part(this.element, "metadata").setAttribute("aria-label", `Headers and trailers over ${lane.title}`);
  }

  /** Whether it takes part. */
  get isUsed(): boolean {
    return part<HTMLInputElement>(this.element, "use").checked;
  }

  get isCalling(): boolean {
    return this.#call !== undefined;
  }

  get status(): string {
    return this.element.dataset["status"] ?? "";
  }

  carries(method: DescMethod): boolean {
    return this.lane.carriesStreams || !streamsFromClient(method);
  }

  /** Forgets what came of earlier calls. */
  fresh(method: DescMethod): void {
    this.#endings.clear();
    part(this.element, "messages").replaceChildren();
    this.#clear();
    if (this.carries(method)) return this.#show("idle", "–");
    this.#show("unsupported", "cannot carry it");
    part(this.element, "said").textContent =
      "fetch sends one message and then reads; it cannot carry a call that streams from the page.";
  }

  /** Makes a call of one message. Resolves when it is over. */
  async call(terms: Terms, compose: Compose): Promise<void> {
    const call = this.#open(terms);
    void call.send(compose(1));
    call.finish();
    await call.over;
  }

  /** Sends one more message, in a new call if none is open. Resolves when there is room for another. */
  async send(terms: Terms, compose: Compose): Promise<void> {
    const call = this.#call ?? this.#open(terms);
    await call.send(compose(++this.#made));
  }

  finish(): void {
    this.#call?.finish();
  }

  /** Resolves when there is no call any more. */
  async cancel(): Promise<void> {
    const call = this.#call;
    call?.cancel();
    await call?.over;
  }

  get over(): Promise<void> {
    return this.#call?.over ?? Promise.resolve();
  }

  /** A call was put on a carrier. */
  used(carrier: CarrierName): void {
    this.#isOnCarrier = true;
    this.element.dataset["via"] = carrier;
    part(this.element, "via").textContent = CARRIERS[carrier];
  }

  #open(terms: Terms): Call {
    this.#made = this.#sent = this.#received = 0;
    this.element.dataset["status"] = "calling";
    this.#isOnCarrier = false;
    const call = new Call(this.lane.transport, terms, this.#witness(terms.method));
    this.#call = call;
    // What came of the call before stays a little: most calls are over before anybody could read that they are made.
    setTimeout(() => {
      if (this.#call === call && this.element.dataset["status"] === "calling") this.#showWaiting();
    }, SOON_MS);
    return call;
  }

  #clear(): void {
    this.#made = this.#sent = this.#received = 0;
    this.#unseen = [];
    part(this.element, "said").textContent = "";
    part(this.element, "metadata").textContent = "";
    part(this.element, "latency").textContent = "";
    delete this.element.dataset["latency"];
    this.#draw();
  }

  #witness(method: DescMethod): Witness {
    let head = new Headers();
    return {
      headers: (headers) => {
        head = headers;
        if (method.methodKind === "unary") return;
        this.#show("open", "open");
        part(this.element, "said").textContent = "";
      },
      sent: () => {
        this.#sent += 1;
        this.meter.message();
        this.#drawSoon();
      },
      received: (message, ms) => {
        this.#received += 1;
        this.meter.message();
        if (ms !== undefined) this.#latency(ms);
        this.#unseen.push(message);
        if (this.#unseen.length > SHOWN) this.#unseen.shift();
        this.onReply(message);
        this.#drawSoon();
      },
      ended: (end, ms) => {
        this.#call = undefined;
        this.#draw(method);
        this.#ended(end, ms, head);
        this.onEnd();
      },
    };
  }

  #latency(ms: number): void {
    this.meter.latency(ms);
    part(this.element, "latency").textContent = duration(ms);
    this.element.dataset["latency"] = ms.toFixed(2);
  }

  #ended(end: End, ms: number, head: Headers): void {
    const isOk = end.status === "OK";
    this.meter.ended(isOk);
    this.#endings.set(end.status, (this.#endings.get(end.status) ?? 0) + 1);
    this.#show(end.status, end.status, isOk);
    if (this.#received === 0) part(this.element, "latency").textContent = duration(ms);
    const tally = [...this.#endings].map(([status, times]) => `${count(times)} × ${status}`);
    const said = tally.length > 1 ? [end.message, tally.join(", ")] : [end.message];
    part(this.element, "said").textContent = said.filter(Boolean).join(" · ").replaceAll("_", "_\u200b");
    this.element.dataset["tally"] = tally.join(", ");
    if (!this.#isOnCarrier) {
      delete this.element.dataset["via"];
      part(this.element, "via").textContent = "nothing";
    }
    const lines = [...[...head].map(headerLine), "", ...[...end.trailers].map(headerLine)];
    part(this.element, "metadata").textContent = lines.join("\n").trim();
  }

  #show(status: string, text: string, isGood?: boolean): void {
    this.element.dataset["status"] = status;
    const shown = part(this.element, "status");
    shown.textContent = text.replaceAll("_", "_\u200b");
    shown.classList.toggle("good", isGood === true);
    shown.classList.toggle("bad", isGood === false);
  }

  /** Behind what came of the call before, if it was one of the same kind. */
  #showWaiting(): void {
    const shown = part(this.element, "status");
    shown.textContent = this.#endings.size > 0 ? `${shown.textContent} …` : "…";
  }

  /** Once per frame, however many messages come. */
  #drawSoon(): void {
    if (this.#willDraw) return;
    this.#willDraw = true;
    requestAnimationFrame(() => {
      this.#willDraw = false;
      this.#draw(this.#call?.terms.method);
    });
  }

  #draw(method?: DescMethod): void {
    this.element.dataset["sent"] = String(this.#sent);
    this.element.dataset["received"] = String(this.#received);
    part(this.element, "sent").textContent = count(this.#sent);
    part(this.element, "received").textContent = count(this.#received);
    if (!method || this.#unseen.length === 0) return;
    const options = { registry: this.registry(), alwaysEmitImplicit: true };
    const lines = this.#unseen.map((message) => make("li", {}, toJsonString(method.output, message, options)));
    this.#unseen = [];
    const list = part(this.element, "messages");
    // The newest are on top, where they can be seen without scrolling.
    list.prepend(...lines.reverse());
    while (list.childElementCount > SHOWN) list.lastElementChild!.remove();
  }
}

const headerLine = ([name, value]: [string, string]): string => `${name}: ${value}`;
