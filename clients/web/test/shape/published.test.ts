import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";

import { expect, inject, test } from "vitest";

const { tarball, files, consumer } = inject("packed");

/** What a program prints; fails, with all that it printed, if it does. */
function run(command: string, ...args: string[]): string {
  try {
    return execFileSync(command, args, { encoding: "utf8", stdio: "pipe" });
  } catch (error) {
    const { stdout, stderr } = error as { stdout: string; stderr: string };
    throw new Error(`${command} ${args.join(" ")}\n${stdout}${stderr}`);
  }
}

test("the package has its sources, what is built of them, and nothing else", () => {
  const sources = files.filter((path) => path.startsWith("src/"));
  expect(sources).toContain("src/index.ts");
  const built = sources.flatMap((source) => {
    const stem = source.replace(/^src\//, "dist/").replace(/\.ts$/, "");
    return [".js", ".js.map", ".d.ts", ".d.ts.map"].map((ending) => stem + ending);
  });
  expect(files.toSorted()).toEqual([...sources, ...built, "LICENSE", "README.md", "package.json"].toSorted());
});

test("it needs nothing at run time but its peers", () => {
  const manifest = JSON.parse(readFileSync(join(consumer, "node_modules/@sluicegate/web/package.json"), "utf8"));
  expect(manifest.dependencies).toBeUndefined();
  expect(Object.keys(manifest.peerDependencies)).toEqual(["@bufbuild/protobuf", "@connectrpc/connect"]);
  const imports = files
    .filter((path) => path.endsWith(".js"))
    .flatMap((path) => {
      const text = readFileSync(join(consumer, "node_modules/@sluicegate/web", path), "utf8");
      return [...text.matchAll(/(?:from|import) ?\(?"([^".][^"]*)"/g)].map((match) => match[1]!);
    });
  expect(imports).not.toEqual([]);
  expect(imports.filter((name) => !/^@(bufbuild\/protobuf|connectrpc\/connect)(\/|$)/.test(name))).toEqual([]);
});

test("each name that is exported is there, and so where nothing of a browser is", async () => {
  const names = async (specifier: string) => {
    const script = `console.log(JSON.stringify(Object.keys(await import(${JSON.stringify(specifier)}))))`;
    const printed = execFileSync(process.execPath, ["--input-type=module", "-e", script], {
      cwd: consumer,
      encoding: "utf8",
    });
    return (JSON.parse(printed) as string[]).toSorted();
  };
  expect(await names("@sluicegate/web")).toEqual([
    "compressionGzip",
    "createGatewayTransport",
    "createWebSocketTransport",
    "createWebTransportTransport",
  ]);
  expect(await names("@sluicegate/web/grpc-web")).toEqual(["createMessageClient"]);
});

test("publint has nothing to say", () => {
  run("npx", "publint", "run", tarball, "--strict", "--level", "suggestion");
});

test("the types are found wherever modules are", () => {
  run("npx", "attw", tarball, "--profile", "esm-only", "--no-emoji");
});

test("everything exported is documented, and no link in it is broken", () => {
  run("npx", "typedoc", "--out", join(consumer, "reference"));
});

test("a page loads less than 12 KiB of it", () => {
  console.log(run("node", "scripts/size.mjs"));
});
