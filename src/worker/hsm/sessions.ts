/**
 * Sessions of an HSM's users as rows: they outlive the eviction of the object, not a restore.
 *
 * Spec: docs/HSM.md §2, docs/STORAGE.md. A row knows the SHA-256 of a token, never the token.
 */
import type { Session, SessionStore } from "../../hsm/access/session-store.ts";

const SCHEMA = `
CREATE TABLE IF NOT EXISTS sessions (
  digest TEXT PRIMARY KEY, user_id INTEGER NOT NULL, expires_at_ms INTEGER NOT NULL
) WITHOUT ROWID;
`;

export function createSessionTable(sql: SqlStorage): void {
  sql.exec(SCHEMA);
}

export class SqliteSessions implements SessionStore {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
  }

  get(digest: string): Session | null {
    const rows = this.#sql.exec<{ user_id: number; expires_at_ms: number }>(
      "SELECT user_id, expires_at_ms FROM sessions WHERE digest = ?",
      digest,
    );
    const row = [...rows][0];
    return row === undefined ? null : { userId: row.user_id, expiresAtMs: row.expires_at_ms };
  }

  put(digest: string, session: Session): void {
    this.#sql.exec(
      "INSERT OR REPLACE INTO sessions (digest, user_id, expires_at_ms) VALUES (?, ?, ?)",
      digest,
      session.userId,
      session.expiresAtMs,
    );
  }

  delete(digest: string): void {
    this.#sql.exec("DELETE FROM sessions WHERE digest = ?", digest);
  }

  deleteUser(userId: number, exceptDigest: string): void {
    this.#sql.exec("DELETE FROM sessions WHERE user_id = ? AND digest <> ?", userId, exceptDigest);
  }

  purge(nowMs: number): number {
    this.#sql.exec("DELETE FROM sessions WHERE expires_at_ms <= ?", nowMs);
    return this.#sql.exec<{ n: number }>("SELECT count(*) AS n FROM sessions").one().n;
  }

  clear(): void {
    this.#sql.exec("DELETE FROM sessions");
  }
}
