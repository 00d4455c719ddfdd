// Builds the page into a folder: node build.mjs FOLDER
//
// The gateway carries the result inside itself, so it is committed, and test/built.test.ts sees that it is up to date.

import { cp, mkdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";

import * as esbuild from "esbuild";

const HERE = path.dirname(fileURLToPath(import.meta.url));

// The sources of the package find here what they import, whether or not anything is installed beside them.
const ownDependencies = {
  name: "own-dependencies",
  setup: (build) =>
    build.onResolve({ filter: /^@(connectrpc|bufbuild)\// }, ({ path, kind, pluginData }) =>
      pluginData === "here" ? undefined : build.resolve(path, { resolveDir: HERE, kind, pluginData: "here" })),
};

export async function build(folder) {
  await mkdir(folder, { recursive: true });
  await esbuild.build({
    absWorkingDir: HERE,
    entryPoints: { app: "src/main.ts", style: "src/style/page.css" },
    outdir: folder,
    bundle: true,
    format: "esm",
    target: ["es2022"],
    charset: "utf8",
    minify: true,
    // So that a change is not always one of the whole file.
    lineLimit: 160,
    legalComments: "none",
    plugins: [ownDependencies],
    banner: { js: "// Made of clients/demo and clients/web by clients/demo/build.mjs. See licenses.txt for what else is in it." },
  });
  for (const file of ["index.html", "icon.svg"]) await cp(path.join(HERE, "src", file), path.join(folder, file));
  const licenses = [path.join(HERE, "src/licenses.txt"), path.join(HERE, "../../LICENSE")];
  const texts = await Promise.all(licenses.map((file) => readFile(file, "utf8")));
  await writeFile(path.join(folder, "licenses.txt"), texts.join(""));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await build(path.resolve(process.argv[2]));
