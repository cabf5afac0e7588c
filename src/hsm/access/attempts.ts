/**
 * Wrong passwords in a row, and the lock they lead to, as they stand beside the users' records.
 *
 * docs/HSM.md §2.5. A count overrides `failures` and `locked` of its user's record, so that counting
 * changes no record and no digest, until `mergeAttempts` takes the counts into the records.
 */

/** Under this number the attempts at all names are counted that no password opens. */
export const NOBODY = 0;

export interface Attempts {
  /** Wrong passwords since the last right one, 0 to 2^32 - 1. */
  readonly failures: number;
  readonly locked: 0 | 1;
}

export const NO_ATTEMPTS: Attempts = { failures: 0, locked: 0 };

/** Synchronous, like the store, and part of its transactions; a restore empties it. */
export interface AttemptStore {
  /** @throws where no login is to be judged, since another HSM of the cluster counts them. */
  admit(): void;
  get(userId: number): Attempts | null;
  put(userId: number, attempts: Attempts): void;
  delete(userId: number): void;
  /** Ids of the users who have a count; not `NOBODY`. */
  users(): number[];
}

export class MemoryAttemptStore implements AttemptStore {
  readonly #attempts = new Map<number, Attempts>();

  admit(): void {}

  get(userId: number): Attempts | null {
    return this.#attempts.get(userId) ?? null;
  }

  put(userId: number, attempts: Attempts): void {
    this.#attempts.set(userId, attempts);
  }

  delete(userId: number): void {
    this.#attempts.delete(userId);
  }

  users(): number[] {
    return [...this.#attempts.keys()].filter((userId) => userId !== NOBODY);
  }
}
