/** Compression of messages, by what browsers have for it. */

import { Code, ConnectError } from "@connectrpc/connect";
import type { Compression } from "@connectrpc/connect/protocol";

/**
 * How much is decompressed before it is looked at. Browsers decompress all that one write gives them, at most a
 * thousandfold, so this is what bounds the memory that a malicious message can take.
 */
const STEP_BYTES = 4096;

/** gzip, for `acceptCompression` and `sendCompression`. */
export function compressionGzip(): Compression {
  return {
    name: "gzip",
    compress: (bytes) => through(new CompressionStream("gzip"), bytes, Infinity),
    async decompress(bytes, readMaxBytes) {
      if (bytes.byteLength === 0) return new Uint8Array();
      try {
        return await through(new DecompressionStream("gzip"), bytes, readMaxBytes);
      } catch (error) {
        if (error instanceof ConnectError) throw error;
        // The code is that of Connect on Node.js.
        throw new ConnectError("decompression failed", Code.InvalidArgument, undefined, undefined, error);
      }
    },
  };
}

async function through(stream: GenericTransformStream, bytes: Uint8Array, maxBytes: number): Promise<Uint8Array<ArrayBuffer>> {
  const pieces: Uint8Array[] = [];
  let size = 0;
  const reader: ReadableStreamDefaultReader<Uint8Array> = inSteps(bytes).pipeThrough(stream).getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    size += value.byteLength;
    if (size > maxBytes) {
      reader.cancel().catch(() => {});
      const what = `message is larger than configured readMaxBytes ${maxBytes} after decompression`;
      throw new ConnectError(what, Code.ResourceExhausted);
    }
    pieces.push(value);
  }
  const whole = new Uint8Array(size);
  let filled = 0;
  for (const piece of pieces) {
    whole.set(piece, filled);
    filled += piece.byteLength;
  }
  return whole;
}

function inSteps(bytes: Uint8Array): ReadableStream<Uint8Array> {
  let start = 0;
  return new ReadableStream({
    pull(controller) {
      if (start < bytes.byteLength) controller.enqueue(bytes.subarray(start, (start += STEP_BYTES)));
      else controller.close();
    },
  });
}
