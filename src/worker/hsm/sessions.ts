/**
 * Sessions of an HSM's users as rows: they outlive the eviction of the object, not a restore.
 *
 * Spec: docs/HSM.md §2, docs/STORAGE.md. A row knows the SHA-256 of a token, never the token.
 */
import type { Session, SessionCounts, SessionStore } from "../../hsm/access/session-store.ts";
import type { MemorySql } from "./memory-sql.ts";
import { OwnTable } from "./own-rows.ts";
import type { HsmRows } from "./row-macs.ts";

export const SESSION_TABLES: readonly string[] = [
  `CREATE TABLE IF NOT EXISTS sessions (
    digest TEXT PRIMARY KEY, user_id INTEGER NOT NULL, officer INTEGER NOT NULL,
    expires_at_ms INTEGER NOT NULL, mac BLOB NOT NULL) WITHOUT ROWID`,
  "CREATE INDEX IF NOT EXISTS sessions_by_user ON sessions (user_id, expires_at_ms)",
  "CREATE INDEX IF NOT EXISTS sessions_by_end ON sessions (expires_at_ms)",
];

export function sessionRows(rows: HsmRows): OwnTable {
  const columns = ["digest", "user_id", "officer", "expires_at_ms"];
  return new OwnTable(rows, { name: "sessions", columns }, ["digest"]);
}

export class SqliteSessions implements SessionStore {
  readonly #sql: MemorySql;
  readonly #table: OwnTable;

  constructor(rows: HsmRows) {
    this.#sql = rows.sql;
    this.#table = sessionRows(rows);
  }

  get(digest: string): Session | null {
    const row = this.#table.first("WHERE digest = ?", digest);
    if (row === null) return null;
    return {
      userId: row["user_id"] as number,
      officer: row["officer"] === 1,
      expiresAtMs: row["expires_at_ms"] as number,
    };
  }

  put(digest: string, { userId, officer, expiresAtMs }: Session): void {
    this.#table.put({
      digest,
      user_id: userId,
      officer: officer ? 1 : 0,
      expires_at_ms: expiresAtMs,
    });
  }

  delete(digest: string): void {
    this.#table.delete("WHERE digest = ?", digest);
  }

  deleteUser(userId: number, exceptDigest: string): void {
    this.#table.delete("WHERE user_id = ? AND digest <> ?", userId, exceptDigest);
  }

  deleteOldest(userId: number): void {
    this.#table.delete(
      `WHERE digest =
         (SELECT digest FROM sessions WHERE user_id = ? ORDER BY expires_at_ms, digest LIMIT 1)`,
      userId,
    );
  }

  purge(nowMs: number): void {
    this.#table.delete("WHERE expires_at_ms <= ?", nowMs);
  }

  counts(userId: number): SessionCounts {
    const counts = this.#sql.exec<{ n: number; ordinary: number; own: number }>(
      `SELECT count(*) AS n, coalesce(sum(officer = 0), 0) AS ordinary,
         coalesce(sum(user_id = ?), 0) AS own FROM sessions`,
      userId,
    );
    const { n: all, ordinary, own } = counts.one();
    return { all, ordinary, own };
  }

  clear(): void {
    this.#table.delete("");
  }
}
