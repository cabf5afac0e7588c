/**
 * What an HSM needs of its memory, whatever holds it: rows of SQLite at the edge, a map in a page.
 *
 * docs/HSM.md §1. Synchronous on purpose: between a check and the write that relies on it no other
 * event can run. Secrets come out as `SecretKey` only; a store at rest keeps them wrapped.
 */
import type { SecretKey } from "../../crypto/secret-key.ts";
import { type AttributesCodec, RefusedAttributes } from "./attributes-codec.ts";
import type { HsmRecord, RecordType } from "./record.ts";

/** A row as listed: no secret, but its length, so that a size-only pass can be made. */
export interface StoredRecord {
  readonly type: RecordType;
  readonly id: number;
  /** Fresh; deterministic CBOR. */
  readonly attributes: Uint8Array;
  /** Bytes of the secret part; 0 where there is none. */
  readonly secretBytes: number;
}

/** A row's place and lengths: what a size-only pass needs. */
export interface StoredSize {
  readonly type: RecordType;
  readonly id: number;
  readonly attributeBytes: number;
  readonly secretBytes: number;
}

export interface HsmStore {
  get(type: RecordType, id: number): StoredRecord | null;
  /** The record of this type whose index text is exactly `index`, lowest id first. */
  find(type: RecordType, index: string): StoredRecord | null;
  /** Fresh secret, disposed of by the caller; null where the record is absent or has none. */
  secret(type: RecordType, id: number): SecretKey | null;
  /** Records of one type with id > `afterId`, ascending, at most `limit`. */
  list(type: RecordType, afterId: number, limit: number): StoredRecord[];
  /** Of them, those whose index text is exactly `index`. */
  listNamed(type: RecordType, index: string, afterId: number, limit: number): StoredRecord[];
  /**
   * Every record in canonical order, attributes and secret borrowed until the next is asked for.
   * Not to be interleaved with writes.
   */
  all(): Iterable<HsmRecord>;
  /** The sizes of the same records in the same order; no secret is touched. */
  sizes(): Iterable<StoredSize>;
  count(type: RecordType): number;
  /** How many of the keys are RSA or EC, public or private. */
  countAsymmetricKeys(): number;
  /** Highest id of the type ever used, 0 if none: ids are never reused within a generation. */
  lastId(type: RecordType): number;
  /**
   * Inserts or replaces. `index` is the text `find` looks up (a user's name, a key's label), "" for
   * none. `secret` is borrowed. With `keepSecret` the stored secret stays and `record.secret` must
   * be null.
   */
  put(record: HsmRecord, index: string, keepSecret?: boolean): void;
  delete(type: RecordType, id: number): boolean;
  /** Runs `f` so that all of its writes hold or none does; a throw rolls back. */
  transaction<T>(f: () => T): T;
}

/** Rows that are asked for at once. */
const SLICE = 500;

/**
 * The records of one type with ids above `after`, ascending. A slice is read before its rows are
 * given out.
 */
export function rowsOf(store: HsmStore, type: RecordType, after = -1): Generator<StoredRecord> {
  return slices((afterId) => store.list(type, afterId, SLICE), after);
}

/** Of them, those whose index text is exactly `index`. */
export function rowsNamed(
  store: HsmStore,
  type: RecordType,
  index: string,
  after: number,
): Generator<StoredRecord> {
  return slices((afterId) => store.listNamed(type, index, afterId, SLICE), after);
}

function* slices(
  read: (afterId: number) => StoredRecord[],
  after: number,
): Generator<StoredRecord> {
  let afterId = after;
  for (;;) {
    const rows = read(afterId);
    yield* rows;
    const last = rows.at(-1);
    if (last === undefined || rows.length < SLICE) return;
    afterId = last.id;
  }
}

/** The attributes of a record this HSM holds, which have been checked on their way in. */
export function readAttributes<T>(codec: AttributesCodec<T>, row: StoredRecord): T {
  const decoded = codec.decode(row.attributes);
  if (decoded instanceof RefusedAttributes) {
    throw new Error(`unreachable: record ${row.type}/${row.id} in store: ${decoded.why}`);
  }
  return decoded;
}
