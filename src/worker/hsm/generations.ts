/**
 * The generations of an HSM's records: one serves, a restore fills the next.
 *
 * Spec: docs/STORAGE.md, "Rows of an HSM". The row of a generation has the number of its latest change
 * and the sum of its rows after it.
 */

import type { TableShape } from "./authenticated-table.ts";
import type { RecordCounts } from "./overview.ts";
import { OwnTable } from "./own-rows.ts";
import type { HsmRows, RowSum } from "./row-macs.ts";
import { MemoryChanged } from "./storage-key.ts";

export const GENERATION_TABLES: readonly string[] = [
  `CREATE TABLE IF NOT EXISTS generations (
    generation INTEGER PRIMARY KEY, current INTEGER NOT NULL, change INTEGER NOT NULL,
    sum BLOB NOT NULL, mac BLOB NOT NULL)`,
];

const GENERATIONS: TableShape = {
  name: "generations",
  columns: ["generation", "current", "change", "sum"],
};

/** The number of a generation, of its latest change, and the sum of its rows after it. */
export interface GenerationRow {
  readonly generation: number;
  readonly change: number;
  readonly sum: RowSum;
}

/**
 * Rows of generations are own rows: so the one sum over those binds the sums of all generations, and
 * neither half of a database can be put back without the other.
 */
export function generationRows(rows: HsmRows): OwnTable {
  return new OwnTable(rows, GENERATIONS, ["generation"]);
}

/** The row of the generation that serves; null before the HSM is manufactured. */
export function servingRow(rows: HsmRows): GenerationRow | null {
  const row = generationRows(rows).first("WHERE current = 1");
  if (row === null) return null;
  const generation = row["generation"] as number;
  const sum = rows.macs.unwrapSum(partOf(generation), row["sum"] ?? null);
  return { generation, change: row["change"] as number, sum };
}

const partOf = (generation: number): string => `generation ${generation}`;

/**
 * The generation that serves, with every generation's own row looked at; 0 before the HSM is manufactured.
 * @throws MemoryChanged unless one serves, where there are any.
 */
export function verifiedGeneration(rows: HsmRows): number {
  const all = [...generationRows(rows).read("")];
  const serving = all.filter((row) => row["current"] === 1);
  if (all.length > 0 && serving.length !== 1) throw new MemoryChanged("generations");
  return (serving[0]?.["generation"] ?? 0) as number;
}

/** The generation that serves; 0 before the HSM is manufactured. */
export function currentGeneration(rows: HsmRows): number {
  return servingRow(rows)?.generation ?? 0;
}

/**
 * Makes `next` the generation that serves, if `from` still does; to be called inside a transaction.
 *
 * @param next - `change`: the number it counts on from; `sum` and `counts` of its rows.
 */
export function flipGeneration(
  rows: HsmRows,
  from: number,
  next: GenerationRow & { readonly counts: RecordCounts },
): boolean {
  const now = servingRow(rows);
  if ((now?.generation ?? 0) !== from) return false;
  if (now !== null) writeGeneration(rows, now, 0);
  writeServing(rows, next, next.counts);
  return true;
}

/** Removes every row of every generation but the one that serves. */
export function removeOtherGenerations(rows: HsmRows): void {
  const current = currentGeneration(rows);
  for (const table of ["records", "deletions"]) {
    // As one condition, `<>`, it would walk the rows of the one that stays.
    rows.sql.exec(`DELETE FROM ${table} WHERE generation < ?`, current);
    rows.sql.exec(`DELETE FROM ${table} WHERE generation > ?`, current);
  }
  generationRows(rows).delete("WHERE generation <> ?", current); // Seldom more than two rows.
}

/** Number of the latest change; 0 if there was none since the generation began. */
export function lastChange(rows: HsmRows): number {
  return servingRow(rows)?.change ?? 0;
}

/**
 * Writes the row of the generation that serves, after a change. @param counts - null: not known.
 */
export function writeServing(rows: HsmRows, row: GenerationRow, counts: RecordCounts | null): void {
  rows.overview.forget();
  writeGeneration(rows, row, 1);
  if (counts !== null) rows.overview.keepCounts(row, counts);
}

function writeGeneration(rows: HsmRows, row: GenerationRow, current: 0 | 1): void {
  const { generation, change } = row;
  const sum = rows.macs.wrapSum(partOf(generation), row.sum);
  generationRows(rows).put({ generation, current, change, sum });
}
