/**
 * An HSM's memory as maps: for a page, a recovery tool, a test. Nothing is kept at rest.
 *
 * docs/HSM.md §1. Implements `HsmStore`. Secrets are held as `SecretKey` and wiped when replaced,
 * deleted or disposed.
 */
import type { SecretKey } from "../../crypto/secret-key.ts";
import { isAsymmetricRecord } from "./key-record.ts";
import { type HsmRecord, RECORD_TYPE, RECORD_TYPES, type RecordType } from "./record.ts";
import type { HsmStore, StoredRecord, StoredSize } from "./store.ts";

interface Row {
  readonly attributes: Uint8Array;
  readonly secret: SecretKey | null;
  readonly index: string;
}

/** The rows of one type, their ids in ascending order. */
interface Shelf {
  readonly rows: Map<number, Row>;
  readonly ids: number[];
  readonly byIndex: Map<string, number[]>;
  lastId: number;
}

type Undo = () => void;

export class MemoryStore implements HsmStore {
  readonly #shelves: ReadonlyMap<RecordType, Shelf>;
  /** How to take back each write of the open transaction; null outside one. */
  #undo: Undo[] | null = null;
  /** Secrets that the open transaction replaced: wiped when it holds. */
  #replaced: SecretKey[] = [];

  constructor() {
    this.#shelves = new Map(RECORD_TYPES.map((type) => [type, emptyShelf()]));
  }

  get(type: RecordType, id: number): StoredRecord | null {
    const row = this.#shelf(type).rows.get(id);
    return row === undefined ? null : stored(type, id, row);
  }

  find(type: RecordType, index: string): StoredRecord | null {
    const id = this.#shelf(type).byIndex.get(index)?.[0];
    return id === undefined ? null : this.get(type, id);
  }

  secret(type: RecordType, id: number): SecretKey | null {
    return this.#shelf(type).rows.get(id)?.secret?.clone() ?? null;
  }

  list(type: RecordType, afterId: number, limit: number): StoredRecord[] {
    const shelf = this.#shelf(type);
    const from = firstAbove(shelf.ids, afterId);
    return shelf.ids.slice(from, from + limit).flatMap((id) => this.get(type, id) ?? []);
  }

  listNamed(type: RecordType, index: string, afterId: number, limit: number): StoredRecord[] {
    const ids = this.#shelf(type).byIndex.get(index) ?? [];
    const from = firstAbove(ids, afterId);
    return ids.slice(from, from + limit).flatMap((id) => this.get(type, id) ?? []);
  }

  *all(): Generator<HsmRecord> {
    for (const [type, shelf] of this.#shelves) {
      for (const id of shelf.ids) {
        const row = shelf.rows.get(id);
        if (row === undefined) continue;
        yield { type, id, attributes: row.attributes, secret: row.secret };
      }
    }
  }

  *sizes(): Generator<StoredSize> {
    for (const { type, id, attributes, secret } of this.all()) {
      yield { type, id, attributeBytes: attributes.length, secretBytes: secret?.length ?? 0 };
    }
  }

  count(type: RecordType): number {
    return this.#shelf(type).ids.length;
  }

  countAsymmetricKeys(): number {
    const rows = [...this.#shelf(RECORD_TYPE.key).rows.values()];
    return rows.filter(({ attributes }) => isAsymmetricRecord(attributes)).length;
  }

  lastId(type: RecordType): number {
    return this.#shelf(type).lastId;
  }

  put(record: HsmRecord, index: string, keepSecret = false): void {
    const undo = this.#writing();
    const shelf = this.#shelf(record.type);
    const before = shelf.rows.get(record.id);
    if (keepSecret && record.secret !== null)
      throw new TypeError("secret: expected null to keep it");
    const secret = keepSecret ? (before?.secret ?? null) : (record.secret?.clone() ?? null);
    const { lastId } = shelf;
    setRow(shelf, record.id, { attributes: record.attributes.slice(), secret, index }, before);
    if (before?.secret && !keepSecret) this.#replaced.push(before.secret);
    undo.push(() => {
      if (!keepSecret) secret?.[Symbol.dispose]();
      if (before === undefined) removeRow(shelf, record.id);
      else setRow(shelf, record.id, before, shelf.rows.get(record.id));
      shelf.lastId = lastId;
    });
  }

  delete(type: RecordType, id: number): boolean {
    const undo = this.#writing();
    const shelf = this.#shelf(type);
    const before = shelf.rows.get(id);
    if (before === undefined) return false;
    removeRow(shelf, id);
    if (before.secret) this.#replaced.push(before.secret);
    undo.push(() => setRow(shelf, id, before, undefined));
    return true;
  }

  transaction<T>(f: () => T): T {
    if (this.#undo !== null) return f();
    const undo: Undo[] = [];
    this.#undo = undo;
    this.#replaced = [];
    try {
      const result = f();
      for (const secret of this.#replaced) secret[Symbol.dispose]();
      return result;
    } catch (error) {
      for (const step of undo.reverse()) step();
      throw error;
    } finally {
      this.#undo = null;
      this.#replaced = [];
    }
  }

  /** Wipes every secret and forgets everything. */
  [Symbol.dispose](): void {
    for (const shelf of this.#shelves.values()) {
      for (const row of shelf.rows.values()) row.secret?.[Symbol.dispose]();
      shelf.rows.clear();
      shelf.ids.length = 0;
      shelf.byIndex.clear();
      shelf.lastId = 0;
    }
  }

  #shelf(type: RecordType): Shelf {
    const shelf = this.#shelves.get(type);
    if (shelf === undefined) throw new TypeError(`type: expected a record type, got ${type}`);
    return shelf;
  }

  #writing(): Undo[] {
    if (this.#undo === null) throw new Error("unreachable: a write outside a transaction");
    return this.#undo;
  }
}

function emptyShelf(): Shelf {
  return { rows: new Map(), ids: [], byIndex: new Map(), lastId: 0 };
}

function stored(type: RecordType, id: number, row: Row): StoredRecord {
  return { type, id, attributes: row.attributes.slice(), secretBytes: row.secret?.length ?? 0 };
}

/** @param before - the row that is there now. */
function setRow(shelf: Shelf, id: number, row: Row, before: Row | undefined): void {
  if (before === undefined) insertAscending(shelf.ids, id);
  else if (before.index !== row.index) unindex(shelf, id, before.index);
  shelf.rows.set(id, row);
  if (before?.index !== row.index) {
    const ids = shelf.byIndex.get(row.index);
    if (ids === undefined) shelf.byIndex.set(row.index, [id]);
    else insertAscending(ids, id);
  }
  shelf.lastId = Math.max(shelf.lastId, id);
}

function removeRow(shelf: Shelf, id: number): void {
  const row = shelf.rows.get(id);
  if (row === undefined) return;
  shelf.rows.delete(id);
  removeAscending(shelf.ids, id);
  unindex(shelf, id, row.index);
}

function unindex(shelf: Shelf, id: number, index: string): void {
  const ids = shelf.byIndex.get(index) ?? [];
  removeAscending(ids, id);
  if (ids.length === 0) shelf.byIndex.delete(index);
}

/** Position of the first id above `id`. */
function firstAbove(ids: readonly number[], id: number): number {
  let low = 0;
  let high = ids.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((ids[middle] ?? Number.POSITIVE_INFINITY) > id) high = middle;
    else low = middle + 1;
  }
  return low;
}

function insertAscending(ids: number[], id: number): void {
  const last = ids.at(-1);
  if (last === undefined || last < id) ids.push(id);
  else ids.splice(firstAbove(ids, id), 0, id);
}

function removeAscending(ids: number[], id: number): void {
  const at = firstAbove(ids, id) - 1;
  if (ids[at] === id) ids.splice(at, 1);
}
