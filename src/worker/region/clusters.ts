/**
 * Clusters: making, claiming, describing, changing and deleting them.
 *
 * Spec: docs/STORAGE.md §1, §2; the CloudHSM V2 API. Each function checks, then writes rows and due
 * tasks in one turn; what takes time is the alarm's.
 */

import { typeRefusal } from "../../cluster/eligibility.ts";
import { generateHexId, generateId } from "../../cluster/ids.ts";
import { chainFrom, newChain } from "../../cluster/lineage.ts";
import { cutPage, type Facets, filterRows, filtersRefusal } from "../../cluster/listing.ts";
import { subnetMapping, subnetsRefusal, vpcId } from "../../cluster/network.ts";
import { DEFAULT_RETENTION_DAYS, retentionRefusal } from "../../cluster/retention.ts";
import type {
  ClusterView,
  CreateClusterOrder,
  InitializeOrder,
  Listing,
  ListOrder,
} from "../contracts/control-api.ts";
import type { Place } from "../contracts/place.ts";
import { type Result, refusal, refuseWith, success } from "../contracts/result.ts";
import { verifyClusterClaim } from "./cluster-claim.ts";
import { clusterNotFound, type RegionContext } from "./context.ts";
import { scheduleRetention } from "./retention.ts";
import { type BackupRow, type ClusterRow, certificatesOf } from "./rows.ts";
import { verifySource } from "./source.ts";
import { putTags, tagsRefusal } from "./tags.ts";
import { clusterView } from "./views.ts";

export async function createCluster(
  context: RegionContext,
  place: Place,
  order: CreateClusterOrder,
): Promise<Result<ClusterView>> {
  const reason =
    typeRefusal(order.hsmType, order.mode) ??
    subnetsRefusal(order.subnetIds) ??
    (order.retentionDays === null ? null : retentionRefusal(order.retentionDays)) ??
    tagsRefusal([], order.tags);
  if (reason !== null) return refuseWith(reason);
  const target = { hsmType: order.hsmType, mode: order.mode ?? "FIPS" };
  const source =
    order.sourceBackup === null
      ? success(null)
      : await verifySource(context, place, order.sourceBackup, target);
  if (!source.ok) return source;
  const row = newCluster(context, place, { ...order, ...target }, source.value);
  context.store.setPlace(place);
  context.store.insertCluster(row);
  putTags(context, row.clusterId, order.tags);
  const { transitionMs, sweepMs } = context.deployment.schedule;
  context.due.schedule(
    "cluster_create",
    row.clusterId,
    row.clusterId,
    row.createdAtMs + transitionMs,
  );
  context.due.schedule("sweep", row.clusterId, row.clusterId, row.createdAtMs + sweepMs);
  return success(clusterView(context, row));
}

function newCluster(
  context: RegionContext,
  place: Place,
  order: CreateClusterOrder & Pick<ClusterRow, "hsmType" | "mode">,
  source: BackupRow | null,
): ClusterRow {
  const chain =
    source === null ? newChain(generateId("lineage", context.random)) : chainFrom(source);
  // One certificate for all clusters of a lineage: it stays what the source's owner signed.
  const certificates =
    source === null || source.clusterCertificate === ""
      ? {}
      : { clusterCertificate: source.clusterCertificate };
  return {
    clusterId: generateId("cluster", context.random),
    state: "CREATE_IN_PROGRESS",
    stateMessage: "",
    createdAtMs: context.nowMs(),
    deletedAtMs: null,
    hsmType: order.hsmType,
    mode: order.mode,
    retentionDays: order.retentionDays ?? DEFAULT_RETENTION_DAYS,
    subnetMapping: JSON.stringify(subnetMapping(place.region, order.subnetIds)),
    vpcId: vpcId(place.account, place.region),
    securityGroup: generateHexId("sg", context.random),
    networkType: order.networkType,
    sourceBackupId: source?.backupId ?? null,
    lineageId: chain.lineageId,
    nextChainNumber: chain.nextNumber,
    lastDigest: chain.lastDigest,
    lastBackupAtMs: null,
    certificates: JSON.stringify(certificates),
    trustAnchor: "",
    orderNumber: 0,
  };
}

const FACETS: Facets<ClusterRow> = {
  clusterIds: (row) => row.clusterId,
  vpcIds: (row) => row.vpcId,
  states: (row) => row.state,
};

/**
 * A DELETED cluster stays listed for a while; its row stays for good, since its backups name it.
 */
export function describeClusters(
  context: RegionContext,
  order: ListOrder,
): Result<Listing<ClusterView>> {
  const unknown = filtersRefusal(order.filters, FACETS);
  if (unknown !== null) return refuseWith(unknown);
  const listedSinceMs = context.nowMs() - context.deployment.schedule.deletedListedMs;
  const { clusterIds } = order.filters;
  const known =
    clusterIds === undefined
      ? context.store.listedClusters(listedSinceMs)
      : [...new Set(clusterIds)].map((clusterId) => context.store.cluster(clusterId));
  const rows = filterRows(
    known.filter((row) => row !== null),
    order.filters,
    FACETS,
  )
    .filter((row) => row.deletedAtMs === null || row.deletedAtMs > listedSinceMs)
    .map((row) => ({ ...row, id: row.clusterId }));
  const page = cutPage(rows, order);
  if ("message" in page) return refuseWith(page);
  const items = page.rows.map((row) => clusterView(context, row));
  return success({ items, nextToken: page.nextToken });
}

const INITIALIZING_MESSAGE =
  "Cluster is initializing. State will change to INITIALIZED upon completion.";

/** UNINITIALIZED → INITIALIZE_IN_PROGRESS, once the owner's certificates hold. */
export async function initializeCluster(
  context: RegionContext,
  order: InitializeOrder,
): Promise<Result<ClusterView>> {
  const { clusterId, signedCertificate, trustAnchor } = order;
  const cluster = context.store.cluster(clusterId);
  if (cluster === null) return clusterNotFound(clusterId);
  if (cluster.state !== "UNINITIALIZED") return notUninitialized(cluster);
  const { clusterCsr } = certificatesOf(cluster);
  const active = context.store.activeHsms(clusterId).length > 0;
  if (clusterCsr === undefined || !active) {
    return refusal(
      "invalid",
      "csr_missing",
      `Cluster '${clusterId}' has no certificate signing request yet: create its first HSM and ` +
        "wait until it is ACTIVE.",
    );
  }
  const claim = { clusterCsr, signedCertificate, trustAnchor };
  const claimed = await verifyClusterClaim(claim, context.nowMs());
  if (!claimed.ok) return claimed;
  const now = context.store.cluster(clusterId);
  if (now === null || certificatesOf(now).clusterCsr !== clusterCsr)
    return notUninitialized(cluster);
  const { store, due } = context;
  if (
    !store.moveCluster(clusterId, "UNINITIALIZED", "INITIALIZE_IN_PROGRESS", INITIALIZING_MESSAGE)
  ) {
    return notUninitialized(now);
  }
  const certificates = { ...certificatesOf(now), clusterCertificate: signedCertificate };
  store.updateCluster(clusterId, { certificates: JSON.stringify(certificates), trustAnchor });
  const dueAtMs = context.nowMs() + context.deployment.schedule.transitionMs;
  due.schedule("cluster_initialize", clusterId, clusterId, dueAtMs);
  return viewOf(context, clusterId);
}

function notUninitialized(cluster: ClusterRow): Result<never> {
  return refusal(
    "invalid",
    "cluster_state",
    `Cluster '${cluster.clusterId}' is in state ${cluster.state}; only an UNINITIALIZED cluster ` +
      "can be initialized.",
  );
}

export function modifyCluster(
  context: RegionContext,
  clusterId: string,
  retentionDays: number,
): Result<ClusterView> {
  const cluster = context.store.cluster(clusterId);
  if (cluster === null) return clusterNotFound(clusterId);
  const reason = retentionRefusal(retentionDays);
  if (reason !== null) return refuseWith(reason);
  if (cluster.state !== "ACTIVE") {
    return refusal(
      "invalid",
      "cluster_state",
      `Cluster '${clusterId}' is in state ${cluster.state}; its retention policy can be changed ` +
        "when it is ACTIVE.",
    );
  }
  context.store.updateCluster(clusterId, { retentionDays });
  scheduleRetention(context, clusterId);
  return viewOf(context, clusterId);
}

const DELETING_MESSAGE = "The cluster is being deleted.";

/** → DELETE_IN_PROGRESS. Its backups stay, under its retention policy. */
export function deleteCluster(context: RegionContext, clusterId: string): Result<ClusterView> {
  const { store } = context;
  const cluster = store.cluster(clusterId);
  if (cluster === null) return clusterNotFound(clusterId);
  const hsms = store.hsmsOf(clusterId);
  if (hsms.length > 0) {
    return refusal(
      "invalid",
      "cluster_not_empty",
      `Cluster '${clusterId}' still contains ${hsms.length} HSM(s): delete them first.`,
    );
  }
  const { state } = cluster;
  const deletable = state === "UNINITIALIZED" || state === "INITIALIZED" || state === "ACTIVE";
  if (!deletable || !store.moveCluster(clusterId, state, "DELETE_IN_PROGRESS", DELETING_MESSAGE)) {
    return refusal(
      "invalid",
      "cluster_state",
      `Cluster '${clusterId}' is in state ${state} and cannot be deleted now.`,
    );
  }
  const dueAtMs = context.nowMs() + context.deployment.schedule.transitionMs;
  context.due.schedule("cluster_delete", clusterId, clusterId, dueAtMs);
  return viewOf(context, clusterId);
}

function viewOf(context: RegionContext, clusterId: string): Result<ClusterView> {
  const row = context.store.cluster(clusterId);
  return row === null ? clusterNotFound(clusterId) : success(clusterView(context, row));
}
