/**
 * The data key of a stored seal, from the first of its recipients that gives it.
 *
 * Spec: FORMAT.md §7.4. That it is the key that the seal commits to is for the caller to check.
 */
import type { SecretKey } from "../../crypto/secret-key.ts";
import { BackupError, keyMismatch } from "../format/errors.ts";
import type { KeyMismatch, KeyName } from "../format/key-faults.ts";
import { KEY_BYTES } from "../format/layout.ts";
import type { Kms } from "./kms.ts";
import {
  type EncryptionContext,
  encryptionContext,
  isInDeployment,
  type SealLocation,
} from "./location.ts";
import { KIND_OF, type Recipient, recipientName, type SealAddress } from "./recipient.ts";
import { type RecoveryKey, type RecoveryPlatform, unwrapWithRecovery } from "./recovery-keys.ts";

/** With what a seal may be opened; recipients are asked in the order in which they stand. */
export interface Openers {
  readonly kms: Kms | null;
  readonly recoveryKeys: readonly RecoveryKey[];
}

/** @throws RangeError: outside a deployment there is no KMS. */
export function contextOf(location: SealLocation): EncryptionContext {
  if (isInDeployment(location)) return encryptionContext(location);
  throw new RangeError("kms: expected none outside a deployment");
}

type Unwrap = (recipient: Recipient) => Promise<SecretKey>;

const KEY_NAME = { kms: "cmk", recovery: "recovery" } as const satisfies Record<string, KeyName>;

/** How each kind of recipient is asked; null: with nothing here. */
function unwrapsOf(
  platform: RecoveryPlatform,
  { kms, recoveryKeys }: Openers,
  { location, sealId }: SealAddress,
): Record<keyof typeof KEY_NAME, Unwrap | null> {
  const unwrapWithKit: Unwrap = async ({ kind, keyId, wrapped }) => {
    const key = recoveryKeys.find(
      ({ id, algorithm }) => id === keyId && KIND_OF[algorithm] === kind,
    );
    if (key === undefined) throw keyMismatch("recovery", keyId, "absent");
    return await unwrapWithRecovery(platform, key, wrapped, { location, sealId });
  };
  return {
    kms: kms && (({ keyId, wrapped }) => kms.unwrap(keyId, wrapped, contextOf(location))),
    recovery: recoveryKeys.length === 0 ? null : unwrapWithKit,
  };
}

/**
 * The data key from the first recipient, in the order of the envelope, that gives one: 32 bytes, fresh.
 *
 * One that refuses, or is out, does not end it. If none opens, the answer is an outage, which may be
 * over later; else the last refusal by a key that is here; else that a key is destroyed; else absent.
 */
export async function unwrapDataKey(
  platform: RecoveryPlatform,
  openers: Openers,
  seal: SealAddress,
): Promise<SecretKey> {
  const unwraps = unwrapsOf(platform, openers, seal);
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
