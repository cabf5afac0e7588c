/**
 * Making backups by the clock: the order to the HSM, the receipt, the daily promise, the sweep.
 *
 * Spec: docs/STORAGE.md §2 (I1 and I4), §6. The row was CREATE_IN_PROGRESS before the HSM put its
 * first object and becomes READY after the last; objects that no row names are removed here and
 * only here.
 */
import type { BackupReceipt } from "../contracts/hsm-api.ts";
import type { Bucket } from "../platform/bucket.ts";
import { backupsPrefix } from "../platform/objects.ts";
import { nextDailyMs, scheduleDaily, startBackup } from "./backups.ts";
import { DONE, failed, nextAt, type Outcome } from "./clockwork.ts";
import { hsmApi, opensOf, type RegionContext } from "./context.ts";
import { scheduleRetention } from "./retention.ts";
import type { BackupRow } from "./rows.ts";

/** Task `backup_create`: the HSM makes it and puts its objects; then the row is READY. */
export async function createBackupTask(context: RegionContext, backupId: string): Promise<Outcome> {
  const row = context.store.backup(backupId);
  if (row?.state !== "CREATE_IN_PROGRESS") return DONE;
  await context.reached("region_backup_begun");
  const hsm = context.store.hsm(row.hsmId);
  if (hsm === null || hsm.state === "DELETED") {
    return { kind: "failed", reason: "The HSM that was to be backed up is gone." };
  }
  const { lineageId, hsmType, mode, createdAtMs, chainNumber, previousDigest } = row;
  const receipt = await hsmApi(context, hsm).createBackup({
    location: context.store.backupLocation(row),
    origin: { lineageId, hsmType, mode, createdAtMs, chainNumber, previousDigest },
  });
  if (!receipt.ok) return failed(receipt.refusal);
  completeBackup(context, row, receipt.value);
  await context.reached("region_backup_ready");
  return DONE;
}

/** CREATE_IN_PROGRESS → READY with everything that follows from it, in one turn. */
function completeBackup(context: RegionContext, row: BackupRow, receipt: BackupReceipt): void {
  const { store } = context;
  const recoveryKeyIds = receipt.recoveryKeyIds.join(" ");
  const columns = { ...receipt, recoveryKeyIds, checkedAtMs: context.nowMs() };
  if (!store.moveBackup(row.backupId, "CREATE_IN_PROGRESS", "READY", columns)) return;
  store.updateCluster(row.clusterId, {
    lastDigest: receipt.containerDigest,
    lastBackupAtMs: row.createdAtMs,
    stateMessage: "",
  });
  scheduleRetention(context, row.clusterId);
  const checkAtMs = context.nowMs() + context.deployment.schedule.checkMs;
  context.due.schedule("backup_check", row.clusterId, row.clusterId, checkAtMs);
  if (context.store.activeHsms(row.clusterId).length > 0) scheduleDaily(context, row.clusterId);
  wakeWaiting(context, row);
}

/** After the last attempt: the number stays burnt, the row says why, whoever waited is told. */
export function giveUpBackup(context: RegionContext, backupId: string, reason: string): void {
  const { store, deployment } = context;
  const row = store.backup(backupId);
  if (row === null) return;
  if (!store.moveBackup(backupId, "CREATE_IN_PROGRESS", "DELETED", { failure: reason })) return;
  const stateMessage = `Backup '${backupId}' failed: ${reason}`.slice(0, 300);
  store.updateCluster(row.clusterId, { stateMessage });
  wakeWaiting(context, row);
  if (context.store.activeHsms(row.clusterId).length === 0) return;
  // The next try within the promise: after an hour of the default day.
  const dueAtMs = context.nowMs() + deployment.schedule.backupIntervalMs / 24;
  context.due.reschedule("backup_daily", row.clusterId, row.clusterId, dueAtMs);
}

function wakeWaiting(context: RegionContext, row: BackupRow): void {
  for (const hsm of context.store.hsmsOf(row.clusterId)) {
    if (hsm.backupId !== row.backupId) continue;
    const task = {
      CREATE_IN_PROGRESS: "hsm_create",
      DEGRADED: "hsm_rebuild",
      DELETE_IN_PROGRESS: "hsm_delete",
      ACTIVE: null,
      DELETED: null,
    } as const;
    const waiting = task[hsm.state];
    if (waiting !== null) context.due.schedule(waiting, hsm.hsmId, hsm.clusterId, context.nowMs());
  }
}

/** Task `backup_daily`: begins a backup when the last one is an interval old. */
export async function dailyBackupTask(context: RegionContext, clusterId: string): Promise<Outcome> {
  const cluster = context.store.cluster(clusterId);
  const [leader] = context.store.activeHsms(clusterId);
  if (cluster?.state !== "ACTIVE" || leader === undefined) return DONE;
  const { backupIntervalMs, retryMs } = context.deployment.schedule;
  const dueAtMs = nextDailyMs(context, cluster.lastBackupAtMs ?? 0);
  if (dueAtMs > context.nowMs()) return nextAt(dueAtMs);
  // One that cannot be read burns no number.
  const fit = await opensOf(context, leader);
  if (!fit.ok) return failed(fit.refusal);
  const isLeader = context.store.activeHsms(clusterId)[0]?.hsmId === leader.hsmId;
  const row = isLeader ? startBackup(context, leader, "daily") : null;
  // READY sets the next date, a failure an earlier one; this one is in case neither is heard of.
  return nextAt(context.nowMs() + (row === null ? retryMs : backupIntervalMs));
}

const LIST_PAGE = 500;
const MAX_PAGES = 10;

/**
 * Task `sweep`: deletes objects of the cluster that no row names (I4). Each run goes on where the one
 * before stopped, and a pass through all of them is followed by the next.
 */
export async function sweepTask(context: RegionContext, clusterId: string): Promise<Outcome> {
  const { store } = context;
  const again = nextAt(context.nowMs() + context.deployment.schedule.sweepMs);
  const bucket = context.deployment.bucket(store.requirePlace().region);
  if (bucket === null) return again;
  const isDeleted = store.cluster(clusterId)?.state === "DELETED";
  const begun = store.sweepOf(clusterId) ?? { after: "", clean: isDeleted ? 1 : 0 };
  const swept = await sweepSome(context, bucket, clusterId, begun.after);
  const clean = begun.clean === 1 && swept.isClean ? 1 : 0;
  if (swept.after !== null) {
    store.putSweep({ clusterId, after: swept.after, clean });
    return again;
  }
  store.deleteSweep(clusterId);
  // Nothing is put for a DELETED cluster any more: what a whole pass since then found empty stays so.
  return clean === 1 ? DONE : again;
}

/** @returns whether only orphans were met, and after which key the next run begins; null: at none. */
async function sweepSome(
  context: RegionContext,
  bucket: Bucket,
  clusterId: string,
  startAfter: string,
): Promise<{ isClean: boolean; after: string | null }> {
  const prefix = backupsPrefix(clusterId);
  let after = startAfter;
  let isClean = true;
  for (let page = 0; page < MAX_PAGES; page++) {
    const listed = await bucket.list({ prefix, limit: LIST_PAGE, startAfter: after || prefix });
    const orphans = listed.objects.filter((object) => isOrphan(context, prefix, object));
    isClean &&= listed.objects.length === orphans.length;
    if (orphans.length > 0) await bucket.delete(orphans.map((object) => object.key));
    if (!listed.truncated) return { isClean, after: null };
    after = listed.objects.at(-1)?.key ?? after;
  }
  return { isClean, after };
}

function isOrphan(context: RegionContext, prefix: string, { key, uploaded }: R2Object): boolean {
  const { sweepGraceMs } = context.deployment.schedule;
  if (uploaded.getTime() + sweepGraceMs > context.nowMs()) return false;
  return !isNamed(context, key.slice(prefix.length).split("/")[0] ?? "", key);
}

/** Whether a row promises this object. Of a backup in the making every object may yet be named. */
function isNamed(context: RegionContext, backupId: string, key: string): boolean {
  const row = context.store.backup(backupId);
  if (row === null || row.state === "DELETED") return false;
  return row.state === "CREATE_IN_PROGRESS" || row.bodyKey === key || row.envelopeKey === key;
}
