// All scenarios, in the order in which they are played.

import { CALLS } from "./scenarios/calls.js";
import { CHOICES } from "./scenarios/choices.js";
import { ENDINGS } from "./scenarios/endings.js";
import { GATEWAYS } from "./scenarios/gateways.js";
import { LOAD } from "./scenarios/load.js";
import { METADATA } from "./scenarios/metadata.js";
import { PLACES } from "./scenarios/places.js";

/** Each has a name, the carriers that it is played on, and what it does. `patience` is how long that may take, in
 * milliseconds. After one with `afterwards` the runner does something with the page, and then waits for these deeds
 * backstage; the page's transports stay open for that. */
export const SCENARIOS = [...CALLS, ...METADATA, ...ENDINGS, ...CHOICES, ...GATEWAYS, ...PLACES, ...LOAD];

export function find(name, carrier) {
  return SCENARIOS.find((scenario) => scenario.name === name && scenario.carriers.includes(carrier));
}
