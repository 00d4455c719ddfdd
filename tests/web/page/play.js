// Plays a scenario, in a page or in a worker.

import { find } from "./scenarios.js";
import { Stage } from "./stage.js";

const PATIENCE = 20_000;

/** Answers what went wrong: nothing, if it is empty. */
export async function play(name, carrier, to) {
  const scenario = find(name, carrier);
  const patience = scenario.patience ?? PATIENCE;
  const stage = new Stage(carrier, to);
  let timer;
  const timeout = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no end after ${patience} ms`)), patience);
  });
  try {
    await Promise.race([scenario.play(stage), timeout]);
    return "";
  } catch (error) {
    return [String(error), error.cause && `because of ${error.cause}`, ...stage.told()].filter(Boolean).join("\n");
  } finally {
    clearTimeout(timer);
    if (!scenario.afterwards) stage.close();
  }
}
