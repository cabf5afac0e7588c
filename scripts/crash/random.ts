/**
 * Kills at random moments, from a seed: work goes on in between, and nothing acknowledged is lost.
 */

import { generateSecrets } from "../edge/dev-secrets.ts";
import { CrashRig } from "./rig.ts";
import { afterCrash } from "./run.ts";
import { emptyWorld, Scene, verifyWorld, type World } from "./world.ts";

const KILL_AFTER_MS_MAX = 1_500;
const KEYS_MAX = 40;
const BACKUPS_MAX = 8;

/** Numbers from 0 to 1 that depend on the seed alone (mulberry32: not for secrets). */
function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export interface RandomKills {
  readonly kills: number;
  readonly seed: number;
  /** Secrets of the deployment; its own unless given. */
  readonly bindings?: Record<string, string>;
  readonly onKill?: (n: number, world: World) => void;
}

/** @throws Error that names the kill and what was lost, revived or broken. */
export async function killAtRandom({ kills, seed, bindings, onKill }: RandomKills): Promise<void> {
  const random = seededRandom(seed);
  const world = emptyWorld();
  const rig = await CrashRig.create(bindings ?? (await generateSecrets()).bindings);
  try {
    await rig.start();
    await begin(new Scene(rig.access, world));
    for (let n = 1; n <= kills; n++) {
      rig.warmUp();
      await workUntilKilled(rig, new Scene(rig.access, world), random);
      await rig.start();
      try {
        await verifyWorld(new Scene(rig.access, world));
      } catch (error) {
        throw new Error(`after kill ${n} of seed ${seed}`, { cause: error });
      }
      onKill?.(n, world);
    }
    await rig.kill();
    await afterCrash(rig, world);
  } finally {
    await rig.remove();
  }
}

async function begin(scene: Scene): Promise<void> {
  await scene.bringUp();
  await scene.importKey("first");
  await scene.backUp();
}

/** The kill cuts the work off at some point: that is the experiment. It must not fail before. */
async function workUntilKilled(rig: CrashRig, scene: Scene, random: () => number): Promise<void> {
  let killed = false;
  const working = work(scene, random).then(
    () => null,
    (error: unknown) => (killed ? null : error),
  );
  await new Promise((next) => setTimeout(next, random() * KILL_AFTER_MS_MAX));
  killed = true;
  await rig.kill();
  const failure = await working;
  if (failure !== null) throw new Error("the work failed before the kill", { cause: failure });
}

/** Changes without end; the kill ends it. */
async function work(scene: Scene, random: () => number): Promise<void> {
  const { world } = scene;
  for (;;) {
    const dice = random();
    const labels = [...world.keys];
    const label = labels[Math.floor(random() * labels.length)];
    if (dice < 0.07) await scene.replaceHsm();
    else if (dice < 0.17) await scene.changeMembers();
    else if (dice < 0.33) await scene.backUp();
    else if (world.backups.size > BACKUPS_MAX) await scene.deleteOldestBackup();
    else if (label !== undefined && (dice < 0.5 || labels.length > KEYS_MAX)) {
      await scene.deleteKey(label);
    } else await scene.importKey(`key-${Math.floor(random() * 1e9)}`);
  }
}
