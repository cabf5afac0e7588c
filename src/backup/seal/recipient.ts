/**
 * A recipient of a seal: one who may open it, with the data key wrapped for him.
 *
 * Spec: FORMAT.md §7.3, §7.4. Public.
 */
import type { SealLocation } from "./location.ts";
import type { RecoveryAlgorithm } from "./recovery-keys.ts";

/** Kinds of recipients by their number in an envelope. */
export const RECIPIENT = { kms: 1, recoveryRsa: 2, recoveryHybrid: 3 } as const;

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

/** Kinds of recovery keys. */
export const KIND_OF: Readonly<Record<RecoveryAlgorithm, number>> = {
  hybrid: RECIPIENT.recoveryHybrid,
  rsa: RECIPIENT.recoveryRsa,
};

const NAMES: ReadonlyMap<number, Exclude<RecipientName, "unknown">> = new Map([
  [RECIPIENT.kms, "kms"],
  [RECIPIENT.recoveryRsa, "recovery"],
  [RECIPIENT.recoveryHybrid, "recovery"],
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

/** Ids of the recovery keys among those who may open the seal. */
export function recoveryKeyIds(recipients: readonly Pick<Recipient, "kind" | "keyId">[]): string[] {
  return recipients.filter((one) => recipientName(one) === "recovery").map(({ keyId }) => keyId);
}

/** Whether a recovery key is among those who may open the seal. */
export function isForRecovery(recipients: readonly Pick<Recipient, "kind">[]): boolean {
  return recipients.some((recipient) => recipientName(recipient) === "recovery");
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
