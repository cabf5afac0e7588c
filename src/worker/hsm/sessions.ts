/**
 * Sessions of an HSM's users as rows: they outlive the eviction of the object, not a restore.
 *
 * Spec: docs/HSM.md §2, docs/STORAGE.md. A row knows the SHA-256 of a token, never the token.
 */
import type { Session, SessionCounts, SessionStore } from "../../hsm/access/session-store.ts";

const SCHEMA = `
CREATE TABLE IF NOT EXISTS sessions (
  digest TEXT PRIMARY KEY, user_id INTEGER NOT NULL, officer INTEGER NOT NULL,
  expires_at_ms INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS sessions_by_user ON sessions (user_id, expires_at_ms);
CREATE INDEX IF NOT EXISTS sessions_by_end ON sessions (expires_at_ms);
`;

/** Sessions of a build that did not know their users' roles end with it. */
export function createSessionTable(sql: SqlStorage): void {
  const columns = sql.exec<{ name: string }>("SELECT name FROM pragma_table_info('sessions')");
  const names = [...columns].map(({ name }) => name);
  if (names.length > 0 && !names.includes("officer")) sql.exec("DROP TABLE sessions");
  sql.exec(SCHEMA);
}

type SessionRow = { user_id: number; officer: number; expires_at_ms: number };

export class SqliteSessions implements SessionStore {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
  }

  get(digest: string): Session | null {
    const rows = this.#sql.exec<SessionRow>(
      "SELECT user_id, officer, expires_at_ms FROM sessions WHERE digest = ?",
      digest,
    );
    const row = [...rows][0];
    if (row === undefined) return null;
    return { userId: row.user_id, officer: row.officer === 1, expiresAtMs: row.expires_at_ms };
  }

  put(digest: string, { userId, officer, expiresAtMs }: Session): void {
    this.#sql.exec(
      `INSERT OR REPLACE INTO sessions (digest, user_id, officer, expires_at_ms)
       VALUES (?, ?, ?, ?)`,
      digest,
      userId,
      officer ? 1 : 0,
      expiresAtMs,
    );
  }

  delete(digest: string): void {
    this.#sql.exec("DELETE FROM sessions WHERE digest = ?", digest);
  }

  deleteUser(userId: number, exceptDigest: string): void {
    this.#sql.exec("DELETE FROM sessions WHERE user_id = ? AND digest <> ?", userId, exceptDigest);
  }

  deleteOldest(userId: number): void {
    this.#sql.exec(
      `DELETE FROM sessions WHERE digest =
         (SELECT digest FROM sessions WHERE user_id = ? ORDER BY expires_at_ms, digest LIMIT 1)`,
      userId,
    );
  }

  purge(nowMs: number): void {
    this.#sql.exec("DELETE FROM sessions WHERE expires_at_ms <= ?", nowMs);
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
    this.#sql.exec("DELETE FROM sessions");
  }
}
