/** What is known of `fetch` as a carrier. */

import type { CarrierState } from "../lane.js";
import { Reporter } from "../websocket/reporter.js";

/** A `fetch` that tells whether it reaches anybody: any answer says that it does. */
export function reportingFetch(fetching: typeof fetch, onState: ((state: CarrierState) => void) | undefined): typeof fetch {
  const state = new Reporter("fetch", onState);
  return async (input, init) => {
    try {
      const response = await fetching(input, init);
      state.becomes("open");
      return response;
    } catch (error) {
      if (!init?.signal?.aborted) state.becomes("down", error);
      throw error;
    }
  };
}
