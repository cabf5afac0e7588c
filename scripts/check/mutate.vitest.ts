/** The tests of a mutation run: those of the engine that answer in moments. */
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/{hsm,backup,cluster}/**/*.test.ts"],
    // Damage of every byte and of every limit takes minutes: what
    // only these find is not found here.
    exclude: ["test/backup/damage*", "test/hsm/keys/limits*", "test/hsm/memory/**"],
    testTimeout: 60_000,
  },
});
