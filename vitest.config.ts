import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";
import { LongestFirst } from "./test/lib/longest-first.ts";

// Three projects by what they need built: the edge bundle in workerd; the pages in Chromium; the
// module alone, which the build of the other two leaves as well. Files of a project share a process
// and its modules, one after the other. Edges wait for their clocks and for workerd, so that three
// files at once use two cores well; with many cores, edges and browsers are heavy enough to stop at
// four. Unit tests only compute: one file for each core, after the others.
const cores = availableParallelism();
const shared = { isolate: false, maxWorkers: Math.min(4, Math.max(3, Math.floor(cores / 2))) };

export default defineConfig({
  test: {
    sequence: { sequencer: LongestFirst },
    // What TypeScript becomes is kept for the next run, by contents; nothing else transforms a module.
    experimental: { fsModuleCache: true },
    projects: [
      {
        test: {
          ...shared,
          name: "edge",
          include: ["test/worker/**/*.test.ts"],
          // Of the tests that say they may run side by side: those that crash.
          maxConcurrency: 2,
          globalSetup: ["test/lib/build-edge.ts"],
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
      {
        test: {
          ...shared,
          name: "browser",
          include: ["test/web/**/*.test.ts"],
          globalSetup: ["test/lib/build-edge.ts"],
          testTimeout: 120_000,
          hookTimeout: 180_000,
        },
      },
      {
        test: {
          ...shared,
          name: "unit",
          maxWorkers: Math.min(4, cores),
          sequence: { groupOrder: 1 },
          include: [
            "test/*.test.ts",
            "test/{crypto,hsm,backup,cluster,reference,scripts}/**/*.test.ts",
          ],
          globalSetup: ["test/lib/build-core.ts"],
          testTimeout: 60_000,
        },
      },
    ],
  },
});
