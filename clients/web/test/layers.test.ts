/** The arrows between the parts of `src`, as docs/architecture.md has them. */

import { readdirSync, readFileSync } from "node:fs";
import { join, posix } from "node:path";

import { expect, test } from "vitest";

/** What each part may import, besides itself. */
const ARROWS: Record<string, string[]> = {
  lane: [],
  options: ["lane"],
  wire: [],
  abort: [],
  backoff: ["options"],
  compression: [],
  call: ["lane", "wire"],
  transport: ["call", "options"],
  webtransport: ["lane", "options", "wire", "abort", "backoff", "transport"],
  websocket: ["lane", "options", "wire", "abort", "transport"],
  gateway: ["lane", "options", "wire", "transport", "webtransport", "websocket"],
  grpc_web: [],
  index: ["lane", "options", "compression", "webtransport", "websocket", "gateway"],
};

/** The part that a file of `src` is, or is in. */
const partOf = (path: string) => path.split("/")[0]!.replace(/\.[tj]s$/, "");

test("no part knows more than it may", () => {
  const files = readdirSync("src", { recursive: true, encoding: "utf8" }).filter((path) => path.endsWith(".ts"));
  expect(files.map(partOf).filter((part) => !(part in ARROWS))).toEqual([]);
  const found: string[] = [];
  let seen = 0;
  for (const file of files) {
    for (const [, target] of readFileSync(join("src", file), "utf8").matchAll(/ from "(\.[^"]*)"/g)) {
      seen += 1;
      const from = partOf(file);
      const to = partOf(posix.join(posix.dirname(file), target!));
      if (from !== to && !ARROWS[from]!.includes(to)) found.push(`${file} imports ${target}`);
    }
  }
  expect(seen).toBeGreaterThan(20);
  expect(found).toEqual([]);
});
