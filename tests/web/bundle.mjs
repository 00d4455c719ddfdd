// Bundles the page: the scenarios with the package as its sources are, and what it peers with.

import path from "node:path";

import { build } from "esbuild";

import { ROOT } from "../lib/launch.mjs";
import { descriptors } from "../peers/npm/protos.mjs";

const HERE = import.meta.dirname;
const PACKAGE = path.join(ROOT, "clients/web");

/** The files that pages load, by their paths. */
export async function bundle() {
  const files = new Map();
  for (const [entry, format] of [["page.js", "esm"], ["worker.js", "esm"], ["worker.js", "iife"]]) {
    const { outputFiles } = await build({
      entryPoints: [path.join(HERE, "page", entry)],
      format,
      bundle: true,
      write: false,
      sourcemap: "inline",
      target: "es2022",
      define: { DESCRIPTORS: JSON.stringify(Buffer.from(descriptors).toString("base64")) },
      alias: { "@sluicegate/web": path.join(PACKAGE, "src/index.ts") },
      // One copy of the peers for the package and the scenarios.
      nodePaths: [path.join(PACKAGE, "node_modules")],
    });
    files.set(`/${format}/${entry}`, outputFiles[0].contents);
  }
  return files;
}
