/**
 * Where work that holds the thread waits for its turn: derivations of passwords, and keys and
 * certificates that are read or made.
 *
 * docs/HSM.md §2.6. The HSM has no clock that wakes it: who runs it passes the turns in.
 */

/** Does one piece of work when its turn has come. */
export type Turn = <T>(piece: () => Promise<T>) => Promise<T>;

export interface FairTurns {
  /**
   * Runs `work`, whose calls of PBKDF2 wait for their turns.
   *
   * @param username - in lower case, of whoever logs in or is logged in; "" for the HSM's making.
   * @throws before `work` begins, where too many wait already.
   */
  derive<T>(username: string, work: (turn: Turn) => Promise<T>): Promise<T>;
  /**
   * Runs `work`, whose pieces wait for their turns, beside the derivations of the same user. What
   * was looked at before a turn may have changed in it.
   *
   * @param username - of whoever is logged in. @throws as `derive`.
   */
  compute<T>(username: string, work: (turn: Turn) => Promise<T>): Promise<T>;
}

export const atOnce: Turn = (piece) => piece();

/** Nobody waits: for an HSM with a thread of its own. */
export const UNQUEUED: FairTurns = {
  derive: (_, work) => work(atOnce),
  compute: (_, work) => work(atOnce),
};
