/**
 * What an HSM goes through: manufacture, being filled with its cluster's state, and removal.
 *
 * Spec: DESIGN.md §7; docs/STORAGE.md §2 has the interleavings. A cluster's tasks run one at a
 * time. Each begins by reading its row, since it may have run before, up to any point.
 */
import type { HsmApi, RestoreReceipt } from "../contracts/hsm-api.ts";
import type { Result } from "../contracts/result.ts";
import { startBackup } from "./backups.ts";
import { againAt, DONE, failed, type Outcome } from "./clockwork.ts";
import { clusterOf, locationOf, type RegionDesk } from "./context.ts";
import { activeHsms, newestSource, scheduleDaily } from "./hsms.ts";
import type { BackupRow, ClusterRow, HsmRow } from "./rows.ts";
import { certificatesOf, preCoPassword, restoreOrder } from "./views.ts";

/** How often a task looks whether the backup it waits for is READY, besides being woken by it. */
const POLL_MS = 5_000;

/**
 * Task `hsm_create`: CREATE_IN_PROGRESS → ACTIVE, blank in a new cluster, filled in an active one.
 */
export async function createHsmTask(desk: RegionDesk, hsmId: string): Promise<Outcome> {
  const row = desk.store.hsm(hsmId);
  if (row?.state !== "CREATE_IN_PROGRESS") return DONE;
  const cluster = clusterOf(desk, row);
  const blank = cluster.state !== "ACTIVE";
  const identity = await hsmApi(desk, row).manufacture({
    location: locationOf(desk, row),
    hsmType: cluster.hsmType,
    mode: cluster.mode,
    preCoPassword: blank ? await preCoPassword(desk, cluster.clusterId) : null,
  });
  if (!identity.ok) return failed(identity.fault);
  if (!blank) return fill(desk, row);
  const duty = await hsmApi(desk, row).serve({ leader: true, peers: [] });
  if (!duty.ok) return failed(duty.fault);
  const certificates = JSON.stringify(identity.value);
  desk.store.updateCluster(cluster.clusterId, { certificates });
  enterService(desk, row);
  await desk.reached("region_hsm_active");
  return DONE;
}

/** Task `hsm_rebuild`: an HSM that missed a write takes the leader's state and serves again. */
export async function rebuildHsmTask(desk: RegionDesk, hsmId: string): Promise<Outcome> {
  const row = desk.store.hsm(hsmId);
  return row?.state === "DEGRADED" ? fill(desk, row) : DONE;
}

/**
 * Gives the HSM its cluster's state: from a live HSM by a fresh backup, else from the newest one.
 */
async function fill(desk: RegionDesk, row: HsmRow): Promise<Outcome> {
  const cluster = clusterOf(desk, row);
  const [leader] = activeHsms(desk, row.clusterId);
  if (leader !== undefined) return fillFromLeader(desk, row, cluster, leader);
  // A removal under way will leave a newer backup than any that is READY now.
  const leaving = desk.store.hsmsOf(row.clusterId).some((hsm) => hsm.filled === 1);
  if (leaving) return againAt(desk.nowMs() + desk.deployment.schedule.retryMs);
  const source = newestSource(desk, cluster);
  if (source === null) return { kind: "failed", reason: "There is no READY backup to restore." };
  const receipt = await restoreOnto(desk, row, cluster, source);
  if (!receipt.ok) return failed(receipt.fault);
  const duty = await hsmApi(desk, row).serve({ leader: true, peers: [] });
  if (!duty.ok) return failed(duty.fault);
  rememberCertificate(desk, cluster, receipt.value);
  enterService(desk, row);
  await desk.reached("region_hsm_active");
  return DONE;
}

/**
 * The leader takes no writes from before its backup until the new HSM serves beside it, so none is
 * acknowledged that the new one lacks; equal digests prove it before anything is said.
 */
async function fillFromLeader(
  desk: RegionDesk,
  row: HsmRow,
  cluster: ClusterRow,
  leader: HsmRow,
): Promise<Outcome> {
  const frozen = await hsmApi(desk, leader).freeze();
  if (!frozen.ok) return failed(frozen.fault);
  const known = row.backupId === null ? null : desk.store.backup(row.backupId);
  const backup = known?.hsmId === leader.hsmId ? known : startBackup(desk, leader, "hsm_added");
  if (backup === null) return againAt(desk.nowMs() + desk.deployment.schedule.retryMs);
  desk.store.updateHsm(row.hsmId, { backupId: backup.backupId });
  if (backup.state === "CREATE_IN_PROGRESS") return againAt(desk.nowMs() + POLL_MS);
  if (backup.state === "DELETED") return begunAnew(desk, row, backup.failure ?? "It was deleted.");
  const receipt = await restoreOnto(desk, row, cluster, backup);
  if (!receipt.ok) return failed(receipt.fault);
  const digest = await hsmApi(desk, leader).stateDigest();
  if (!digest.ok) return failed(digest.fault);
  if (digest.value !== receipt.value.stateDigest) {
    return begunAnew(desk, row, "The cluster's state changed while the new HSM was being filled.");
  }
  enterService(desk, row);
  await desk.reached("region_hsm_active");
  return serveClusterTask(desk, row.clusterId);
}

/** The backup of this attempt does not serve; the next attempt makes another. */
function begunAnew(desk: RegionDesk, row: HsmRow, reason: string): Outcome {
  desk.store.updateHsm(row.hsmId, { backupId: null });
  return { kind: "failed", reason };
}

function restoreOnto(
  desk: RegionDesk,
  row: HsmRow,
  cluster: ClusterRow,
  backup: BackupRow,
): Promise<Result<RestoreReceipt>> {
  return hsmApi(desk, row).restore(restoreOrder(desk, backup, cluster));
}

/** The new member's row, and the task that tells the cluster's HSMs: in one turn. */
function enterService(desk: RegionDesk, row: HsmRow): void {
  const { store, due } = desk;
  if (row.state !== "CREATE_IN_PROGRESS" && row.state !== "DEGRADED") return;
  if (!store.moveHsm(row.hsmId, row.state, "ACTIVE", "HSM created.")) return;
  store.updateHsm(row.hsmId, { filled: 1, backupId: null });
  due.schedule("cluster_serve", row.clusterId, row.clusterId, desk.nowMs());
  if (clusterOf(desk, row).state === "ACTIVE") scheduleDaily(desk, row.clusterId);
}

function rememberCertificate(desk: RegionDesk, cluster: ClusterRow, receipt: RestoreReceipt): void {
  if (certificatesOf(cluster).clusterCertificate !== undefined) return;
  if (receipt.clusterCertificate === "") return;
  const certificates = JSON.stringify({ clusterCertificate: receipt.clusterCertificate });
  desk.store.updateCluster(cluster.clusterId, { certificates });
}

/** After the last attempt: the row says why, and the leader takes writes again. */
export function giveUpHsm(desk: RegionDesk, hsmId: string, reason: string): void {
  const row = desk.store.hsm(hsmId);
  if (row === null) return;
  const message = `The HSM could not be filled: ${reason} Delete it and create another.`;
  if (row.state === "CREATE_IN_PROGRESS") {
    desk.store.moveHsm(hsmId, "CREATE_IN_PROGRESS", "DEGRADED", message);
  } else {
    desk.store.updateHsm(hsmId, { stateMessage: message });
  }
  desk.store.updateHsm(hsmId, { backupId: null });
  desk.due.schedule("cluster_serve", row.clusterId, row.clusterId, desk.nowMs());
}

/** Task `cluster_serve`: tells every ACTIVE HSM its part; the leader last, when its peers know. */
export async function serveClusterTask(desk: RegionDesk, clusterId: string): Promise<Outcome> {
  const [leader, ...peers] = activeHsms(desk, clusterId);
  if (leader === undefined) return DONE;
  for (const peer of peers) {
    const told = await hsmApi(desk, peer).serve({ leader: false, peers: [] });
    if (!told.ok) return failed(told.fault);
  }
  const locations = peers.map((peer) => locationOf(desk, peer));
  const told = await hsmApi(desk, leader).serve({ leader: true, peers: locations });
  return told.ok ? DONE : failed(told.fault);
}

/** Task `hsm_delete`: of an active cluster, freeze, back up, wait for READY; then zeroize. */
export async function deleteHsmTask(desk: RegionDesk, hsmId: string): Promise<Outcome> {
  const row = desk.store.hsm(hsmId);
  if (row?.state !== "DELETE_IN_PROGRESS") return DONE;
  if (clusterOf(desk, row).state === "ACTIVE" && row.filled === 1) {
    const waiting = await backUpBeforeRemoval(desk, row);
    if (waiting !== null) return waiting;
  }
  const zeroized = await hsmApi(desk, row).zeroize();
  if (!zeroized.ok) return failed(zeroized.fault);
  desk.store.moveHsm(hsmId, "DELETE_IN_PROGRESS", "DELETED", "");
  desk.store.updateHsm(hsmId, { deletedAtMs: desk.nowMs(), filled: 0 });
  returnToUninitialized(desk, row);
  await desk.reached("region_hsm_deleted");
  return DONE;
}

/** @returns null once the HSM's last backup is READY; what to do meanwhile otherwise. */
async function backUpBeforeRemoval(desk: RegionDesk, row: HsmRow): Promise<Outcome | null> {
  const known = row.backupId === null ? null : desk.store.backup(row.backupId);
  if (known?.state === "READY" || known?.state === "PENDING_DELETION") return null;
  if (known?.state === "DELETED") {
    const reason = known.failure ?? "it was deleted.";
    const message = `The HSM was not deleted, because its backup failed: ${reason}`;
    returnToService(desk, row, message);
    return DONE;
  }
  const frozen = await hsmApi(desk, row).freeze();
  if (!frozen.ok) return failed(frozen.fault);
  const served = await serveClusterTask(desk, row.clusterId); // The others go on without it.
  if (served.kind === "failed") return served;
  const backup = known ?? startBackup(desk, row, "hsm_removed");
  if (backup === null) return againAt(desk.nowMs() + desk.deployment.schedule.retryMs);
  desk.store.updateHsm(row.hsmId, { backupId: backup.backupId });
  await desk.reached("region_backup_begun");
  return againAt(desk.nowMs() + POLL_MS);
}

/** The others went on without it, so beside them it must be filled again; alone it has all there is. */
function returnToService(desk: RegionDesk, row: HsmRow, message: string): void {
  const { store, due } = desk;
  const isAlone = activeHsms(desk, row.clusterId).length === 0;
  store.moveHsm(row.hsmId, "DELETE_IN_PROGRESS", isAlone ? "ACTIVE" : "DEGRADED", message);
  store.updateHsm(row.hsmId, { backupId: null, filled: isAlone ? 1 : 0 });
  due.schedule("cluster_serve", row.clusterId, row.clusterId, desk.nowMs());
  if (!isAlone) due.schedule("hsm_rebuild", row.hsmId, row.clusterId, desk.nowMs());
}

/** The key that a claim was made for went with the HSM: a cluster not yet active starts over. */
function returnToUninitialized(desk: RegionDesk, row: HsmRow): void {
  const cluster = clusterOf(desk, row);
  if (cluster.state !== "UNINITIALIZED" && cluster.state !== "INITIALIZED") return;
  if (cluster.state === "INITIALIZED") {
    const message = "The HSM that was initialized is deleted. Create an HSM and initialize again.";
    desk.store.moveCluster(cluster.clusterId, "INITIALIZED", "UNINITIALIZED", message);
  }
  desk.store.updateCluster(cluster.clusterId, { certificates: "{}", trustAnchor: "" });
}

/** A removal that goes on being tried says so where DescribeClusters shows it. */
export function reportHsm(desk: RegionDesk, hsmId: string, reason: string): void {
  desk.store.updateHsm(hsmId, { stateMessage: `The HSM could not be deleted yet: ${reason}` });
}

export function reportCluster(desk: RegionDesk, clusterId: string, reason: string): void {
  const stateMessage = `The HSMs could not be told of a change yet: ${reason}`.slice(0, 300);
  desk.store.updateCluster(clusterId, { stateMessage });
}

export function hsmApi(desk: RegionDesk, row: HsmRow): HsmApi {
  return desk.deployment.hsm(locationOf(desk, row));
}
