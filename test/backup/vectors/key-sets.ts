/**
 * The keys of the vectors: sets of a recovery kit and a KMS, each what one reader holds.
 *
 * Made from named seeds and the RSA keys of the tests. They are published and protect nothing.
 */
import { createHash, createPublicKey, type KeyObject } from "node:crypto";
import type { Keyring, KeyVersion } from "../../../src/backup/format/keys.ts";
import { encodeKit, RecoveryKit } from "../../../src/backup/kit/kit.ts";
import type { RecoveryKey } from "../../../src/backup/seal/recovery.ts";
import { SecretKey } from "../../../src/crypto/secret-key.ts";
import { rsaKey } from "../../lib/rsa-keys.ts";
import { counterRandom } from "../fixtures.ts";
import type { KmsFile } from "./index-schema.ts";

type CustomerKeys = KmsFile["keys"];

interface KeySet {
  readonly ring: Keyring;
  readonly recoveryKey: RecoveryKey | null;
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

function recoveryKey(key: KeyObject): RecoveryKey {
  const spki = createPublicKey(key).export({ type: "spki", format: "der" });
  const pkcs8 = key.export({ type: "pkcs8", format: "der" });
  return {
    id: createHash("sha256").update(spki).digest("hex").slice(0, 32),
    pkcs8: new SecretKey(Uint8Array.from(pkcs8)),
  };
}

const OWNER: KeySet = { ring: RING, recoveryKey: null, kms: CMKS };
const RECOVERY_KEY = recoveryKey(rsaKey(3072));

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
  kit_holder: { ...OWNER, recoveryKey: RECOVERY_KEY, kms: null },
  kit_and_kms: { ...OWNER, recoveryKey: RECOVERY_KEY },
  other_recovery_key: { ...OWNER, recoveryKey: recoveryKey(rsaKey(3072, 1)), kms: null },
  ring_alone: { ...OWNER, kms: null },
  mkbk_absent: withRing({ mkbk: foreignId(RING.mkbk) }),
  mkbk_destroyed: withRing({ mkbk: destroyed(RING.mkbk) }),
  mkbk_replaced: withRing({ mkbk: replaced(RING.mkbk) }),
  akbk_absent: withRing({ akbk: foreignId(RING.akbk) }),
  akbk_destroyed: withRing({ akbk: destroyed(RING.akbk) }),
  akbk_replaced: withRing({ akbk: replaced(RING.akbk) }),
  cmk_absent: { ...OWNER, kms: [customerKey("local/other", "active")] },
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

function kitText({ ring, recoveryKey }: KeySet): string {
  return encodeKit(
    new RecoveryKit({
      createdAt: "2026-01-01T00:00:00Z",
      operator: "Golden Operator",
      recoveryKey,
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
