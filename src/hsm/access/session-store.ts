/**
 * Where an HSM keeps its sessions: by digest of the token, beside the memory and never in a
 * snapshot.
 *
 * docs/HSM.md §2.3.
 */

export interface Session {
  readonly userId: number;
  /** Whether the user was CO or PRECO at login: some sessions are kept for them. */
  readonly officer: boolean;
  readonly expiresAtMs: number;
}

/** How many sessions there are: in all, of users who are no officers, of one user. */
export interface SessionCounts {
  readonly all: number;
  readonly ordinary: number;
  readonly own: number;
}

/** Synchronous, like the store, and beside it: a restore empties it. */
export interface SessionStore {
  /** @param digest - base64url SHA-256 of a token. */
  get(digest: string): Session | null;
  put(digest: string, session: Session): void;
  delete(digest: string): void;
  /** Ends all sessions of a user but the one named, "" for none. */
  deleteUser(userId: number, exceptDigest: string): void;
  /** Ends the session of a user that has been unused for longest. */
  deleteOldest(userId: number): void;
  /** Forgets sessions that expired before `nowMs`. */
  purge(nowMs: number): void;
  counts(userId: number): SessionCounts;
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

  deleteOldest(userId: number): void {
    let [oldest, end] = ["", Number.POSITIVE_INFINITY];
    for (const [digest, session] of this.#sessions) {
      if (session.userId === userId && session.expiresAtMs < end) {
        [oldest, end] = [digest, session.expiresAtMs];
      }
    }
    this.#sessions.delete(oldest);
  }

  purge(nowMs: number): void {
    for (const [digest, session] of this.#sessions) {
      if (session.expiresAtMs <= nowMs) this.#sessions.delete(digest);
    }
  }

  counts(userId: number): SessionCounts {
    const sessions = [...this.#sessions.values()];
    return {
      all: sessions.length,
      ordinary: sessions.filter(({ officer }) => !officer).length,
      own: sessions.filter((session) => session.userId === userId).length,
    };
  }

  clear(): void {
    this.#sessions.clear();
  }
}
