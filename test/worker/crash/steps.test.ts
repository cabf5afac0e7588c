/**
 * A kill -9 of the real processes right after a storage step leaves the old state or the new one, and
 * nothing acknowledged is lost. Two steps run side by side, on copies of states that are made once.
 */
import { afterAll, beforeAll, describe, it } from "vitest";
import { CrashStage, crashAt } from "../../../scripts/crash/run.ts";
import { STORAGE_STEPS } from "../../../src/worker/platform/steps.ts";
import { testSecrets } from "../../lib/mf.ts";

const TIMEOUT_MS = 120_000;

let stage: CrashStage;
beforeAll(async () => {
  stage = await CrashStage.create((await testSecrets()).bindings);
});
afterAll(async () => {
  await stage.remove();
});

describe.concurrent("a kill right after a step", () => {
  it.each(STORAGE_STEPS)(
    "leaves the old state or the new one: %s",
    async (step) => {
      await crashAt(stage, step);
    },
    TIMEOUT_MS,
  );
});
