/**
 * What the tests of the engine share: fixed keys, fixed chance, small memories, a store of arrays.
 */
import { createHash, webcrypto } from "node:crypto";
import { readFileSync } from "node:fs";
import type { Origin } from "../../src/backup/container/header.ts";
import type { ContainerSummary } from "../../src/backup/container/reader.ts";
import {
  type BackupStore,
  type CreatedBackup,
  createBackup,
  type Spool,
} from "../../src/backup/create.ts";
import { BackupError, type BackupFault } from "../../src/backup/format/errors.ts";
import type { Keyring, KeyVersion } from "../../src/backup/format/keys.ts";
import { parseKit, type RecoveryKit } from "../../src/backup/kit/kit.ts";
import type { Staging } from "../../src/backup/restore.ts";
import { type CustomerKey, type Kms, localKms } from "../../src/backup/seal/kms.ts";
import type { BackupLocation } from "../../src/backup/seal/location.ts";
import type {
  RecoveryAlgorithm,
  RecoveryKey,
  RecoveryPublicKey,
} from "../../src/backup/seal/recovery-keys.ts";
import type { Core } from "../../src/crypto/core.ts";
import { SecretKey } from "../../src/crypto/secret-key.ts";
import type { RandomBytes, Subtle } from "../../src/crypto/web-crypto.ts";
import type { RecordType, SnapshotRecord, SnapshotSource } from "../../src/hsm/memory/record.ts";
import { KMS_FILE, type KmsFile } from "./vectors/index-schema.ts";

export const subtle: Subtle = webcrypto.subtle as Subtle;

const VECTORS = new URL("../vectors/", import.meta.url);

/** The bytes of a file of the vectors. @param path - as the index names it. */
export function vectorBytes(path: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(readFileSync(new URL(path, VECTORS)));
}

export function vectorText(path: string): string {
  return readFileSync(new URL(path, VECTORS), "utf8");
}

/** The kit of all vectors, with a recovery key. Its keys open nothing else. */
export function testKit(): RecoveryKit {
  return parseKit(vectorText("keys/kit_holder/kit.json"));
}

export function testRing(): Keyring {
  return testKit().ring;
}

/** A key of a ring, the same for the same seed and number. */
export function keyVersion(version: number, state: KeyVersion["state"], seed = "key"): KeyVersion {
  const random = counterRandom(`${seed}/${version}`);
  return { id: random(16), version, state, key: new SecretKey(random(32)) };
}

/** A recovery key of the kit of all vectors. */
export function recoveryKey<A extends RecoveryAlgorithm = "hybrid">(
  algorithm: A = "hybrid" as A,
): Extract<RecoveryKey, { algorithm: A }> {
  const key = testKit().recoveryKeys.find((one) => one.algorithm === algorithm);
  if (key === undefined) throw new Error("the test kit has a recovery key of each kind");
  return key as Extract<RecoveryKey, { algorithm: A }>;
}

/** Its public half, as a deployment has it. */
export function recoveryPublicKey(algorithm: RecoveryAlgorithm = "hybrid"): RecoveryPublicKey {
  const set = vectorText("keys/public_halves/kit.json");
  const key = parseKit(set).publicKeys.find((one) => one.algorithm === algorithm);
  if (key === undefined) throw new Error("the public halves of the test kit are there");
  return { algorithm, bytes: key.bytes };
}

/** The CMKs of a KMS file. @param path - as the index names it. */
export function customerKeys(path: string): CustomerKey[] {
  return customerKeysOf(KMS_FILE.parse(JSON.parse(vectorText(path))));
}

export function customerKeysOf({ keys }: KmsFile): CustomerKey[] {
  return keys.map(({ id, state, key }) => ({
    id,
    state,
    key: key === null ? null : SecretKey.copyOf(Buffer.from(key, "base64")),
  }));
}

/** The KMS of all vectors. @param cmk - of its keys, the one that wraps; else the active one. */
export function testKms(random: RandomBytes = counterRandom("kms"), cmk?: string): Kms {
  const keys = customerKeys("keys/owner/kms.json");
  if (cmk === undefined) return localKms(subtle, random, keys);
  const chosen = keys.filter(({ id }) => id === cmk);
  return localKms(
    subtle,
    random,
    chosen.map((key) => ({ ...key, state: "active" })),
  );
}

/** Bytes that look random and are the same every time: SHA-256(seed ‖ counter), joined. */
export function counterRandom(seed: string): RandomBytes {
  let counter = 0;
  return (length) => {
    const bytes = new Uint8Array(length);
    for (let at = 0; at < length; at += 32) {
      const block = createHash("sha256").update(`${seed}/${counter}`).digest();
      bytes.set(block.subarray(0, length - at), at);
      counter += 1;
    }
    return bytes;
  };
}

export const ORIGIN: Origin = {
  backupId: "backup-aaaaaaaaaaa",
  clusterId: "cluster-bbbbbbbbbbb",
  lineageId: "cluster-bbbbbbbbbbb",
  hsmType: "hsm2m.medium",
  mode: "NON_FIPS",
  region: "eu-central-1",
  createdAtMs: 1_767_225_600_000,
  chainNumber: 1,
  previousDigest: new Uint8Array(0),
};

export const LOCATION: BackupLocation = {
  account: "123456789012",
  region: "eu-central-1",
  clusterId: "cluster-bbbbbbbbbbb",
  backupId: "backup-aaaaaaaaaaa",
};

/** A record of valid form: an attributes map of one text, and a secret. */
export function record(type: RecordType, id: number, text: string, secret = ""): SnapshotRecord {
  const attributes = [0xa1, 0x01, ...head(0x60, text.length), ...Buffer.from(text)];
  const bytes = [0x82, ...attributes, ...head(0x40, secret.length), ...Buffer.from(secret)];
  return { type, id, bytes: Uint8Array.from(bytes) };
}

/** A record whose encoding is exactly `byteLength` bytes long. */
export function recordOfLength(type: RecordType, id: number, byteLength: number): SnapshotRecord {
  for (let headBytes = 1; headBytes <= 3; headBytes++) {
    const secretBytes = byteLength - 2 - headBytes;
    if (secretBytes < 0 || head(0x40, secretBytes).length !== headBytes) continue;
    const bytes = new Uint8Array(byteLength);
    bytes.set([0x82, 0xa0, ...head(0x40, secretBytes)]);
    bytes.fill(id & 0xff, 2 + headBytes);
    return { type, id, bytes };
  }
  throw new Error(`no record has ${byteLength} bytes`);
}

function head(major: number, length: number): number[] {
  if (length < 24) return [major | length];
  if (length < 0x100) return [major | 24, length];
  return [major | 25, length >> 8, length & 0xff];
}

/** A source over fixed records. */
export function sourceOf(records: readonly SnapshotRecord[]): SnapshotSource {
  return {
    *entries() {
      for (const { type, id, bytes } of records) yield { type, id, byteLength: bytes.length };
    },
    *records() {
      for (const { type, id, bytes } of records) {
        const lent = bytes.slice();
        yield { type, id, bytes: lent };
        lent.fill(0);
      }
    },
  };
}

export const SMALL_MEMORY: readonly SnapshotRecord[] = [
  record(1, 0, "configuration"),
  record(2, 0, "policy"),
  record(3, 1, "admin", "verifier of the admin"),
  record(3, 2, "app_user"),
  record(4, 1, "certificate"),
  record(5, 1, "aes key", "0123456789abcdef0123456789abcdef"),
  record(5, 7, "rsa key", "pkcs8 ".repeat(60)),
];

/** What a restore put and whether it was committed. */
export class TestStaging implements Staging {
  readonly records: SnapshotRecord[] = [];
  committed: ContainerSummary | null = null;
  discarded = false;

  put({ type, id, bytes }: SnapshotRecord): void {
    this.records.push({ type, id, bytes: bytes.slice() });
  }
  commit(summary: ContainerSummary): void {
    this.committed = summary;
  }
  discard(): void {
    this.discarded = true;
  }
}

export class ArraySpool implements Spool {
  readonly parts: Uint8Array[] = [];

  write(parts: Iterable<Uint8Array>): void {
    for (const part of parts) this.parts.push(part.slice());
  }
  read(): Iterable<Uint8Array> {
    return this.parts;
  }
}

/** A store in memory; `file` is what a download would be. */
export class ArrayStore implements BackupStore {
  readonly spool: ArraySpool = new ArraySpool();
  body: Uint8Array = new Uint8Array(0);
  envelope: Uint8Array = new Uint8Array(0);

  async putBody(_: Uint8Array, byteLength: number, body: AsyncIterable<Uint8Array>): Promise<void> {
    const pieces: Uint8Array[] = [];
    for await (const piece of body) pieces.push(piece);
    this.body = Uint8Array.from(Buffer.concat(pieces));
    if (this.body.length !== byteLength) throw new Error("the body has another length");
  }
  putEnvelope(_: Uint8Array, envelope: Uint8Array): Promise<void> {
    this.envelope = envelope;
    return Promise.resolve();
  }
  get container(): Uint8Array {
    return Uint8Array.from(Buffer.concat(this.spool.parts));
  }
  get file(): Uint8Array {
    return Uint8Array.from(Buffer.concat([this.envelope, this.body]));
  }
}

/**
 * A backup of `SMALL_MEMORY`, and what it was stored as. @param seed - of its chance.
 * @param recoveryKeys - for whom it is sealed besides the KMS.
 */
export async function sealedBackup(
  core: Core,
  seed: string,
  recoveryKeys: readonly RecoveryPublicKey[] = [recoveryPublicKey()],
): Promise<{ readonly store: ArrayStore; readonly created: CreatedBackup }> {
  const store = new ArrayStore();
  const platform = { core, subtle, random: counterRandom(seed) };
  const recipients = { kms: testKms(), recoveryKeys };
  const order = { origin: ORIGIN, location: LOCATION, source: sourceOf(SMALL_MEMORY) };
  const created = await createBackup(platform, testRing(), recipients, order, store);
  return { store, created };
}

/** The fault of the `BackupError` that `f` throws; null if it throws nothing. */
export function faultOf(f: () => unknown): BackupFault | null {
  try {
    f();
    return null;
  } catch (error) {
    if (error instanceof BackupError) return error.fault;
    throw error;
  }
}

export function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

export function bytesOf(hexText: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(Buffer.from(hexText, "hex"));
}
