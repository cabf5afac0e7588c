/**
 * `npm run crash`: the long run of the crash tests.
 */

import { STORAGE_STEPS, type StorageStep } from "../../src/worker/platform/steps.ts";
import { readOptions, refuse, wholeNumber } from "../terminal/options.ts";
import { step } from "../terminal/progress.ts";
import { killAtRandom } from "./random.ts";
import { CrashStage, crashAt } from "./run.ts";

const USAGE = `usage: npm run crash -- [--steps] [--kills N] [--seed S]

Starts the built worker as real processes on a folder of its own, kills the whole process group with
SIGKILL, starts it again, and demands exactly the old state or the new one.

  --steps     after every enumerated storage step
  --step S    after one storage step
  --kills N   N times at random moments while work goes on (default 200 without --steps)
  --seed S    the moments and the work, repeatably (default 1)`;

const DEFAULT_KILLS = 200;

const values = readOptions(USAGE, {
  steps: { type: "boolean" },
  step: { type: "string" },
  kills: { type: "string" },
  seed: { type: "string", default: "1" },
});

async function killAtSteps(steps: readonly StorageStep[]): Promise<void> {
  const stage = await CrashStage.create();
  try {
    for (const name of steps) await step(name, () => crashAt(stage, name));
  } finally {
    await stage.remove();
  }
}

async function main(): Promise<void> {
  const onlySteps = values.steps || values.step !== undefined;
  const kills = wholeNumber("kills", values.kills ?? (onlySteps ? "0" : String(DEFAULT_KILLS)));
  const seed = wholeNumber("seed", values.seed);
  if (values.step !== undefined) {
    const named = STORAGE_STEPS.find((name) => name === values.step);
    if (named === undefined) refuse(`--step: there is no storage step "${values.step}"`);
    await killAtSteps([named]);
  }
  if (values.steps) await killAtSteps(STORAGE_STEPS);
  if (kills > 0) {
    await step(`${kills} kills, seed ${seed}`, (note) =>
      killAtRandom({
        kills,
        seed,
        onKill: (n, world) => note(`${n}: ${world.keys.size} keys, ${world.backups.size} backups`),
      }),
    );
  }
}

await main();
