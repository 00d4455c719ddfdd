import { defineConfig } from "vitest/config";

const units = { include: ["test/**/*.test.ts"], exclude: ["test/shape/**"] };

export default defineConfig({
  test: {
    projects: [
      { test: { name: "unit", ...units } },
      {
        // With the oldest Connect that the package takes.
        resolve: { alias: { "@connectrpc/connect": "connect-oldest" } },
        test: { name: "oldest", ...units },
      },
      {
        // What is published: it is packed first, and programs that look at it take their time.
        test: {
          name: "shape",
          include: ["test/shape/**/*.test.ts"],
          globalSetup: "test/shape/pack.ts",
          testTimeout: 300_000,
          hookTimeout: 300_000,
          fileParallelism: false,
        },
      },
    ],
  },
});
