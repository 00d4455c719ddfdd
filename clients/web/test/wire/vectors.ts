/** Reads the golden vectors that every implementation of the wire is tested with (tests/vectors/README.md). */

import { readdirSync, readFileSync } from "node:fs";

export interface Vector {
  /** Folder and file, such as `grpc_wt/unary`. */
  name: string;
  has(section: string): boolean;
  /** `name: value` lines, in order. */
  lines(section: string): [name: string, value: string][];
  bytes(section: string): Uint8Array;
}

/** All vectors of a protocol that frames calls. */
export function vectors(protocol: "grpc_wt" | "grpc_ws"): Vector[] {
  const folder = new URL(`../../../../tests/vectors/${protocol}/`, import.meta.url);
  return readdirSync(folder).map((file) => {
    const sections = sectionsOf(readFileSync(new URL(file, folder), "utf8"));
    return {
      name: `${protocol}/${file.replace(".txt", "")}`,
      has: (section) => sections.has(section),
      lines: (section) =>
        (sections.get(section) ?? []).map((line) => {
          const colon = line.indexOf(":", 1);
          return [line.slice(0, colon), line.slice(colon + 1).trim()];
        }),
      bytes: (section) => bytesOf((sections.get(section) ?? []).join("\n")),
    };
  });
}

function sectionsOf(text: string): Map<string, string[]> {
  const sections = new Map<string, string[]>();
  let current: string[] = [];
  for (const line of text.split("\n").map(withoutComment)) {
    const name = /^\[(.+)\]$/.exec(line)?.[1];
    if (name !== undefined) sections.set(name, (current = []));
    else if (line !== "") current.push(line);
  }
  return sections;
}

function withoutComment(line: string): string {
  return /^(?:[^"#]|"(?:[^"\\]|\\.)*")*/.exec(line)![0].trim();
}

function bytesOf(text: string): Uint8Array {
  const bytes: number[] = [];
  for (const [, quoted, times, hex] of text.matchAll(/"((?:[^"\\]|\\.)*)"(?:\s*\*\s*(\d+))?|([0-9a-f]{2})/g)) {
    if (hex !== undefined) bytes.push(parseInt(hex, 16));
    else for (let n = Number(times ?? 1); n > 0; n -= 1) bytes.push(...Buffer.from(unescaped(quoted!)));
  }
  return Uint8Array.from(bytes);
}

function unescaped(quoted: string): string {
  return JSON.parse(`"${quoted.replace(/\\x([0-9a-f]{2})/g, "\\u00$1")}"`) as string;
}

/** Whole, byte by byte, and every split in two. */
export function allCuts(bytes: Uint8Array): Uint8Array[][] {
  const cuts = [[bytes], Array.from(bytes, (_, at) => bytes.subarray(at, at + 1))];
  for (let at = 1; at < bytes.byteLength; at += 1) cuts.push([bytes.subarray(0, at), bytes.subarray(at)]);
  return cuts;
}
