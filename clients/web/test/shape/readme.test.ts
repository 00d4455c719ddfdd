/** What the README shows is compiled, as a user would: from the package as it is packed. */

import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";

import { expect, inject, test } from "vitest";

const { consumer } = inject("packed");
const readme = readFileSync("README.md", "utf8");

const BUNDLER = { module: "ESNext", moduleResolution: "Bundler" };
const NODE = { module: "NodeNext", moduleResolution: "NodeNext" };

/** What the compiler says about files that are put into a folder of the consumer. */
function compile(name: string, files: Record<string, string>, resolution: Record<string, string>): string {
  const folder = join(consumer, name);
  mkdirSync(join(folder, "gen"), { recursive: true });
  cpSync("test/demo_pb.ts", join(folder, "gen/demo_pb.ts"));
  for (const [file, text] of Object.entries(files)) writeFileSync(join(folder, file), text);
  const options = {
    ...resolution,
    target: "ES2022",
    lib: ["ES2022", "DOM", "DOM.Iterable"],
    jsx: "react-jsx",
    strict: true,
    // Libraries are checked too: this one must not need more than pages have.
    skipLibCheck: false,
    types: [],
    noEmit: true,
  };
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions: options, include: ["."] }));
  try {
    return execFileSync("npx", ["tsc", "-p", folder], { encoding: "utf8", stdio: "pipe" });
  } catch (error) {
    return (error as { stdout: string }).stdout;
  }
}

/** The blocks of code, each as a file. */
function examples(): Record<string, string> {
  const blocks = [...readme.matchAll(/^```(tsx?)\n(.*?)^```$/gms)];
  return Object.fromEntries(blocks.map(([, ending, text], at) => [`example_${at}.${ending}`, text!]));
}

test("the examples compile", () => {
  const files = examples();
  expect(Object.keys(files).map((file) => basename(file))).toEqual(
    ["ts", "tsx", "ts", "ts", "ts", "ts"].map((ending, at) => `example_${at}.${ending}`),
  );
  expect(compile("examples", files, BUNDLER)).toBe("");
});

test("an example that is wrong would not compile", () => {
  const wrong = { "wrong.ts": examples()["example_0.ts"]!.replace("baseUrl", "baseURL") };
  expect(compile("wrong", wrong, BUNDLER)).toContain("baseURL");
});

test("the first example is short", () => {
  const code = examples()["example_0.ts"]!.split("\n").filter((line) => line.trim() !== "");
  expect(code.length).toBeLessThanOrEqual(20);
});

test("a program for Node compiles, with types that are named", () => {
  const text = `
    import { createClient, type Transport } from "@connectrpc/connect";
    import {
      compressionGzip, createGatewayTransport, createWebSocketTransport, createWebTransportTransport,
      type CarrierName, type CarrierState, type GatewayTransport, type GatewayTransportOptions,
      type WebSocketOptions, type WebTransportOptions,
    } from "@sluicegate/web";
    import { createMessageClient, type MessageClient } from "@sluicegate/web/grpc-web";
    import { Demo } from "./gen/demo_pb.js";

    const states: CarrierState[] = [];
    const options: GatewayTransportOptions = {
      baseUrl: "https://localhost", acceptCompression: [compressionGzip()], onState: (state) => states.push(state),
    };
    const gateway: GatewayTransport = createGatewayTransport(options);
    const name: CarrierName = gateway.carrierOf("bidi_streaming");
    const one: WebTransportOptions & WebSocketOptions = { baseUrl: "https://localhost" };
    const all: (Transport & { close(): void })[] = [
      gateway, createWebTransportTransport(one), createWebSocketTransport(one),
    ];
    export const sum: bigint = (await createClient(Demo, gateway).sum((async function* () {})())).sum;
    export const messages: MessageClient = createMessageClient(gateway);
    export const shown: [CarrierName, number] = [name, all.length];
  `;
  expect(compile("program", { "program.ts": text }, NODE)).toBe("");
  expect(compile("program-of-a-bundler", { "program.ts": text.replace("_pb.js", "_pb") }, BUNDLER)).toBe("");
});

test("every option has its place in the README", () => {
  const options = readFileSync("src/options.ts", "utf8");
  const names = [...options.matchAll(/^  (\w+)\??: /gm)].map((match) => match[1]!);
  expect(names.length).toBeGreaterThan(20);
  expect(names.filter((name) => !readme.includes(`\`${name}\``))).toEqual([]);
});
