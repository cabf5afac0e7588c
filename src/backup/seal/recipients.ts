/**
 * Who can open a seal: its data key, wrapped for a KMS and for recovery keys, and what it derives.
 *
 * Spec: FORMAT.md §7.1, §7.4. What is sealed under those keys is in body.ts and envelope.ts.
 */
import { concatBytes, equalBytes } from "../../crypto/bytes.ts";
import type { Core } from "../../crypto/core.ts";
import { SecretKey } from "../../crypto/secret-key.ts";
import type { RandomBytes, Subtle } from "../../crypto/web-crypto.ts";
import { BackupError } from "../format/errors.ts";
import { COMMITMENT_BYTES, KEY_BYTES, LABEL, SEAL_ID_BYTES } from "../format/layout.ts";
import { contextOf, type Openers, unwrapDataKey } from "./data-key.ts";
import type { Kms } from "./kms.ts";
import { isSameLocation, type SealLocation } from "./location.ts";
import {
  isForRecovery,
  KIND_OF,
  RECIPIENT,
  type Recipient,
  recipientName,
  type SealAddress,
  type Sealing,
} from "./recipient.ts";
import {
  isWrapFor,
  type RecoveryPlatform,
  type RecoveryPublicKey,
  recoveryKeyId,
  type WrapPlace,
  wrapForRecovery,
} from "./recovery-keys.ts";

/** For whom a seal is made. At least one is there; without a recovery key it is not restorable offline. */
export interface Recipients {
  readonly kms: Kms | null;
  readonly recoveryKeys: readonly RecoveryPublicKey[];
}

/** The keys below a data key, and their seal. Disposal wipes both. */
export interface SealKeys extends Sealing, Disposable {
  readonly bodyKey: SecretKey;
  readonly envelopeKey: SecretKey;
  /** 32 bytes, public. */
  readonly commitment: Uint8Array;
}

/** A seal that is being made. Disposal wipes its keys. */
export interface Seal extends SealKeys, SealAddress {}

/** What the key functions need of the platform. */
export interface SealPlatform {
  readonly core: Core;
  readonly subtle: Subtle;
  readonly random: RandomBytes;
}

/**
 * A fresh data key, wrapped for `recipients`, and a fresh seal id: the first envelope of a copy.
 *
 * @param containerDigest - of the container that will be the body.
 * @throws BackupError `key_inactive` of the cmk. RangeError if there is nobody to wrap it for.
 */
export async function beginSeal(
  platform: SealPlatform,
  recipients: Recipients,
  location: SealLocation,
  containerDigest: Uint8Array,
): Promise<Seal> {
  const { core, random } = platform;
  const sealId = random(SEAL_ID_BYTES);
  const { dataKey, first } = await generateDataKey(random, recipients.kms, location);
  using held = dataKey;
  const second = await wrapForKits(platform, recipients.recoveryKeys, held, { location, sealId });
  const sealing = { sealId, containerDigest };
  const address = { envelopeNumber: 1, location, recipients: [...first, ...second] };
  return addressed(core, held, sealing, address);
}

/** What became of a recovery recipient that was made again from the public key. */
export interface RecipientCheck {
  readonly keyId: string;
  /** Null: an RSA wrap cannot be made again, or nobody here has the public key. */
  readonly fits: boolean | null;
}

/**
 * Whether the recovery recipients of a stored seal are wraps of its data key for the keys that they
 * name: for who opens it in another way, and has the public keys. FORMAT.md §7.4.
 * @throws BackupError as `openSeal`.
 */
export async function checkRecoveryRecipients(
  platform: RecoveryPlatform,
  openers: Openers,
  seal: SealAddress,
  publicKeys: readonly RecoveryPublicKey[],
): Promise<RecipientCheck[]> {
  using dataKey = await unwrapDataKey(platform, openers, seal);
  committedKeys(platform.core, dataKey, seal)[Symbol.dispose]();
  const known = new Map(publicKeys.map((key) => [recoveryKeyId(platform.core, key), key]));
  const checks: RecipientCheck[] = [];
  for (const { kind, keyId, wrapped } of seal.recipients) {
    if (recipientName({ kind }) !== "recovery") continue;
    const key = known.get(keyId);
    const isOfKind = key !== undefined && KIND_OF[key.algorithm] === kind;
    const fits = isOfKind ? await isWrapFor(platform, key, wrapped, dataKey, seal) : null;
    checks.push({ keyId, fits });
  }
  return checks;
}

/** The public part of a seal. */
export function addressOf(seal: Seal): SealAddress {
  const { sealId, containerDigest, commitment, envelopeNumber, location, recipients } = seal;
  return { sealId, containerDigest, commitment, envelopeNumber, location, recipients };
}

/**
 * The keys of a stored seal, if its data key is the one that it commits to.
 * @throws BackupError `recipients_unknown`; `key_mismatch` of cmk or recovery; `envelope_damaged`;
 *   what the KMS throws when it is out.
 */
export async function openSeal(
  platform: Pick<SealPlatform, "core" | "subtle">,
  openers: Openers,
  seal: SealAddress,
): Promise<SealKeys> {
  using dataKey = await unwrapDataKey(platform, openers, seal);
  return committedKeys(platform.core, dataKey, seal);
}

/**
 * The next envelope's part of a stored seal: the same data key for other recipients, or at another
 * place: rotation of a CMK, a copy, an import.
 *
 * At the same place every recipient stays, byte for byte, that is neither named by `replaced` nor made
 * anew; at another place a wrap would not open, and all are made anew.
 *
 * @param replaced - key ids of recipients that go.
 * @throws BackupError as `openSeal`. RangeError if no recovery key would be left where there was one,
 *   or nobody at all.
 */
export async function readdressSeal(
  platform: SealPlatform,
  openers: Openers,
  seal: SealAddress,
  recipients: Recipients,
  location: SealLocation,
  replaced: readonly string[] = [],
): Promise<Seal> {
  using dataKey = await unwrapDataKey(platform, openers, seal);
  committedKeys(platform.core, dataKey, seal)[Symbol.dispose]();
  const { sealId } = seal;
  const { kms, recoveryKeys } = recipients;
  const fresh = [
    ...(await wrapForKms(kms, dataKey, location)),
    ...(await wrapForKits(platform, recoveryKeys, dataKey, { location, sealId })),
  ];
  const isMoved = !isSameLocation(seal.location, location);
  const kept = isMoved ? [] : seal.recipients.filter((old) => isKept(old, fresh, replaced));
  const next = [...kept, ...fresh];
  if (isForRecovery(seal.recipients) && !isForRecovery(next)) {
    throw new RangeError("recipients: expected a recovery key, as the seal has one");
  }
  const envelopeNumber = isMoved ? 1 : seal.envelopeNumber + 1;
  return addressed(platform.core, dataKey, seal, { envelopeNumber, location, recipients: next });
}

function isKept(old: Recipient, fresh: readonly Recipient[], replaced: readonly string[]): boolean {
  const isMadeAnew = fresh.some(({ kind, keyId }) => kind === old.kind && keyId === old.keyId);
  return !isMadeAnew && !replaced.includes(old.keyId);
}

function addressed(
  core: Core,
  dataKey: SecretKey,
  sealing: Sealing,
  address: Pick<Seal, "envelopeNumber" | "location" | "recipients">,
): Seal {
  if (address.recipients.length === 0) {
    throw new RangeError("recipients: expected at least one, got none");
  }
  return { ...deriveSealKeys(core, dataKey, sealing), ...address };
}

/** FORMAT.md §7.1. @param dataKey - 32 bytes, borrowed. */
export function deriveSealKeys(core: Core, dataKey: SecretKey, sealing: Sealing): SealKeys {
  const { sealId, containerDigest } = sealing;
  const context = concatBytes(sealId, containerDigest);
  const bodyKey = core.kdfCounter(dataKey, LABEL.sealBody, context, KEY_BYTES);
  const envelopeKey = core.kdfCounter(dataKey, LABEL.sealEnvelope, context, KEY_BYTES);
  using committed = core.kdfCounter(dataKey, LABEL.sealCommitment, context, COMMITMENT_BYTES);
  return {
    sealId,
    containerDigest,
    bodyKey,
    envelopeKey,
    commitment: committed.use((bytes) => bytes.slice()),
    [Symbol.dispose](): void {
      bodyKey[Symbol.dispose]();
      envelopeKey[Symbol.dispose]();
    },
  };
}

/** The keys of a stored seal under `dataKey`. @throws BackupError `envelope_damaged`. */
function committedKeys(core: Core, dataKey: SecretKey, seal: SealAddress): SealKeys {
  const keys = deriveSealKeys(core, dataKey, seal);
  if (equalBytes(keys.commitment, seal.commitment)) return keys;
  keys[Symbol.dispose]();
  const why = "its data key is not the one that it commits to";
  throw new BackupError({ code: "envelope_damaged", why });
}

async function generateDataKey(
  random: RandomBytes,
  kms: Kms | null,
  location: SealLocation,
): Promise<{ dataKey: SecretKey; first: Recipient[] }> {
  if (kms === null) return { dataKey: new SecretKey(random(KEY_BYTES)), first: [] };
  const { keyId, dataKey, wrapped } = await kms.generateDataKey(contextOf(location));
  return { dataKey, first: [{ kind: RECIPIENT.kms, keyId, wrapped }] };
}

async function wrapForKms(
  kms: Kms | null,
  dataKey: SecretKey,
  location: SealLocation,
): Promise<Recipient[]> {
  if (kms === null) return [];
  const wrapped = await kms.wrap(dataKey, contextOf(location));
  if (kms.keyId === null) throw new Error("unreachable: wrapped under no CMK");
  return [{ kind: RECIPIENT.kms, keyId: kms.keyId, wrapped }];
}

async function wrapForKits(
  platform: RecoveryPlatform,
  keys: readonly RecoveryPublicKey[],
  dataKey: SecretKey,
  place: WrapPlace,
): Promise<Recipient[]> {
  const made: Recipient[] = [];
  for (const key of keys) {
    const wrapped = await wrapForRecovery(platform, key, dataKey, place);
    made.push({ kind: KIND_OF[key.algorithm], keyId: recoveryKeyId(platform.core, key), wrapped });
  }
  return made;
}
