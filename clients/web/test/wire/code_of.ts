/** What a function that must fail throws. */

import { type Code, ConnectError } from "@connectrpc/connect";

/** The code of the ConnectError that `run` throws; `undefined` if it throws nothing. */
export function codeOf(run: () => unknown): Code | undefined {
  try {
    run();
  } catch (error) {
    if (error instanceof ConnectError) return error.code;
    throw error;
  }
  return undefined;
}
