import { gunzipSync, gzipSync } from "node:zlib";
import { Code } from "@connectrpc/connect";
import { describe, expect, test } from "vitest";

import { compressionGzip } from "../src/compression.js";
import { random } from "./wire/random.js";

const gzip = compressionGzip();
const MIB = 1024 * 1024;

test("is called as gRPC calls it", () => expect(gzip.name).toBe("gzip"));

test.each([0, 1, 4096, 100_000, MIB])("what others compress and decompress: %i bytes", async (size) => {
  const below = random(size);
  const bytes = Uint8Array.from({ length: size }, () => below(7) * below(7));
  expect(Buffer.from(gunzipSync(await gzip.compress(bytes))).equals(bytes)).toBe(true);
  expect(Buffer.from(await gzip.decompress(gzipSync(bytes), size)).equals(bytes)).toBe(true);
});

test("nothing is nothing", async () => {
  expect((await gzip.decompress(new Uint8Array(), 10)).byteLength).toBe(0);
});

test("only what was given is read of a larger buffer", async () => {
  const compressed = gzipSync(Buffer.from("message"));
  const buffer = new Uint8Array(compressed.byteLength + 20).fill(0xff);
  buffer.set(compressed, 10);
  const bytes = await gzip.decompress(buffer.subarray(10, 10 + compressed.byteLength), 100);
  expect(Buffer.from(bytes).toString()).toBe("message");
});

describe("a message that is too large", () => {
  test("by one byte is RESOURCE_EXHAUSTED", async () => {
    const compressed = gzipSync(new Uint8Array(1001));
    await expect(gzip.decompress(compressed, 1000)).rejects.toMatchObject({ code: Code.ResourceExhausted });
    expect((await gzip.decompress(compressed, 1001)).byteLength).toBe(1001);
  });

  test("is not decompressed any further", async () => {
    const bomb = gzipSync(new Uint8Array(64 * MIB));
    const before = process.memoryUsage().arrayBuffers;
    let most = 0;
    const watch = setInterval(() => (most = Math.max(most, process.memoryUsage().arrayBuffers - before)), 1);
    await expect(gzip.decompress(bomb, MIB)).rejects.toMatchObject({ code: Code.ResourceExhausted });
    clearInterval(watch);
    expect(Math.max(most, process.memoryUsage().arrayBuffers - before)).toBeLessThan(16 * MIB);
  });
});

describe("is INVALID_ARGUMENT what is", () => {
  const good = gzipSync(Buffer.from("a message that is long enough"));
  test.each([
    ["not gzip", Buffer.from("not gzip")],
    ["cut off", good.subarray(0, good.byteLength - 1)],
    ["cut off in its header", good.subarray(0, 5)],
    ["of a wrong checksum", Buffer.from(good.map((byte, at) => (at === good.byteLength - 8 ? byte ^ 1 : byte)))],
  ])("%s", async (_, bytes) => {
    await expect(gzip.decompress(bytes, MIB)).rejects.toMatchObject({
      code: Code.InvalidArgument,
      rawMessage: "decompression failed",
      cause: expect.anything(),
    });
  });

  test("random, if it is not read", async () => {
    for (let seed = 0; seed < 200; seed += 1) {
      const below = random(seed);
      const bytes = Uint8Array.from(good);
      bytes[below(bytes.byteLength)]! ^= 1 << below(8);
      const result = await gzip.decompress(bytes, MIB).catch((error) => error.code);
      expect([Code.InvalidArgument, "read"]).toContain(result instanceof Uint8Array ? "read" : result);
    }
  });
});
