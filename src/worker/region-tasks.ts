/**
 * How a due task ends, and the clockwork that runs a slice of them: the body of the alarm.
 *
 * Spec: docs/STORAGE.md §3. Leases first, then work, then the alarm again; nothing a task throws
 * leaves this file. Which function does which task is the table in region-agenda.ts.
 */
import type { RegionDesk } from "./region-desk.ts";
import type { Task } from "./region-due.ts";
import type { DueRow } from "./region-rows.ts";
import type { Fault } from "./result.ts";

/** Finished; to be continued at a time, which is no failure; or failed, to be tried again. */
export type Outcome =
  | { readonly kind: "done" }
  | { readonly kind: "again"; readonly atMs: number }
  | { readonly kind: "failed"; readonly reason: string };

export const DONE: Outcome = { kind: "done" };

export function againAt(atMs: number): Outcome {
  return { kind: "again", atMs };
}

export function failed(fault: Fault): Outcome {
  return { kind: "failed", reason: fault.message };
}

export interface Duty {
  run(desk: RegionDesk, subject: string): Promise<Outcome>;
  /** What a caller gets to see when the last attempt has failed; absent: tried for ever. */
  giveUp?(desk: RegionDesk, subject: string, reason: string): void;
}

export type Agenda = Readonly<Record<Task, Duty>>;

/** Tasks of one alarm: each of another cluster, so that a slow one delays few. */
const SLICE_TASKS = 4;
const MAX_ATTEMPTS = 5;

/** One alarm's work: leases some due tasks, runs them, arms the alarm for what is next. */
export async function runSlice(desk: RegionDesk, agenda: Agenda): Promise<void> {
  const claimed = desk.due.claim(desk.nowMs(), SLICE_TASKS);
  desk.due.arm();
  await Promise.all(claimed.map((row) => runTask(desk, agenda, row)));
  desk.due.arm();
}

async function runTask(desk: RegionDesk, agenda: Agenda, row: DueRow): Promise<void> {
  const duty = agenda[row.task as Task];
  const outcome = await attempt(desk, duty, row);
  if (outcome.kind === "done") return desk.due.finish(row);
  if (outcome.kind === "again") return desk.due.again(row, outcome.atMs);
  log(row, outcome.reason);
  if (duty.giveUp !== undefined && row.attempts + 1 >= MAX_ATTEMPTS) {
    duty.giveUp(desk, row.subject, outcome.reason);
    return desk.due.finish(row);
  }
  desk.due.retry(row, desk.nowMs(), desk.deployment.schedule.retryMs);
}

/** A throw is the world failing (another object, the bucket): the same as a failure it names. */
async function attempt(desk: RegionDesk, duty: Duty, row: DueRow): Promise<Outcome> {
  try {
    return await duty.run(desk, row.subject);
  } catch (error) {
    return { kind: "failed", reason: error instanceof Error ? error.message : String(error) };
  }
}

function log(row: DueRow, reason: string): void {
  const { task, subject, attempts } = row;
  console.warn(
    JSON.stringify({ event: "task_failed", task, subject, attempt: attempts + 1, reason }),
  );
}
