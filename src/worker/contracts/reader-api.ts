/**
 * What the control plane and the wires ask of a reader: to open a stored backup where no HSM of its
 * own is meant, and for what else hangs on a key of the deployment.
 *
 * Spec: docs/STORAGE.md, "Readers". Only facts come back: ids, counts, and digests of what holds no
 * secret, as hexadecimal text.
 */
import type { BackupLocation } from "../../backup/seal/location.ts";
import type { ShownRecipient } from "../../backup/seal/recipient.ts";
import type { RecipientCheck } from "../../backup/seal/recipients.ts";
import type { RecoveryAlgorithm } from "../../backup/seal/recovery-keys.ts";
import type { HsmMode } from "../../hsm/memory/configuration-record.ts";
import type { StoredBackupOrder } from "./hsm-api.ts";
import type { Result } from "./result.ts";

/** A backup that is authentic from end to end. */
export interface VerificationFacts {
  /** Hex. */
  readonly stateDigest: string;
  readonly records: number;
  /** Of each recovery recipient, whether it is a wrap of the data key for the key that it names. */
  readonly recoveryKeys: readonly RecipientCheck[];
}

export type RecordTypeName = "configuration" | "policy" | "user" | "certificate" | "key";

/** The clear part of an envelope, authentic. Of the recipients, who they are, and no wrap. */
export interface EnvelopeFacts {
  /** Hex, 16 bytes. */
  readonly sealId: string;
  readonly bodyBytes: number;
  /** Hex SHA-256. */
  readonly bodyDigest: string;
  /** Hex SHA-256. */
  readonly containerDigest: string;
  readonly envelopeNumber: number;
  readonly location: BackupLocation;
  readonly recipients: readonly ShownRecipient[];
}

/** Where and how a backup was made. */
export interface HeaderFacts {
  readonly backupId: string;
  readonly clusterId: string;
  readonly lineageId: string;
  readonly hsmType: string;
  readonly mode: HsmMode;
  readonly manufacturer: string;
  readonly region: string;
  readonly createdAtMs: number;
  readonly chainNumber: number;
  /** Hex SHA-256; "" for the first of a lineage. */
  readonly previousDigest: string;
}

/** A page of what a backup holds, after all of it has been authenticated. */
export interface Inspection {
  readonly envelope: EnvelopeFacts;
  readonly header: HeaderFacts;
  readonly counts: readonly { readonly type: RecordTypeName; readonly count: number }[];
  /** Hex. */
  readonly stateDigest: string;
  /** Digests of the records, hex SHA-256; null for users and keys, whose secrets they would tell. */
  readonly manifest: readonly {
    readonly type: RecordTypeName;
    readonly id: number;
    readonly digest: string | null;
  }[];
  /** Records before the next page; null if this is the last. */
  readonly next: number | null;
}

/** A recovery key of the deployment. */
export interface RecoveryKeyName {
  /** 32 hex digits. */
  readonly keyId: string;
  readonly kind: RecoveryAlgorithm;
  /** retired: new backups are not sealed for it. */
  readonly state: "active" | "retired";
}

/** A challenge, and what tells its answer once it is given. */
export interface MadeChallenge {
  readonly challengeId: string;
  /** Hex SHA-256. */
  readonly answerDigest: string;
  /** What KIT.md §5 says. */
  readonly document: Readonly<Record<string, string>>;
}

/**
 * RPC face of the `Reader` Durable Object. Whoever asks has found out before that the caller may.
 *
 * A reader opens a few backups at a time and lets a few wait; beyond that it refuses
 * with "unavailable", code `reader_busy`.
 */
export interface ReaderApi {
  /**
   * Whether an HSM made by this deployment would open the backup: CMK, MKBK and AKBK, by
   * cryptography. Reads the envelope and the first segment of the body only.
   */
  probe(order: StoredBackupOrder): Promise<Result<null>>;
  /** Opens and authenticates a backup from end to end. */
  verify(order: StoredBackupOrder): Promise<Result<VerificationFacts>>;
  /**
   * The same, and what is inside. @param after - records to pass over. @param limit - of a page.
   */
  inspect(order: StoredBackupOrder, after: number, limit: number): Promise<Result<Inspection>>;
  /** The recovery keys of the deployment, those that new backups are sealed for first. */
  recoveryKeys(): Promise<readonly RecoveryKeyName[]>;
  /** Refused with `recovery_key_not_found`. */
  challenge(keyId: string): Promise<Result<MadeChallenge>>;
  /** The first passwords of the PRECO users of these clusters, by cluster id. Opens no backup. */
  preCoPasswords(clusterIds: readonly string[]): Promise<ReadonlyMap<string, string>>;
}
