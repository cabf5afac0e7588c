/**
 * A kill -9 of the real processes leaves the old state or the new one, and nothing acknowledged is
 * lost. `npm run crash` is the same with more kills.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { killAtRandom } from "../../scripts/crash/random.ts";
import { CrashStage, crashAt } from "../../scripts/crash/run.ts";
import { SCENARIOS, storageSteps } from "../../scripts/crash/scenarios.ts";

const STEP_TIMEOUT_MS = 120_000;
const RANDOM_KILLS = 5;
const SEED = 20_261_123;

let stage: CrashStage;

beforeAll(async () => {
  stage = await CrashStage.create();
});
afterAll(async () => {
  await stage.remove();
});

describe("a kill right after a storage step", () => {
  it("has a scenario for every step the worker enumerates, and no other", () => {
    expect(Object.keys(SCENARIOS).sort()).toEqual(storageSteps().sort());
  });

  it.each(storageSteps())(
    "leaves the old state or the new one: %s",
    async (step) => {
      await crashAt(stage, step);
    },
    STEP_TIMEOUT_MS,
  );
});

describe("kills at random moments", () => {
  it(
    "lose no acknowledged write and no backup that was READY",
    async () => {
      await killAtRandom({ kills: RANDOM_KILLS, seed: SEED });
    },
    2 * STEP_TIMEOUT_MS,
  );
});
