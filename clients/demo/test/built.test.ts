import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, expect, test } from "vitest";

// @ts-expect-error It has no types.
import { build } from "../build.mjs";

const COMMITTED = path.resolve(import.meta.dirname, "../../../gateway/server/src/demo/page");
const built = await mkdtemp(path.join(tmpdir(), "demo-page-"));

afterAll(() => rm(built, { recursive: true }));

test("the page that the gateway carries is made of these sources; if not: npm run build", async () => {
  await build(built);
  const files = (await readdir(built)).sort();
  expect((await readdir(COMMITTED)).sort()).toEqual(files);
  for (const file of files) {
    const [now, committed] = await Promise.all([built, COMMITTED].map((folder) => readFile(path.join(folder, file))));
    // Not `toEqual`, which would print both.
    expect(now!.equals(committed!), file).toBe(true);
  }
}, 30_000);

test("the page is small enough to be carried in a program", async () => {
  const { length } = await readFile(path.join(built, "app.js"));
  expect(length).toBeLessThan(256 * 1024);
});
