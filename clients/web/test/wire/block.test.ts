import { Code } from "@connectrpc/connect";
import { describe, expect, test } from "vitest";

import { decodeBlock, encodeBlock } from "../../src/wire/block.js";
import { codeOf } from "./code_of.js";
import { random } from "./random.js";

describe("writes", () => {
  test("the path first, and names in the order of Headers", () => {
    expect(written("/a.B/C", { "x-b": "1", "X-A": "2" })).toBe(":path: /a.B/C\r\nx-a: 2\r\nx-b: 1\r\n");
    expect(written(undefined, {})).toBe("");
    expect(written(undefined, { empty: "" })).toBe("empty: \r\n");
  });

  test("nothing that belongs to a hop", () => {
    const names = "te host connection content-length user-agent transfer-encoding keep-alive upgrade trailer";
    for (const name of [...names.split(" "), "http2-settings", "proxy-authorization", "proxy-connection"]) {
      expect(written(undefined, { [name]: "x", kept: "1" })).toBe("kept: 1\r\n");
    }
    expect(written(undefined, { "x-te": "1", teapot: "2" })).toBe("teapot: 2\r\nx-te: 1\r\n");
  });

  test("each value of a binary name in a line, without padding", () => {
    const headers = new Headers([["x-bin", "AAE="], ["x-bin", "AA=="], ["x-tag", "a"], ["x-tag", "b="]]);
    expect(written(undefined, headers)).toBe("x-bin: AAE\r\nx-bin: AA\r\nx-tag: a, b=\r\n");
  });

  test("a byte for a character", () => {
    expect([...encodeBlock(undefined, new Headers({ x: "\u00e9\t!" }))]).toEqual([...Buffer.from("x: \xe9\t!\r\n", "latin1")]);
  });

  test.each(["\x01", "a\x1fb", "\x7f", "a\x0bb"])("no control characters: %j", (value) => {
    expect(codeOf(() => encodeBlock("/a/b", new Headers({ x: value })))).toBe(Code.Internal);
  });

  test("no names that gRPC does not have", () => {
    expect(codeOf(() => encodeBlock("/a/b", new Headers({ "x!": "1" })))).toBe(Code.Internal);
  });
});

describe("reads", () => {
  test("values of a name in order, without the blanks around them", () => {
    const headers = read("x-tag: a\r\nx-tag:\t b  \r\nempty:\r\nx_1.y-z: a:b\r\n");
    expect([...headers]).toEqual([["empty", ""], ["x-tag", "a, b"], ["x_1.y-z", "a:b"]]);
  });

  test("no lines", () => expect([...read("")]).toEqual([]));

  test("a character for a byte", () => expect(read("x: \xff\xe9\x80\r\n").get("x")).toBe("\xff\xe9\x80"));

  test.each([
    "a: b",
    "a: b\r",
    "a: b\n",
    "\r\n",
    "a: b\r\n\r\n",
    "a\r\n",
    ": b\r\n",
    "A: b\r\n",
    "a b: c\r\n",
    " a: b\r\n",
    "a: b\r\n folded\r\n",
    "a: b\nc: d\r\n",
    "a: b\rc\r\n",
    "a: \x00\r\n",
    "a: \x7f\r\n",
    ":status: 200\r\n",
  ])("nothing that is malformed: %j", (text) => expect(codeOf(() => read(text))).toBe(Code.Internal));

  test("random bytes as headers that are written alike, or as malformed", () => {
    const alphabet = "ab-_:: \t\r\n=,\x00\x7f\xff";
    let understood = 0;
    for (let seed = 0; seed < 4000; seed += 1) {
      const below = random(seed);
      let text = "";
      for (let left = below(6); left > 0; left -= 1) {
        text += below(2) ? alphabet[below(alphabet.length)] : `${alphabet[below(4)]}: ${alphabet[below(8)]}\r\n`;
      }
      try {
        const headers = read(text);
        // An empty last value of several leaves a blank at the end, which no value has.
        const trimmed = [...headers].map(([name, value]) => [name, value.trim()]);
        expect([...decodeBlock(encodeBlock(undefined, headers))]).toEqual(trimmed);
        understood += 1;
      } catch (error) {
        expect(codeOf(() => { throw error; })).toBe(Code.Internal);
      }
    }
    expect(understood).toBeGreaterThan(200);
  });
});

function written(path: string | undefined, headers: HeadersInit): string {
  return Buffer.from(encodeBlock(path, new Headers(headers))).toString("latin1");
}

function read(text: string): Headers {
  return decodeBlock(Buffer.from(text, "latin1"));
}
