/**
 * Who can open a seal: its data key, wrapped for a KMS and for a recovery key, and what it derives.
 *
 * Spec: FORMAT.md §7.1, §7.4. What is sealed under those keys is in body.ts and envelope.ts.
 */
import type { Core } from "../../crypto/core.ts";
import { SecretKey } from "../../crypto/secret-key.ts";
import type { RandomBytes, Subtle } from "../../crypto/web-crypto.ts";
import { BackupError, keyMismatch } from "../format/errors.ts";
import { KEY_BYTES, LABEL, SEAL_ID_BYTES } from "../format/layout.ts";
import type { Kms } from "./kms.ts";
import { type BackupLocation, encryptionContext } from "./location.ts";
import {
  type RecoveryKey,
  recoveryKeyId,
  unwrapWithRecovery,
  wrapForRecovery,
} from "./recovery.ts";

export type RecipientKind = "kms" | "recovery";

/** A data key, wrapped for one who may open the seal. */
export interface Recipient {
  readonly kind: RecipientKind;
  readonly keyId: string;
  /** 1 to 6,144 bytes. */
  readonly wrapped: Uint8Array;
}

/**
 * For whom a seal is made. At least one is there; without `recoveryPublicKey` it is not restorable
 * offline.
 */
export interface Recipients {
  readonly kms: Kms | null;
  /** SubjectPublicKeyInfo, DER, of an RSA-3072 key. */
  readonly recoveryPublicKey: Uint8Array | null;
}

/** With what a seal may be opened: the KMS first, then the recovery key. */
export interface Openers {
  readonly kms: Kms | null;
  readonly recoveryKey: RecoveryKey | null;
}

/** What an envelope says of a seal's keys. */
export type SealAddress = Pick<Seal, "sealId" | "location" | "recipients">;

/** The two keys below a data key, and their seal. Disposal wipes both. */
export interface SealKeys extends Disposable {
  /** 16 bytes. */
  readonly sealId: Uint8Array;
  readonly bodyKey: SecretKey;
  readonly envelopeKey: SecretKey;
}

/** A seal that is being made: one body, once. Disposal wipes its keys. */
export interface Seal extends SealKeys {
  readonly location: BackupLocation;
  readonly recipients: readonly Recipient[];
  readonly restorableOffline: boolean;
}

/** What the key functions need of the platform. */
export interface SealPlatform {
  readonly core: Core;
  readonly subtle: Subtle;
  readonly random: RandomBytes;
}

/**
 * A fresh data key, wrapped for `recipients`, and a fresh seal id.
 * @throws BackupError `key_inactive` of the cmk. RangeError if there is nobody to wrap it for.
 */
export async function beginSeal(
  platform: SealPlatform,
  recipients: Recipients,
  location: BackupLocation,
): Promise<Seal> {
  const { core, random } = platform;
  const sealId = random(SEAL_ID_BYTES);
  const { dataKey, first } = await generateDataKey(random, recipients.kms, location);
  using held = dataKey;
  const second = await wrapForKit(platform, recipients.recoveryPublicKey, held, location, sealId);
  return addressed(core, held, { sealId, location, recipients: [...first, ...second] });
}

/** The public part of a seal. */
export function addressOf({ sealId, location, recipients }: Seal): SealAddress {
  return { sealId, location, recipients };
}

/** The keys of a stored seal. @throws BackupError `key_mismatch` of cmk or recovery. */
export async function openSeal(
  platform: Pick<SealPlatform, "core" | "subtle">,
  openers: Openers,
  seal: SealAddress,
): Promise<SealKeys> {
  using dataKey = await unwrapDataKey(platform.subtle, openers, seal);
  return deriveSealKeys(platform.core, dataKey, seal.sealId);
}

/**
 * The same data key for other recipients or another place: rotation of a CMK, a copy, an import.
 */
export async function readdressSeal(
  platform: SealPlatform,
  openers: Openers,
  seal: SealAddress,
  recipients: Recipients,
  location: BackupLocation,
): Promise<Seal> {
  using dataKey = await unwrapDataKey(platform.subtle, openers, seal);
  const { sealId } = seal;
  const { kms, recoveryPublicKey } = recipients;
  const first = await wrapForKms(kms, dataKey, location);
  const second = await wrapForKit(platform, recoveryPublicKey, dataKey, location, sealId);
  return addressed(platform.core, dataKey, { sealId, location, recipients: [...first, ...second] });
}

function addressed(core: Core, dataKey: SecretKey, address: SealAddress): Seal {
  const { recipients } = address;
  if (recipients.length === 0) throw new RangeError("recipients: expected at least one, got none");
  const restorableOffline = recipients.some(({ kind }) => kind === "recovery");
  return { ...address, restorableOffline, ...deriveSealKeys(core, dataKey, address.sealId) };
}

/** FORMAT.md §7.1. @param dataKey - 32 bytes, borrowed. */
export function deriveSealKeys(core: Core, dataKey: SecretKey, sealId: Uint8Array): SealKeys {
  const bodyKey = core.kdfCounter(dataKey, LABEL.sealBody, sealId, KEY_BYTES);
  const envelopeKey = core.kdfCounter(dataKey, LABEL.sealEnvelope, sealId, KEY_BYTES);
  return {
    sealId,
    bodyKey,
    envelopeKey,
    [Symbol.dispose](): void {
      bodyKey[Symbol.dispose]();
      envelopeKey[Symbol.dispose]();
    },
  };
}

async function generateDataKey(
  random: RandomBytes,
  kms: Kms | null,
  location: BackupLocation,
): Promise<{ dataKey: SecretKey; first: Recipient[] }> {
  if (kms === null) return { dataKey: new SecretKey(random(KEY_BYTES)), first: [] };
  const { keyId, dataKey, wrapped } = await kms.generateDataKey(encryptionContext(location));
  return { dataKey, first: [{ kind: "kms", keyId, wrapped }] };
}

async function wrapForKms(
  kms: Kms | null,
  dataKey: SecretKey,
  location: BackupLocation,
): Promise<Recipient[]> {
  if (kms === null) return [];
  const wrapped = await kms.wrap(dataKey, encryptionContext(location));
  if (kms.keyId === null) throw new Error("unreachable: wrapped under no CMK");
  return [{ kind: "kms", keyId: kms.keyId, wrapped }];
}

async function wrapForKit(
  { core, subtle }: Pick<SealPlatform, "core" | "subtle">,
  spki: Uint8Array | null,
  dataKey: SecretKey,
  location: BackupLocation,
  sealId: Uint8Array,
): Promise<Recipient[]> {
  if (spki === null) return [];
  const wrapped = await wrapForRecovery(subtle, spki, dataKey, location, sealId);
  return [{ kind: "recovery", keyId: recoveryKeyId(core, spki), wrapped }];
}

/** The KMS is asked first, then the recovery key. 32 bytes, fresh. */
async function unwrapDataKey(
  subtle: Subtle,
  { kms, recoveryKey }: Openers,
  seal: SealAddress,
): Promise<SecretKey> {
  const byKms = kms === null ? null : await unwrapByKms(kms, seal);
  if (byKms instanceof SecretKey) return byKms;
  if (recoveryKey !== null) return await unwrapByKit(subtle, recoveryKey, seal, byKms);
  if (byKms !== null) throw byKms;
  const forKms = seal.recipients.find(({ kind }) => kind === "kms");
  throw keyMismatch("cmk", forKms?.keyId ?? "", "absent");
}

/** The data key, or why none of the wraps for a KMS gave it; null if there is none. */
async function unwrapByKms(
  kms: Kms,
  { location, recipients }: SealAddress,
): Promise<SecretKey | BackupError | null> {
  let refusal: BackupError | null = null;
  const context = encryptionContext(location);
  for (const { kind, keyId, wrapped } of recipients) {
    if (kind !== "kms") continue;
    try {
      return verifyDataKey(await kms.unwrap(keyId, wrapped, context), "cmk", keyId);
    } catch (error) {
      // This KMS may have another of the keys; the last refusal is the answer if it has none.
      if (!(error instanceof BackupError)) throw error;
      refusal = error;
    }
  }
  return refusal;
}

/** @param refusal - of the KMS that was asked before: it says more than that the kit is another. */
async function unwrapByKit(
  subtle: Subtle,
  key: RecoveryKey,
  { location, recipients, sealId }: SealAddress,
  refusal: BackupError | null,
): Promise<SecretKey> {
  const mine = recipients.find(({ kind, keyId }) => kind === "recovery" && keyId === key.id);
  if (mine === undefined) throw refusal ?? keyMismatch("recovery", key.id, "absent");
  const dataKey = await unwrapWithRecovery(subtle, key, mine.wrapped, location, sealId);
  return verifyDataKey(dataKey, "recovery", key.id);
}

/** What unwraps to another length is no data key of this format. */
function verifyDataKey(dataKey: SecretKey, which: "cmk" | "recovery", id: string): SecretKey {
  if (dataKey.length === KEY_BYTES) return dataKey;
  dataKey[Symbol.dispose]();
  throw keyMismatch(which, id, "refused");
}
