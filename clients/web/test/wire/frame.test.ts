import { Code } from "@connectrpc/connect";
import { describe, expect, test, vi } from "vitest";

import { decodeBlock } from "../../src/wire/block.js";
import { frame, FrameReader, HEADERS, MESSAGE, MESSAGE_COMPRESSED, TRAILERS, type Frame } from "../../src/wire/frame.js";
import { codeOf } from "./code_of.js";
import { random } from "./random.js";
import { allCuts, vectors } from "./vectors.js";

const KIB = 1024;

describe("a response of a vector", () => {
  for (const vector of [...vectors("grpc_wt"), ...vectors("grpc_ws")].filter((vector) => vector.has("response"))) {
    test(`${vector.name}, however it is cut`, () => {
      const response = vector.bytes("response");
      const want = read([response]);
      checkAgainst(vector, want);
      for (const cut of allCuts(response)) expect(read(cut)).toEqual(want);
    });
  }

  function checkAgainst(vector: ReturnType<typeof vectors>[number], { frames, isAtBorder }: ReturnType<typeof read>) {
    const blocks = (flags: number) => frames.filter((f) => f.flags === flags).map((f) => [...decodeBlock(f.payload)]);
    const lines = (section: string) => {
      const headers = new Headers();
      for (const [name, value] of vector.lines(section)) {
        headers.append(name, name.endsWith("-bin") ? value.replaceAll("=", "") : value);
      }
      return [...headers];
    };
    const messages = frames.filter((f) => f.flags === MESSAGE || f.flags === MESSAGE_COMPRESSED);
    const upstream = read([vector.bytes("upstream frames")]);
    expect(blocks(HEADERS)).toEqual(vector.has("upstream head") ? [lines("upstream head")] : []);
    expect(messages).toEqual(upstream.frames);
    expect(blocks(TRAILERS)).toEqual(vector.has("upstream end") ? [lines("upstream end")] : []);
    expect(isAtBorder).toBe(!vector.has("reset"));
  }
});

test("writes a prefix of flags and a big-endian length", () => {
  expect([...frame(HEADERS, Uint8Array.of(7)).subarray(0, 6)]).toEqual([0x40, 0, 0, 0, 1, 7]);
  expect([...frame(MESSAGE, new Uint8Array(0x010203)).subarray(0, 5)]).toEqual([0, 0, 1, 2, 3]);
});

test("says whether a response ended at a border of frames", () => {
  const reader = new FrameReader(KIB);
  expect(reader.isAtBorder).toBe(true);
  reader.push(frame(MESSAGE, new Uint8Array(3)).subarray(0, 6));
  expect(reader.next()).toBeUndefined();
  expect(reader.isAtBorder).toBe(false);
  reader.push(new Uint8Array(2));
  expect(reader.next()?.payload.byteLength).toBe(3);
  expect(reader.isAtBorder).toBe(true);
});

describe("refuses by its prefix alone", () => {
  test.each([
    ["a message", MESSAGE, 2 * KIB],
    ["a compressed message", MESSAGE_COMPRESSED, 2 * KIB],
    ["headers", HEADERS, 64 * KIB],
    ["trailers", TRAILERS, 64 * KIB],
    ["an extension", 0x20, 16 * KIB],
    ["an extension with every other bit", 0xff, 16 * KIB],
  ])("%s that is too large", (_, flags, limit) => {
    const reader = () => new FrameReader(2 * KIB);
    const whole = reader();
    whole.push(frame(flags, new Uint8Array(limit)));
    expect(whole.next()?.payload.byteLength).toBe(limit);
    const prefix = frame(flags, new Uint8Array(limit + 1)).subarray(0, 5);
    for (const cut of allCuts(prefix)) {
      const refusing = reader();
      for (const piece of cut.slice(0, -1)) refusing.push(piece);
      expect(refusing.next()).toBeUndefined();
      refusing.push(cut.at(-1)!);
      expect(codeOf(() => refusing.next())).toBe(Code.ResourceExhausted);
    }
  });

  test.each([0x02, 0x10, 0x41, 0x81, 0xc0, 0x06])("unknown flags %i", (flags) => {
    const reader = new FrameReader(KIB);
    reader.push(Uint8Array.of(flags, 0, 0, 0, 0));
    expect(codeOf(() => reader.next())).toBe(Code.Internal);
  });
});

describe("copies", () => {
  test("nothing of a frame that lies within what came", () => {
    const piece = new Uint8Array([...frame(HEADERS, Uint8Array.of(1)), ...frame(MESSAGE, Uint8Array.of(2, 3))]);
    const reader = new FrameReader(KIB);
    reader.push(piece);
    for (const want of [1, 2]) {
      const read = reader.next()!;
      expect(read.payload.byteLength).toBe(want);
      expect(read.bytes.buffer).toBe(piece.buffer);
    }
  });

  test("every byte once at most in a long stream", () => {
    const message = frame(MESSAGE, new Uint8Array(1024 * KIB));
    const count = 100;
    const copied = vi.spyOn(Uint8Array.prototype, "set");
    const reader = new FrameReader(message.byteLength);
    let frames = 0;
    for (let sent = 0; sent < count * message.byteLength; ) {
      const from = sent % message.byteLength;
      const piece = message.subarray(from, from + 64 * KIB);
      reader.push(piece);
      sent += piece.byteLength;
      while (reader.next()) frames += 1;
    }
    const bytes = copied.mock.calls.reduce((sum, [piece]) => sum + piece.length, 0);
    copied.mockRestore();
    expect(frames).toBe(count);
    expect(bytes).toBeLessThanOrEqual(count * (message.byteLength + 5));
  });
});

describe("random", () => {
  test("frames come out as they went in, however they are cut", () => {
    for (let seed = 0; seed < 300; seed += 1) {
      const below = random(seed);
      const flags = [MESSAGE, MESSAGE_COMPRESSED, HEADERS, TRAILERS, 0x20, 0x24, 0xff];
      const frames = Array.from({ length: below(8) }, () =>
        frame(flags[below(flags.length)]!, Uint8Array.from({ length: below(40) }, () => below(256))),
      );
      const bytes = Uint8Array.from(frames.flatMap((one) => [...one]));
      const pieces: Uint8Array[] = [];
      for (let at = 0; at < bytes.byteLength; ) pieces.push(bytes.subarray(at, (at += below(20))));
      const result = read(pieces);
      expect(result.frames.map((one) => one.bytes)).toEqual(frames);
      expect(result.isAtBorder).toBe(true);
    }
  });

  test("bytes are frames or an error of the gateway", () => {
    for (let seed = 0; seed < 3000; seed += 1) {
      const below = random(seed);
      const bytes = Uint8Array.from({ length: below(60) }, () => (below(3) ? below(4) : below(256)));
      try {
        for (const { flags, payload, bytes: whole } of read([bytes]).frames) {
          expect([...whole]).toEqual([...frame(flags, payload)]);
        }
      } catch (error) {
        expect([Code.Internal, Code.ResourceExhausted]).toContain(codeOf(() => { throw error; }));
      }
    }
  });
});

/** The frames in these pieces, taken as soon as they are there. */
function read(pieces: Uint8Array[]): { frames: Frame[]; isAtBorder: boolean } {
  const reader = new FrameReader(KIB);
  const frames: Frame[] = [];
  for (const piece of pieces) {
    reader.push(piece);
    for (let next = reader.next(); next; next = reader.next()) {
      frames.push({ flags: next.flags, payload: next.payload.slice(), bytes: next.bytes.slice() });
    }
  }
  return { frames, isAtBorder: reader.isAtBorder };
}
