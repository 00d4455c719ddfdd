import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    projects: [
      { test: { name: "unit", include: ["test/**/*.test.ts"], exclude: ["test/shape/**"] } },
      {
        // What is published: it is packed first, and programs that look at it take their time.
        test: {
          name: "shape",
          include: ["test/shape/**/*.test.ts"],
          globalSetup: "test/shape/pack.ts",
          testTimeout: 120_000,
          hookTimeout: 120_000,
          fileParallelism: false,
        },
      },
    ],
  },
});
