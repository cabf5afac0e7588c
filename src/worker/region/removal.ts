/**
 * An HSM on its way out: it retires, the others go on, its last backup is made, it is zeroized.
 *
 * Spec: docs/STORAGE.md §2, with the interleavings; §8.
 */
import type { Refusal } from "../../cluster/refusal.ts";
import { type Result, success } from "../contracts/result.ts";
import { checkBackup, promisesObjects } from "./backup-check.ts";
import { BACKUP_POLL_MS, scheduleDaily, startBackup } from "./backups.ts";
import { againAt, DONE, failed, isOfAnotherDeployment, type Outcome } from "./clockwork.ts";
import { clusterOf, fitnessOf, hsmApi, type RegionContext } from "./context.ts";
import { retire, serveClusterTask } from "./duties.ts";
import { isInCharge } from "./hsms.ts";
import type { BackupRow, HsmRow } from "./rows.ts";

/** Task `hsm_delete`: where a backup is due, retire, back up, wait for READY; then zeroize. */
export async function deleteHsmTask(context: RegionContext, hsmId: string): Promise<Outcome> {
  const row = context.store.hsm(hsmId);
  if (row?.state !== "DELETE_IN_PROGRESS") return DONE;
  const due = await isBackupDue(context, row);
  if (!due.ok && !isOfAnotherDeployment(due.refusal)) return failed(due.refusal);
  if (due.ok && due.value) {
    const fit = await fitnessOf(context, row);
    const waiting = fit.ok
      ? await backUpBeforeRemoval(context, row)
      : await replaceBeforeRemoval(context, row, fit.refusal);
    if (waiting !== null) return waiting;
  }
  // One that cannot be read says without a key whether anybody has put anything in.
  const api = hsmApi(context, row);
  const emptied = due.ok ? await api.zeroize() : await api.discard();
  if (!emptied.ok) return { kind: "waits", reason: emptied.refusal.message };
  context.store.moveHsm(hsmId, "DELETE_IN_PROGRESS", "DELETED", "");
  context.store.updateHsm(hsmId, { deletedAtMs: context.nowMs(), filled: 0, joined: 0 });
  // The others need not know it any more; a hold for it ends at once.
  context.due.schedule("cluster_serve", row.clusterId, row.clusterId, context.nowMs());
  returnToUninitialized(context, row);
  await context.reached("region_hsm_deleted");
  return DONE;
}

/**
 * Whether the HSM has a cluster's state that would be lost with it. Of a cluster that is not known
 * to be ACTIVE the HSM itself says so: what it told of its activation may not have got through.
 */
async function isBackupDue(context: RegionContext, row: HsmRow): Promise<Result<boolean>> {
  if (row.filled === 0) return success(false);
  if (clusterOf(context, row).state === "ACTIVE") return success(true);
  const retired = await retire(context, row); // It is not activated after it has answered.
  // Nothing that it says of itself is worth anything any more.
  if (!retired.ok && retired.refusal.code === "hsm_memory_changed") return success(false);
  if (!retired.ok) return retired;
  const activated = await hsmApi(context, row).isActivated();
  if (!activated.ok || !activated.value) return activated;
  if (context.store.moveCluster(row.clusterId, "INITIALIZED", "ACTIVE", "")) {
    scheduleDaily(context, row.clusterId);
  }
  return activated;
}

/** @returns null once nothing is lost with the HSM; what to do meanwhile otherwise. */
async function backUpBeforeRemoval(context: RegionContext, row: HsmRow): Promise<Outcome | null> {
  const { store } = context;
  const known = row.backupId === null ? null : store.backup(row.backupId);
  if (known !== null && promisesObjects(known)) return lastLook(context, row, known);
  if (known?.state === "DELETED") {
    const reason = known.failure ?? "it was deleted.";
    returnToService(context, row, `The HSM was not deleted, because its backup failed: ${reason}`);
    return DONE;
  }
  if (known !== null) return againAt(context.nowMs() + BACKUP_POLL_MS);
  const retired = await retire(context, row);
  if (!retired.ok) return failed(retired.refusal);
  const served = await serveClusterTask(context, row.clusterId); // The others go on without it.
  if (served.kind === "failed") return served;
  if (isSuperseded(context, row.hsmId)) return null;
  const backup = startBackup(context, row, "hsm_removed");
  if (backup === null) return againAt(context.nowMs() + context.deployment.schedule.retryMs);
  store.updateHsm(row.hsmId, { backupId: backup.backupId });
  await context.reached("region_backup_begun");
  return againAt(context.nowMs() + BACKUP_POLL_MS);
}

/**
 * One that cannot be read cannot be backed up either: its rows stay until another HSM serves.
 * @returns null when they may go, or are gone already.
 */
async function replaceBeforeRemoval(
  context: RegionContext,
  row: HsmRow,
  refusal: Refusal,
): Promise<Outcome | null> {
  if (refusal.code === "hsm_blank") return null;
  for (const other of context.store.activeHsms(row.clusterId)) {
    const fit = await fitnessOf(context, other);
    if (fit.ok) return null;
  }
  return { kind: "waits", reason: refusal.message };
}

/** At what will be all there is of this memory: a damaged backup is made once more. */
async function lastLook(
  context: RegionContext,
  row: HsmRow,
  backup: BackupRow,
): Promise<Outcome | null> {
  const damage = await checkBackup(context, backup);
  if (damage === null) return null;
  context.store.updateHsm(row.hsmId, { backupId: null });
  return { kind: "failed", reason: `Its backup is damaged. ${damage}` };
}

/**
 * Whether others went on without it and are leaving or gone themselves: what they took is in a
 * backup of theirs, and one of this HSM, with a higher number, would be taken for the newest state.
 */
function isSuperseded({ store }: RegionContext, hsmId: string): boolean {
  const row = store.hsm(hsmId);
  return row !== null && !isInCharge(row) && store.activeHsms(row.clusterId).length === 0;
}

/**
 * While it is in charge nobody went on without it, and it has all there is; else it must be filled
 * again.
 */
function returnToService(context: RegionContext, row: HsmRow, message: string): void {
  const { store, due } = context;
  const returns = isInCharge(row);
  store.moveHsm(row.hsmId, "DELETE_IN_PROGRESS", returns ? "ACTIVE" : "DEGRADED", message);
  store.updateHsm(row.hsmId, { backupId: null, ...(returns ? {} : { filled: 0 }) });
  due.schedule("cluster_serve", row.clusterId, row.clusterId, context.nowMs());
  if (!returns) due.schedule("hsm_rebuild", row.hsmId, row.clusterId, context.nowMs());
}

/** The key that a claim was made for went with the HSM: a cluster not yet active starts over. */
function returnToUninitialized(context: RegionContext, row: HsmRow): void {
  const cluster = clusterOf(context, row);
  const { state } = cluster;
  if (state === "INITIALIZE_IN_PROGRESS" || state === "INITIALIZED") {
    const message = "The HSM that was initialized is deleted. Create an HSM and initialize again.";
    context.store.moveCluster(cluster.clusterId, state, "UNINITIALIZED", message);
  } else if (state !== "UNINITIALIZED") return;
  context.store.updateCluster(cluster.clusterId, { certificates: "{}", trustAnchor: "" });
}

/** A removal that goes on being tried says so where DescribeClusters shows it. */
export function reportRemoval(context: RegionContext, hsmId: string, reason: string): void {
  context.store.updateHsm(hsmId, { stateMessage: `The HSM could not be deleted yet: ${reason}` });
}
