/**
 * An HSM's memory over one generation of rows: what the rules of `src/hsm` read and write.
 *
 * Spec: docs/STORAGE.md, "Rows of an HSM". Secrets come out as `SecretKey` only, unwrapped one at a
 * time. Writes of one transaction share one number, by which peers are told what they miss.
 */
import type { Kek } from "../../crypto/core.ts";
import type { SecretKey } from "../../crypto/secret-key.ts";
import type { HsmRecord, RecordType } from "../../hsm/memory/record.ts";
import type { DecodedRecord } from "../../hsm/memory/snapshot.ts";
import type { HsmStore, StoredRecord, StoredSize } from "../../hsm/memory/store.ts";
import { Refused } from "../contracts/result.ts";
import {
  currentGeneration,
  insertRow,
  insertRows,
  keepLastChange,
  lastChange,
  PAGE_ROWS,
  recordType,
  removeRow,
} from "./rows.ts";
import { unwrapSecret, unwrapSecrets, type WrappedSecret } from "./storage-key.ts";

const COLUMNS = "type, id, attributes, secret_bytes";

type Slot = { type: number; id: number };
type RecordRow = Slot & { attributes: ArrayBuffer; secret_bytes: number };
type RecordWithSecret = Slot & { attributes: ArrayBuffer; wrapped: ArrayBuffer | null };
type RecordSize = Slot & { attribute_bytes: number; secret_bytes: number };

/** The generation a store was opened on no longer serves: a restore came between. */
class GenerationGone extends Refused {
  constructor() {
    super({
      kind: "conflict",
      code: "hsm_restored",
      message: "A backup was restored onto the HSM meanwhile. Log in again and repeat the request.",
    });
  }
}

/**
 * What a store is opened for. `staging`: being filled by a restore or at manufacture. `serving`: by
 * an operation; `admitChange` throws while this HSM takes no change of its cluster's state.
 */
export type StoreRole =
  | { readonly kind: "staging" }
  | { readonly kind: "serving"; readonly admitChange: () => void };

export class SqliteStore implements HsmStore {
  readonly #storage: DurableObjectStorage;
  readonly #sql: SqlStorage;
  readonly #kek: Kek;
  readonly #role: StoreRole;
  readonly generation: number;
  /** Number of the change under way; null outside a transaction. */
  #change: number | null = null;
  #wrote = false;

  /** @param kek - the storage key of this HSM; borrowed for the life of this object. */
  constructor(storage: DurableObjectStorage, kek: Kek, generation: number, role: StoreRole) {
    this.#storage = storage;
    this.#sql = storage.sql;
    this.#kek = kek;
    this.generation = generation;
    this.#role = role;
  }

  get(type: RecordType, id: number): StoredRecord | null {
    return this.#one(
      `SELECT ${COLUMNS} FROM records WHERE generation = ? AND type = ? AND id = ?`,
      this.generation,
      type,
      id,
    );
  }

  find(type: RecordType, index: string): StoredRecord | null {
    return this.#one(
      `SELECT ${COLUMNS} FROM records WHERE generation = ? AND type = ? AND name = ?
       ORDER BY id LIMIT 1`,
      this.generation,
      type,
      index,
    );
  }

  secret(type: RecordType, id: number): SecretKey | null {
    const rows = this.#sql.exec<{ wrapped: ArrayBuffer | null }>(
      "SELECT wrapped FROM records WHERE generation = ? AND type = ? AND id = ?",
      this.generation,
      type,
      id,
    );
    const wrapped = [...rows][0]?.wrapped ?? null;
    return wrapped === null ? null : unwrapSecret(this.#kek, type, id, new Uint8Array(wrapped));
  }

  list(type: RecordType, afterId: number, limit: number): StoredRecord[] {
    const rows = this.#sql.exec<RecordRow>(
      `SELECT ${COLUMNS} FROM records WHERE generation = ? AND type = ? AND id > ?
       ORDER BY id LIMIT ?`,
      this.generation,
      type,
      afterId,
      limit,
    );
    return [...rows].map(storedRecord);
  }

  *all(): Generator<HsmRecord> {
    for (const page of this.#pages<RecordWithSecret>("type, id, attributes, wrapped")) {
      const secrets = unwrapSecrets(this.#kek, page.map(wrappedSecret));
      try {
        for (const [i, { type, id, attributes }] of page.entries()) {
          const secret = secrets[i] ?? null;
          yield { type: recordType(type), id, attributes: new Uint8Array(attributes), secret };
        }
      } finally {
        for (const secret of secrets) secret?.[Symbol.dispose]();
      }
    }
  }

  *sizes(): Generator<StoredSize> {
    const columns = "type, id, length(attributes) AS attribute_bytes, secret_bytes";
    for (const page of this.#pages<RecordSize>(columns)) {
      for (const { type, id, attribute_bytes, secret_bytes } of page) {
        yield {
          type: recordType(type),
          id,
          attributeBytes: attribute_bytes,
          secretBytes: secret_bytes,
        };
      }
    }
  }

  count(type: RecordType): number {
    return this.#number(
      "SELECT count(*) AS n FROM records WHERE generation = ? AND type = ?",
      this.generation,
      type,
    );
  }

  /** A deleted id is remembered by its row in `deletions`. */
  lastId(type: RecordType): number {
    return this.#number(
      `SELECT max(
         (SELECT coalesce(max(id), 0) FROM records WHERE generation = ?1 AND type = ?2),
         (SELECT coalesce(max(id), 0) FROM deletions WHERE generation = ?1 AND type = ?2)) AS n`,
      this.generation,
      type,
    );
  }

  put(record: HsmRecord, index: string, keepSecret = false): void {
    const change = this.#changing();
    const { type, id, attributes, secret } = record;
    if (keepSecret) {
      if (secret !== null) throw new TypeError("secret: expected null with keepSecret");
      const updated = this.#sql.exec(
        `UPDATE records SET name = ?, attributes = ?, change = ?
         WHERE generation = ? AND type = ? AND id = ?`,
        index,
        attributes,
        change,
        this.generation,
        type,
        id,
      );
      if (updated.rowsWritten === 0) throw new RangeError(`record ${type}/${id}: absent`);
      return;
    }
    insertRow(this.#sql, this.#kek, this.generation, {
      type,
      id,
      name: index,
      attributes,
      secret,
      change,
    });
  }

  /** Takes new records into a generation that is being filled, their secrets wrapped in lanes. */
  putAll(records: readonly DecodedRecord[]): void {
    if (this.#role.kind !== "staging") throw new TypeError("putAll: expected to be staging");
    const change = this.#changing();
    const rows = records.map(({ record, index }) => ({ ...record, name: index, change }));
    insertRows(this.#sql, this.#kek, this.generation, rows);
  }

  delete(type: RecordType, id: number): boolean {
    return removeRow(this.#sql, this.generation, type, id, this.#changing());
  }

  transaction<T>(f: () => T): T {
    if (this.#change !== null) return f(); // Part of the transaction around it.
    // An operation that awaited while a restore flipped the pointer would write where nobody reads.
    if (this.#role.kind === "serving" && currentGeneration(this.#sql) !== this.generation) {
      throw new GenerationGone();
    }
    // Staged rows are where a generation begins: peers that start from the same backup have them.
    this.#change = this.#role.kind === "staging" ? 0 : lastChange(this.#sql, this.generation) + 1;
    this.#wrote = false;
    try {
      return this.#storage.transactionSync(() => {
        const result = f();
        if (this.#wrote && this.#role.kind === "serving")
          keepLastChange(this.#sql, this.generation, this.#changing());
        return result;
      });
    } finally {
      this.#change = null;
    }
  }

  #changing(): number {
    if (this.#change === null) throw new TypeError("a change needs a transaction");
    if (this.#role.kind === "serving" && !this.#wrote) this.#role.admitChange();
    this.#wrote = true;
    return this.#change;
  }

  /** All rows in canonical order. A cursor left open would not survive a write in between. */
  *#pages<Row extends Slot>(columns: string): Generator<Row[]> {
    let [type, id] = [0, -1];
    for (;;) {
      const rows = this.#sql.exec<Row>(
        `SELECT ${columns} FROM records WHERE generation = ? AND (type, id) > (?, ?)
         ORDER BY type, id LIMIT ?`,
        this.generation,
        type,
        id,
        PAGE_ROWS,
      );
      const page = [...rows];
      if (page.length > 0) yield page;
      const last = page.at(-1);
      if (last === undefined || page.length < PAGE_ROWS) return;
      [type, id] = [last.type, last.id];
    }
  }

  #one(query: string, ...bindings: (string | number)[]): StoredRecord | null {
    const row = [...this.#sql.exec<RecordRow>(query, ...bindings)][0];
    return row === undefined ? null : storedRecord(row);
  }

  #number(query: string, ...bindings: number[]): number {
    return this.#sql.exec<{ n: number }>(query, ...bindings).one().n;
  }
}

function wrappedSecret({ type, id, wrapped }: RecordWithSecret): WrappedSecret | null {
  return wrapped === null ? null : { type, id, wrapped: new Uint8Array(wrapped) };
}

function storedRecord(row: RecordRow): StoredRecord {
  return {
    type: recordType(row.type),
    id: row.id,
    attributes: new Uint8Array(row.attributes),
    secretBytes: row.secret_bytes,
  };
}
