/**
 * How an HSM comes into service: manufacture, its cluster's state, and its place beside the others.
 *
 * Spec: docs/STORAGE.md §2, §8. A cluster's tasks run one at a time. Each attempt begins at the top
 * and uses what an earlier one left: the identity, the READY backup. A leader is asked for nothing
 * before the HSM that is to be filled has answered, and is held only for the last steps.
 */

import type { ClusterCertificates } from "../contracts/control-api.ts";
import type { RestoreReceipt } from "../contracts/hsm-api.ts";
import type { Result } from "../contracts/result.ts";
import { log, reasonOf } from "../platform/log.ts";
import { heedReading } from "./backup-reading.ts";
import { BACKUP_POLL_MS, scheduleDaily, startBackup } from "./backups.ts";
import { againAt, DONE, failed, isOfAnotherDeployment, type Outcome } from "./clockwork.ts";
import { clusterOf, fitnessOf, hsmApi, noteObeyed, type RegionContext } from "./context.ts";
import { serveClusterTask, tellToLead } from "./duties.ts";
import { newestSource } from "./hsms.ts";
import { type BackupRow, type ClusterRow, certificatesOf, type HsmRow } from "./rows.ts";
import { storedBackupOrder } from "./views.ts";

/** Task `hsm_create`: CREATE_IN_PROGRESS → ACTIVE. */
export async function createHsmTask(context: RegionContext, hsmId: string): Promise<Outcome> {
  const row = context.store.hsm(hsmId);
  return row?.state === "CREATE_IN_PROGRESS" ? bringIntoService(context, row) : DONE;
}

/** Task `hsm_rebuild`: DEGRADED → ACTIVE, of one that missed a write or could not be filled. */
export async function rebuildHsmTask(context: RegionContext, hsmId: string): Promise<Outcome> {
  const row = context.store.hsm(hsmId);
  return row?.state === "DEGRADED" ? bringIntoService(context, row) : DONE;
}

/** With a PRECO user in a new cluster, filled in an active one. */
async function bringIntoService(context: RegionContext, row: HsmRow): Promise<Outcome> {
  const cluster = clusterOf(context, row);
  const isFirst = cluster.state !== "ACTIVE";
  for (const other of context.store.activeHsms(row.clusterId)) {
    const fit = await fitnessOf(context, other);
    if (!fit.ok && isOfAnotherDeployment(fit.refusal)) return failed(fit.refusal);
  }
  context.store.updateHsm(row.hsmId, { obeyed: 0 }); // Whatever it holds, it is filled anew.
  const identity = await hsmApi(context, row).manufacture({
    location: context.store.hsmLocation(row),
    hsmType: cluster.hsmType,
    mode: cluster.mode,
    hasPreco: isFirst,
  });
  if (!identity.ok) return failed(identity.refusal);
  return isFirst ? enterAlone(context, row, identity.value) : fill(context, row);
}

/** Gives the HSM its cluster's state: from a live HSM by its backup, else from the newest one. */
async function fill(context: RegionContext, row: HsmRow): Promise<Outcome> {
  const cluster = clusterOf(context, row);
  const fit = await fitnessOf(context, row);
  if (!fit.ok) return failed(fit.refusal);
  const [leader] = context.store.activeHsms(row.clusterId);
  if (leader !== undefined) return fillBeside(context, row, leader);
  // A removal under way will leave a newer backup than any that is READY now.
  if (await holdsReadableState(context, row.clusterId))
    return againAt(context.nowMs() + context.deployment.schedule.retryMs);
  const source = newestSource(context, cluster);
  if (source === null) return { kind: "failed", reason: "There is no sound backup to restore." };
  const receipt = await restoreOnto(context, row, cluster, source);
  if (!receipt.ok) return failed(receipt.refusal);
  return enterAlone(context, row, foundCertificate(cluster, receipt.value));
}

/** Whether an HSM out of service has the cluster's state and can still be backed up. */
async function holdsReadableState(context: RegionContext, clusterId: string): Promise<boolean> {
  for (const hsm of context.store.hsmsOf(clusterId)) {
    if (hsm.filled === 0) continue;
    const fit = await fitnessOf(context, hsm);
    if (fit.ok) return true;
  }
  return false;
}

/** From a backup of the leader, which goes on taking writes until the HSM has been restored. */
async function fillBeside(context: RegionContext, row: HsmRow, leader: HsmRow): Promise<Outcome> {
  const fit = await fitnessOf(context, leader);
  if (!fit.ok) return failed(fit.refusal);
  const known = row.backupId === null ? null : context.store.backup(row.backupId);
  if (known?.state === "DELETED") {
    return begunAnew(context, row, known.failure ?? "The backup was deleted.");
  }
  const backup =
    known !== null && isUsable(known, leader) ? known : startBackup(context, leader, "hsm_added");
  if (backup === null) return againAt(context.nowMs() + context.deployment.schedule.retryMs);
  context.store.updateHsm(row.hsmId, { backupId: backup.backupId });
  if (backup.state === "CREATE_IN_PROGRESS") return againAt(context.nowMs() + BACKUP_POLL_MS);
  const receipt = await restoreOnto(context, row, clusterOf(context, row), backup);
  if (receipt.ok) return joinWhileHeld(context, row, leader);
  const isOfBackup = receipt.refusal.kind !== "unavailable";
  return isOfBackup ? begunAnew(context, row, receipt.refusal.message) : failed(receipt.refusal);
}

/** Whether the backup of an earlier attempt, made or being made, does for this one. */
function isUsable({ hsmId, state, damage }: BackupRow, leader: HsmRow): boolean {
  return hsmId === leader.hsmId && state !== "PENDING_DELETION" && damage === null;
}

/** The leader takes no writes for as long as this takes; if this dies, for `holdMs`. */
async function joinWhileHeld(
  context: RegionContext,
  row: HsmRow,
  leader: HsmRow,
): Promise<Outcome> {
  const held = await hsmApi(context, leader).hold(row.hsmId);
  if (!held.ok) return failed(held.refusal);
  try {
    const refused = await join(context, row, leader);
    if (refused !== null) return refused;
  } finally {
    await thaw(context, row, leader);
  }
  await context.reached("region_hsm_active");
  return serveClusterTask(context, row.clusterId);
}

/** @returns null once the row is ACTIVE; why not, otherwise. */
async function join(context: RegionContext, row: HsmRow, leader: HsmRow): Promise<Outcome | null> {
  const { store } = context;
  const compared = await hsmApi(context, leader).bringUp(store.hsmLocation(row));
  if (!compared.ok) return notJoined(context, row, compared);
  const [first, ...peers] = store.activeHsms(row.clusterId);
  if (first?.hsmId !== leader.hsmId) return { kind: "failed", reason: "Another HSM leads by now." };
  const number = store.nextOrderNumber(row.clusterId);
  store.updateHsm(row.hsmId, { joined: number });
  await context.reached("region_hsm_joining");
  const joining = compared.value;
  const led = await tellToLead(context, leader, { number, peers: [...peers, row], joining });
  if (!led.ok) return notJoined(context, row, led);
  if (enterService(context, row, number)) return null;
  return { kind: "failed", reason: "The HSM missed a write while it joined the others." };
}

/** An HSM that does not come from the leader's history needs another backup. */
function notJoined(
  context: RegionContext,
  row: HsmRow,
  { refusal }: Extract<Result<unknown>, { ok: false }>,
): Outcome {
  if (refusal.code === "peer_off_line") return begunAnew(context, row, refusal.message);
  return failed(refusal);
}

/** Writes go on, whatever became of the attempt. One that is not heard ends by its time. */
async function thaw(context: RegionContext, row: HsmRow, leader: HsmRow): Promise<void> {
  const { store, due } = context;
  if (store.hsm(row.hsmId)?.state !== "ACTIVE") {
    due.schedule("cluster_serve", row.clusterId, row.clusterId, context.nowMs());
  }
  try {
    await hsmApi(context, leader).release(row.hsmId);
  } catch (error) {
    log("warning", "release_failed", { hsmId: row.hsmId, reason: reasonOf(error) });
  }
}

/** The backup of this attempt does not serve; the next attempt makes another. */
function begunAnew(context: RegionContext, row: HsmRow, reason: string): Outcome {
  context.store.updateHsm(row.hsmId, { backupId: null });
  return { kind: "failed", reason };
}

async function restoreOnto(
  context: RegionContext,
  row: HsmRow,
  cluster: ClusterRow,
  backup: BackupRow,
): Promise<Result<RestoreReceipt>> {
  const number = context.store.nextOrderNumber(row.clusterId);
  const order = storedBackupOrder(context, backup, cluster);
  const receipt = await hsmApi(context, row).restore(order, number);
  if (receipt.ok) noteObeyed(context, row, number);
  await heedReading(context, backup.backupId, receipt); // Marked, it is passed over from now on.
  return receipt;
}

/**
 * The cluster's only HSM: it leads before its row says ACTIVE, since from then on it is asked.
 *
 * @param certificates - what the cluster shows from now on; null: what it shows already.
 */
async function enterAlone(
  context: RegionContext,
  row: HsmRow,
  certificates: ClusterCertificates | null,
): Promise<Outcome> {
  const number = context.store.nextOrderNumber(row.clusterId);
  context.store.updateHsm(row.hsmId, { joined: number });
  const told = await tellToLead(context, row, { number, peers: [], joining: null });
  if (!told.ok) return failed(told.refusal);
  if (certificates !== null) {
    const columns = { certificates: JSON.stringify(certificates) };
    context.store.updateCluster(row.clusterId, columns);
  }
  enterService(context, row, number);
  await context.reached("region_hsm_active");
  return DONE;
}

/** The new member's row, and the task that tells the cluster's HSMs: in one turn. */
function enterService(context: RegionContext, row: HsmRow, number: number): boolean {
  const { store, due } = context;
  if (!store.enterService(row.hsmId, row.state, number)) return false;
  due.schedule("cluster_serve", row.clusterId, row.clusterId, context.nowMs());
  for (const other of store.hsmsOf(row.clusterId)) {
    if (other.state !== "DELETE_IN_PROGRESS") continue;
    due.schedule("hsm_delete", other.hsmId, row.clusterId, context.nowMs()); // It may wait for this.
  }
  if (clusterOf(context, row).state === "ACTIVE") scheduleDaily(context, row.clusterId);
  return true;
}

/** The certificate that a restore found inside; null if there is none or the cluster has one. */
function foundCertificate(
  cluster: ClusterRow,
  { clusterCertificate }: RestoreReceipt,
): ClusterCertificates | null {
  if (certificatesOf(cluster).clusterCertificate !== undefined) return null;
  return clusterCertificate === "" ? null : { clusterCertificate };
}

/** After the fifth failure the row says why, and the HSM goes on as one to be rebuilt. */
export function giveUpCreation(context: RegionContext, hsmId: string, reason: string): void {
  const { store, due, deployment } = context;
  const row = store.hsm(hsmId);
  if (row === null) return;
  if (!store.moveHsm(hsmId, "CREATE_IN_PROGRESS", "DEGRADED", notFilled(reason))) return;
  const dueAtMs = context.nowMs() + deployment.schedule.retryMs;
  due.schedule("hsm_rebuild", hsmId, row.clusterId, dueAtMs);
}

export function reportFilling(context: RegionContext, hsmId: string, reason: string): void {
  context.store.updateHsm(hsmId, { stateMessage: notFilled(reason) });
}

function notFilled(reason: string): string {
  return `The HSM could not be filled: ${reason} This is tried again by itself; or delete the HSM.`;
}
