/**
 * Our reader over the vectors: by the keys and the expectation that the index names.
 */
import { memoryFile } from "../../../src/backup/file.ts";
import { BackupError, type BackupFault } from "../../../src/backup/format/errors.ts";
import type { Keyring } from "../../../src/backup/format/keys.ts";
import { parseKit } from "../../../src/backup/kit/kit.ts";
import type { Openers } from "../../../src/backup/seal/data-key.ts";
import { type CustomerKey, localKms } from "../../../src/backup/seal/kms.ts";
import type { Expectation as Expected } from "../../../src/backup/sealed.ts";
import { restoreFile, type VerifiedBackup } from "../../../src/backup/verify.ts";
import type { Core } from "../../../src/crypto/core.ts";
import {
  bytesOf,
  counterRandom,
  customerKeys,
  subtle,
  TestStaging,
  vectorText,
} from "../fixtures.ts";
import { type Expectation, INDEX_FILE, VECTOR_INDEX, type VectorIndex } from "./index-schema.ts";

export interface VectorReader {
  readonly ring: Keyring;
  readonly openers: Openers;
  readonly expected: Expected;
}

export const INDEX: VectorIndex = VECTOR_INDEX.parse(JSON.parse(vectorText(INDEX_FILE)));

/** @param keys - a key set of the index. */
export function readerWith(keys: string, expectation: Expectation = {}): VectorReader {
  const set = INDEX.keys[keys];
  if (set === undefined) throw new RangeError(`keys: the index has no key set ${keys}`);
  const kms = set.kms === null ? null : customerKeys(set.kms);
  return readerOf(vectorText(set.kit), kms, expectation);
}

/** @param kit - its text. @param cmks - null: there is no KMS. */
export function readerOf(
  kit: string,
  cmks: readonly CustomerKey[] | null,
  expectation: Expectation,
): VectorReader {
  const { ring, recoveryKeys, checkpoints } = parseKit(kit);
  const kms = cmks && localKms(subtle, counterRandom("kms"), cmks);
  return {
    ring,
    openers: { kms, recoveryKeys },
    expected: { ...expected(expectation), checkpoints },
  };
}

/** The expectation as the engine takes it: digests are bytes, and nothing is undefined. */
function expected({ containerDigest, envelope, ...rest }: Expectation): Expected {
  const known = Object.entries(rest).filter(([, value]) => value !== undefined);
  const digest = containerDigest && { containerDigest: bytesOf(containerDigest) };
  const newest = envelope && { envelope: { ...envelope, digest: bytesOf(envelope.digest) } };
  return { ...Object.fromEntries(known), ...digest, ...newest };
}

/** What a restore led to; a refusal has not committed anything. */
export type Reading =
  | { readonly opened: VerifiedBackup; readonly staging: TestStaging }
  | { readonly fault: BackupFault; readonly staging: TestStaging };

export async function readVector(
  core: Core,
  { ring, openers, expected }: VectorReader,
  bytes: Uint8Array,
): Promise<Reading> {
  const staging = new TestStaging();
  const file = memoryFile(bytes);
  const platform = { core, subtle };
  try {
    const opened = await restoreFile(platform, ring, openers, file, staging, { expected });
    return { opened, staging };
  } catch (error) {
    if (!(error instanceof BackupError)) throw error;
    return { fault: error.fault, staging };
  }
}

export interface Refusal {
  readonly fault: BackupFault;
  readonly staging: TestStaging;
}

/** Tries to restore `bytes`: how it is refused, or null if it is not. */
export async function refusalOf(
  core: Core,
  reader: VectorReader,
  bytes: Uint8Array,
): Promise<Refusal | null> {
  const reading = await readVector(core, reader, bytes);
  return "fault" in reading ? reading : null;
}
