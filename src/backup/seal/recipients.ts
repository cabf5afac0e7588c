/**
 * Who can open a seal: its data key, wrapped for a KMS and for a recovery key, and what it derives.
 *
 * Spec: FORMAT.md §7.1, §7.4. What is sealed under those keys is in body.ts and envelope.ts.
 */
import { concatBytes, equalBytes } from "../../crypto/bytes.ts";
import type { Core } from "../../crypto/core.ts";
import { SecretKey } from "../../crypto/secret-key.ts";
import type { RandomBytes, Subtle } from "../../crypto/web-crypto.ts";
import { BackupError, keyMismatch } from "../format/errors.ts";
import type { KeyMismatch, KeyName } from "../format/key-faults.ts";
import { COMMITMENT_BYTES, KEY_BYTES, LABEL, SEAL_ID_BYTES } from "../format/layout.ts";
import type { Kms } from "./kms.ts";
import {
  encryptionContext,
  isInDeployment,
  isSameLocation,
  type SealLocation,
} from "./location.ts";
import {
  type RecoveryKey,
  recoveryKeyId,
  unwrapWithRecovery,
  wrapForRecovery,
} from "./recovery.ts";

/** Kinds of recipients by their number in an envelope. */
export const RECIPIENT = { kms: 1, recoveryRsa: 2 } as const;

/** A data key, wrapped for one who may open the seal. */
export interface Recipient {
  /** 1 to 65,535; one that is not in `RECIPIENT` is passed over by readers, and kept. */
  readonly kind: number;
  readonly keyId: string;
  /** 1 to 6,144 bytes. */
  readonly wrapped: Uint8Array;
}

/** What people are told of a recipient's kind. */
export type RecipientName = "kms" | "recovery" | "unknown";

const NAMES: ReadonlyMap<number, Exclude<RecipientName, "unknown">> = new Map([
  [RECIPIENT.kms, "kms"],
  [RECIPIENT.recoveryRsa, "recovery"],
]);

export function recipientName({ kind }: Pick<Recipient, "kind">): RecipientName {
  return NAMES.get(kind) ?? "unknown";
}

/** Who may open a seal, without the wrap. */
export interface ShownRecipient {
  readonly kind: RecipientName;
  readonly keyId: string;
}

export function shownRecipients(recipients: readonly Recipient[]): ShownRecipient[] {
  return recipients.map((recipient) => ({
    kind: recipientName(recipient),
    keyId: recipient.keyId,
  }));
}

/** Whether a recovery key is among those who may open the seal. */
export function isForRecovery(recipients: readonly Pick<Recipient, "kind">[]): boolean {
  return recipients.some((recipient) => recipientName(recipient) === "recovery");
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

/** What is sealed: one container, once. */
export interface Sealing {
  /** 16 bytes, random. */
  readonly sealId: Uint8Array;
  /** 32 bytes, of the container in the body. */
  readonly containerDigest: Uint8Array;
}

/** What an envelope says of a seal and its keys. */
export interface SealAddress extends Sealing {
  /** 32 bytes: only the data key of this seal gives them. */
  readonly commitment: Uint8Array;
  /** From 1: its number among the envelopes of this copy. */
  readonly envelopeNumber: number;
  readonly location: SealLocation;
  readonly recipients: readonly Recipient[];
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
  const second = await wrapForKit(platform, recipients.recoveryPublicKey, held, location, sealId);
  const sealing = { sealId, containerDigest };
  const address = { envelopeNumber: 1, location, recipients: [...first, ...second] };
  return addressed(core, held, sealing, address);
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
  using dataKey = await unwrapDataKey(platform.subtle, openers, seal);
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
  using dataKey = await unwrapDataKey(platform.subtle, openers, seal);
  committedKeys(platform.core, dataKey, seal)[Symbol.dispose]();
  const { sealId } = seal;
  const { kms, recoveryPublicKey } = recipients;
  const fresh = [
    ...(await wrapForKms(kms, dataKey, location)),
    ...(await wrapForKit(platform, recoveryPublicKey, dataKey, location, sealId)),
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

async function wrapForKit(
  { core, subtle }: Pick<SealPlatform, "core" | "subtle">,
  spki: Uint8Array | null,
  dataKey: SecretKey,
  location: SealLocation,
  sealId: Uint8Array,
): Promise<Recipient[]> {
  if (spki === null) return [];
  const keyId = recoveryKeyId(core, spki);
  const wrapped = await wrapForRecovery(subtle, spki, keyId, dataKey, location, sealId);
  return [{ kind: RECIPIENT.recoveryRsa, keyId, wrapped }];
}

function contextOf(location: SealLocation) {
  if (isInDeployment(location)) return encryptionContext(location);
  throw new RangeError("kms: expected none outside a deployment");
}

type Unwrap = (recipient: Recipient) => Promise<SecretKey>;

const KEY_NAME = { kms: "cmk", recovery: "recovery" } as const satisfies Record<string, KeyName>;

/** How each kind of recipient is asked; null: with nothing here. */
function unwrapsOf(
  subtle: Subtle,
  { kms, recoveryKey: key }: Openers,
  { location, sealId }: SealAddress,
): Record<keyof typeof KEY_NAME, Unwrap | null> {
  return {
    kms: kms && (({ keyId, wrapped }) => kms.unwrap(keyId, wrapped, contextOf(location))),
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
  const known = knownRecipients(seal.recipients);
  for (const { name, recipient } of known) {
    const unwrap = unwraps[name];
    if (unwrap === null) continue;
    try {
      return verifyDataKey(await unwrap(recipient), KEY_NAME[name], recipient.keyId);
    } catch (error) {
      const found = foundOf(error);
      if (found !== null && error instanceof BackupError) refusals.set(found, error);
      else {
        outages.push(error);
        unwraps[name] = null; // Each of its keys would be another wait.
      }
    }
  }
  if (outages.length > 0) throw outages[0];
  const told = refusals.get("refused") ?? refusals.get("destroyed") ?? refusals.get("absent");
  throw told ?? nobodyAsked(known);
}

/** What a key that does not open says of itself; null for any other error. */
function foundOf(error: unknown): KeyMismatch["found"] | null {
  const isMismatch = error instanceof BackupError && error.fault.code === "key_mismatch";
  return isMismatch ? error.fault.found : null;
}

type KnownRecipients = { readonly name: keyof typeof KEY_NAME; readonly recipient: Recipient }[];

/** @throws BackupError `recipients_unknown` if there are none. */
function knownRecipients(recipients: readonly Recipient[]): KnownRecipients {
  const known = recipients.flatMap((recipient): KnownRecipients => {
    const name = recipientName(recipient);
    return name === "unknown" ? [] : [{ name, recipient }];
  });
  if (known.length > 0) return known;
  throw new BackupError({ code: "recipients_unknown" });
}

function nobodyAsked([first]: KnownRecipients): Error {
  if (first === undefined) throw new Error("unreachable: recipients of no known kind");
  return keyMismatch(KEY_NAME[first.name], first.recipient.keyId, "absent");
}

/** What unwraps to another length is no data key of this format. */
function verifyDataKey(dataKey: SecretKey, which: KeyName, id: string): SecretKey {
  if (dataKey.length === KEY_BYTES) return dataKey;
  dataKey[Symbol.dispose]();
  throw keyMismatch(which, id, "refused");
}
