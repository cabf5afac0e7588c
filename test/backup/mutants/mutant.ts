/**
 * Mutants: backups that are wrong somewhere, by seed and index alone, the same every time.
 *
 * Two of three are made beneath MACs and seal and authenticated again, so that readers come to the
 * rules behind them; the others are vectors that were damaged as they lie.
 */
import type { Core } from "../../../src/crypto/core.ts";
import { Random } from "../../lib/random.ts";
import { bent } from "./bent-bytes.ts";
import type { Faults } from "./faults.ts";
import { fileMutant } from "./file-mutants.ts";
import { HEADER_FAULTS } from "./header-faults.ts";
import { PAYLOAD_FAULTS } from "./payload-faults.ts";
import { type Mutant, makeMutant, type Plan, soundPlan } from "./plan.ts";
import { READER_FAULTS } from "./reader-faults.ts";
import { SEAL_FAULTS } from "./seal-faults.ts";

const BENEATH_PERCENT = 65;
/** How many changes a mutant has: of several, the order of the rules decides. */
const COUNTS = [0, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 3];
const CONTAINER_FAULTS: Faults = [...HEADER_FAULTS, ...PAYLOAD_FAULTS];

/** Faults of the reader, of the seal where there is one, or of the container. */
function kindOfFault(random: Random, { seal }: Plan): Faults {
  const dice = random.below(100);
  if (dice < 25) return READER_FAULTS;
  return seal !== null && dice < 60 ? SEAL_FAULTS : CONTAINER_FAULTS;
}

function pickFault(random: Random, faults: Faults) {
  const drawn = faults.flatMap((fault) => Array.from({ length: fault[0] }, () => fault));
  return random.pick(drawn);
}

async function beneath(core: Core, random: Random, seed: string): Promise<Mutant> {
  const plan = soundPlan(core, random, seed);
  const names: string[] = [plan.seal === null ? "bare" : "sealed"];
  for (let i = random.pick(COUNTS); i > 0; i--) {
    const [, name, fault] = pickFault(random, kindOfFault(random, plan));
    fault(plan, random);
    names.push(name);
  }
  if (random.chance(8)) {
    plan.changes.file.push((bytes) => bent(random, bytes));
    names.push("the file as it lies");
  }
  return await makeMutant(plan, names);
}

/** Mutant `index` of `seed`. */
export async function mutantOf(core: Core, seed: number, index: number): Promise<Mutant> {
  const name = `mutant ${index} of ${seed}`;
  const random = new Random(name);
  if (random.chance(BENEATH_PERCENT)) return await beneath(core, random, name);
  return fileMutant(random);
}
