/**
 * What the REST surface asks of the control plane of one account and region, and what HSMs tell it.
 */
import type { BackupLocation } from "../../backup/seal/location.ts";
import type { BackupState, BackupTrigger } from "../../cluster/states.ts";
import type { HsmMode } from "../../hsm/memory/configuration-record.ts";
import type { StoredBackupOrder } from "./hsm-api.ts";
import type { HsmLocation } from "./place.ts";
import type { Inspection, VerificationFacts } from "./reader-api.ts";
import type { Result } from "./result.ts";

/**
 * Whether a recovery kit opens a backup with no service: `no`, it is sealed for no recovery key; `yes`, a
 * challenge for one of its keys was answered; `unproven`, nobody has shown to hold one.
 */
export type OfflineState = "no" | "unproven" | "yes";

/** A challenge that was made, until its answer is given. */
export interface ChallengeNote {
  /** 32 hex digits. */
  readonly keyId: string;
  readonly challengeId: string;
  /** Hex SHA-256. */
  readonly answerDigest: string;
}

export interface RecoveryProof {
  readonly keyId: string;
  readonly provenAtMs: number;
}

/** A catalogue row as the REST surface shows it. */
export interface BackupView {
  readonly location: BackupLocation;
  readonly state: BackupState;
  /** What is wrong with its objects, in a sentence; null: nothing that is known. */
  readonly damage: string | null;
  readonly createdAtMs: number;
  readonly deleteAtMs: number | null;
  readonly hsmType: string;
  readonly mode: HsmMode;
  readonly chainNumber: number;
  readonly previousDigest: string;
  readonly lineageId: string;
  readonly trigger: BackupTrigger;
  readonly failure: string | null;
  readonly restorableOffline: OfflineState;
  readonly containerDigest: string;
  readonly stateDigest: string;
  readonly bodyBytes: number;
}

/** An HSM in service, and the number of the latest order that it has answered to have taken. */
export interface ServingHsm extends HsmLocation {
  readonly obeyed: number;
}

/** A request that changes something, before it does. */
export interface RequestOrder {
  readonly accessKeyId: string;
  /** 64 hexadecimal digits. */
  readonly signature: string;
  /** From when on the signature is refused for its date. */
  readonly expiresAtMs: number;
  /** How the client repeats it, and a MAC of all it says; null where it sent no key. */
  readonly repetition: { readonly key: string; readonly requestMac: string } | null;
}

/** It acts now, or has acted: then what was answered. */
export type Admission =
  | { readonly kind: "first" }
  | { readonly kind: "repeated"; readonly status: number; readonly body: string };

/**
 * An answer that may be given again, or one that holds a secret; `refused` did nothing, and of
 * `in_doubt` nobody knows.
 */
export type RequestOutcome =
  | { readonly status: number; readonly body: string }
  | "secret"
  | "refused"
  | "in_doubt";

/** RPC face of the `Region` Durable Object towards the REST surface. */
export interface RegionApi {
  /**
   * Lets a request act once. Refused with `request_replayed`, `request_quota`, or by its key with
   * `idempotency_key_reused`, `idempotency_key_spent`, `idempotency_key_open`.
   */
  admitRequest(order: RequestOrder): Promise<Result<Admission>>;
  settleRequest(accessKeyId: string, key: string, outcome: RequestOutcome): Promise<void>;
  /** HSMs that serve the cluster's data plane, the leader first; all ACTIVE. */
  servingHsms(clusterId: string): Promise<Result<readonly ServingHsm[]>>;
  /** Back up now: a CREATE_IN_PROGRESS row and a due task; poll `backup`. */
  backUpNow(clusterId: string): Promise<Result<BackupView>>;
  backup(backupId: string): Promise<Result<BackupView>>;
  noteChallenge(note: ChallengeNote): Promise<void>;
  /** Refused with `challenge_absent`, `answer_wrong`. */
  proveRecoveryKey(
    keyId: string,
    challengeId: string,
    answer: string,
  ): Promise<Result<RecoveryProof>>;
  /** Keys that were proven once. */
  recoveryProofs(): Promise<readonly RecoveryProof[]>;
  /**
   * What is needed to read a backup. Refused with `backup_not_ready` in another state, and with
   * `backup_object_missing` if its objects are not those that were put.
   */
  readableBackup(backupId: string): Promise<Result<StoredBackupOrder>>;
  /**
   * Has a reader open and authenticate it from end to end: `ReaderApi.verify`. What is found of its bytes
   * becomes the mark on its row, or takes the mark away.
   */
  verifyBackup(backupId: string): Promise<Result<VerificationFacts>>;
  /** The same, and what is inside: `ReaderApi.inspect`. */
  inspectBackup(backupId: string, after: number, limit: number): Promise<Result<Inspection>>;
}

/** RPC face of the `Region` Durable Object towards the HSMs of its clusters. */
export interface HsmNotesApi {
  /** An HSM of the cluster saw PRECO set its password: INITIALIZED moves to ACTIVE, backup due. */
  noteActivated(clusterId: string): Promise<Result<null>>;
  /**
   * The leader `reporterId` says that a peer missed a write: the peer leaves service and is rebuilt
   * from a fresh backup; one that is joining does not come into service by this attempt. Refused
   * with `hsm_not_leader` if another HSM leads by now.
   */
  noteDegraded(clusterId: string, hsmId: string, reporterId: string): Promise<Result<null>>;
  /**
   * An HSM says of itself that its memory was changed from outside, or that it finds none (`blank`): it
   * leaves service, and is not filled again.
   */
  noteUnfit(hsmId: string, why: "changed" | "blank"): Promise<Result<null>>;
}
