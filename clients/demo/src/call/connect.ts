/** Connect's own protocol with `fetch`, to be seen beside the others. */

import type { Transport } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-web";

/** A transport for unary calls and server streams. */
export function connectTransport(baseUrl: string, fetching: typeof fetch): Transport {
  return createConnectTransport({ baseUrl, useBinaryFormat: true, fetch: fetching });
}
