/** Packs the package once for all tests of what is published, and installs it in a folder of its own. */

import { execFileSync } from "node:child_process";
import { mkdtempSync, mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

import type { TestProject } from "vitest/node";

export interface Packed {
  tarball: string;
  /** Its files, relative to the package. */
  files: string[];
  /** A folder in whose `node_modules` the package is installed from the tarball, beside its peers. */
  consumer: string;
}

declare module "vitest" {
  interface ProvidedContext {
    packed: Packed;
  }
}

export default function setup(project: TestProject): () => void {
  const folder = mkdtempSync(join(tmpdir(), "sluicegate-web-"));
  project.provide("packed", pack(folder));
  return () => rmSync(folder, { recursive: true, force: true });
}

function pack(folder: string): Packed {
  execFileSync("npm", ["run", "build"], { stdio: ["ignore", "ignore", "inherit"] });
  const report = execFileSync("npm", ["pack", "--json", "--pack-destination", folder], { encoding: "utf8" });
  const [{ filename, files }] = JSON.parse(report) as [{ filename: string; files: { path: string }[] }];
  const tarball = join(folder, filename);
  return { tarball, files: files.map(({ path }) => path), consumer: install(tarball, join(folder, "consumer")) };
}

function install(tarball: string, consumer: string): string {
  mkdirSync(consumer);
  writeFileSync(join(consumer, "package.json"), JSON.stringify({ private: true, type: "module" }));
  // Peers are left out here and linked below: so nothing is downloaded.
  const flags = ["--offline", "--legacy-peer-deps", "--ignore-scripts", "--no-audit", "--no-fund"];
  execFileSync("npm", ["install", ...flags, tarball], { cwd: consumer, stdio: ["ignore", "ignore", "inherit"] });
  const installed = resolve("node_modules");
  for (const name of readdirSync(installed)) {
    if (!name.startsWith(".")) symlinkSync(join(installed, name), join(consumer, "node_modules", name));
  }
  return consumer;
}
