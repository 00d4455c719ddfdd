// What the runner calls in a page.

import { play } from "./play.js";
import { find, SCENARIOS } from "./scenarios.js";

/** Every scenario with each of its carriers. */
globalThis.cells = () =>
  SCENARIOS.flatMap(({ name, carriers }) => carriers.map((carrier) => ({ scenario: name, carrier })));

/** What must have happened backstage once the page is gone. */
globalThis.afterwards = (name, carrier) => find(name, carrier).afterwards(carrier);

globalThis.play = play;
