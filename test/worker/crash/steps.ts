/**
 * A kill -9 of the real processes right after a storage step leaves the old state or the new one, and
 * nothing acknowledged is lost. Two files share the steps, so that they run side by side.
 */
import { afterAll, beforeAll, expect, it } from "vitest";
import { CrashStage, crashAt } from "../../../scripts/crash/run.ts";
import { STORAGE_STEPS, type StorageStep } from "../../../src/worker/platform/steps.ts";
import { testSecrets } from "../../lib/mf.ts";

const TIMEOUT_MS = 120_000;

/** Steps of the control plane and of the life of its HSMs; the others are of an HSM's memory. */
function isOfControlPlane(step: StorageStep): boolean {
  return step.startsWith("region_") || step.startsWith("hsm_");
}

export const CONTROL_PLANE_STEPS = STORAGE_STEPS.filter(isOfControlPlane);
export const MEMORY_STEPS = STORAGE_STEPS.filter((step) => !isOfControlPlane(step));

/** One test for each step, on states that the file makes once. */
export function testKillsAt(steps: readonly StorageStep[]): void {
  let stage: CrashStage;
  beforeAll(async () => {
    stage = await CrashStage.create((await testSecrets()).bindings);
  });
  afterAll(async () => {
    await stage.remove();
  });

  it("has steps to be killed at", () => {
    expect(steps.length).toBeGreaterThan(10);
  });

  it.each(steps)(
    "leaves the old state or the new one: %s",
    async (step) => {
      await crashAt(stage, step);
    },
    TIMEOUT_MS,
  );
}
