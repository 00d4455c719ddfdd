/** Connect's own protocol with `fetch`, to be seen beside the others. */

import { Code, ConnectError } from "@connectrpc/connect";
import type { Transport } from "@connectrpc/connect";
import type { UniversalClientFn } from "@connectrpc/connect/protocol";
import { createTransport } from "@connectrpc/connect/protocol-connect";

const MESSAGE_LIMIT = 4 * 1024 * 1024;

/** A transport for unary calls and server streams. */
export function connectTransport(baseUrl: string, fetching: typeof fetch): Transport {
  return createTransport({
    baseUrl,
    httpClient: client(fetching),
    useBinaryFormat: true,
    interceptors: [],
    acceptCompression: [],
    sendCompression: null,
    compressMinBytes: 1024,
    readMaxBytes: MESSAGE_LIMIT,
    writeMaxBytes: MESSAGE_LIMIT,
  });
}

/** The request goes as a whole: not every browser can send it bit by bit. */
function client(fetching: typeof fetch): UniversalClientFn {
  return async ({ url, method, header, body, signal }) => {
    const pieces: Uint8Array<ArrayBuffer>[] = [];
    for await (const piece of body ?? []) pieces.push(new Uint8Array(piece));
    const response = await orUnavailable(
      fetching(url, { method, headers: header, body: new Blob(pieces), signal: signal ?? null }),
    );
    return { status: response.status, header: response.headers, body: bytesOf(response), trailer: new Headers() };
  };
}

async function* bytesOf(response: Response): AsyncGenerator<Uint8Array> {
  const reader = response.body?.getReader();
  if (!reader) return;
  try {
    for (;;) {
      const { done, value } = await orUnavailable(reader.read());
      if (done) return;
      yield value;
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}

async function orUnavailable<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    throw ConnectError.from(error, Code.Unavailable);
  }
}
