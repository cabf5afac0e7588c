/**
 * All tables of an HSM: made where there are none, and looked at as a whole.
 *
 * Spec: docs/STORAGE.md, "Rows are authenticated".
 */
import { Refused } from "../contracts/result.ts";
import { ATTEMPT_TABLES, attemptRows } from "./attempts.ts";
import { GENERATION_TABLES, generationRows, verifiedGeneration } from "./generations.ts";
import { LOCAL_TABLES, localRows, readLocal } from "./local.ts";
import type { MemorySql } from "./memory-sql.ts";
import { OWN_TABLES, verifyKeyCheck, verifyOwnRows } from "./own-rows.ts";
import type { HsmRows } from "./row-macs.ts";
import { RECORD_TABLES, RecordRows } from "./rows.ts";
import { SESSION_TABLES, sessionRows } from "./sessions.ts";
import { receiptRows, SPOOL_TABLES, spoolRows } from "./spool.ts";
import { MemoryChanged } from "./storage-key.ts";

const STATEMENTS: readonly string[] = [
  ...RECORD_TABLES,
  ...GENERATION_TABLES,
  ...OWN_TABLES,
  ...LOCAL_TABLES,
  ...SESSION_TABLES,
  ...ATTEMPT_TABLES,
  ...SPOOL_TABLES,
];

/** The memory was made by a build that did not authenticate rows: none of them is believed now. */
class MemoryUnauthenticated extends Refused {
  constructor() {
    super({
      kind: "unavailable",
      code: "hsm_memory_unauthenticated",
      message:
        "An earlier build made this HSM's memory, whose rows nothing authenticates; they are not " +
        "believed, and nothing was changed. DeleteHsm, then CreateHsm. The new HSM is filled from the " +
        "newest sound backup; this one goes when that one serves. In a cluster that was never " +
        "activated this one goes at once: wait for that before CreateHsm.",
    });
  }
}

export function createTables(sql: MemorySql): void {
  if (isUnauthenticated(sql)) return; // They stay as they are, to be read by the build that made them.
  for (const statement of STATEMENTS) sql.exec(statement);
}

/** Reads every row. @throws Refused with `hsm_memory_changed` or `hsm_memory_unauthenticated`. */
export function verifyMemory(rows: HsmRows): void {
  verifyRecords(rows, verifyBesideRecords(rows));
}

/** Reads every row of the generation that serves; 0: none does. @throws MemoryChanged. */
export function verifyRecords(rows: HsmRows, generation: number): void {
  if (generation > 0) new RecordRows(rows, generation, false).verify();
}

/**
 * As `verifyMemory` but for the records, of which a walk to their end in the same turn says the same; and
 * how the tables are made: a trigger or an index that was added could undo what is written.
 *
 * @returns the generation that serves; 0 before the HSM is manufactured.
 */
export function verifyBesideRecords(rows: HsmRows): number {
  if (isUnauthenticated(rows.sql)) throw new MemoryUnauthenticated();
  verifySchema(rows.sql);
  const own = [
    generationRows(rows),
    localRows(rows),
    sessionRows(rows),
    attemptRows(rows),
    receiptRows(rows),
    spoolRows(rows),
  ];
  verifyKeyCheck(rows, own);
  verifyOwnRows(rows, own);
  const generation = verifiedGeneration(rows);
  if (generation === 0 && readLocal(rows, "making") !== null) {
    throw new MemoryChanged("generations");
  }
  return generation;
}

/** Tables of a build that knew nothing of all this; where it left a trace, they were changed since. */
function isUnauthenticated(sql: MemorySql): boolean {
  const names = columnsOf(sql, "local");
  const isPlain = names.length > 0 && !names.includes("mac");
  return isPlain && columnsOf(sql, "own_sum").length === 0;
}

function columnsOf(sql: MemorySql, table: string): string[] {
  const columns = sql.exec<{ name: string }>("SELECT name FROM pragma_table_info(?)", table);
  return [...columns].map(({ name }) => name);
}

/** What the statements above leave in SQLite's own table, and nothing else but the platform's tables. */
function verifySchema(sql: MemorySql): void {
  const wanted = new Set(STATEMENTS.map(normalized));
  const held = sql.exec<{ name: string; sql: string | null }>(
    "SELECT name, sql FROM sqlite_master",
  );
  for (const { name, sql: text } of [...held]) {
    const isPlatforms = name.startsWith("_cf_") || name.startsWith("sqlite_");
    if (isPlatforms && text === null) continue; // Indexes behind primary keys.
    if (name.startsWith("_cf_")) continue;
    if (text === null || !wanted.delete(normalized(text)))
      throw new MemoryChanged(`schema: ${name}`);
  }
  if (wanted.size > 0) throw new MemoryChanged("schema");
}

function normalized(statement: string): string {
  return statement.replace("IF NOT EXISTS ", "").replace(/\s+/g, " ").trim();
}
