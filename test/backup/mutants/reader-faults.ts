/**
 * Other readers: what they hold, and what they know of the file, right or wrong.
 */
import type { Random } from "../../lib/random.ts";
import { LOCATION } from "../fixtures.ts";
import type { Expectation } from "../vectors/index-schema.ts";
import type { Fault, Faults } from "./faults.ts";
import {
  otherSet,
  withCheckpoint,
  withOtherKms,
  withOtherRecovery,
  withOtherRing,
} from "./held-keys.ts";
import type { Facts } from "./plan.ts";

const otherRing: Fault = (plan, random) => {
  plan.held = withOtherRing(random, plan.held, random.pick(["mkbk", "akbk"]));
};

const otherRecovery: Fault = (plan, random) => {
  plan.held = withOtherRecovery(random, plan.held);
};

const otherKms: Fault = (plan, random) => {
  plan.held = withOtherKms(random, plan.held);
};

/** No KMS and what is left of the recovery keys: the way in which a kit alone is used. */
const noKms: Fault = (plan, random) => {
  const held = { ...plan.held, kms: null };
  plan.held = random.chance(50) ? held : withOtherRecovery(random, held);
};

const otherKeys: Fault = (plan, random) => {
  plan.held = otherSet(random);
};

const manufacturer: Fault = (plan) => {
  plan.held = { ...plan.held, kit: { ...plan.held.kit, manufacturer: "Another Works" } };
};

const checkpoint: Fault = (plan, random) => {
  const { clusterId, chainNumber } = plan.origin;
  plan.held = withCheckpoint(plan.held, {
    clusterId: random.chance(85) ? clusterId : "cluster-other",
    chainNumber: random.chance(85) ? chainNumber : Math.max(1, chainNumber - 1),
    containerDigest: "0123456789abcdef".repeat(4),
  });
};

const LOCATIONS: readonly ((facts: Facts, random: Random) => Expectation["location"])[] = [
  ({ location }) => location,
  () => LOCATION,
  () => ({ ...LOCATION, account: "210987654321" }),
  () => ({ ...LOCATION, region: "us-east-1" }),
  () => ({ ...LOCATION, clusterId: "cluster-other" }),
  () => ({ ...LOCATION, backupId: "backup-other" }),
  () => ({ clusterId: LOCATION.clusterId, backupId: LOCATION.backupId }),
  () => ({ clusterId: LOCATION.clusterId, backupId: "backup-other" }),
];

function knownEnvelope({ envelope }: Facts, random: Random): Expectation {
  const known = envelope ?? { number: 1, digest: "00".repeat(32) };
  const other = `${known.digest.slice(0, -1)}${known.digest.endsWith("0") ? 1 : 0}`;
  return random.pick<() => Expectation>([
    () => ({ envelope: known }),
    () => ({ envelope: known }),
    () => ({ envelope: { ...known, number: known.number + 1 } }),
    () => ({ envelope: { ...known, digest: other } }),
  ])();
}

const EXPECTATIONS: readonly ((facts: Facts, random: Random) => Expectation)[] = [
  () => ({ sealed: true }),
  (facts, random) => ({ location: random.pick(LOCATIONS)(facts, random) }),
  (facts) => ({ location: facts.location }),
  knownEnvelope,
  ({ origin }, random) => ({ backupId: random.chance(60) ? origin.backupId : "backup-other" }),
  ({ origin }, random) => ({ clusterId: random.chance(60) ? origin.clusterId : "cluster-other" }),
  ({ origin }, random) => ({ lineageId: random.chance(60) ? origin.lineageId : "cluster-other" }),
  (_, random) => ({ mode: random.pick(["FIPS", "NON_FIPS"]) }),
  ({ containerDigest }, random) => ({
    containerDigest: random.chance(60) ? containerDigest : "00".repeat(32),
  }),
];

/** One to three things that are known. */
const expectation: Fault = ({ changes }, random) => {
  for (let i = random.pick([1, 1, 2, 3]); i > 0; i--) {
    const known = random.pick(EXPECTATIONS);
    changes.expectation.push((facts) => known(facts, random));
  }
};

export const READER_FAULTS: Faults = [
  [3, "ring of the reader", otherRing],
  [3, "recovery keys of the reader", otherRecovery],
  [3, "KMS of the reader", otherKms],
  [2, "no KMS", noKms],
  [2, "key set of the reader", otherKeys],
  [1, "manufacturer of the ring", manufacturer],
  [3, "checkpoint", checkpoint],
  [9, "expectation", expectation],
];
