/**
 * What a cluster goes through by the clock: creation, initialisation, deletion.
 *
 * Spec: the CloudHSM V2 API's cluster states. Each task moves a row that is in the state it
 * expects.
 */

import { DONE, failed, type Outcome } from "./clockwork.ts";
import { hsmApi, type RegionContext } from "./context.ts";
import { certificatesOf } from "./rows.ts";

/** Task `cluster_create`: born UNINITIALIZED, or ACTIVE where a backup is its beginning. */
export async function createClusterTask(
  context: RegionContext,
  clusterId: string,
): Promise<Outcome> {
  const cluster = context.store.cluster(clusterId);
  if (cluster === null) return DONE;
  const next = cluster.sourceBackupId === null ? "UNINITIALIZED" : "ACTIVE";
  context.store.moveCluster(clusterId, "CREATE_IN_PROGRESS", next, "");
  if (next === "ACTIVE") await context.reached("region_cluster_active");
  return DONE;
}

/** Task `cluster_initialize`: the HSM takes the owner's certificates in; then it is INITIALIZED. */
export async function initializeClusterTask(
  context: RegionContext,
  clusterId: string,
): Promise<Outcome> {
  const cluster = context.store.cluster(clusterId);
  if (cluster?.state !== "INITIALIZE_IN_PROGRESS") return DONE;
  const { clusterCertificate } = certificatesOf(cluster);
  const [hsm] = context.store.activeHsms(clusterId);
  if (hsm === undefined || clusterCertificate === undefined) {
    return { kind: "failed", reason: "The cluster has no HSM to initialize." };
  }
  const initialized = await hsmApi(context, hsm).initialize(
    clusterCertificate,
    cluster.trustAnchor,
  );
  if (!initialized.ok) return failed(initialized.refusal);
  if (context.store.moveCluster(clusterId, "INITIALIZE_IN_PROGRESS", "INITIALIZED", "")) {
    const certificates = JSON.stringify({ clusterCertificate });
    context.store.updateCluster(clusterId, { certificates, trustAnchor: "" });
  }
  await context.reached("region_cluster_initialized");
  return DONE;
}

/** After the last attempt: back to UNINITIALIZED with the request as it was, and the reason. */
export function giveUpInitialize(context: RegionContext, clusterId: string, reason: string): void {
  const cluster = context.store.cluster(clusterId);
  if (cluster === null) return;
  const message = `The cluster could not be initialized: ${reason}`.slice(0, 300);
  if (!context.store.moveCluster(clusterId, "INITIALIZE_IN_PROGRESS", "UNINITIALIZED", message))
    return;
  const { clusterCertificate: _withdrawn, ...certificates } = certificatesOf(cluster);
  context.store.updateCluster(clusterId, {
    certificates: JSON.stringify(certificates),
    trustAnchor: "",
  });
}

/** Task `cluster_delete`: DELETED, and no daily backup any more. Its backups stay. */
export async function deleteClusterTask(
  context: RegionContext,
  clusterId: string,
): Promise<Outcome> {
  if (context.store.moveCluster(clusterId, "DELETE_IN_PROGRESS", "DELETED", "")) {
    context.store.updateCluster(clusterId, { deletedAtMs: context.nowMs() });
    context.due.cancel("backup_daily", clusterId);
  }
  await context.reached("region_cluster_deleted");
  return DONE;
}
