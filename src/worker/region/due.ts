/**
 * The due table: everything the region has to do later, behind the object's one alarm.
 *
 * Spec: docs/STORAGE.md §3. A task is leased before it is worked on (its due time moves to the end
 * of the lease), so the alarm is armed again before anything can go wrong. Tasks may run twice.
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
const MAX_BACKOFF_MS = 10 * 60_000;

export class DueTable {
  readonly #storage: DurableObjectStorage;

  constructor(storage: DurableObjectStorage) {
    this.#storage = storage;
  }

  /** Frees the leases of a process that is gone: this one has just begun and runs nothing. */
  releaseAll(nowMs: number): void {
    const { rowsWritten } = this.#storage.sql.exec(
      "UPDATE due SET leased = 0, dueAtMs = min(dueAtMs, ?) WHERE leased = 1",
      nowMs,
    );
    if (rowsWritten > 0) this.arm();
  }

  /** Has the task run at `atMs`, or earlier if it is due earlier. A running one runs once more. */
  schedule(task: Task, subject: string, clusterId: string, atMs: number): void {
    this.#put("min(dueAtMs, excluded.dueAtMs)", task, subject, clusterId, atMs);
  }

  /** As `schedule`, but a later time replaces an earlier one too. */
  reschedule(task: Task, subject: string, clusterId: string, atMs: number): void {
    this.#put("excluded.dueAtMs", task, subject, clusterId, atMs);
  }

  cancel(task: Task, subject: string): void {
    this.#storage.sql.exec("DELETE FROM due WHERE task = ? AND subject = ?", task, subject);
  }

  /** Leases up to `limit` due tasks, at most one per cluster: a cluster's tasks never overlap. */
  claim(nowMs: number, limit: number): DueRow[] {
    const due = this.#storage.sql
      .exec<DueRow>("SELECT * FROM due WHERE dueAtMs <= ? ORDER BY dueAtMs, task, subject", nowMs)
      .toArray();
    const firstOfCluster = new Map<string, DueRow>();
    for (const row of due) {
      if (!firstOfCluster.has(row.clusterId)) firstOfCluster.set(row.clusterId, row);
    }
    const leaseUntilMs = nowMs + LEASE_MS;
    return [...firstOfCluster.values()].slice(0, limit).map((row) => {
      this.#storage.sql.exec(
        "UPDATE due SET dueAtMs = ?, leased = 1 WHERE task = ? AND subject = ?",
        leaseUntilMs,
        row.task,
        row.subject,
      );
      return { ...row, dueAtMs: leaseUntilMs };
    });
  }

  /** The claimed task is finished, unless it was scheduled anew while it ran. */
  finish(claimed: DueRow): void {
    this.#storage.sql.exec(
      "DELETE FROM due WHERE task = ? AND subject = ? AND dueAtMs = ?",
      claimed.task,
      claimed.subject,
      claimed.dueAtMs,
    );
    this.#unlease(claimed);
  }

  /** The claimed task waits for something until `atMs`: not a failure. */
  again(claimed: DueRow, atMs: number): void {
    this.#storage.sql.exec(
      "UPDATE due SET dueAtMs = ? WHERE task = ? AND subject = ? AND dueAtMs = ?",
      Math.ceil(atMs),
      claimed.task,
      claimed.subject,
      claimed.dueAtMs,
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
    const pauseMs = Math.min(firstPauseMs * 2 ** Math.min(claimed.attempts, 20), MAX_BACKOFF_MS);
    this.#storage.sql.exec(
      "UPDATE due SET attempts = attempts + 1 WHERE task = ? AND subject = ?",
      claimed.task,
      claimed.subject,
    );
    this.again(claimed, nowMs + pauseMs);
  }

  /** Tasks that should have run before `beforeMs`. */
  overdue(beforeMs: number): number {
    return this.#storage.sql
      .exec<{ n: number }>("SELECT count(*) AS n FROM due WHERE dueAtMs < ?", beforeMs)
      .one().n;
  }

  /**
   * Sets the alarm to the earliest due time, or to the next millisecond if that is past: workerd
   * forgets an alarm that is set, while one runs, to the time of the one that runs. The write joins
   * the transaction of those before it.
   */
  arm(): void {
    const { next } = this.#storage.sql
      .exec<{ next: number | null }>("SELECT min(dueAtMs) AS next FROM due")
      .one();
    if (next !== null) void this.#storage.setAlarm(Math.max(next, Date.now() + 1));
  }

  /** @param dueAtMs - of a task that is in the table already, in SQL. */
  #put(dueAtMs: string, task: Task, subject: string, clusterId: string, atMs: number): void {
    this.#storage.sql.exec(
      `INSERT INTO due (task, subject, clusterId, dueAtMs) VALUES (?, ?, ?, ?)
       ON CONFLICT (task, subject) DO UPDATE SET dueAtMs = ${dueAtMs}`,
      task,
      subject,
      clusterId,
      Math.ceil(atMs),
    );
    this.arm();
  }

  #unlease(claimed: DueRow): void {
    this.#storage.sql.exec(
      "UPDATE due SET leased = 0 WHERE task = ? AND subject = ?",
      claimed.task,
      claimed.subject,
    );
  }
}
