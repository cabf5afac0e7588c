/**
 * Where an HSM keeps its sessions: by digest of the token, beside the memory and never in a
 * snapshot.
 *
 * docs/HSM.md §2.3.
 */

export interface Session {
  readonly userId: number;
  readonly expiresAtMs: number;
}

/** Synchronous, like the store, and beside it: a restore empties it. */
export interface SessionStore {
  /** @param digest - base64url SHA-256 of a token. */
  get(digest: string): Session | null;
  put(digest: string, session: Session): void;
  delete(digest: string): void;
  /** Ends all sessions of a user but the one named, "" for none. */
  deleteUser(userId: number, exceptDigest: string): void;
  /** Forgets sessions that expired before `nowMs`; says how many are left. */
  purge(nowMs: number): number;
  clear(): void;
}

export class MemorySessionStore implements SessionStore {
  readonly #sessions = new Map<string, Session>();

  get(digest: string): Session | null {
    return this.#sessions.get(digest) ?? null;
  }

  put(digest: string, session: Session): void {
    this.#sessions.set(digest, session);
  }

  delete(digest: string): void {
    this.#sessions.delete(digest);
  }

  deleteUser(userId: number, exceptDigest: string): void {
    for (const [digest, session] of this.#sessions) {
      if (session.userId === userId && digest !== exceptDigest) this.#sessions.delete(digest);
    }
  }

  purge(nowMs: number): number {
    for (const [digest, session] of this.#sessions) {
      if (session.expiresAtMs <= nowMs) this.#sessions.delete(digest);
    }
    return this.#sessions.size;
  }

  clear(): void {
    this.#sessions.clear();
  }
}
