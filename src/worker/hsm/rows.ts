/**
 * The tables of an HSM's memory: rows of records in generations, and the slots that were deleted.
 *
 * Spec: docs/STORAGE.md, "Rows of an HSM". A row carries its secret only wrapped under the storage
 * key, and the number of the change that wrote it. One generation serves; a restore fills the next.
 */
import type { Kek } from "../../crypto/core.ts";
import type { SecretKey } from "../../crypto/secret-key.ts";
import type { RecordType } from "../../hsm/memory/record.ts";
import { wrapSecret, wrapSecrets } from "./storage-key.ts";

/** Rows read at a time: bounds what one page holds. */
export const PAGE_ROWS = 256;

const SCHEMA = `
CREATE TABLE IF NOT EXISTS records (
  generation INTEGER NOT NULL, type INTEGER NOT NULL, id INTEGER NOT NULL,
  name TEXT NOT NULL, attributes BLOB NOT NULL, wrapped BLOB, secret_bytes INTEGER NOT NULL,
  change INTEGER NOT NULL,
  PRIMARY KEY (generation, type, id)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS records_by_name ON records (generation, type, name, id);
CREATE INDEX IF NOT EXISTS records_by_change ON records (generation, change);
CREATE TABLE IF NOT EXISTS deletions (
  generation INTEGER NOT NULL, type INTEGER NOT NULL, id INTEGER NOT NULL, change INTEGER NOT NULL,
  PRIMARY KEY (generation, type, id)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS generations (
  generation INTEGER PRIMARY KEY, current INTEGER NOT NULL, change INTEGER NOT NULL
);
`;

export function createRecordTables(sql: SqlStorage): void {
  sql.exec(SCHEMA);
}

/** The generation that serves; 0 before the HSM is manufactured. */
export function currentGeneration(sql: SqlStorage): number {
  const rows = sql.exec<{ generation: number }>(
    "SELECT generation FROM generations WHERE current = 1",
  );
  return [...rows][0]?.generation ?? 0;
}

/**
 * Makes `next` the generation that serves, if `from` still does; to be called inside a transaction.
 *
 * @param change - number the new generation counts on from.
 */
export function flipGeneration(
  sql: SqlStorage,
  from: number,
  next: number,
  change: number,
): boolean {
  if (currentGeneration(sql) !== from) return false;
  sql.exec("UPDATE generations SET current = 0 WHERE current = 1");
  sql.exec("INSERT INTO generations (generation, current, change) VALUES (?, 1, ?)", next, change);
  return true;
}

/** Removes every row of every generation but the one that serves. */
export function removeOtherGenerations(sql: SqlStorage): void {
  const current = currentGeneration(sql);
  for (const table of ["records", "deletions", "generations"]) {
    sql.exec(`DELETE FROM ${table} WHERE generation <> ?`, current);
  }
}

/** Number of the latest change; 0 if there was none since the generation began. */
export function lastChange(sql: SqlStorage, generation: number): number {
  return sql
    .exec<{ n: number }>(
      "SELECT coalesce(max(change), 0) AS n FROM generations WHERE generation = ?",
      generation,
    )
    .one().n;
}

export function keepLastChange(sql: SqlStorage, generation: number, change: number): void {
  sql.exec("UPDATE generations SET change = ? WHERE generation = ?", change, generation);
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

/** Inserts or replaces; a slot that was deleted is in use again. */
export function insertRow(sql: SqlStorage, kek: Kek, generation: number, row: NewRow): void {
  const { type, id, secret } = row;
  putRow(sql, generation, row, secret === null ? null : wrapSecret(kek, type, id, secret));
  sql.exec(
    "DELETE FROM deletions WHERE generation = ? AND type = ? AND id = ?",
    generation,
    type,
    id,
  );
}

/** Inserts rows of a generation that is being filled: no slot of it was ever deleted. */
export function insertRows(
  sql: SqlStorage,
  kek: Kek,
  generation: number,
  rows: readonly NewRow[],
): void {
  const wrapped = wrapSecrets(kek, rows);
  for (const [i, row] of rows.entries()) putRow(sql, generation, row, wrapped[i] ?? null);
}

/** @param wrapped - the row's secret under the storage key. */
function putRow(
  sql: SqlStorage,
  generation: number,
  { type, id, name, attributes, secret, change }: NewRow,
  wrapped: Uint8Array | null,
): void {
  sql.exec(
    `INSERT OR REPLACE INTO records
       (generation, type, id, name, attributes, wrapped, secret_bytes, change)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
    generation,
    type,
    id,
    name,
    attributes,
    wrapped,
    secret?.length ?? 0,
    change,
  );
}

/** Deletes and remembers the slot, so that its id is never used again and peers hear of it. */
export function removeRow(
  sql: SqlStorage,
  generation: number,
  type: RecordType,
  id: number,
  change: number,
): boolean {
  const removed = sql.exec(
    "DELETE FROM records WHERE generation = ? AND type = ? AND id = ?",
    generation,
    type,
    id,
  );
  sql.exec(
    "INSERT OR REPLACE INTO deletions (generation, type, id, change) VALUES (?, ?, ?, ?)",
    generation,
    type,
    id,
    change,
  );
  return removed.rowsWritten > 0;
}

/** The number of a record type as a row holds it. */
export function recordType(value: number): RecordType {
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
