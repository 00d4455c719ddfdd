/** How calls end, in the words of gRPC's specification. */

import { Code, ConnectError } from "@connectrpc/connect";

/** The end of a call. */
export interface End {
  /** `OK`, `CANCELLED`, … */
  status: string;
  /** What the server or the gateway said about it. */
  message: string;
  trailers: Headers;
}

/** The end that an error tells of. */
export function endOf(error: unknown): End {
  const { code, rawMessage, metadata } = ConnectError.from(error);
  return { status: statusName(code), message: rawMessage, trailers: metadata };
}

/** The name of a code, such as `DEADLINE_EXCEEDED`. */
export function statusName(code: Code): string {
  // gRPC writes it with two L's, Connect with one.
  if (code === Code.Canceled) return "CANCELLED";
  return (Code[code] ?? "Unknown").replace(/(?<=[a-z])[A-Z]/g, "_$&").toUpperCase();
}
