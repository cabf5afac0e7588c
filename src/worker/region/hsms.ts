/**
 * HSMs of a cluster: adding one, removing one, and which of them serve.
 *
 * Spec: docs/STORAGE.md §1, §2. Here are the rows and the refusals; what follows from them by the
 * clock is in filling.ts, duties.ts and removal.ts.
 */

import { newHsmRefusal } from "../../cluster/eligibility.ts";
import { generateHexId, generateId } from "../../cluster/ids.ts";
import { chooseAddress } from "../../cluster/network.ts";
import type { CreateHsmOrder, DeleteHsmOrder, HsmView } from "../contracts/control-api.ts";
import type { ServingHsm } from "../contracts/region-api.ts";
import { type Result, refusal, refuseWith, success } from "../contracts/result.ts";
import { log } from "../platform/log.ts";
import { scheduleDaily, startBackup } from "./backups.ts";
import { clusterNotFound, type RegionContext } from "./context.ts";
import { type BackupRow, type ClusterRow, type HsmRow, subnetMappingOf } from "./rows.ts";
import { hsmView } from "./views.ts";

/** Whether the HSM is leaving, and what it holds is not yet the others' to go on from. */
export function isInCharge(row: HsmRow): boolean {
  return row.state === "DELETE_IN_PROGRESS" && row.filled === 1 && row.joined !== 0;
}

export function createHsm(context: RegionContext, order: CreateHsmOrder): Result<HsmView> {
  const { clusterId, availabilityZone } = order;
  const cluster = context.store.cluster(clusterId);
  if (cluster === null) return clusterNotFound(clusterId);
  const hsms = context.store.hsmsOf(clusterId);
  const holdsState = hsms.some((hsm) => hsm.filled === 1);
  const hasSource = holdsState || newestSource(context, cluster) !== null;
  const reason = newHsmRefusal({ ...cluster, hsmCount: hsms.length, hasSource });
  if (reason !== null) return refuseWith(reason);
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
  if (choice.address === null) return refuseWith(choice.refusal);
  const row: HsmRow = {
    hsmId: generateId("hsm", context.random),
    clusterId,
    state: "CREATE_IN_PROGRESS",
    stateMessage: "",
    createdAtMs: context.nowMs(),
    deletedAtMs: null,
    availabilityZone,
    subnetId,
    eniId: generateHexId("eni", context.random),
    eniIp: choice.address,
    filled: 0,
    backupId: null,
    joined: 0,
    obeyed: 0,
  };
  context.store.insertHsm(row);
  const dueAtMs = context.nowMs() + context.deployment.schedule.transitionMs;
  context.due.schedule("hsm_create", row.hsmId, clusterId, dueAtMs);
  return success(hsmView(row, cluster.hsmType));
}

/** What a new HSM is filled with when none is live: the newest sound backup, else the source's. */
export function newestSource(context: RegionContext, cluster: ClusterRow): BackupRow | null {
  const own = context.store.newestSound(cluster.clusterId);
  if (own !== null || cluster.sourceBackupId === null) return own;
  const source = context.store.backup(cluster.sourceBackupId);
  return source?.state === "READY" && source.damage === null ? source : null;
}

/**
 * → DELETE_IN_PROGRESS, from every other state: what comes into service or is claimed may wait for
 * a key that is lost. Of an active cluster the HSM goes only after its backup is READY.
 */
export function deleteHsm(context: RegionContext, order: DeleteHsmOrder): Result<HsmView> {
  const { clusterId } = order;
  const cluster = context.store.cluster(clusterId);
  if (cluster === null) return clusterNotFound(clusterId);
  const row = context.store
    .hsmsOf(clusterId)
    .find(
      (hsm) => hsm.hsmId === order.hsmId || hsm.eniId === order.eniId || hsm.eniIp === order.eniIp,
    );
  if (row === undefined) {
    const name = order.hsmId ?? order.eniId ?? order.eniIp;
    const message = `HSM '${name}' was not found in cluster '${clusterId}'.`;
    return refusal("not_found", "hsm_not_found", message);
  }
  if (row.state === "DELETE_IN_PROGRESS") {
    return refusal("invalid", "hsm_state", `HSM '${row.hsmId}' is being deleted already.`);
  }
  if (!context.store.moveHsm(row.hsmId, row.state, "DELETE_IN_PROGRESS", "HSM is being deleted.")) {
    throw new Error("unreachable: the state was read in this turn");
  }
  context.store.updateHsm(row.hsmId, { backupId: null });
  context.due.schedule("hsm_delete", row.hsmId, clusterId, context.nowMs());
  return success(hsmView({ ...row, state: "DELETE_IN_PROGRESS" }, cluster.hsmType));
}

/** The leader first. */
export function servingHsms(
  context: RegionContext,
  clusterId: string,
): Result<readonly ServingHsm[]> {
  if (context.store.cluster(clusterId) === null) return clusterNotFound(clusterId);
  const { store } = context;
  const serving = store.activeHsms(clusterId);
  return success(serving.map((hsm) => ({ ...store.hsmLocation(hsm), obeyed: hsm.obeyed })));
}

/** INITIALIZED → ACTIVE when PRECO has set its password, and the first backup. */
export function noteActivated(context: RegionContext, clusterId: string): Result<null> {
  const cluster = context.store.cluster(clusterId);
  if (cluster === null) return clusterNotFound(clusterId);
  if (cluster.state === "ACTIVE") return success(null);
  const [leader] = context.store.activeHsms(clusterId);
  if (
    leader === undefined ||
    cluster.state !== "INITIALIZED" ||
    !context.store.moveCluster(clusterId, "INITIALIZED", "ACTIVE", "")
  ) {
    return refusal(
      "conflict",
      "cluster_state",
      `Cluster '${clusterId}' is in state ${cluster.state}; only an INITIALIZED one is activated.`,
    );
  }
  startBackup(context, leader, "activation");
  scheduleDaily(context, clusterId);
  return success(null);
}

/** A peer missed a write: out of service, and filled again from the leader. */
export function noteDegraded(
  context: RegionContext,
  clusterId: string,
  hsmId: string,
  reporterId: string,
): Result<null> {
  const row = context.store.hsm(hsmId);
  if (row === null || row.clusterId !== clusterId) return clusterNotFound(clusterId);
  if (hsmId === reporterId || !leads(context, clusterId, reporterId)) {
    const message = `HSM '${reporterId}' does not lead cluster '${clusterId}'.`;
    return refusal("conflict", "hsm_not_leader", message);
  }
  if (row.state === "ACTIVE") {
    context.store.moveHsm(hsmId, "ACTIVE", "DEGRADED", "HSM missed a write and is being rebuilt.");
    context.store.updateHsm(hsmId, { filled: 0, backupId: null, joined: 0 });
    context.due.schedule("cluster_serve", clusterId, clusterId, context.nowMs());
    context.due.schedule("hsm_rebuild", hsmId, clusterId, context.nowMs());
  } else if (row.state !== "DELETE_IN_PROGRESS") {
    context.store.updateHsm(hsmId, { joined: 0 }); // It does not come into service by this attempt.
  } else if (row.backupId === null) {
    // A backup of it, later than the leader's own, would be taken for the newest state.
    context.store.updateHsm(hsmId, { filled: 0, joined: 0 });
  }
  return success(null);
}

/**
 * Out of service for good. Its rows stay until another HSM serves, `filled` with them: nobody but
 * who deletes it decides that they are of no more use.
 */
export function noteUnfit(
  context: RegionContext,
  hsmId: string,
  why: "changed" | "blank",
): Result<null> {
  const row = context.store.hsm(hsmId);
  if (row === null) return refusal("not_found", "hsm_not_found", `HSM '${hsmId}' was not found.`);
  // Before it is made and after it is gone an HSM is blank as a matter of course.
  if (why === "blank" && row.state !== "ACTIVE") return success(null);
  const { clusterId } = row;
  log("alarm", "hsm_unfit", { why, hsmId, clusterId });
  const message = `${UNFIT[why]} DeleteHsm, then CreateHsm.`;
  context.store.updateHsm(hsmId, { joined: 0 });
  if (row.state === "ACTIVE") context.store.moveHsm(hsmId, "ACTIVE", "DEGRADED", message);
  else context.store.updateHsm(hsmId, { stateMessage: message });
  context.due.schedule("cluster_serve", clusterId, clusterId, context.nowMs());
  return success(null);
}

const UNFIT = {
  changed: "The HSM's memory was changed from outside, or its database is damaged.",
  blank: "The HSM's memory is gone.",
} as const;

/** The first ACTIVE one; one that is leaving until the others may go on without it. */
function leads(context: RegionContext, clusterId: string, hsmId: string): boolean {
  if (context.store.activeHsms(clusterId)[0]?.hsmId === hsmId) return true;
  const row = context.store.hsm(hsmId);
  return row?.clusterId === clusterId && isInCharge(row);
}
