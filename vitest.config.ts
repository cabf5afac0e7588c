import { defineConfig } from "vitest/config";

// Three projects by what they need built: the module; the edge bundle in workerd; the pages in Chromium.
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: "unit",
          include: [
            "test/*.test.ts",
            "test/{crypto,hsm,backup,cluster,reference,scripts}/**/*.test.ts",
          ],
          globalSetup: ["test/lib/build-core.ts"],
          testTimeout: 60_000,
        },
      },
      {
        test: {
          name: "edge",
          include: ["test/worker/**/*.test.ts"],
          globalSetup: ["test/lib/build-edge.ts"],
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
      {
        test: {
          name: "browser",
          include: ["test/web/**/*.test.ts"],
          globalSetup: ["test/lib/build-edge.ts"],
          fileParallelism: false,
          testTimeout: 120_000,
          hookTimeout: 180_000,
        },
      },
    ],
  },
});
