/**
 * The rows that are an HSM's own, in no generation: they share one sum, kept in a row of its own.
 *
 * Spec: docs/STORAGE.md, "Rows are authenticated".
 */
import { encodeHex } from "../../crypto/base-encodings.ts";
import {
  type AuthenticatedRow,
  AuthenticatedTable,
  type Binding,
  type TableShape,
} from "./authenticated-table.ts";
import type { SqlValue } from "./row-encoding.ts";
import { type HsmRows, RowSum } from "./row-macs.ts";
import { MemoryChanged, StorageKeyMismatch } from "./storage-key.ts";

export const OWN_TABLES: readonly string[] = [
  "CREATE TABLE IF NOT EXISTS own_sum (one INTEGER PRIMARY KEY CHECK (one = 1), sum BLOB NOT NULL)",
  "CREATE TABLE IF NOT EXISTS key_check (one INTEGER PRIMARY KEY CHECK (one = 1), value BLOB NOT NULL)",
];

/** Notes under which storage key this HSM's rows are written, when the first are. */
export function writeKeyCheck({ sql, macs }: HsmRows): void {
  sql.exec("INSERT OR REPLACE INTO key_check VALUES (1, ?)", macs.keyCheck);
}

/**
 * Before any row is believed: under another key each of them looks changed. The check itself is
 * authenticated by nothing, so one that differs is believed only if nothing else verifies either.
 *
 * @param own - tables whose rows are tried. @throws StorageKeyMismatch, MemoryChanged.
 */
export function verifyKeyCheck(rows: HsmRows, own: readonly OwnTable[]): void {
  const { sql, macs } = rows;
  const [row] = sql.exec<{ value: SqlStorageValue }>("SELECT value FROM key_check").toArray();
  const value = row?.value ?? null;
  const isKept = value instanceof ArrayBuffer;
  if (isKept && encodeHex(new Uint8Array(value)) === encodeHex(macs.keyCheck)) return;
  if (row === undefined && own.every((table) => table.isEmpty())) return; // Blank.
  if (row === undefined || own.some((table) => table.someVerifies())) {
    throw new MemoryChanged("key_check");
  }
  throw new StorageKeyMismatch();
}

const PART = "own rows";

/** A table of own rows: what is written is counted at once. */
export class OwnTable {
  readonly #rows: HsmRows;
  readonly #table: AuthenticatedTable;
  readonly #key: readonly string[];

  /** @param key - columns of the primary key. */
  constructor(rows: HsmRows, shape: TableShape, key: readonly string[]) {
    this.#rows = rows;
    this.#table = new AuthenticatedTable(rows, shape);
    this.#key = key;
  }

  read(rest: string, ...bindings: Binding[]): AuthenticatedRow[] {
    return this.#table.read(rest, bindings);
  }

  first(rest: string, ...bindings: Binding[]): AuthenticatedRow | null {
    return this.#table.first(rest, bindings);
  }

  put(row: AuthenticatedRow): void {
    this.#counting((sum) => this.#table.put(row, this.#key, sum));
  }

  /** @param rest - of the statement, from WHERE on. @returns how many rows there were. */
  delete(rest: string, ...bindings: Binding[]): number {
    return this.#counting((sum) => this.#table.delete(rest, bindings, sum));
  }

  isEmpty(): boolean {
    return this.#table.count() === 0;
  }

  /** Whether any row is this HSM's, under this storage key. */
  someVerifies(): boolean {
    return this.#table.someVerifies();
  }

  tally(sum: RowSum): void {
    this.#table.tally(sum);
  }

  #counting<T>(f: (sum: RowSum) => T): T {
    const sum = ownSum(this.#rows);
    const result = f(sum);
    this.#rows.sql.exec(
      "INSERT INTO own_sum VALUES (1, ?) ON CONFLICT DO UPDATE SET sum = excluded.sum",
      this.#rows.macs.wrapSum(PART, sum),
    );
    return result;
  }
}

/** Empty as long as nothing was written. */
function ownSum({ sql, macs }: HsmRows): RowSum {
  const [row] = sql.exec<{ sum: SqlStorageValue }>("SELECT sum FROM own_sum").toArray();
  return row === undefined ? new RowSum() : macs.unwrapSum(PART, row.sum as SqlValue);
}

/** Reads every row of the tables and compares the sum. @throws MemoryChanged. */
export function verifyOwnRows(rows: HsmRows, tables: readonly OwnTable[]): void {
  const found = new RowSum();
  for (const table of tables) table.tally(found);
  if (!found.equals(ownSum(rows))) throw new MemoryChanged("own rows removed, added or put back");
}
