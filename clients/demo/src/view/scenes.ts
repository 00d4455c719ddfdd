/** Things to try with the demo's own services, each at the press of a button. */

import type { JsonObject } from "@bufbuild/protobuf";

import type { Board } from "./board.js";
import { MANY } from "./board.js";
import type { Composer, Examples } from "./composer.js";
import { announce, find, make } from "./page.js";

interface Scene {
  id: string;
  title: string;
  about: string;
  method: string;
  message?: JsonObject;
  metadata?: string;
  play: (board: Board) => Promise<void>;
}

export const EXAMPLES: Examples = {
  "demo.v1.Demo.Say": { name: "Ada" },
  "demo.v1.Demo.Count": { upTo: 50, intervalMs: 100 },
  "demo.v1.Demo.Sum": { number: "{n}" },
  "demo.v1.Demo.Chat": { text: "drop {n}" },
};

/** How many numbers are added up, and how many calls are made to be too many. */
const [NUMBERS, TOO_MANY] = [10, 4];

/** @param apiKey What opens the vault; `null` if the gateway does not guard it. */
export function scenes(apiKey: string | null): Scene[] {
  const finish = async (board: Board) => {
    board.finish();
    await board.over;
  };
  const guarded: Scene[] = apiKey === null ? [] : [
    {
      id: "vault-without", title: "Vault, without the key", method: "demo.v1.Vault.Open",
      about: "A filter of the gateway refuses calls without an x-api-key. The server behind it never hears of them, and " +
        "each protocol says so in its own way.",
      play: (board) => board.call(),
    },
    {
      id: "vault-with", title: "Vault, with the key", method: "demo.v1.Vault.Open", metadata: `x-api-key: ${apiKey}`,
      about: "The same call with the key in its metadata, over each protocol.",
      play: (board) => board.call(),
    },
  ];
  return [
    {
      id: "hello", title: "Hello", method: "demo.v1.Demo.Say",
      about: "A unary call over each protocol. Do it again: calls take turns on the servers.",
      play: (board) => board.call(),
    },
    {
      id: "count", title: "Count to 50", method: "demo.v1.Demo.Count",
      about: "The server streams. Cancel it halfway if you like; the server notices.",
      play: (board) => board.call(),
    },
    {
      id: "sum", title: "Add up", method: "demo.v1.Demo.Sum",
      about: `${NUMBERS} messages, a half-close, one response. What fetch cannot carry: the page streams.`,
      play: async (board) => {
        await board.send(NUMBERS);
        await finish(board);
      },
    },
    {
      id: "chat", title: "Chat", method: "demo.v1.Demo.Chat",
      about: "One call, open in both directions. Send more; half-close to end it.",
      play: (board) => board.send(),
    },
    {
      id: "thousand", title: "1,000 each way", method: "demo.v1.Demo.Chat",
      message: { text: "drop {n} of a thousand" },
      about: "A thousand messages out and a thousand back at the same time, in one call.",
      play: async (board) => {
        await board.send(MANY);
        await finish(board);
      },
    },
    ...guarded,
    {
      id: "too-many", title: "Too many calls", method: "demo.v1.Demo.Say", metadata: "x-demo-limit: 5",
      about: `${TOO_MANY} calls in a row over each protocol, on a route that lets five through in five seconds, ` +
        "whatever they came over. The others end with RESOURCE_EXHAUSTED.",
      play: (board) => board.call(TOO_MANY),
    },
  ];
}

/** Puts the buttons on the page. */
export function offerScenes(all: readonly Scene[], composer: Composer, board: Board): void {
  const about = find("scene-about");
  const buttons = all.map((scene) => {
    const button = make("button", { type: "button", "data-scene": scene.id }, scene.title);
    button.addEventListener("click", () => {
      about.textContent = scene.about;
      announce(scene.about);
      void play(scene, composer, board);
    });
    return button;
  });
  find("scenes").replaceChildren(...buttons);
}

async function play(scene: Scene, composer: Composer, board: Board): Promise<void> {
  composer.choose(scene.method, {
    ...(scene.message && { message: scene.message }),
    ...(scene.metadata !== undefined && { metadata: scene.metadata }),
  });
  await board.fresh();
  document.body.dataset["played"] = scene.id;
  await scene.play(board);
}
