/**
 * The keys of the vectors: sets of a recovery kit and a KMS, each what one reader holds.
 *
 * Made from named seeds and the RSA keys of the tests. They are published and protect nothing.
 */
import { createHash, createPublicKey, type KeyObject } from "node:crypto";
import type { Checkpoint } from "../../../src/backup/format/checkpoints.ts";
import type { Keyring, KeyVersion } from "../../../src/backup/format/keys.ts";
import { encodeKit, RecoveryKit } from "../../../src/backup/kit/kit.ts";
import type { KnownPublicKey } from "../../../src/backup/kit/recovery-keys.ts";
import { hybridPublicKey } from "../../../src/backup/seal/hybrid-kem.ts";
import type { HybridRecoveryKey } from "../../../src/backup/seal/recovery-hybrid.ts";
import type { RecoveryKey } from "../../../src/backup/seal/recovery-keys.ts";
import type { RsaRecoveryKey } from "../../../src/backup/seal/recovery-rsa.ts";
import { SecretKey } from "../../../src/crypto/secret-key.ts";
import { rsaKey } from "../../lib/rsa-keys.ts";
import { counterRandom, ORIGIN } from "../fixtures.ts";
import type { KmsFile } from "./index-schema.ts";

type CustomerKeys = KmsFile["keys"];

interface KeySet {
  readonly ring: Keyring;
  readonly recoveryKeys: readonly RecoveryKey[];
  readonly publicKeys?: readonly KnownPublicKey[];
  readonly checkpoints?: readonly Checkpoint[];
  /** Null: there is no KMS, as on the day when the operator is gone. */
  readonly kms: CustomerKeys | null;
}

function version(name: string, number: number, state: "active" | "retired"): KeyVersion {
  const random = counterRandom(`vectors/${name}/${number}`);
  return { id: random(16), version: number, state, key: new SecretKey(random(32)) };
}

const RING: Keyring = {
  manufacturer: "Golden Works",
  mkbk: [version("mkbk", 1, "retired"), version("mkbk", 2, "active")],
  akbk: [version("akbk", 1, "retired"), version("akbk", 2, "active")],
};

function customerKey(id: string, state: "active" | "retired", seed = id): CustomerKeys[number] {
  const key = counterRandom(`vectors/cmk/${seed}`)(32);
  return { id, state, key: Buffer.from(key).toString("base64") };
}

const CMKS = [customerKey("local/golden-1", "retired"), customerKey("local/golden-2", "active")];

function rsaRecoveryKey(key: KeyObject): RsaRecoveryKey {
  const spki = createPublicKey(key).export({ type: "spki", format: "der" });
  const pkcs8 = key.export({ type: "pkcs8", format: "der" });
  return { algorithm: "rsa", id: keyId(spki), pkcs8: new SecretKey(Uint8Array.from(pkcs8)) };
}

async function hybridRecoveryKey(name: string): Promise<HybridRecoveryKey> {
  const seed = new SecretKey(counterRandom(`vectors/recovery/${name}`)(32));
  return { algorithm: "hybrid", id: keyId(await hybridPublicKey(seed)), seed };
}

function keyId(publicKey: Uint8Array): string {
  return createHash("sha256").update(publicKey).digest("hex").slice(0, 32);
}

const OWNER: KeySet = { ring: RING, recoveryKeys: [], kms: CMKS };
const HYBRID = await hybridRecoveryKey("hybrid");
const RSA = rsaRecoveryKey(rsaKey(3072));
const OTHER_HYBRID = await hybridRecoveryKey("another");
const OTHER_RSA = rsaRecoveryKey(rsaKey(3072, 1));
const RECOVERY_KEYS = [HYBRID, RSA];

/** As a kit holds keys whose private halves are in hardware, or in another safe. */
const PUBLIC_KEYS: readonly KnownPublicKey[] = [
  { algorithm: "hybrid", id: HYBRID.id, bytes: await hybridPublicKey(HYBRID.seed) },
  { algorithm: "rsa", id: RSA.id, bytes: spkiOf(rsaKey(3072)) },
];

function spkiOf(key: KeyObject): Uint8Array {
  return Uint8Array.from(createPublicKey(key).export({ type: "spki", format: "der" }));
}

const CHECKPOINT = { clusterId: ORIGIN.clusterId, chainNumber: 3 };

function foreignId(versions: readonly KeyVersion[]): KeyVersion[] {
  return versions.map((entry) => ({ ...entry, id: counterRandom("vectors/foreign")(16) }));
}

function destroyed(versions: readonly KeyVersion[]): KeyVersion[] {
  return versions.map(({ id, version }) => ({ id, version, state: "destroyed", key: null }));
}

function replaced(versions: readonly KeyVersion[]): KeyVersion[] {
  return versions.map((entry) => ({
    ...entry,
    key: new SecretKey(counterRandom("vectors/replaced")(32)),
  }));
}

function withRing(change: Partial<Keyring>): KeySet {
  return { ...OWNER, ring: { ...RING, ...change } };
}

/** Key sets by the name that the index uses. */
const KEY_SETS = {
  /** All of the operator: ring and KMS, as the edge holds them. */
  owner: OWNER,
  /** All of a customer without the operator: ring and recovery key, no KMS. */
  kit_holder: { ...OWNER, recoveryKeys: RECOVERY_KEYS, kms: null },
  kit_and_kms: { ...OWNER, recoveryKeys: RECOVERY_KEYS },
  hybrid_holder: { ...OWNER, recoveryKeys: [HYBRID], kms: null },
  rsa_holder: { ...OWNER, recoveryKeys: [RSA], kms: null },
  public_halves: { ...OWNER, recoveryKeys: [], publicKeys: PUBLIC_KEYS, kms: null },
  other_recovery_keys: { ...OWNER, recoveryKeys: [OTHER_HYBRID, OTHER_RSA], kms: null },
  /** Other keys under the ids of the right ones. */
  recovery_replaced: {
    ...OWNER,
    recoveryKeys: [
      { ...OTHER_HYBRID, id: HYBRID.id },
      { ...OTHER_RSA, id: RSA.id },
    ],
    kms: null,
  },
  recovery_rsa_short: {
    ...OWNER,
    recoveryKeys: [{ ...rsaRecoveryKey(rsaKey(2048)), id: RSA.id }],
    kms: null,
  },
  recovery_rsa_unreadable: {
    ...OWNER,
    recoveryKeys: [{ algorithm: "rsa", id: RSA.id, pkcs8: new SecretKey(new Uint8Array(100)) }],
    kms: null,
  },
  /** The same keys, and a digest that no backup of this number has. */
  other_chain: {
    ...OWNER,
    recoveryKeys: RECOVERY_KEYS,
    checkpoints: [{ ...CHECKPOINT, containerDigest: new Uint8Array(32) }],
  },
  ring_alone: { ...OWNER, kms: null },
  mkbk_absent: withRing({ mkbk: foreignId(RING.mkbk) }),
  mkbk_destroyed: withRing({ mkbk: destroyed(RING.mkbk) }),
  mkbk_replaced: withRing({ mkbk: replaced(RING.mkbk) }),
  akbk_absent: withRing({ akbk: foreignId(RING.akbk) }),
  akbk_destroyed: withRing({ akbk: destroyed(RING.akbk) }),
  akbk_replaced: withRing({ akbk: replaced(RING.akbk) }),
  cmk_absent: { ...OWNER, kms: [customerKey("local/other", "active")] },
  /** Of a recipient that is a KMS the key is absent; for the others there is nothing to ask with. */
  public_halves_and_kms: {
    ...OWNER,
    publicKeys: PUBLIC_KEYS,
    kms: [customerKey("local/other", "active")],
  },
  cmk_destroyed: {
    ...OWNER,
    kms: CMKS.map(({ id }) => ({ id, state: "destroyed" as const, key: null })),
  },
  cmk_replaced: {
    ...OWNER,
    kms: CMKS.map(({ id }) => customerKey(id, "active", "replaced")),
  },
} satisfies Record<string, KeySet>;

export type KeySetName = keyof typeof KEY_SETS;

function kitText({ ring, recoveryKeys, publicKeys = [], checkpoints = [] }: KeySet): string {
  return encodeKit(
    new RecoveryKit({
      createdAt: "2026-01-01T00:00:00Z",
      operator: "Golden Operator",
      recoveryKeys,
      publicKeys,
      checkpoints,
      ring,
      note: "Test keys, published on purpose: they protect nothing.",
    }),
  );
}

function kmsText(keys: CustomerKeys): string {
  const file: KmsFile = { format: "holdfast-local-kms/1", keys };
  return `${JSON.stringify(file, null, 2)}\n`;
}

/**
 * The files of all key sets, by path, and the part of the index that names them. A file that
 * several sets have in common lies there once, under the name of the first.
 */
export function keySetFiles() {
  const files = new Map<string, string>();
  const paths = new Map<string, string>();
  const keep = (path: string, text: string): string => {
    const kept = paths.get(text) ?? path;
    paths.set(text, kept);
    files.set(kept, text);
    return kept;
  };
  const keys: Record<string, { kit: string; kms: string | null }> = {};
  for (const [name, set] of Object.entries<KeySet>(KEY_SETS)) {
    const kms = set.kms === null ? null : keep(`keys/${name}/kms.json`, kmsText(set.kms));
    keys[name] = { kit: keep(`keys/${name}/kit.json`, kitText(set)), kms };
  }
  return { files, keys };
}
