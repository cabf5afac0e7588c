/**
 * The end of a backup: the retention purge, the week of grace, and the objects that go last.
 *
 * Spec: docs/STORAGE.md §2, I1 and I3: the row says DELETED before the first object is deleted.
 * The purge looks at what it keeps before it marks anything, and again before it deletes.
 */
import {
  expiredBackups,
  mayEnd,
  nextExpiryMs,
  type RetainedBackup,
} from "../../cluster/retention.ts";
import { newestChecked, raise } from "./backup-check.ts";
import { againAt, DONE, nextAt, type Outcome } from "./clockwork.ts";
import type { RegionContext } from "./context.ts";
import type { BackupRow } from "./rows.ts";

/** Backups that one run of the purge marks. */
const PURGED_AT_ONCE = 100;

/** READY → PENDING_DELETION until `deleteAtMs`: the common step of DeleteBackup and the purge. */
export function beginDeletion(
  context: RegionContext,
  row: BackupRow,
  deletedBy: "person" | "purge",
  deleteAtMs: number,
): boolean {
  const { backupId, clusterId } = row;
  const end = { deleteAtMs, deletedBy };
  if (!context.store.moveBackup(backupId, "READY", "PENDING_DELETION", end)) return false;
  context.due.reschedule("backup_delete", backupId, clusterId, deleteAtMs);
  return true;
}

/** Has the purge look at the cluster when the next backup's retention ends. */
export function scheduleRetention(context: RegionContext, clusterId: string): void {
  const nextMs = nextExpiry(context, clusterId);
  if (nextMs === null) context.due.cancel("retention", clusterId);
  else context.due.reschedule("retention", clusterId, clusterId, nextMs);
}

/** Task: marks for deletion what the cluster's policy no longer keeps; of many, the oldest. */
export async function purge(context: RegionContext, clusterId: string): Promise<Outcome> {
  // The one that will be kept, and those that were thought to be newer, are looked at first.
  await newestChecked(context, clusterId);
  const nowMs = context.nowMs();
  const retentionMs = retentionOf(context, clusterId);
  const oldest = retained(context, clusterId, nowMs - retentionMs, PURGED_AT_ONCE);
  for (const backupId of expiredBackups(oldest, retentionMs, nowMs)) {
    const row = context.store.backup(backupId);
    const deleteAtMs = nowMs + context.deployment.schedule.undeleteMs;
    if (row !== null) beginDeletion(context, row, "purge", deleteAtMs);
  }
  const nextMs = nextExpiry(context, clusterId);
  return nextMs === null ? DONE : nextAt(nextMs);
}

/**
 * Task: the grace is over. Row first, then the objects; a second run only deletes objects again.
 */
export async function endBackup(context: RegionContext, backupId: string): Promise<Outcome> {
  const row = context.store.backup(backupId);
  if (row === null) return DONE;
  if (row.state === "PENDING_DELETION") {
    const deleteAtMs = row.deleteAtMs ?? 0;
    if (deleteAtMs > context.nowMs()) return againAt(deleteAtMs);
    if (row.deletedBy === "purge" && !mayEnd(row, await newestChecked(context, row.clusterId))) {
      return await withdraw(context, row);
    }
    context.store.moveBackup(backupId, "PENDING_DELETION", "DELETED");
    await context.reached("region_backup_deleted");
  } else if (row.state !== "DELETED") {
    return DONE; // RestoreBackup came first.
  }
  const bucket = context.deployment.bucket(context.store.requirePlace().region);
  const keys = [row.bodyKey, row.envelopeKey].filter((key) => key !== "");
  if (bucket !== null && keys.length > 0) await bucket.delete(keys);
  await context.reached("region_objects_deleted");
  return DONE;
}

/** The purge was wrong, as it turns out: what it took this one's place by is not there. */
async function withdraw(context: RegionContext, row: BackupRow): Promise<Outcome> {
  const noEnd = { deleteAtMs: null, deletedBy: null };
  if (context.store.moveBackup(row.backupId, "PENDING_DELETION", "READY", noEnd)) {
    raise("alarm", "purge_withdrawn", row, { damage: row.damage });
    scheduleRetention(context, row.clusterId);
  }
  await context.reached("region_backup_restored");
  return DONE;
}

function nextExpiry(context: RegionContext, clusterId: string): number | null {
  const oldest = retained(context, clusterId, Number.MAX_SAFE_INTEGER, 1);
  return nextExpiryMs(oldest, retentionOf(context, clusterId));
}

/**
 * What decides about the purge: the newest sound backup, and the `limit` oldest before it of those that
 * are not kept since a time after `keptSinceMs`.
 */
function retained(
  { store }: RegionContext,
  clusterId: string,
  keptSinceMs: number,
  limit: number,
): RetainedBackup[] {
  const newest = store.newestSound(clusterId);
  if (newest === null) return [];
  const { chainNumber } = newest;
  const oldest = store.expiring(clusterId, { chainNumber, keptSinceMs }, limit);
  return [...oldest, newest].map((row) => ({
    ...row,
    neverExpires: row.neverExpires === 1,
    sound: row.damage === null,
  }));
}

function retentionOf(context: RegionContext, clusterId: string): number {
  const days = context.store.cluster(clusterId)?.retentionDays ?? Number.POSITIVE_INFINITY;
  return days * context.deployment.schedule.retentionDayMs;
}
