/**
 * The end of a backup: the retention purge, the week of grace, and the objects that go last.
 *
 * Spec: docs/STORAGE.md §2, I1 and I3: the row says DELETED before the first object is deleted.
 */
import { expiredBackups, nextExpiryMs } from "../../cluster/retention.ts";
import { againAt, DONE, nextAt, type Outcome } from "./clockwork.ts";
import type { RegionDesk } from "./context.ts";
import { placeOf } from "./context.ts";
import type { BackupRow } from "./rows.ts";

/** READY → PENDING_DELETION until `deleteAtMs`: the common step of DeleteBackup and the purge. */
export function beginDeletion(desk: RegionDesk, row: BackupRow, deleteAtMs: number): boolean {
  const { backupId, clusterId } = row;
  if (!desk.store.moveBackup(backupId, "READY", "PENDING_DELETION", { deleteAtMs })) return false;
  desk.due.reschedule("backup_delete", backupId, clusterId, deleteAtMs);
  return true;
}

/** Has the purge look at the cluster when the next backup's retention ends. */
export function scheduleRetention(desk: RegionDesk, clusterId: string): void {
  const nextMs = nextExpiryMs(retained(desk, clusterId), retentionOf(desk, clusterId));
  if (nextMs === null) desk.due.cancel("retention", clusterId);
  else desk.due.reschedule("retention", clusterId, clusterId, nextMs);
}

/** Task: marks for deletion what the cluster's policy no longer keeps. */
export async function purge(desk: RegionDesk, clusterId: string): Promise<Outcome> {
  const nowMs = desk.nowMs();
  const expired = expiredBackups(retained(desk, clusterId), retentionOf(desk, clusterId), nowMs);
  for (const backupId of expired) {
    const row = desk.store.backup(backupId);
    if (row !== null) beginDeletion(desk, row, nowMs + desk.deployment.schedule.undeleteMs);
  }
  const nextMs = nextExpiryMs(retained(desk, clusterId), retentionOf(desk, clusterId));
  return nextMs === null ? DONE : nextAt(nextMs);
}

/**
 * Task: the grace is over. Row first, then the objects; a second run only deletes objects again.
 */
export async function endBackup(desk: RegionDesk, backupId: string): Promise<Outcome> {
  const row = desk.store.backup(backupId);
  if (row === null) return DONE;
  if (row.state === "PENDING_DELETION") {
    const deleteAtMs = row.deleteAtMs ?? 0;
    if (deleteAtMs > desk.nowMs()) return againAt(deleteAtMs);
    desk.store.moveBackup(backupId, "PENDING_DELETION", "DELETED");
    await desk.reached("region_backup_deleted");
  } else if (row.state !== "DELETED") {
    return DONE; // RestoreBackup came first.
  }
  const bucket = desk.deployment.bucket(placeOf(desk).region);
  const keys = [row.bodyKey, row.envelopeKey].filter((key) => key !== "");
  if (bucket !== null && keys.length > 0) await bucket.delete(keys);
  await desk.reached("region_objects_deleted");
  return DONE;
}

function retained(desk: RegionDesk, clusterId: string) {
  return desk.store
    .backupsOf(clusterId)
    .map((row) => ({ ...row, neverExpires: row.neverExpires === 1 }));
}

function retentionOf(desk: RegionDesk, clusterId: string): number {
  const days = desk.store.cluster(clusterId)?.retentionDays ?? Number.POSITIVE_INFINITY;
  return days * desk.deployment.schedule.retentionDayMs;
}
