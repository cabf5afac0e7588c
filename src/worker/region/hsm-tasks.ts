/**
 * What an HSM goes through: manufacture, being filled with its cluster's state, and removal.
 *
 * Spec: docs/STORAGE.md §2, with the interleavings; §7. A cluster's tasks run one at a
 * time. Each begins by reading its row, since it may have run before, up to any point.
 */
import type { ClusterCertificates } from "../contracts/control-api.ts";
import type { RestoreReceipt } from "../contracts/hsm-api.ts";
import { type Result, success } from "../contracts/result.ts";
import { checkBackup, promisesObjects } from "./backup-check.ts";
import { scheduleDaily, startBackup } from "./backups.ts";
import { againAt, DONE, failed, type Outcome } from "./clockwork.ts";
import { clusterOf, hsmApi, type RegionContext } from "./context.ts";
import { newestSource } from "./hsms.ts";
import { type BackupRow, type ClusterRow, certificatesOf, type HsmRow } from "./rows.ts";
import { storedBackupOrder } from "./views.ts";

/** How often a task looks whether the backup it waits for is READY, besides being woken by it. */
const POLL_MS = 5_000;

/**
 * Task `hsm_create`: CREATE_IN_PROGRESS → ACTIVE: with a PRECO user in a
 * new cluster, filled in an active one.
 */
export async function createHsmTask(context: RegionContext, hsmId: string): Promise<Outcome> {
  const row = context.store.hsm(hsmId);
  if (row?.state !== "CREATE_IN_PROGRESS") return DONE;
  const cluster = clusterOf(context, row);
  const isFirst = cluster.state !== "ACTIVE";
  const identity = await hsmApi(context, row).manufacture({
    location: context.store.hsmLocation(row),
    hsmType: cluster.hsmType,
    mode: cluster.mode,
    hasPreco: isFirst,
  });
  if (!identity.ok) return failed(identity.refusal);
  return isFirst ? enterAlone(context, row, identity.value) : fill(context, row);
}

/** Task `hsm_rebuild`: an HSM that missed a write takes the leader's state and serves again. */
export async function rebuildHsmTask(context: RegionContext, hsmId: string): Promise<Outcome> {
  const row = context.store.hsm(hsmId);
  return row?.state === "DEGRADED" ? fill(context, row) : DONE;
}

/**
 * Gives the HSM its cluster's state: from a live HSM by a fresh backup, else from the newest one.
 */
async function fill(context: RegionContext, row: HsmRow): Promise<Outcome> {
  const cluster = clusterOf(context, row);
  const [leader] = context.store.activeHsms(row.clusterId);
  if (leader !== undefined) return fillFromLeader(context, row, cluster, leader);
  // A removal under way will leave a newer backup than any that is READY now.
  const leaving = context.store.hsmsOf(row.clusterId).some((hsm) => hsm.filled === 1);
  if (leaving) return againAt(context.nowMs() + context.deployment.schedule.retryMs);
  const source = newestSource(context, cluster);
  if (source === null) return { kind: "failed", reason: "There is no sound backup to restore." };
  const receipt = await restoreOnto(context, row, cluster, source);
  if (!receipt.ok) return failed(receipt.refusal);
  return enterAlone(context, row, foundCertificate(cluster, receipt.value));
}

/**
 * The leader takes no writes from before its backup until the new HSM serves beside it, so none is
 * acknowledged that the new one lacks; equal digests prove it before anything is said.
 */
async function fillFromLeader(
  context: RegionContext,
  row: HsmRow,
  cluster: ClusterRow,
  leader: HsmRow,
): Promise<Outcome> {
  const frozen = await hsmApi(context, leader).freeze();
  if (!frozen.ok) return failed(frozen.refusal);
  const known = row.backupId === null ? null : context.store.backup(row.backupId);
  const backup = known?.hsmId === leader.hsmId ? known : startBackup(context, leader, "hsm_added");
  if (backup === null) return againAt(context.nowMs() + context.deployment.schedule.retryMs);
  context.store.updateHsm(row.hsmId, { backupId: backup.backupId });
  if (backup.state === "CREATE_IN_PROGRESS") return againAt(context.nowMs() + POLL_MS);
  if (backup.state === "DELETED")
    return begunAnew(context, row, backup.failure ?? "It was deleted.");
  const receipt = await restoreOnto(context, row, cluster, backup);
  if (!receipt.ok) return failed(receipt.refusal);
  const digest = await hsmApi(context, leader).stateDigest();
  if (!digest.ok) return failed(digest.refusal);
  if (digest.value !== receipt.value.stateDigest) {
    return begunAnew(
      context,
      row,
      "The cluster's state changed while the new HSM was being filled.",
    );
  }
  enterService(context, row);
  await context.reached("region_hsm_active");
  return serveClusterTask(context, row.clusterId);
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
  const order = storedBackupOrder(context, backup, cluster);
  const receipt = await hsmApi(context, row).restore(order);
  if (!receipt.ok && receipt.refusal.code === "backup_object_missing") {
    // Marked, it is passed over from now on: the next attempt takes another.
    await checkBackup(context, backup);
    context.store.updateHsm(row.hsmId, { backupId: null });
  }
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
  const told = await tellDuty(context, row, []);
  if (!told.ok) return failed(told.refusal);
  if (certificates !== null) {
    const columns = { certificates: JSON.stringify(certificates) };
    context.store.updateCluster(row.clusterId, columns);
  }
  enterService(context, row);
  await context.reached("region_hsm_active");
  return DONE;
}

/** Tells an HSM its part: to lead `peers`, or, where they are null, to follow. */
function tellDuty(
  context: RegionContext,
  row: HsmRow,
  peers: readonly HsmRow[] | null,
): Promise<Result<null>> {
  const locations = (peers ?? []).map((peer) => context.store.hsmLocation(peer));
  return hsmApi(context, row).serve({ leader: peers !== null, peers: locations });
}

/** The new member's row, and the task that tells the cluster's HSMs: in one turn. */
function enterService(context: RegionContext, row: HsmRow): void {
  const { store, due } = context;
  if (row.state !== "CREATE_IN_PROGRESS" && row.state !== "DEGRADED") return;
  if (!store.moveHsm(row.hsmId, row.state, "ACTIVE", "HSM created.")) return;
  store.updateHsm(row.hsmId, { filled: 1, backupId: null });
  due.schedule("cluster_serve", row.clusterId, row.clusterId, context.nowMs());
  if (clusterOf(context, row).state === "ACTIVE") scheduleDaily(context, row.clusterId);
}

/** The certificate that a restore found inside; null if there is none or the cluster has one. */
function foundCertificate(
  cluster: ClusterRow,
  { clusterCertificate }: RestoreReceipt,
): ClusterCertificates | null {
  if (certificatesOf(cluster).clusterCertificate !== undefined) return null;
  return clusterCertificate === "" ? null : { clusterCertificate };
}

/** After the last attempt: the row says why, and the leader takes writes again. */
export function giveUpHsm(context: RegionContext, hsmId: string, reason: string): void {
  const row = context.store.hsm(hsmId);
  if (row === null) return;
  const message = `The HSM could not be filled: ${reason} Delete it and create another.`;
  if (row.state === "CREATE_IN_PROGRESS") {
    context.store.moveHsm(hsmId, "CREATE_IN_PROGRESS", "DEGRADED", message);
  } else {
    context.store.updateHsm(hsmId, { stateMessage: message });
  }
  context.store.updateHsm(hsmId, { backupId: null });
  context.due.schedule("cluster_serve", row.clusterId, row.clusterId, context.nowMs());
}

/** Task `cluster_serve`: tells every ACTIVE HSM its part; the leader last, when its peers know. */
export async function serveClusterTask(
  context: RegionContext,
  clusterId: string,
): Promise<Outcome> {
  const [leader, ...peers] = context.store.activeHsms(clusterId);
  if (leader === undefined) return DONE;
  for (const peer of peers) {
    const told = await tellDuty(context, peer, null);
    if (!told.ok) return failed(told.refusal);
  }
  const told = await tellDuty(context, leader, peers);
  return told.ok ? DONE : failed(told.refusal);
}

/** Task `hsm_delete`: where a backup is due, freeze, back up, wait for READY; then zeroize. */
export async function deleteHsmTask(context: RegionContext, hsmId: string): Promise<Outcome> {
  const row = context.store.hsm(hsmId);
  if (row?.state !== "DELETE_IN_PROGRESS") return DONE;
  const due = await isBackupDue(context, row);
  if (!due.ok) return failed(due.refusal);
  if (due.value) {
    const waiting = await backUpBeforeRemoval(context, row);
    if (waiting !== null) return waiting;
  }
  const zeroized = await hsmApi(context, row).zeroize();
  if (!zeroized.ok) return failed(zeroized.refusal);
  context.store.moveHsm(hsmId, "DELETE_IN_PROGRESS", "DELETED", "");
  context.store.updateHsm(hsmId, { deletedAtMs: context.nowMs(), filled: 0 });
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
  const api = hsmApi(context, row);
  const frozen = await api.freeze(); // It is not activated after it has answered.
  if (!frozen.ok) return frozen.refusal.code === "hsm_blank" ? success(false) : frozen;
  const activated = await api.isActivated();
  if (!activated.ok || !activated.value) return activated;
  if (context.store.moveCluster(row.clusterId, "INITIALIZED", "ACTIVE", "")) {
    scheduleDaily(context, row.clusterId);
  }
  return activated;
}

/** @returns null once the HSM's last backup is READY; what to do meanwhile otherwise. */
async function backUpBeforeRemoval(context: RegionContext, row: HsmRow): Promise<Outcome | null> {
  const known = row.backupId === null ? null : context.store.backup(row.backupId);
  if (known !== null && promisesObjects(known)) {
    // The last look at what will be all there is of this memory.
    const damage = await checkBackup(context, known);
    return damage === null ? null : begunAnew(context, row, `Its backup is damaged. ${damage}`);
  }
  if (known?.state === "DELETED") {
    const reason = known.failure ?? "it was deleted.";
    const message = `The HSM was not deleted, because its backup failed: ${reason}`;
    returnToService(context, row, message);
    return DONE;
  }
  const frozen = await hsmApi(context, row).freeze();
  if (!frozen.ok) return failed(frozen.refusal);
  const served = await serveClusterTask(context, row.clusterId); // The others go on without it.
  if (served.kind === "failed") return served;
  const backup = known ?? startBackup(context, row, "hsm_removed");
  if (backup === null) return againAt(context.nowMs() + context.deployment.schedule.retryMs);
  context.store.updateHsm(row.hsmId, { backupId: backup.backupId });
  await context.reached("region_backup_begun");
  return againAt(context.nowMs() + POLL_MS);
}

/**
 * The others went on without it, so beside them it must be filled again; alone it has all there is.
 */
function returnToService(context: RegionContext, row: HsmRow, message: string): void {
  const { store, due } = context;
  const isAlone = context.store.activeHsms(row.clusterId).length === 0;
  store.moveHsm(row.hsmId, "DELETE_IN_PROGRESS", isAlone ? "ACTIVE" : "DEGRADED", message);
  store.updateHsm(row.hsmId, { backupId: null, filled: isAlone ? 1 : 0 });
  due.schedule("cluster_serve", row.clusterId, row.clusterId, context.nowMs());
  if (!isAlone) due.schedule("hsm_rebuild", row.hsmId, row.clusterId, context.nowMs());
}

/** The key that a claim was made for went with the HSM: a cluster not yet active starts over. */
function returnToUninitialized(context: RegionContext, row: HsmRow): void {
  const cluster = clusterOf(context, row);
  if (cluster.state !== "UNINITIALIZED" && cluster.state !== "INITIALIZED") return;
  if (cluster.state === "INITIALIZED") {
    const message = "The HSM that was initialized is deleted. Create an HSM and initialize again.";
    context.store.moveCluster(cluster.clusterId, "INITIALIZED", "UNINITIALIZED", message);
  }
  context.store.updateCluster(cluster.clusterId, { certificates: "{}", trustAnchor: "" });
}

/** A removal that goes on being tried says so where DescribeClusters shows it. */
export function reportHsm(context: RegionContext, hsmId: string, reason: string): void {
  context.store.updateHsm(hsmId, { stateMessage: `The HSM could not be deleted yet: ${reason}` });
}

export function reportCluster(context: RegionContext, clusterId: string, reason: string): void {
  const stateMessage = `The HSMs could not be told of a change yet: ${reason}`.slice(0, 300);
  context.store.updateCluster(clusterId, { stateMessage });
}
