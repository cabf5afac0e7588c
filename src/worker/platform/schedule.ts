/**
 * The clockwork's settings: how long transitions, retries, retention and clean-up take.
 *
 * The defaults are the service's promise (a backup every 24 h, seven days to undo a deletion).
 * Tests and demonstrations shorten them by the SCHEDULE variable; a deployment leaves it unset.
 */
import * as z from "zod";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

const milliseconds = (fallback: number) =>
  z
    .int()
    .min(0)
    .max(400 * DAY_MS)
    .default(fallback);

export const scheduleVariable = z.strictObject({
  /** Longest time between two backups of a cluster that has an ACTIVE HSM. */
  backupIntervalMs: milliseconds(DAY_MS),
  /** How long a deleted backup can be restored. */
  undeleteMs: milliseconds(7 * DAY_MS),
  /** How long a cluster or an HSM stays in a state that only waits. */
  transitionMs: milliseconds(200),
  /** First pause after a failed attempt; it doubles with every further one. */
  retryMs: milliseconds(1_000),
  /** How long a leader takes no changes for an HSM that joins, unless it is asked again. */
  holdMs: milliseconds(30_000),
  /** How long the bucket's answer is waited for, and the next piece of a backup that is read. */
  readMs: milliseconds(60_000),
  /** How long whoever makes a backup waits for the bucket to take a piece of it. */
  putMs: milliseconds(60_000),
  /** How long a leader waits for a peer before it reports it. */
  pushMs: milliseconds(10_000),
  /** How long the alarm waits for a task before it goes on with other clusters. */
  taskMs: milliseconds(30_000),
  /** How long one day of a retention policy lasts. */
  retentionDayMs: milliseconds(DAY_MS),
  /** How often it is looked whether a backup has its objects. */
  checkMs: milliseconds(DAY_MS),
  /** Time between two sweeps for objects that no row names. */
  sweepMs: milliseconds(6 * HOUR_MS),
  /** Younger objects are left alone by the sweep. */
  sweepGraceMs: milliseconds(HOUR_MS),
  /** How long a DELETED cluster stays listed. */
  deletedListedMs: milliseconds(HOUR_MS),
});

export type Schedule = Readonly<z.output<typeof scheduleVariable>>;
