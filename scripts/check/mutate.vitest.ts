/** The tests of a mutation run: those of the engine that answer in moments. */
import { defineConfig } from "vitest/config";

/** With `--vectors`: what our reader makes of the vectors, and no other test. */
const ofVectors = process.env["HOLDFAST_MUTATE"] === "vectors";

export default defineConfig({
  test: {
    include: ofVectors
      ? ["test/backup/vectors/reader.test.ts"]
      : ["test/{hsm,backup,cluster}/**/*.test.ts"],
    // Damage of every byte and of every limit takes minutes: what
    // only these find is not found here.
    exclude: ["test/backup/damage*", "test/hsm/keys/limits*", "test/hsm/memory/**"],
    testTimeout: 60_000,
  },
});
