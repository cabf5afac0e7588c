/**
 * Counts of wrong passwords as rows beside the records: how they are kept, and how peers get them.
 *
 * Spec: docs/HSM.md §2.5, docs/STORAGE.md, "Peers". Each row has the number of the write that made
 * it; the highest says how far along an HSM stands. The row of `NOBODY` keeps it when others go.
 */
import { type AttemptStore, type Attempts, NOBODY } from "../../hsm/access/attempts.ts";
import type { AttemptRow, AttemptsDelta, Position } from "../contracts/peer-api.ts";
import type { AuthenticatedRow } from "./authenticated-table.ts";
import { OwnTable } from "./own-rows.ts";
import type { HsmRows } from "./row-macs.ts";

export const ATTEMPT_TABLES: readonly string[] = [
  `CREATE TABLE IF NOT EXISTS attempts (
    user_id INTEGER PRIMARY KEY, failures INTEGER NOT NULL, locked INTEGER NOT NULL,
    number INTEGER NOT NULL, mac BLOB NOT NULL)`,
  "CREATE INDEX IF NOT EXISTS attempts_by_number ON attempts (number)",
];

export function attemptRows(rows: HsmRows): OwnTable {
  const columns = ["user_id", "failures", "locked", "number"];
  return new OwnTable(rows, { name: "attempts", columns }, ["user_id"]);
}

/** Number of the latest count; 0 if there is none. */
export function lastAttempt(rows: HsmRows): number {
  const last = attemptRows(rows).first("ORDER BY number DESC LIMIT 1");
  return (last?.["number"] ?? 0) as number;
}

/** Whether a user has a count that is not in the records yet. */
export function hasAttempts(rows: HsmRows): boolean {
  return countedUsers(rows, 1).length > 0;
}

export function clearAttempts(rows: HsmRows): void {
  attemptRows(rows).delete("");
}

/** What a peer at `from` lacks; all there is where its numbers are those of another history. */
export function attemptsSince(rows: HsmRows, from: Position, to: Position): AttemptsDelta {
  const all = from.history !== to.history || from.attempts > to.attempts;
  const later = attemptRows(rows).read("WHERE number > ?", all ? 0 : from.attempts);
  return {
    all,
    rows: Array.from(later, (row) => ({
      userId: row["user_id"] as number,
      ...attemptsOf(row),
      number: row["number"] as number,
    })),
  };
}

/**
 * Takes over a leader's counts, inside the transaction that takes its records over.
 *
 * @param written - users whose records the leader wrote: what it had counted of them before is over.
 */
export function takeAttempts(
  rows: HsmRows,
  delta: AttemptsDelta,
  written: readonly number[],
): void {
  if (delta.all) clearAttempts(rows);
  for (const userId of written) removeRow(rows, userId);
  for (const row of delta.rows) putRow(rows, row);
}

export class SqliteAttempts implements AttemptStore {
  readonly #rows: HsmRows;
  readonly #admit: () => void;

  /** @param admit - throws while this HSM judges no logins. */
  constructor(rows: HsmRows, admit: () => void) {
    this.#rows = rows;
    this.#admit = admit;
  }

  admit(): void {
    this.#admit();
  }

  get(userId: number): Attempts | null {
    const row = attemptRows(this.#rows).first("WHERE user_id = ?", userId);
    return row === null ? null : attemptsOf(row);
  }

  put(userId: number, attempts: Attempts): void {
    putRow(this.#rows, { userId, ...attempts, number: lastAttempt(this.#rows) + 1 });
  }

  delete(userId: number): void {
    const number = lastAttempt(this.#rows) + 1;
    if (removeRow(this.#rows, userId) === 0) return;
    const { failures, locked } = this.get(NOBODY) ?? { failures: 0, locked: 0 };
    putRow(this.#rows, { userId: NOBODY, failures, locked, number });
  }

  users(): number[] {
    return countedUsers(this.#rows, -1);
  }
}

function attemptsOf(row: AuthenticatedRow): Attempts {
  return { failures: row["failures"] as number, locked: row["locked"] === 1 ? 1 : 0 };
}

/** @param limit - negative: none. */
function countedUsers(rows: HsmRows, limit: number): number[] {
  const counted = attemptRows(rows).read(
    "WHERE user_id > ? ORDER BY user_id LIMIT ?",
    NOBODY,
    limit,
  );
  return Array.from(counted, (row) => row["user_id"] as number);
}

function putRow(rows: HsmRows, { userId, failures, locked, number }: AttemptRow): void {
  attemptRows(rows).put({ user_id: userId, failures, locked, number });
}

/** @returns how many rows there were. */
function removeRow(rows: HsmRows, userId: number): number {
  return attemptRows(rows).delete("WHERE user_id = ?", userId);
}
