/**
 * HSMs of a cluster: adding one, removing one, and which of them serve.
 *
 * Spec: DESIGN.md §7. Here are the rows and the refusals; manufacture, backup and restore follow in
 * hsm-tasks.ts.
 */
import { newHsmRefusal } from "../../cluster/eligibility.ts";
import { generateHexId, generateId } from "../../cluster/ids.ts";
import { chooseAddress } from "../../cluster/network.ts";
import type { CreateHsmOrder, DeleteHsmOrder, HsmView } from "../contracts/control-api.ts";
import type { ServingHsms } from "../contracts/region-api.ts";
import { type Result, refusal, success } from "../contracts/result.ts";
import { startBackup } from "./backups.ts";
import { clusterNotFound, locationOf, type RegionDesk, refused } from "./context.ts";
import type { BackupRow, ClusterRow, HsmRow } from "./rows.ts";
import { hsmView, subnetMappingOf } from "./views.ts";

export function createHsm(desk: RegionDesk, order: CreateHsmOrder): Result<HsmView> {
  const { clusterId, availabilityZone } = order;
  const cluster = desk.store.cluster(clusterId);
  if (cluster === null) return clusterNotFound(clusterId);
  const hsms = desk.store.hsmsOf(clusterId);
  const holdsState = hsms.some((hsm) => hsm.filled === 1);
  const hasSource = holdsState || newestSource(desk, cluster) !== null;
  const reason = newHsmRefusal({ ...cluster, hsmCount: hsms.length, hasSource });
  if (reason !== null) return refused(reason);
  const subnetId = subnetMappingOf(cluster)[availabilityZone];
  if (subnetId === undefined) {
    const zones = Object.keys(subnetMappingOf(cluster)).join(", ");
    return refusal(
      "invalid",
      "zone_unmapped",
      `Cluster '${clusterId}' has no subnet in availability zone '${availabilityZone}'. It has ` +
        `subnets in: ${zones}.`,
    );
  }
  const taken = new Set(hsms.map((hsm) => hsm.eniIp));
  const choice = chooseAddress(availabilityZone, order.ipAddress, taken);
  if (choice.address === null) return refused(choice.refusal);
  const row: HsmRow = {
    hsmId: generateId("hsm", desk.random),
    clusterId,
    state: "CREATE_IN_PROGRESS",
    stateMessage: "",
    createdAtMs: desk.nowMs(),
    deletedAtMs: null,
    availabilityZone,
    subnetId,
    eniId: generateHexId("eni", desk.random),
    eniIp: choice.address,
    filled: 0,
    backupId: null,
  };
  desk.store.insertHsm(row);
  const dueAtMs = desk.nowMs() + desk.deployment.schedule.transitionMs;
  desk.due.schedule("hsm_create", row.hsmId, clusterId, dueAtMs);
  return success(hsmView(desk, row));
}

/** What a new HSM is filled with when none is live: the newest READY backup, else the source's. */
export function newestSource(desk: RegionDesk, cluster: ClusterRow): BackupRow | null {
  const own = desk.store.newestReady(cluster.clusterId);
  if (own !== null || cluster.sourceBackupId === null) return own;
  const source = desk.store.backup(cluster.sourceBackupId);
  return source?.state === "READY" ? source : null;
}

/** → DELETE_IN_PROGRESS. Of an active cluster the HSM goes only after its backup is READY. */
export function deleteHsm(desk: RegionDesk, order: DeleteHsmOrder): Result<HsmView> {
  const { clusterId } = order;
  const cluster = desk.store.cluster(clusterId);
  if (cluster === null) return clusterNotFound(clusterId);
  const row = desk.store
    .hsmsOf(clusterId)
    .find(
      (hsm) => hsm.hsmId === order.hsmId || hsm.eniId === order.eniId || hsm.eniIp === order.eniIp,
    );
  if (row === undefined) {
    const name = order.hsmId ?? order.eniId ?? order.eniIp;
    const message = `HSM '${name}' was not found in cluster '${clusterId}'.`;
    return refusal("not_found", "hsm_not_found", message);
  }
  const isBusy = cluster.state === "INITIALIZE_IN_PROGRESS" || row.state === "CREATE_IN_PROGRESS";
  if (isBusy || row.state === "DELETE_IN_PROGRESS") {
    return refusal(
      "invalid",
      "hsm_state",
      `HSM '${row.hsmId}' is in state ${row.state} in a cluster in state ${cluster.state} and ` +
        "cannot be deleted now.",
    );
  }
  if (!desk.store.moveHsm(row.hsmId, row.state, "DELETE_IN_PROGRESS", "HSM is being deleted.")) {
    throw new Error("unreachable: the state was read in this turn");
  }
  desk.store.updateHsm(row.hsmId, { backupId: null });
  desk.due.schedule("hsm_delete", row.hsmId, clusterId, desk.nowMs());
  return success(hsmView(desk, { ...row, state: "DELETE_IN_PROGRESS" }));
}

export function activeHsms(desk: RegionDesk, clusterId: string): HsmRow[] {
  return desk.store.hsmsOf(clusterId).filter((hsm) => hsm.state === "ACTIVE");
}

export function servingHsms(desk: RegionDesk, clusterId: string): Result<ServingHsms> {
  const cluster = desk.store.cluster(clusterId);
  if (cluster === null) return clusterNotFound(clusterId);
  const hsms = activeHsms(desk, clusterId).map((hsm) => locationOf(desk, hsm));
  return success({ clusterId, clusterState: cluster.state, hsms });
}

/** INITIALIZED → ACTIVE when PRECO has set its password, and the first backup. */
export function noteActivated(desk: RegionDesk, clusterId: string): Result<null> {
  const cluster = desk.store.cluster(clusterId);
  if (cluster === null) return clusterNotFound(clusterId);
  if (cluster.state === "ACTIVE") return success(null);
  const [leader] = activeHsms(desk, clusterId);
  if (
    leader === undefined ||
    cluster.state !== "INITIALIZED" ||
    !desk.store.moveCluster(clusterId, "INITIALIZED", "ACTIVE", "")
  ) {
    return refusal(
      "conflict",
      "cluster_state",
      `Cluster '${clusterId}' is in state ${cluster.state}; only an INITIALIZED one is activated.`,
    );
  }
  startBackup(desk, leader, "activation");
  scheduleDaily(desk, clusterId);
  return success(null);
}

/** The promise: a backup no later than the interval after the last one, while an HSM is ACTIVE. */
export function scheduleDaily(desk: RegionDesk, clusterId: string): void {
  const lastMs = desk.store.cluster(clusterId)?.lastBackupAtMs ?? desk.nowMs();
  const dueAtMs = Math.max(desk.nowMs(), lastMs + desk.deployment.schedule.backupIntervalMs);
  desk.due.reschedule("backup_daily", clusterId, clusterId, dueAtMs);
}

/** A peer missed a write: out of service, and filled again from the leader. */
export function noteStale(
  desk: RegionDesk,
  clusterId: string,
  hsmId: string,
  reporterId: string,
): Result<null> {
  const row = desk.store.hsm(hsmId);
  if (row === null || row.clusterId !== clusterId) return clusterNotFound(clusterId);
  if (hsmId === reporterId || !leads(desk, clusterId, reporterId)) {
    const message = `HSM '${reporterId}' does not lead cluster '${clusterId}'.`;
    return refusal("conflict", "hsm_not_leader", message);
  }
  if (row.state !== "ACTIVE") return success(null);
  desk.store.moveHsm(hsmId, "ACTIVE", "DEGRADED", "HSM missed a write and is being rebuilt.");
  desk.store.updateHsm(hsmId, { filled: 0, backupId: null });
  desk.due.schedule("cluster_serve", clusterId, clusterId, desk.nowMs());
  desk.due.schedule("hsm_rebuild", hsmId, clusterId, desk.nowMs());
  return success(null);
}

/** The first ACTIVE one; one that is leaving until it has handed over, which its backup ends. */
function leads(desk: RegionDesk, clusterId: string, hsmId: string): boolean {
  if (activeHsms(desk, clusterId)[0]?.hsmId === hsmId) return true;
  const row = desk.store.hsm(hsmId);
  if (row?.clusterId !== clusterId || row.state !== "DELETE_IN_PROGRESS") return false;
  return row.filled === 1 && row.backupId === null;
}
