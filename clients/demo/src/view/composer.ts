/** The form in which a call is put together. */

import type { DescMethod, DescService, JsonObject, Registry } from "@bufbuild/protobuf";

import type { Terms } from "../call/call.js";
import { KINDS, streamsFromClient, template } from "../call/method.js";
import { deadline, message, metadata, Mistake } from "../call/request.js";
import type { Compose } from "./column.js";
import { find, make } from "./page.js";

/** A call as the form has it. */
export interface Composed {
  terms: Terms;
  compose: Compose;
}

/** Messages that make a nicer beginning than empty fields; `{n}` is the number of the message. */
export type Examples = Readonly<Record<string, JsonObject>>;

export class Composer {
  readonly #select = find<HTMLSelectElement>("method");
  readonly #message = find<HTMLTextAreaElement>("message");
  readonly #metadata = find<HTMLTextAreaElement>("metadata");
  readonly #deadline = find<HTMLInputElement>("deadline");
  readonly #methods = new Map<string, DescMethod>();
  #registry: Registry | undefined;

  /** @param onMethod Told when another method is chosen. */
  constructor(readonly examples: Examples, readonly onMethod: (method: DescMethod) => void) {
    this.#select.addEventListener("change", () => this.#chosen());
    this.#message.addEventListener("input", () => this.#check());
    // What is typed is sent with Control and Enter, because Enter alone begins a line.
    find("composer").addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
      event.preventDefault();
      find<HTMLFormElement>("composer").requestSubmit();
    });
  }

  /** Offers these services' methods. */
  offer(services: readonly DescService[], registry: Registry): void {
    this.#registry = registry;
    this.#methods.clear();
    const groups = services.map((service) => {
      const options = service.methods.map((method) => {
        const path = `${service.typeName}.${method.name}`;
        this.#methods.set(path, method);
        return make("option", { value: path }, `${method.name} · ${KINDS[method.methodKind]}`);
      });
      return make("optgroup", { label: service.typeName }, ...options);
    });
    this.#select.replaceChildren(...groups);
    this.#select.disabled = groups.length === 0;
    if (groups.length > 0) return this.#chosen();
    for (const button of document.querySelectorAll<HTMLButtonElement>("[data-for] button")) button.disabled = true;
  }

  get method(): DescMethod | undefined {
    return this.#methods.get(this.#select.value);
  }

  /** Chooses a method, with these fields filled in. */
  choose(path: string, fields: { message?: JsonObject; metadata?: string } = {}): void {
    this.#select.value = path;
    this.#chosen();
    if (fields.message) this.#message.value = pretty(fields.message);
    this.#metadata.value = fields.metadata ?? "";
    this.#deadline.value = "";
    this.#check();
  }

  /** The call in the form; `undefined` if something in it cannot be used, which is then said beside it. */
  read(): Composed | undefined {
    const { method } = this;
    const text = this.#message.value;
    const headers = attempt(this.#metadata, () => metadata(this.#metadata.value));
    const timeoutMs = attempt(this.#deadline, () => ({ ms: deadline(this.#deadline.value) }));
    if (!this.#check() || !method || !headers || !timeoutMs) {
      document.querySelector<HTMLElement>(".composer [aria-invalid=true]")?.focus();
      return undefined;
    }
    const compose = (n: number) => message(text, n, method.input, this.#registry!);
    return { terms: { method, headers, timeoutMs: timeoutMs.ms }, compose };
  }

  /** How long to wait between repetitions, in milliseconds. */
  get pace(): number {
    return Number(find<HTMLSelectElement>("pace").value);
  }

  set pace(ms: number) {
    find<HTMLSelectElement>("pace").value = String(ms);
  }

  #chosen(): void {
    const { method } = this;
    if (!method) return;
    const path = this.#select.value;
    find("service").textContent = `of ${method.parent.typeName}`;
    const filled = template(method.input);
    const isObject = typeof filled === "object" && filled !== null && !Array.isArray(filled);
    this.#message.value = pretty(isObject ? { ...filled, ...this.examples[path] } : filled);
    this.#check();
    for (const buttons of document.querySelectorAll<HTMLElement>("[data-for]")) {
      buttons.hidden = (buttons.dataset["for"] === "stream") !== streamsFromClient(method);
      // The first button of the form is what Enter presses.
      for (const button of buttons.querySelectorAll("button")) button.disabled = buttons.hidden;
    }
    document.body.dataset["method"] = path;
    this.onMethod(method);
  }

  #check(): boolean {
    const { method } = this;
    if (!method) return false;
    return attempt(this.#message, () => message(this.#message.value, 1, method.input, this.#registry!)) !== undefined;
  }
}

const pretty = (value: unknown): string => JSON.stringify(value, undefined, 2);

/** Reads a field, or says beside it what is wrong with it. */
function attempt<T>(field: HTMLElement, read: () => T): T | undefined {
  const note = find(`${field.id}-mistake`);
  try {
    const value = read();
    note.textContent = "";
    field.removeAttribute("aria-invalid");
    return value;
  } catch (error) {
    if (!(error instanceof Mistake)) throw error;
    note.textContent = error.message;
    field.setAttribute("aria-invalid", "true");
    return undefined;
  }
}
