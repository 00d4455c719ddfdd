// How much a page loads: everything in src, bundled and minified without the peers, compressed as servers do.
//
//   node scripts/size.mjs      prints it, and fails if it is too much

import { gzipSync } from "node:zlib";

import { build } from "esbuild";

const LIMIT = 12 * 1024;

const ENTRIES = ["src/index.ts", "src/grpc_web.ts"];

async function size(entry) {
  const { outputFiles } = await build({
    entryPoints: [entry],
    bundle: true,
    minify: true,
    format: "esm",
    target: "es2022",
    external: ["@bufbuild/protobuf", "@connectrpc/connect"],
    write: false,
  });
  return gzipSync(outputFiles[0].contents, { level: 9 }).length;
}

let whole = 0;
for (const entry of ENTRIES) {
  const bytes = await size(entry);
  whole += bytes;
  console.log(`${entry}: ${bytes} bytes`);
}
console.log(`${whole} of at most ${LIMIT} bytes, minified and gzipped, without peers`);
if (whole >= LIMIT) process.exit(1);
