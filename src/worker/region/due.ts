/**
 * The due table: everything the region has to do later, behind the object's one alarm.
 *
 * Spec: docs/STORAGE.md §3. A task is leased before it is worked on (its due time moves to the end
 * of the lease), so the alarm is armed again before anything can go wrong. Tasks may run twice, but
 * two of one cluster never at once: while one is at work, its cluster is busy.
 */
import type { DueRow } from "./rows.ts";

export type Task =
  | "cluster_create"
  | "cluster_initialize"
  | "cluster_delete"
  | "cluster_serve"
  | "hsm_create"
  | "hsm_rebuild"
  | "hsm_delete"
  | "backup_create"
  | "backup_daily"
  | "backup_check"
  | "backup_delete"
  | "retention"
  | "sweep";

/** How long a task that died with its process is left alone; a fresh process does not wait. */
const LEASE_MS = 30_000;
/** Longest pause between two attempts. */
export const MAX_PAUSE_MS = 10 * 60_000;

/** Tasks that are read in the order of their times, before each cluster is asked for its first. */
const WALKED = 32;

/** The column `leased`: not at work; at work; at work, and scheduled anew since it began. */
const FREE = 0;
const AT_WORK = 1;
const TO_RUN_AGAIN = 2;

export class DueTable {
  readonly #storage: DurableObjectStorage;
  /** Clusters with a task at work in this process. */
  readonly #busy = new Set<string>();

  constructor(storage: DurableObjectStorage) {
    this.#storage = storage;
  }

  /** Frees the leases of a process that is gone: this one has just begun and runs nothing. */
  releaseAll(nowMs: number): void {
    const { rowsWritten } = this.#storage.sql.exec(
      `UPDATE due SET leased = ${FREE}, dueAtMs = min(dueAtMs, ?) WHERE leased <> ${FREE}`,
      nowMs,
    );
    if (rowsWritten > 0) this.arm();
  }

  /** Has the task run at `atMs`, or earlier if it is due earlier. A running one runs once more. */
  schedule(task: Task, subject: string, clusterId: string, atMs: number): void {
    // What a lease has put in the place of the due time is no time to keep.
    const earlier = `CASE leased WHEN ${AT_WORK} THEN excluded.dueAtMs
      ELSE min(dueAtMs, excluded.dueAtMs) END`;
    this.#put(earlier, task, subject, clusterId, atMs);
  }

  /** As `schedule`, but a later time replaces an earlier one too. */
  reschedule(task: Task, subject: string, clusterId: string, atMs: number): void {
    this.#put("excluded.dueAtMs", task, subject, clusterId, atMs);
  }

  cancel(task: Task, subject: string): void {
    this.#storage.sql.exec("DELETE FROM due WHERE task = ? AND subject = ?", task, subject);
  }

  /** Leases up to `limit` due tasks, at most one per cluster, and none of a cluster that is busy. */
  claim(nowMs: number, limit: number): DueRow[] {
    const due = this.#firstOfClusters(limit, nowMs);
    const leaseUntilMs = nowMs + LEASE_MS;
    return due.map((row) => {
      this.#storage.sql.exec(
        `UPDATE due SET dueAtMs = ?, leased = ${AT_WORK} WHERE task = ? AND subject = ?`,
        leaseUntilMs,
        row.task,
        row.subject,
      );
      this.#busy.add(row.clusterId);
      return row;
    });
  }

  /** Whatever the claimed task was doing has come to an end: its cluster's next task may begin. */
  release({ clusterId }: DueRow): void {
    this.#busy.delete(clusterId);
  }

  /** The claimed task is finished, unless it was scheduled anew while it ran. */
  finish(claimed: DueRow): void {
    this.#storage.sql.exec(
      `DELETE FROM due WHERE task = ? AND subject = ? AND leased = ${AT_WORK}`,
      claimed.task,
      claimed.subject,
    );
    this.#unlease(claimed);
  }

  /** The claimed task waits for something until `atMs`: not a failure. */
  again(claimed: DueRow, atMs: number): void {
    this.#storage.sql.exec(
      `UPDATE due SET dueAtMs = ? WHERE task = ? AND subject = ? AND leased = ${AT_WORK}`,
      Math.ceil(atMs),
      claimed.task,
      claimed.subject,
    );
    this.#unlease(claimed);
  }

  /** The claimed task did its work and has a next time: attempts are counted anew. */
  next(claimed: DueRow, atMs: number): void {
    this.#storage.sql.exec(
      "UPDATE due SET attempts = 0 WHERE task = ? AND subject = ?",
      claimed.task,
      claimed.subject,
    );
    this.again(claimed, atMs);
  }

  /** The claimed task failed: once more after a pause that doubles with every attempt. */
  retry(claimed: DueRow, nowMs: number, firstPauseMs: number): void {
    const pauseMs = Math.min(firstPauseMs * 2 ** Math.min(claimed.attempts, 20), MAX_PAUSE_MS);
    this.#storage.sql.exec(
      "UPDATE due SET attempts = attempts + 1 WHERE task = ? AND subject = ?",
      claimed.task,
      claimed.subject,
    );
    this.again(claimed, nowMs + pauseMs);
  }

  /** Whether a task should have run before `beforeMs`. */
  isOverdue(beforeMs: number): boolean {
    const [first] = this.#storage.sql
      .exec("SELECT 1 FROM due WHERE dueAtMs < ? LIMIT 1", beforeMs)
      .toArray();
    return first !== undefined;
  }

  /**
   * Has the task run by `latestMs`, if it is there: so late could only a clock that was ahead have
   * put it off.
   */
  bringForward(task: Task, latestMs: number): void {
    const { rowsWritten } = this.#storage.sql.exec(
      "UPDATE due SET dueAtMs = ? WHERE task = ? AND dueAtMs > ?",
      Math.ceil(latestMs),
      task,
      Math.ceil(latestMs),
    );
    if (rowsWritten > 0) this.arm();
  }

  /**
   * Sets the alarm to the earliest due time, or to the next millisecond if that is past: workerd
   * forgets an alarm that is set, while one runs, to the time of the one that runs. The write joins
   * the transaction of those before it.
   *
   * What a busy cluster has due waits for the task at work, however late that makes it; a lease from
   * now the alarm comes all the same, for the case that this process dies with it.
   */
  arm(): void {
    const [next] = this.#firstOfClusters(1, Number.MAX_SAFE_INTEGER);
    const pulseMs = this.#busy.size === 0 ? Number.POSITIVE_INFINITY : Date.now() + LEASE_MS;
    const atMs = Math.min(next?.dueAtMs ?? Number.POSITIVE_INFINITY, pulseMs);
    if (Number.isFinite(atMs)) void this.#storage.setAlarm(Math.max(atMs, Date.now() + 1));
  }

  /**
   * The first task of each cluster that is not busy, of those due at `latestMs` at the latest: the
   * `limit` earliest. One cluster may have thousands due before another's: no more than some are walked,
   * and behind these each cluster is asked.
   */
  #firstOfClusters(limit: number, latestMs: number): DueRow[] {
    const next = this.#storage.sql
      .exec<DueRow>(
        `SELECT * FROM due WHERE dueAtMs <= ? ORDER BY dueAtMs, task, subject LIMIT ${WALKED}`,
        latestMs,
      )
      .toArray();
    const firsts = new Map<string, DueRow>();
    for (const row of next) {
      const { clusterId } = row;
      if (!this.#busy.has(clusterId) && !firsts.has(clusterId)) firsts.set(clusterId, row);
    }
    const found = [...firsts.values()].slice(0, limit);
    if (found.length === limit || next.length < WALKED) return found;
    return this.#clusters()
      .filter((clusterId) => !this.#busy.has(clusterId))
      .flatMap((clusterId) => this.#firstOf(clusterId, latestMs))
      .sort((a, b) => a.dueAtMs - b.dueAtMs)
      .slice(0, limit);
  }

  /** Those that have tasks: two rows are read for each. */
  #clusters(): string[] {
    return this.#storage.sql
      .exec<{ clusterId: string }>(
        `WITH RECURSIVE clusters (clusterId) AS (
           SELECT min(clusterId) FROM due
           UNION ALL
           SELECT (SELECT min(clusterId) FROM due WHERE due.clusterId > clusters.clusterId)
           FROM clusters WHERE clusterId IS NOT NULL)
         SELECT clusterId FROM clusters WHERE clusterId IS NOT NULL`,
      )
      .toArray()
      .map(({ clusterId }) => clusterId);
  }

  #firstOf(clusterId: string, latestMs: number): DueRow[] {
    return this.#storage.sql
      .exec<DueRow>(
        `SELECT * FROM due INDEXED BY dueOfCluster WHERE clusterId = ? AND dueAtMs <= ?
         ORDER BY dueAtMs, task, subject LIMIT 1`,
        clusterId,
        latestMs,
      )
      .toArray();
  }

  /** @param dueAtMs - of a task that is in the table already, in SQL. */
  #put(dueAtMs: string, task: Task, subject: string, clusterId: string, atMs: number): void {
    this.#storage.sql.exec(
      `INSERT INTO due (task, subject, clusterId, dueAtMs) VALUES (?, ?, ?, ?)
       ON CONFLICT (task, subject) DO UPDATE SET dueAtMs = ${dueAtMs},
         leased = CASE leased WHEN ${FREE} THEN ${FREE} ELSE ${TO_RUN_AGAIN} END`,
      task,
      subject,
      clusterId,
      Math.ceil(atMs),
    );
    this.arm();
  }

  #unlease(claimed: DueRow): void {
    this.#storage.sql.exec(
      `UPDATE due SET leased = ${FREE} WHERE task = ? AND subject = ?`,
      claimed.task,
      claimed.subject,
    );
  }
}
