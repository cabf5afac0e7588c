/**
 * The readers of the fault vectors: whose keys they hold and what they expect of a file.
 */
import { memoryFile } from "../../../src/backup/file.ts";
import { BackupError, type BackupFault } from "../../../src/backup/format/errors.ts";
import type { Keyring, KeyVersion } from "../../../src/backup/format/keys.ts";
import { localKms } from "../../../src/backup/seal/kms.ts";
import type { Openers } from "../../../src/backup/seal/recipients.ts";
import type { VerifyOptions } from "../../../src/backup/sealed.ts";
import { restoreFile } from "../../../src/backup/verify.ts";
import type { Core } from "../../../src/crypto/core.ts";
import { SecretKey } from "../../../src/crypto/secret-key.ts";
import {
  counterRandom,
  LOCATION,
  subtle,
  TestStaging,
  testCustomerKeys,
  testKit,
  testKms,
  testRing,
} from "../fixtures.ts";

export interface FaultReader {
  readonly ring: Keyring;
  readonly openers: Openers;
  readonly options: VerifyOptions;
}

/** With the golden kit's ring and the golden KMS. */
function owner(): FaultReader {
  return { ring: testRing(), openers: { kms: testKms(), recoveryKey: null }, options: {} };
}

function foreignId(versions: readonly KeyVersion[]): KeyVersion[] {
  return versions.map((entry) => ({ ...entry, id: counterRandom("foreign")(16) }));
}

function destroyed(versions: readonly KeyVersion[]): KeyVersion[] {
  return versions.map(({ id, version }) => ({ id, version, state: "destroyed", key: null }));
}

function replaced(versions: readonly KeyVersion[]): KeyVersion[] {
  return versions.map((entry) => ({
    ...entry,
    key: new SecretKey(counterRandom("replaced")(32)),
  }));
}

function withRing(change: (ring: Keyring) => Partial<Keyring>): FaultReader {
  const reader = owner();
  return { ...reader, ring: { ...reader.ring, ...change(reader.ring) } };
}

function withCmk(change: (id: string) => string): FaultReader {
  const keys = testCustomerKeys().map(({ id, state }) => ({
    id: change(id),
    state,
    key: new SecretKey(counterRandom("another cmk")(32)),
  }));
  const kms = localKms(subtle, counterRandom("kms"), keys);
  return { ...owner(), openers: { kms, recoveryKey: null } };
}

function withKit(change: (id: string) => string): FaultReader {
  const key = testKit().recoveryKey;
  if (key === null) throw new Error("the test kit has a recovery key");
  const recoveryKey = { id: change(key.id), pkcs8: key.pkcs8 };
  return { ...owner(), openers: { kms: null, recoveryKey } };
}

/** Readers by the name that faults.json uses. */
export const READERS = {
  owner,
  "kit holder": () => withKit((id) => id),
  "holder of another kit": () => withKit((id) => id.replace(/^./, (c) => (c === "0" ? "1" : "0"))),
  "without the mkbk": () => withRing(({ mkbk }) => ({ mkbk: foreignId(mkbk) })),
  "mkbk destroyed": () => withRing(({ mkbk }) => ({ mkbk: destroyed(mkbk) })),
  "another mkbk of that id": () => withRing(({ mkbk }) => ({ mkbk: replaced(mkbk) })),
  "without the akbk": () => withRing(({ akbk }) => ({ akbk: foreignId(akbk) })),
  "akbk destroyed": () => withRing(({ akbk }) => ({ akbk: destroyed(akbk) })),
  "another akbk of that id": () => withRing(({ akbk }) => ({ akbk: replaced(akbk) })),
  "without the cmk": () => withCmk((id) => `${id}-other`),
  "another cmk of that id": () => withCmk((id) => id),
  "in FIPS mode": () => ({ ...owner(), options: { expected: { mode: "FIPS" } } }),
  "expecting another backup": () => ({
    ...owner(),
    options: { expected: { backupId: "backup-zzzzzzzzzzz" } },
  }),
  "expecting another place": () => ({
    ...owner(),
    options: { expected: { location: { ...LOCATION, region: "us-east-1" } } },
  }),
} satisfies Record<string, () => FaultReader>;

export type ReaderName = keyof typeof READERS;

export interface Refusal {
  readonly fault: BackupFault;
  readonly staging: TestStaging;
}

/** Tries to restore `bytes`: how it is refused, or null if it is not. */
export async function refusalOf(
  core: Core,
  reader: FaultReader,
  bytes: Uint8Array,
): Promise<Refusal | null> {
  const { ring, openers, options } = reader;
  const staging = new TestStaging();
  try {
    await restoreFile({ core, subtle }, ring, openers, memoryFile(bytes), staging, options);
    return null;
  } catch (error) {
    if (!(error instanceof BackupError)) throw error;
    return { fault: error.fault, staging };
  }
}
