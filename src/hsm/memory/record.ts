/**
 * The unit of an HSM's memory: a typed, numbered record with attributes and, for some, a secret
 * part.
 *
 * Spec: FORMAT.md §4. What the attributes of each type mean is decided by the files that own them;
 * here is only what the store, the snapshot and the backup engine need to know.
 */
import type { SecretKey } from "../../crypto/secret-key.ts";

/** Record types by their number on the wire; canonical order is ascending (type, id). */
export const RECORD_TYPE = {
  configuration: 1,
  policy: 2,
  user: 3,
  certificate: 4,
  key: 5,
} as const;

export type RecordType = (typeof RECORD_TYPE)[keyof typeof RECORD_TYPE];

/** All types in canonical order; a footer counts records in this order. */
export const RECORD_TYPES: readonly RecordType[] = [1, 2, 3, 4, 5];

/** Largest encoded record, bytes: bounds what a reader buffers. */
export const MAX_RECORD_BYTES: number = 64 * 1024;

/**
 * A record as stored: `attributes` is deterministic CBOR; `secret` is null where the type has none.
 */
export interface HsmRecord {
  readonly type: RecordType;
  /** 0 to 2^53 − 1; unique within its type. */
  readonly id: number;
  readonly attributes: Uint8Array;
  readonly secret: SecretKey | null;
}

/** A record's place and size, known without touching its secret: the size-only pass. */
export interface SnapshotEntry {
  readonly type: RecordType;
  readonly id: number;
  /** Length of the encoded record, 1 to `MAX_RECORD_BYTES` bytes. */
  readonly byteLength: number;
}

/**
 * An encoded record. `bytes` hold plaintext secrets: the consumer wipes or hands back, never keeps.
 */
export interface SnapshotRecord {
  readonly type: RecordType;
  readonly id: number;
  readonly bytes: Uint8Array;
}

/** Where a backup reads from: two passes over the same unchanging state, in canonical order. */
export interface SnapshotSource {
  entries(): Iterable<SnapshotEntry>;
  /** Each record's bytes are wiped by the source when the next one is asked for, and at the end. */
  records(): Iterable<SnapshotRecord>;
}

/**
 * Where a restore writes to: a staging area that nobody reads before the backup is authenticated.
 */
export interface SnapshotSink {
  /** @param record - borrowed: the caller wipes `bytes` after the call returns. */
  put(record: SnapshotRecord): void;
}

/** For reading what is only to be authenticated. */
export const NOWHERE: SnapshotSink = { put: () => undefined };

/**
 * Writes a record's id as u64, big-endian. A BigInt each for 65,536 of them costs more than the
 * rest.
 */
export function setRecordId(view: DataView, offset: number, id: number): void {
  view.setUint32(offset, Math.floor(id / 2 ** 32));
  view.setUint32(offset + 4, id % 2 ** 32);
}
