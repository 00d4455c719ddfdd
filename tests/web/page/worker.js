// A worker that plays the scenarios that it is told, one after the other, and answers what went wrong.

import { play } from "./play.js";

addEventListener("message", async ({ data: { scenarios, carrier, to } }) => {
  for (const scenario of scenarios) {
    const failure = await play(scenario, carrier, to);
    if (failure) return postMessage(`${scenario}: ${failure}`);
  }
  postMessage("");
});
