/** Codes that end a stream before its time (docs/grpc-webtransport.md, section 7), and what they mean for a call. */

import { Code } from "@connectrpc/connect";

/** Nothing went wrong: the response is complete. */
export const NO_ERROR = 0x00;
/** Nothing of the call was processed: it may be sent again. */
export const REFUSED = 0x20;
/** The other side did not keep to the wire. */
export const PROTOCOL_ERROR = 0x21;
const HEADERS_TOO_LARGE = 0x23;

/** The status of a call that was ended so. `undefined` is for a lane that was lost. */
export function codeOfReset(reset: number | undefined): Code {
  if (reset === undefined || reset === REFUSED) return Code.Unavailable;
  if (reset === HEADERS_TOO_LARGE) return Code.ResourceExhausted;
  return reset >= Code.Canceled && reset <= Code.Unauthenticated ? reset : Code.Internal;
}
