/** Which of the demo's servers answered, as their replies tell. */

import type { Message } from "@bufbuild/protobuf";

import { count } from "../measure/scale.js";
import { find, make } from "./page.js";

export class Backends {
  readonly #replies = new Map<string, number>();
  #willDraw = false;

  constructor(names: string[]) {
    for (const name of names) this.#replies.set(name, 0);
    this.#draw();
  }

  /** Counts a reply that names its server. */
  reply(message: Message): void {
    const { backend } = message as Message & { backend?: unknown };
    if (typeof backend !== "string" || backend === "") return;
    this.#replies.set(backend, (this.#replies.get(backend) ?? 0) + 1);
    if (this.#willDraw) return;
    this.#willDraw = true;
    requestAnimationFrame(() => {
      this.#willDraw = false;
      this.#draw();
    });
  }

  #draw(): void {
    const rows = [...this.#replies].map(([name, replies]) =>
      make("li", { "data-backend": name, "data-replies": String(replies) },
        make("span", { class: "name" }, name),
        make("span", { class: "replies" }, `${count(replies)} ${replies === 1 ? "reply" : "replies"}`),
      ));
    find("backends").replaceChildren(...rows);
  }
}
