/**
 * How a due task ends, and the clockwork that runs a slice of them: the body of the alarm.
 *
 * Spec: docs/STORAGE.md §3. Leases first, then work, then the alarm again; nothing a task throws
 * leaves this file, and none that hangs is waited for. Which function does which task is the table
 * in agenda.ts.
 */

import type { Refusal } from "../../cluster/refusal.ts";
import { within } from "../platform/deadline.ts";
import { log, reasonOf } from "../platform/log.ts";
import type { RegionContext } from "./context.ts";
import { MAX_PAUSE_MS, type Task } from "./due.ts";
import type { DueRow } from "./rows.ts";

/**
 * Finished; to be continued at a time (waiting is no failure, but no success either: attempts go on
 * being counted); not begun, as only somebody outside can help: no failure, however long it lasts;
 * finished for now, with a next time; or failed, to be tried again.
 */
export type Outcome =
  | { readonly kind: "done" }
  | { readonly kind: "again"; readonly atMs: number }
  | { readonly kind: "waits"; readonly reason: string }
  | { readonly kind: "next"; readonly atMs: number }
  | { readonly kind: "failed"; readonly reason: string };

export const DONE: Outcome = { kind: "done" };

export function againAt(atMs: number): Outcome {
  return { kind: "again", atMs };
}

export function nextAt(atMs: number): Outcome {
  return { kind: "next", atMs };
}

/**
 * Whether an HSM was asked under another storage key than its own, or by a build that may not believe
 * its rows: nothing may come of that.
 */
export function isOfAnotherDeployment({ code }: Refusal): boolean {
  return code === "storage_key_mismatch" || code === "hsm_memory_unauthenticated";
}

export function failed(refusal: Refusal): Outcome {
  return { kind: isOfAnotherDeployment(refusal) ? "waits" : "failed", reason: refusal.message };
}

interface TaskRules {
  run(context: RegionContext, subject: string): Promise<Outcome>;
  /** Ends the task when its last attempt has failed; absent: it is tried for ever. */
  giveUp?(context: RegionContext, subject: string, reason: string): void;
  /** Where callers see why a task that waits, or is tried for ever, is not done yet. */
  report?(context: RegionContext, subject: string, reason: string): void;
}

export type Agenda = Readonly<Record<Task, TaskRules>>;

/** Tasks of one alarm: each of another cluster, so that a slow one delays few. */
const SLICE_TASKS = 4;
const MAX_ATTEMPTS = 5;
/** How long a task waits for somebody outside before it looks again, in pauses of `retryMs`. */
const WAIT_RETRIES = 30;

/** One alarm's work: leases some due tasks, runs them, arms the alarm for what is next. */
export async function runSlice(context: RegionContext, agenda: Agenda): Promise<void> {
  const claimed = context.due.claim(context.nowMs(), SLICE_TASKS);
  context.due.arm();
  await Promise.all(claimed.map((row) => awaitTask(context, row, runTask(context, agenda, row))));
  context.due.arm();
}

/**
 * Waits for the task, but not for ever: an HSM that hangs must not hold the region. The call cannot
 * be cancelled, so the cluster stays busy until it comes to an end or the object starts anew.
 */
async function awaitTask(context: RegionContext, row: DueRow, work: Promise<void>): Promise<void> {
  let isOver = false;
  const over = work.finally(() => {
    isOver = true;
  });
  try {
    await within(context.deployment.schedule.taskMs, over);
    return;
  } catch (error) {
    if (isOver) throw error;
  }
  const { task, subject, clusterId } = row;
  log("alarm", "task_hangs", { task, subject, clusterId });
  const stateMessage =
    `A task has not come to an end for long: ${task} of '${subject}'. What else is due for this ` +
    "cluster waits for it.";
  context.store.updateCluster(clusterId, { stateMessage });
  void over.then(() => {
    const isShown = context.store.cluster(clusterId)?.stateMessage === stateMessage;
    if (isShown) context.store.updateCluster(clusterId, { stateMessage: "" });
    context.due.arm();
  });
}

/** Nothing a task throws leaves this function, or the platform would give the alarm up. */
async function runTask(context: RegionContext, agenda: Agenda, row: DueRow): Promise<void> {
  try {
    if (isTask(agenda, row.task)) {
      const rules = agenda[row.task];
      settle(context, rules, row, await attempt(context, rules, row));
    } else {
      context.due.finish(row); // Of a version that is no longer deployed.
    }
  } catch (error) {
    logFailure(row, reasonOf(error));
    context.due.retry(row, context.nowMs(), context.deployment.schedule.retryMs);
  } finally {
    context.due.release(row);
  }
}

/** Tasks that are put off to a date of somebody's choice; every other is soon due or recurs. */
const DATED: ReadonlySet<string> = new Set<Task>(["retention", "backup_delete"]);

/** Brings forward what a clock that had been ahead put off further than any task is put off. */
export function mendDates(context: RegionContext, agenda: Agenda): void {
  const { backupIntervalMs, sweepMs, checkMs, transitionMs } = context.deployment.schedule;
  const nowMs = context.nowMs();
  const periods: Partial<Record<Task, number>> = {
    backup_daily: backupIntervalMs,
    backup_check: checkMs,
    sweep: sweepMs,
  };
  for (const task of Object.keys(agenda).filter((name) => isTask(agenda, name))) {
    if (DATED.has(task)) continue;
    const longestMs = periods[task] ?? Math.max(transitionMs, MAX_PAUSE_MS);
    context.due.bringForward(task, nowMs + longestMs);
  }
}

function isTask(agenda: Agenda, name: string): name is Task {
  return Object.hasOwn(agenda, name);
}

function settle(context: RegionContext, rules: TaskRules, row: DueRow, outcome: Outcome): void {
  switch (outcome.kind) {
    case "done":
      context.due.finish(row);
      break;
    case "again":
      context.due.again(row, outcome.atMs);
      break;
    case "waits":
      logFailure(row, outcome.reason);
      rules.report?.(context, row.subject, outcome.reason);
      context.due.again(row, context.nowMs() + WAIT_RETRIES * context.deployment.schedule.retryMs);
      break;
    case "next":
      context.due.next(row, outcome.atMs);
      break;
    case "failed":
      settleFailure(context, rules, row, outcome.reason);
      break;
  }
}

function settleFailure(
  context: RegionContext,
  rules: TaskRules,
  row: DueRow,
  reason: string,
): void {
  logFailure(row, reason);
  const isLast = row.attempts + 1 >= MAX_ATTEMPTS;
  if (isLast && rules.giveUp !== undefined) {
    rules.giveUp(context, row.subject, reason);
    context.due.finish(row);
    return;
  }
  if (isLast) rules.report?.(context, row.subject, reason);
  context.due.retry(row, context.nowMs(), context.deployment.schedule.retryMs);
}

/** A throw is the world failing (another object, the bucket): the same as a failure it names. */
async function attempt(context: RegionContext, rules: TaskRules, row: DueRow): Promise<Outcome> {
  try {
    return await rules.run(context, row.subject);
  } catch (error) {
    return { kind: "failed", reason: reasonOf(error) };
  }
}

function logFailure({ task, subject, attempts }: DueRow, reason: string): void {
  log("warning", "task_failed", { task, subject, attempt: attempts + 1, reason });
}
