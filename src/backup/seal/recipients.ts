/**
 * Who can open a seal: its data key, wrapped for a KMS and for a recovery key, and what it derives.
 *
 * Spec: FORMAT.md §7.1, §7.4. What is sealed under those keys is in body.ts and envelope.ts.
 */
import type { Core } from "../../crypto/core.ts";
import { SecretKey } from "../../crypto/secret-key.ts";
import type { RandomBytes, Subtle } from "../../crypto/web-crypto.ts";
import { BackupError, keyMismatch } from "../format/errors.ts";
import type { KeyMismatch, KeyName } from "../format/key-faults.ts";
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

/** With what a seal may be opened; recipients are asked in the order in which they stand. */
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

/**
 * The keys of a stored seal.
 * @throws BackupError `key_mismatch` of cmk or recovery; what the KMS throws when it is out.
 */
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
  const keyId = recoveryKeyId(core, spki);
  const wrapped = await wrapForRecovery(subtle, spki, keyId, dataKey, location, sealId);
  return [{ kind: "recovery", keyId, wrapped }];
}

type Unwrap = (recipient: Recipient) => Promise<SecretKey>;

const KEY_NAME: Readonly<Record<RecipientKind, KeyName>> = { kms: "cmk", recovery: "recovery" };

/** How each kind of recipient is asked; null: with nothing here. */
function unwrapsOf(
  subtle: Subtle,
  { kms, recoveryKey: key }: Openers,
  { location, sealId }: SealAddress,
): Record<RecipientKind, Unwrap | null> {
  const context = encryptionContext(location);
  return {
    kms: kms && (({ keyId, wrapped }) => kms.unwrap(keyId, wrapped, context)),
    recovery:
      key &&
      (async ({ keyId, wrapped }) => {
        if (keyId !== key.id) throw keyMismatch("recovery", keyId, "absent");
        return await unwrapWithRecovery(subtle, key, wrapped, location, sealId);
      }),
  };
}

/**
 * The data key from the first recipient, in the order of the envelope, that gives one: 32 bytes, fresh.
 *
 * One that refuses, or is out, does not end it. If none opens, the answer is an outage, which may be
 * over later; else the last refusal by a key that is here; else that a key is destroyed; else absent.
 */
async function unwrapDataKey(
  subtle: Subtle,
  openers: Openers,
  seal: SealAddress,
): Promise<SecretKey> {
  const unwraps = unwrapsOf(subtle, openers, seal);
  const refusals = new Map<KeyMismatch["found"], BackupError>();
  const outages: unknown[] = [];
  for (const recipient of seal.recipients) {
    const { kind, keyId } = recipient;
    const unwrap = unwraps[kind];
    if (unwrap === null) continue;
    try {
      return verifyDataKey(await unwrap(recipient), KEY_NAME[kind], keyId);
    } catch (error) {
      const found = foundOf(error);
      if (found !== null && error instanceof BackupError) refusals.set(found, error);
      else {
        outages.push(error);
        unwraps[kind] = null; // Each of its keys would be another wait.
      }
    }
  }
  if (outages.length > 0) throw outages[0];
  const told = refusals.get("refused") ?? refusals.get("destroyed") ?? refusals.get("absent");
  throw told ?? nobodyAsked(seal.recipients);
}

/** What a key that does not open says of itself; null for any other error. */
function foundOf(error: unknown): KeyMismatch["found"] | null {
  const isMismatch = error instanceof BackupError && error.fault.code === "key_mismatch";
  return isMismatch ? error.fault.found : null;
}

function nobodyAsked([first]: readonly Recipient[]): Error {
  if (first === undefined) return new RangeError("recipients: expected at least one, got none");
  return keyMismatch(KEY_NAME[first.kind], first.keyId, "absent");
}

/** What unwraps to another length is no data key of this format. */
function verifyDataKey(dataKey: SecretKey, which: KeyName, id: string): SecretKey {
  if (dataKey.length === KEY_BYTES) return dataKey;
  dataKey[Symbol.dispose]();
  throw keyMismatch(which, id, "refused");
}
