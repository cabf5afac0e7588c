/**
 * The tables of an HSM's memory: rows of records in generations, and the slots that were deleted.
 *
 * Spec: docs/STORAGE.md, "Rows of an HSM". A row carries its secret only wrapped under the storage
 * key, and the number of the change that wrote it. Every query finds its rows by an index.
 */
import type { Kek } from "../../crypto/core.ts";
import type { SecretKey } from "../../crypto/secret-key.ts";
import { isAsymmetricRecord } from "../../hsm/memory/key-record.ts";
import { RECORD_TYPE, type RecordType } from "../../hsm/memory/record.ts";
import type { StoredSize } from "../../hsm/memory/store.ts";
import {
  type AuthenticatedRow,
  AuthenticatedTable,
  type TableShape,
} from "./authenticated-table.ts";
import { type GenerationRow, servingRow, writeServing } from "./generations.ts";
import { RecordCounts } from "./overview.ts";
import type { SqlValue } from "./row-encoding.ts";
import { type HsmRows, RowSum } from "./row-macs.ts";
import { MemoryChanged, wrapSecret, wrapSecrets } from "./storage-key.ts";

/** Rows read at a time: bounds what one page holds. */
const PAGE_ROWS = 256;

export const RECORD_TABLES: readonly string[] = [
  `CREATE TABLE IF NOT EXISTS records (
    generation INTEGER NOT NULL, type INTEGER NOT NULL, id INTEGER NOT NULL,
    name TEXT NOT NULL, attributes BLOB NOT NULL, wrapped BLOB, secret_bytes INTEGER NOT NULL,
    change INTEGER NOT NULL, mac BLOB NOT NULL,
    PRIMARY KEY (generation, type, id)) WITHOUT ROWID`,
  "CREATE INDEX IF NOT EXISTS records_by_name ON records (generation, type, name, id)",
  "CREATE INDEX IF NOT EXISTS records_by_change ON records (generation, change)",
  `CREATE TABLE IF NOT EXISTS deletions (
    generation INTEGER NOT NULL, type INTEGER NOT NULL, id INTEGER NOT NULL,
    change INTEGER NOT NULL, mac BLOB NOT NULL,
    PRIMARY KEY (generation, type, id)) WITHOUT ROWID`,
  "CREATE INDEX IF NOT EXISTS deletions_by_change ON deletions (generation, change)",
];

const RECORDS: TableShape = {
  name: "records",
  columns: [
    ...["generation", "type", "id", "name", "attributes", "wrapped", "secret_bytes", "change"],
  ],
};
const DELETIONS: TableShape = {
  name: "deletions",
  columns: ["generation", "type", "id", "change"],
};
const SLOT = ["generation", "type", "id"];
const CANONICAL = ["type", "id"];

const SIZES = `SELECT type, id, length(attributes), secret_bytes FROM records
  WHERE generation = ? AND (type, id) > (?, ?) ORDER BY type, id LIMIT ?`;

/** A record as its row has it. */
export interface RecordRow {
  readonly type: RecordType;
  readonly id: number;
  readonly name: string;
  readonly attributes: Uint8Array;
  readonly wrapped: Uint8Array | null;
  readonly secretBytes: number;
  readonly change: number;
}

/** A slot as it is since its last change. */
interface ChangedSlot {
  readonly type: RecordType;
  readonly id: number;
  readonly change: number;
  readonly row: RecordRow | null;
}

/** A record about to become a row. `secret` is borrowed. */
interface NewRow {
  readonly type: RecordType;
  readonly id: number;
  readonly name: string;
  readonly attributes: Uint8Array;
  readonly secret: SecretKey | null;
  readonly change: number;
}

/**
 * Rows of one generation, written and read. What is written is counted: in the row of the generation,
 * when `keepChange` is called at the end of the transaction, or by whoever flips to it.
 */
export class RecordRows {
  readonly #rows: HsmRows;
  readonly #records: AuthenticatedTable;
  readonly #deletions: AuthenticatedTable;
  readonly generation: number;
  /** Of all rows as they are in this transaction. */
  #sum: RowSum | null;
  readonly #isNew: boolean;
  /** Records that came, less those that went, in this transaction; of a new generation, ever. */
  #added = new RecordCounts();

  /** @param isNew - the generation has no rows yet, and no row of its own. */
  constructor(rows: HsmRows, generation: number, isNew: boolean) {
    this.#rows = rows;
    this.#records = new AuthenticatedTable(rows, RECORDS);
    this.#deletions = new AuthenticatedTable(rows, DELETIONS);
    this.generation = generation;
    this.#isNew = isNew;
    this.#sum = isNew ? new RowSum() : null;
  }

  /** The sum of all rows; of a generation that serves, as its own row says. */
  get sum(): RowSum {
    this.#sum ??= this.#serving().sum;
    return this.#sum;
  }

  /** How many records there are, as they are in this transaction. */
  get counts(): RecordCounts {
    return this.#isNew ? this.#added : this.#countsBefore().plus(this.#added);
  }

  /** Forgets what was read and counted: a transaction is over, whatever became of it. */
  forget(): void {
    this.#sum = null;
    this.#added = new RecordCounts();
  }

  /** Ends a transaction that changed something. */
  keepChange(change: number): void {
    const counts = this.#rows.overview.countsAt(this.#serving())?.plus(this.#added) ?? null;
    const next = { generation: this.generation, change, sum: this.sum };
    writeServing(this.#rows, next, counts);
    this.#added = new RecordCounts();
  }

  get(type: RecordType, id: number): RecordRow | null {
    return this.#first("WHERE generation = ? AND type = ? AND id = ?", type, id);
  }

  find(type: RecordType, name: string): RecordRow | null {
    return this.listNamed(type, name, -1, 1)[0] ?? null;
  }

  list(type: RecordType, afterId: number, limit: number): RecordRow[] {
    const rest = "WHERE generation = ? AND type = ? AND id > ? ORDER BY id LIMIT ?";
    return this.#records.read(rest, [this.generation, type, afterId, limit]).map(recordRow);
  }

  /** Rows of one type that are found by `name`, with id > `afterId`, ascending. */
  listNamed(type: RecordType, name: string, afterId: number, limit: number): RecordRow[] {
    // Left to itself, SQLite takes the primary key, and walks all rows of the type.
    const rest = `INDEXED BY records_by_name
       WHERE generation = ? AND type = ? AND name = ? AND id > ? ORDER BY id LIMIT ?`;
    const bindings = [this.generation, type, name, afterId, limit];
    const found = this.#records.read(rest, bindings).map(recordRow);
    // An index that was changed leads to another row.
    if (found.some((row) => row.name !== name)) throw new MemoryChanged("records");
    return found;
  }

  /**
   * All records in canonical order. Whoever takes them to their end has the generation's word for them:
   * the deletions are read too, and the sum of all rows is compared.
   *
   * @throws MemoryChanged unless all rows are as they were written.
   */
  *pages(): Generator<RecordRow[]> {
    const found = new RowSum();
    for (const page of this.#walk(this.#records, CANONICAL, [0, -1], found)) {
      yield page.map(recordRow);
    }
    for (const _ of this.#walk(this.#deletions, CANONICAL, [0, -1], found));
    // Inside a transaction that wrote, the generation's own row is behind.
    const sum = this.#sum ?? this.#serving().sum;
    if (!found.equals(sum)) throw new MemoryChanged("rows removed, added or put back");
  }

  /**
   * Places and lengths of all records in the same order, as they lie in the table: nothing of it is
   * authenticated. For a plan that the records themselves are measured by, in the same turn.
   */
  *sizes(): Generator<StoredSize[]> {
    let after: readonly [type: number, id: number] = [0, -1];
    for (;;) {
      const bindings = [this.generation, ...after, PAGE_ROWS];
      const page = Array.from(this.#rows.sql.rows<SizeRow>(SIZES, bindings), sizeOf);
      if (page.length > 0) yield page;
      const last = page.at(-1);
      if (last === undefined || page.length < PAGE_ROWS) return;
      after = [last.type, last.id];
    }
  }

  /** Highest id of the type ever used. A deleted id is remembered by its row in `deletions`. */
  lastId(type: RecordType): number {
    const ids = [this.#records, this.#deletions].map((table) => {
      const where = "WHERE generation = ? AND type = ? ORDER BY id DESC LIMIT 1";
      return (table.first(where, [this.generation, type])?.["id"] ?? 0) as number;
    });
    return Math.max(...ids);
  }

  /** Inserts or replaces; a slot that was deleted is in use again. */
  insert(kek: Kek, row: NewRow): void {
    const { type, id, secret } = row;
    this.#count(this.get(type, id), row);
    this.#put(row, secret === null ? null : wrapSecret(kek, type, id, secret), SLOT);
    const where = "WHERE generation = ? AND type = ? AND id = ?";
    this.#deletions.delete(where, [this.generation, type, id], this.sum);
  }

  /** Inserts rows of a generation that is being filled: no slot of it was ever in use. */
  insertAll(kek: Kek, rows: readonly NewRow[]): void {
    const wrapped = wrapSecrets(kek, rows);
    for (const [i, row] of rows.entries()) {
      this.#count(null, row);
      this.#put(row, wrapped[i] ?? null, []);
    }
  }

  /** Changes all of a row but its secret. @returns whether there was one. */
  update(row: Omit<NewRow, "secret">): boolean {
    const held = this.get(row.type, row.id);
    if (held === null) return false;
    this.#count(held, row);
    this.#putWrapped(row, held.wrapped, held.secretBytes, SLOT);
    return true;
  }

  /** Deletes and remembers the slot, so that its id is never used again and peers hear of it. */
  remove(type: RecordType, id: number, change: number): boolean {
    const { generation } = this;
    const where = "WHERE generation = ? AND type = ? AND id = ?";
    this.#count(this.get(type, id), null);
    const removed = this.#records.delete(where, [generation, type, id], this.sum);
    this.#deletions.put({ generation, type, id, change }, SLOT, this.sum);
    return removed > 0;
  }

  /** Slots changed after `change`; one that is empty now has no row. */
  *changedSince(change: number): Generator<ChangedSlot> {
    const columns = ["change", "type", "id"];
    const start = [change + 1, 0, -1];
    for (const page of this.#walk(this.#records, columns, start)) {
      for (const row of page.map(recordRow)) yield { ...row, row };
    }
    for (const page of this.#walk(this.#deletions, columns, start)) {
      for (const gone of page) {
        yield { ...slotOf(gone), change: gone["change"] as number, row: null };
      }
    }
  }

  /** Reads every row, and counts records. @throws MemoryChanged unless all are as they were written. */
  verify(): void {
    this.#walkCounting(this.#serving());
  }

  /**
   * Pages of a table's rows in the order of `columns`, from behind `start`. A cursor left open would not
   * survive a write in between.
   *
   * @param sum - to which each row is added.
   */
  *#walk(
    table: AuthenticatedTable,
    columns: readonly string[],
    start: readonly number[],
    sum?: RowSum,
  ): Generator<AuthenticatedRow[]> {
    const order = columns.join(", ");
    const marks = columns.map(() => "?").join(", ");
    const rest = `WHERE generation = ? AND (${order}) > (${marks}) ORDER BY ${order} LIMIT ?`;
    let after = [...start];
    for (;;) {
      const page = table.read(rest, [this.generation, ...after, PAGE_ROWS], sum);
      if (page.length > 0) yield page;
      const last = page.at(-1);
      if (last === undefined || page.length < PAGE_ROWS) return;
      after = columns.map((column) => last[column] as number);
    }
  }

  #serving(): GenerationRow {
    const now = servingRow(this.#rows);
    if (now?.generation !== this.generation) throw new MemoryChanged("generations");
    return now;
  }

  /** Of the generation when the transaction began. */
  #countsBefore(): RecordCounts {
    const serving = this.#serving();
    const known = this.#rows.overview.countsAt(serving);
    return known ?? this.#walkCounting(serving);
  }

  /** @param serving - the row of this generation. @returns counts of when the transaction began. */
  #walkCounting(serving: GenerationRow): RecordCounts {
    const counts = new RecordCounts();
    for (const page of this.pages()) for (const row of page) count(counts, row, 1);
    return this.#rows.overview.keepCounts(serving, counts.minus(this.#added));
  }

  #count(before: CountedRow | null, after: CountedRow | null): void {
    if (before !== null) count(this.#added, before, -1);
    if (after !== null) count(this.#added, after, 1);
  }

  #put(row: NewRow, wrapped: Uint8Array | null, key: readonly string[]): void {
    this.#putWrapped(row, wrapped, row.secret?.length ?? 0, key);
  }

  #putWrapped(
    { type, id, name, attributes, change }: Omit<NewRow, "secret">,
    wrapped: Uint8Array | null,
    secretBytes: number,
    key: readonly string[],
  ): void {
    const { generation } = this;
    const values = { generation, type, id, name, attributes, wrapped, secret_bytes: secretBytes };
    this.#records.put({ ...values, change }, key, this.sum);
  }

  #first(rest: string, ...bindings: (string | number)[]): RecordRow | null {
    const row = this.#records.first(rest, [this.generation, ...bindings]);
    return row === null ? null : recordRow(row);
  }
}

type SizeRow = [type: number, id: number, attributeBytes: number, secretBytes: number];

function sizeOf([type, id, attributeBytes, secretBytes]: SizeRow): StoredSize {
  return { type: recordType(type), id, attributeBytes, secretBytes };
}

type CountedRow = Pick<RecordRow, "type" | "attributes">;

function count(counts: RecordCounts, { type, attributes }: CountedRow, by: 1 | -1): void {
  counts.add(type, by, type === RECORD_TYPE.key && isAsymmetricRecord(attributes));
}

function recordRow(row: AuthenticatedRow): RecordRow {
  const wrapped = row["wrapped"] ?? null;
  return {
    ...slotOf(row),
    name: row["name"] as string,
    attributes: bytesOf(row["attributes"] ?? null),
    wrapped: wrapped === null ? null : bytesOf(wrapped),
    secretBytes: row["secret_bytes"] as number,
    change: row["change"] as number,
  };
}

function slotOf(row: AuthenticatedRow): { type: RecordType; id: number } {
  return { type: recordType(row["type"] as number), id: row["id"] as number };
}

/** Of a column that holds bytes in a row that is authentic. */
function bytesOf(value: SqlValue): Uint8Array {
  return new Uint8Array(value as ArrayBuffer);
}

/** The number of a record type as a row holds it. */
function recordType(value: number): RecordType {
  switch (value) {
    case 1:
    case 2:
    case 3:
    case 4:
    case 5:
      return value;
    default:
      throw new Error(`unreachable: record type ${value} in a row`);
  }
}
