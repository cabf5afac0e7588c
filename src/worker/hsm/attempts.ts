/**
 * Counts of wrong passwords as rows beside the records: how they are kept, and how peers get them.
 *
 * Spec: docs/HSM.md §2.5, docs/STORAGE.md, "Peers". Each row has the number of the write that made
 * it; the highest says how far along an HSM stands. The row of `NOBODY` keeps it when others go.
 */
import { type AttemptStore, type Attempts, NOBODY } from "../../hsm/access/attempts.ts";
import type { AttemptRow, AttemptsDelta, Position } from "../contracts/peer-api.ts";

const SCHEMA = `
CREATE TABLE IF NOT EXISTS attempts (
  user_id INTEGER PRIMARY KEY, failures INTEGER NOT NULL, locked INTEGER NOT NULL,
  number INTEGER NOT NULL
);
`;

export function createAttemptsTable(sql: SqlStorage): void {
  sql.exec(SCHEMA);
}

/** Number of the latest count; 0 if there is none. */
export function lastAttempt(sql: SqlStorage): number {
  return sql.exec<{ n: number }>("SELECT coalesce(max(number), 0) AS n FROM attempts").one().n;
}

/** Whether a user has a count that is not in the records yet. */
export function hasAttempts(sql: SqlStorage): boolean {
  return countedUsers(sql, 1).length > 0;
}

export function clearAttempts(sql: SqlStorage): void {
  sql.exec("DELETE FROM attempts");
}

/** What a peer at `from` lacks; all there is where its numbers are those of another history. */
export function attemptsSince(sql: SqlStorage, from: Position, to: Position): AttemptsDelta {
  const all = from.history !== to.history || from.attempts > to.attempts;
  const rows = sql.exec<{ user_id: number; failures: number; locked: number; number: number }>(
    "SELECT user_id, failures, locked, number FROM attempts WHERE number > ?",
    all ? 0 : from.attempts,
  );
  return {
    all,
    rows: Array.from(rows, ({ user_id, failures, locked, number }) => {
      return { userId: user_id, failures, locked: locked === 1 ? 1 : 0, number };
    }),
  };
}

/**
 * Takes over a leader's counts, inside the transaction that takes its records over.
 *
 * @param written - users whose records the leader wrote: what it had counted of them before is over.
 */
export function takeAttempts(
  sql: SqlStorage,
  { all, rows }: AttemptsDelta,
  written: readonly number[],
): void {
  if (all) clearAttempts(sql);
  for (const userId of written) removeRow(sql, userId);
  for (const row of rows) putRow(sql, row);
}

export class SqliteAttempts implements AttemptStore {
  readonly #sql: SqlStorage;
  readonly #admit: () => void;

  /** @param admit - throws while this HSM judges no logins. */
  constructor(sql: SqlStorage, admit: () => void) {
    this.#sql = sql;
    this.#admit = admit;
  }

  admit(): void {
    this.#admit();
  }

  get(userId: number): Attempts | null {
    const rows = this.#sql.exec<{ failures: number; locked: number }>(
      "SELECT failures, locked FROM attempts WHERE user_id = ?",
      userId,
    );
    const row = [...rows][0];
    return row === undefined ? null : { failures: row.failures, locked: row.locked === 1 ? 1 : 0 };
  }

  put(userId: number, attempts: Attempts): void {
    putRow(this.#sql, { userId, ...attempts, number: lastAttempt(this.#sql) + 1 });
  }

  delete(userId: number): void {
    const number = lastAttempt(this.#sql) + 1;
    if (removeRow(this.#sql, userId) === 0) return;
    const { failures, locked } = this.get(NOBODY) ?? { failures: 0, locked: 0 };
    putRow(this.#sql, { userId: NOBODY, failures, locked, number });
  }

  users(): number[] {
    return countedUsers(this.#sql, -1);
  }
}

/** @param limit - negative: none. */
function countedUsers(sql: SqlStorage, limit: number): number[] {
  const rows = sql.exec<{ user_id: number }>(
    "SELECT user_id FROM attempts WHERE user_id > ? ORDER BY user_id LIMIT ?",
    NOBODY,
    limit,
  );
  return Array.from(rows, ({ user_id }) => user_id);
}

function putRow(sql: SqlStorage, { userId, failures, locked, number }: AttemptRow): void {
  sql.exec(
    "INSERT OR REPLACE INTO attempts (user_id, failures, locked, number) VALUES (?, ?, ?, ?)",
    userId,
    failures,
    locked,
    number,
  );
}

/** @returns how many rows there were. */
function removeRow(sql: SqlStorage, userId: number): number {
  return sql.exec("DELETE FROM attempts WHERE user_id = ?", userId).rowsWritten;
}
