/**
 * What a reader of a mutant holds: a kit and a KMS, as they are or with something missing, destroyed
 * or replaced.
 */
import type { Random } from "../../lib/random.ts";
import { vectorText } from "../fixtures.ts";
import { KMS_FILE, type KmsFile } from "../vectors/index-schema.ts";
import { INDEX } from "../vectors/readers.ts";

interface KitRecoveryKey {
  readonly kind: string;
  readonly id: string;
  readonly secretKey?: string;
  readonly publicKey?: string;
}

interface KitKeyVersion {
  readonly id: string;
  readonly version: number;
  readonly state: "active" | "retired" | "destroyed";
  readonly key: string | null;
}

export interface KitCheckpoint {
  readonly clusterId: string;
  readonly chainNumber: number;
  readonly containerDigest: string;
}

/** A kit as JSON has it (docs/KIT.md §3). */
export interface KitDocument {
  readonly manufacturer: string;
  readonly recoveryKeys: readonly KitRecoveryKey[];
  readonly mkbk: readonly KitKeyVersion[];
  readonly akbk: readonly KitKeyVersion[];
  readonly checkpoints?: readonly KitCheckpoint[];
}

export interface HeldKeys {
  readonly kit: KitDocument;
  readonly kms: KmsFile | null;
}

const SETS: ReadonlyMap<string, HeldKeys> = new Map(
  Object.entries(INDEX.keys).map(([name, { kit, kms }]) => {
    const kmsFile = kms === null ? null : KMS_FILE.parse(JSON.parse(vectorText(kms)));
    return [name, { kit: JSON.parse(vectorText(kit)), kms: kmsFile }];
  }),
);

/** Those of a key set of the vectors. */
export function keysOfSet(name: string): HeldKeys {
  const set = SETS.get(name);
  if (set === undefined) throw new RangeError(`name: the index has no key set ${name}`);
  return set;
}

const OWNER = keysOfSet("kit_and_kms");
const RECOVERY_KEYS = [...SETS.values()].flatMap(({ kit }) => kit.recoveryKeys);

/** Of a kind that this version passes over. */
const LATER_KEY = { kind: "later", id: "0".repeat(32), secretKey: "a key" };

/** All that opens. */
export function ownersKeys(): HeldKeys {
  return OWNER;
}

/** Another kit or KMS of the vectors. */
export function otherSet(random: Random): HeldKeys {
  return random.pick([...SETS.values()]);
}

/** With one version of MKBK or AKBK destroyed, missing, replaced or under another id. */
export function withOtherRing(random: Random, held: HeldKeys, which: "mkbk" | "akbk"): HeldKeys {
  const at = random.below(held.kit[which].length);
  const version = held.kit[which][at];
  if (version === undefined) return held;
  const others = held.kit[which].filter((_, i) => i !== at);
  const other = random.pick<() => readonly KitKeyVersion[]>([
    () => held.kit[which].with(at, { ...version, state: "destroyed", key: null }),
    () => (others.length === 0 ? [version] : others),
    () => held.kit[which].with(at, { ...version, ...someKey(random) }),
    () => held.kit[which].with(at, { ...version, id: someId(random) }),
    () => held.kit[which].with(at, { ...version, version: version.version + 5 }),
    () => [{ ...version, version: version.version + 5 }, ...held.kit[which]],
  ])();
  return { ...held, kit: { ...held.kit, [which]: other } };
}

/** With other recovery keys: some, none, public halves alone, those of others. */
export function withOtherRecovery(random: Random, held: HeldKeys): HeldKeys {
  const chosen = new Map<string, KitRecoveryKey>();
  for (let i = random.below(4); i > 0; i--) {
    const key = random.pick(RECOVERY_KEYS);
    chosen.set(`${key.kind} ${key.id}`, key);
  }
  const recoveryKeys = random.chance(20)
    ? [...held.kit.recoveryKeys.slice(random.below(2))]
    : [...chosen.values()];
  if (random.chance(15)) recoveryKeys.unshift(LATER_KEY);
  return { ...held, kit: { ...held.kit, recoveryKeys } };
}

/** With another KMS: none, or one whose keys are destroyed, missing, replaced, or others. */
export function withOtherKms(random: Random, held: HeldKeys): HeldKeys {
  const { kms } = held;
  if (kms === null || random.chance(30)) return { ...held, kms: null };
  const [first, ...rest] = random.chance(50) ? kms.keys : kms.keys.toReversed();
  if (first === undefined) return held;
  const keys = random.pick<() => KmsFile["keys"]>([
    () => [{ ...first, state: "destroyed", key: null }, ...rest],
    () => [{ ...first, state: "retired" }, ...rest],
    () => rest,
    () => [{ ...first, ...someKey(random) }, ...rest],
    () => [{ ...first, id: "local/other" }, ...rest],
  ])();
  return { ...held, kms: { ...kms, keys } };
}

export function withCheckpoint(held: HeldKeys, checkpoint: KitCheckpoint): HeldKeys {
  const { checkpoints = [] } = held.kit;
  const isKnown = checkpoints.some(
    ({ clusterId, chainNumber }) =>
      clusterId === checkpoint.clusterId && chainNumber === checkpoint.chainNumber,
  );
  if (isKnown) return held;
  return { ...held, kit: { ...held.kit, checkpoints: [...checkpoints, checkpoint] } };
}

function someKey(random: Random) {
  const state = random.pick(["active", "retired"] as const);
  return { state, key: Buffer.from(random.bytes(32)).toString("base64") };
}

function someId(random: Random): string {
  return Buffer.from(random.bytes(16)).toString("hex");
}
