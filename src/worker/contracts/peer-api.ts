/**
 * What the HSM that leads a cluster asks of the others, and what travels between them.
 *
 * Spec: docs/STORAGE.md, "Peers". Secrets travel wrapped under the cluster's sync key.
 */
import type { RecordType } from "../../hsm/memory/record.ts";
import type { Result } from "./result.ts";

/**
 * Which history an HSM's memory belongs to, and how far along it stands.
 *
 * A history is named at random where an HSM is manufactured or takes over as leader, and by the
 * container digest where one is restored.
 */
export interface Position {
  /** 32 hexadecimal digits of a random name, or the 64 of a container's SHA-256. */
  readonly history: string;
  /** Number of the latest change to a record. */
  readonly change: number;
  /** Number of the latest count of wrong passwords, which stand beside the records. */
  readonly attempts: number;
}

export interface PeerPosition {
  readonly position: Position;
  /** 64 hexadecimal digits; null unless asked for. */
  readonly stateDigest: string | null;
}

/** A row as it travels between HSMs. */
export interface ChangedRow {
  readonly type: RecordType;
  readonly id: number;
  readonly change: number;
  /** null: the slot is empty now. */
  readonly content: {
    readonly name: string;
    /** CBOR, as the record's: docs/FORMAT.md §4. */
    readonly attributes: Uint8Array;
    /**
     * KWP (SP 800-38F §6.3) of type ‖ id ‖ secret under the sync key, a multiple of 8 bytes; null
     * where there is no secret.
     */
    readonly wrapped: Uint8Array | null;
  } | null;
}

/** What is counted of one user's wrong passwords; docs/HSM.md §2.5. */
export interface AttemptRow {
  /** 0 for names that no password opens. */
  readonly userId: number;
  readonly failures: number;
  readonly locked: 0 | 1;
  readonly number: number;
}

export interface AttemptsDelta {
  /** Whether these are all there are, and what the peer counted is to go. */
  readonly all: boolean;
  readonly rows: readonly AttemptRow[];
}

/** The way from one position to another. */
export interface Delta {
  readonly from: Position;
  readonly to: Position;
  readonly rows: readonly ChangedRow[];
  readonly attempts: AttemptsDelta;
}

/** RPC face of the `Hsm` Durable Object towards the leader of its cluster. */
export interface PeerApi {
  /** Where the peer stands, and the digest of its state if `withDigest`. */
  position(withDigest: boolean): Promise<Result<PeerPosition>>;
  /** Takes a delta over; refused with `replication_gap` unless it begins where the peer stands. */
  applyDelta(delta: Delta): Promise<Result<null>>;
}
