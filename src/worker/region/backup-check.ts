/**
 * Whether a backup has its objects (I1), and the mark on its row if it has not.
 *
 * Spec: docs/STORAGE.md §2, "Damaged backups". The bucket is asked for size and etag; no byte is
 * read. What whoever reads the bytes finds in them is noted beside that: backup-reading.ts.
 */

import { log } from "../platform/log.ts";
import { backupBucket, lookAtSealed } from "../platform/objects.ts";
import { DONE, nextAt, type Outcome } from "./clockwork.ts";
import type { RegionContext } from "./context.ts";
import type { BackupRow } from "./rows.ts";
import { storedBackupOrder } from "./views.ts";

const OF_EARLIER_BUILD = "An earlier build made it and this one does not read it.";

/** Backups that one run looks at: each is two questions to the bucket. */
const CHECKED_AT_ONCE = 50;

/**
 * Looks at the backup's objects and marks its row, or takes the mark away.
 *
 * @returns what the bucket says is wrong, as a sentence of characters that a tag may have; null:
 *   nothing.
 * @throws Refused, whatever the bucket throws: nothing was learnt, and the row is as it was.
 */
export async function lookAtBackup(context: RegionContext, row: BackupRow): Promise<string | null> {
  const order = storedBackupOrder(context, row, row);
  const bucket = backupBucket(context.deployment, order.source.region);
  const found = await lookAtSealed(bucket, order);
  const unread = row.envelopeDigest === "" ? OF_EARLIER_BUILD : null;
  const fault = found ?? unread;
  const now = context.store.backup(row.backupId);
  if (now === null) return fault;
  mark(context, now, fault ?? now.readFault, { checkedAtMs: context.nowMs() });
  return fault;
}

/** As `lookAtBackup`. @returns all that is known to be wrong, bytes that were read too. */
export async function checkBackup(context: RegionContext, row: BackupRow): Promise<string | null> {
  const fault = await lookAtBackup(context, row);
  return fault ?? context.store.backup(row.backupId)?.readFault ?? null;
}

/** What reading the backup's bytes from end to end has found; null: they are whole. */
export function noteReading(
  context: RegionContext,
  backupId: string,
  readFault: string | null,
): void {
  const row = context.store.backup(backupId);
  if (row === null) return;
  const looked = row.damage === row.readFault ? null : row.damage;
  mark(context, row, looked ?? readFault, { readFault });
}

/** The finding becomes the row's, and whoever watches the log hears of a change. */
function mark(
  context: RegionContext,
  row: BackupRow,
  damage: string | null,
  found: Partial<Pick<BackupRow, "checkedAtMs" | "readFault">>,
): void {
  const { store, due } = context;
  if (!promisesObjects(row)) return;
  store.updateBackup(row.backupId, { damage, ...found });
  if (row.damage === damage) return;
  const newestSound = store.newestSound(row.clusterId)?.backupId ?? null;
  if (damage === null) raise("info", "backup_sound_again", row, { newestSound });
  else raise("alarm", "backup_damaged", row, { damage, newestSound });
  // What the purge may take depends on which backups are sound.
  due.schedule("retention", row.clusterId, row.clusterId, context.nowMs());
}

/** Writes an event to the log that somebody should look at: an alarm, or that it is over. */
export function raise(
  level: "alarm" | "info",
  event: string,
  row: BackupRow,
  facts: Record<string, unknown>,
): void {
  const { backupId, clusterId, chainNumber, state } = row;
  const names = { backupId, clusterId, chainNumber, state };
  log(level, event, { ...names, ...facts });
}

/** I1 speaks of these rows. */
export function promisesObjects({ state }: BackupRow): boolean {
  return state === "READY" || state === "PENDING_DELETION";
}

/**
 * The newest backup of the cluster that is READY and sound, as the bucket says at this moment; null
 * if there is none. By the order of the chain: a clock may have been wrong.
 */
export async function newestChecked(
  context: RegionContext,
  clusterId: string,
): Promise<BackupRow | null> {
  for (;;) {
    const candidate = context.store.newestSound(clusterId);
    if (candidate === null) return null;
    await checkBackup(context, candidate);
    const now = context.store.newestSound(clusterId);
    if (now?.backupId === candidate.backupId) return now;
  }
}

/**
 * Task `backup_check`: looks at every backup once in an interval, the longest unseen first. What it has
 * done is in the rows: each run begins where the one before ended, whatever became of that.
 */
export async function checkTask(context: RegionContext, clusterId: string): Promise<Outcome> {
  const { checkMs } = context.deployment.schedule;
  for (const row of unseen(context, clusterId, CHECKED_AT_ONCE)) await checkBackup(context, row);
  if (unseen(context, clusterId, 1).length > 0) return nextAt(context.nowMs());
  const [next] = context.store.leastLookedAt(clusterId, 1);
  return next === undefined ? DONE : nextAt((next.checkedAtMs ?? 0) + checkMs);
}

/** Those whose check is an interval old; one that a wrong clock dated ahead is as good as unseen. */
function unseen(context: RegionContext, clusterId: string, limit: number): BackupRow[] {
  const nowMs = context.nowMs();
  const sinceMs = nowMs - context.deployment.schedule.checkMs;
  const old = context.store
    .leastLookedAt(clusterId, limit)
    .filter(({ checkedAtMs }) => checkedAtMs === null || checkedAtMs <= sinceMs);
  return [...old, ...context.store.lookedAtAfter(clusterId, nowMs, limit - old.length)];
}
