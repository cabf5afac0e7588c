/**
 * Kills at random moments while work goes on, a few of them from a fixed seed; `npm run crash` makes more.
 */
import { expect, it } from "vitest";
import { killAtRandom } from "../../../scripts/crash/random.ts";
import { testSecrets } from "../../lib/mf.ts";

const KILLS = 5;
const SEED = 20_261_123;
const TIMEOUT_MS = 240_000;

it(
  "loses no acknowledged write and no backup that was READY",
  async () => {
    const seen: number[] = [];
    const { bindings } = await testSecrets();
    await killAtRandom({ kills: KILLS, seed: SEED, bindings, onKill: (n) => seen.push(n) });
    expect(seen).toHaveLength(KILLS);
  },
  TIMEOUT_MS,
);
