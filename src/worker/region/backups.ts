/**
 * The backup catalogue: beginning a backup, listing, deleting and bringing one back.
 *
 * Spec: docs/STORAGE.md §2, I1 to I4. Before a backup is read it is looked whether its objects are
 * there; otherwise nothing here asks the bucket.
 */

import { generateId } from "../../cluster/ids.ts";
import {
  cutPage,
  type Facets,
  filterRows,
  filtersRefusal,
  takePage,
} from "../../cluster/listing.ts";
import type { BackupState, BackupTrigger } from "../../cluster/states.ts";
import type { CatalogView, Listing, ListOrder } from "../contracts/control-api.ts";
import type { StoredBackupOrder } from "../contracts/hsm-api.ts";
import type { BackupView } from "../contracts/region-api.ts";
import { type Result, refusal, refuseWith, success } from "../contracts/result.ts";
import { refusalsOf } from "../platform/fault-response.ts";
import { lookAtBackup, promisesObjects } from "./backup-check.ts";
import { backupNotFound, clusterNotFound, opensOf, type RegionContext } from "./context.ts";
import { beginDeletion, scheduleRetention } from "./retention.ts";
import { type BackupRow, certificatesOf, type HsmRow } from "./rows.ts";
import { backupView, catalogView, storedBackupOrder } from "./views.ts";

/** How often a task looks whether the backup it waits for is READY, besides being woken by it. */
export const BACKUP_POLL_MS = 5_000;

/**
 * Begins a backup of the cluster from this HSM: the row, its burnt number and its task, all or
 * none.
 *
 * @returns null while another backup of the cluster is being made.
 */
export function startBackup(
  context: RegionContext,
  hsm: HsmRow,
  trigger: BackupTrigger,
): BackupRow | null {
  const { store, due } = context;
  const cluster = store.cluster(hsm.clusterId);
  if (cluster === null || store.backupInProgress(hsm.clusterId) !== null) return null;
  const row: BackupRow = {
    backupId: generateId("backup", context.random),
    clusterId: cluster.clusterId,
    hsmId: hsm.hsmId,
    state: "CREATE_IN_PROGRESS",
    createdAtMs: context.nowMs(),
    deleteAtMs: null,
    neverExpires: 0,
    hsmType: cluster.hsmType,
    mode: cluster.mode,
    lineageId: cluster.lineageId,
    chainNumber: cluster.nextChainNumber,
    previousDigest: cluster.lastDigest,
    trigger,
    failure: null,
    clusterCertificate: certificatesOf(cluster).clusterCertificate ?? "",
    bodyKey: "",
    bodyEtag: "",
    bodyBytes: 0,
    envelopeKey: "",
    envelopeEtag: "",
    envelopeBytes: 0,
    envelopeNumber: 0,
    envelopeDigest: "",
    containerDigest: "",
    containerBytes: 0,
    stateDigest: "",
    recoveryKeyIds: "",
    damage: null,
    readFault: null,
    checkedAtMs: null,
    deletedBy: null,
    restoredAtMs: 0,
  };
  store.insertBackup(row);
  store.updateCluster(cluster.clusterId, { nextChainNumber: cluster.nextChainNumber + 1 });
  due.schedule("backup_create", row.backupId, cluster.clusterId, context.nowMs());
  return row;
}

/** The promise: a backup no later than the interval after the last one, while an HSM is ACTIVE. */
export function scheduleDaily(context: RegionContext, clusterId: string): void {
  const lastMs = context.store.cluster(clusterId)?.lastBackupAtMs ?? context.nowMs();
  context.due.reschedule("backup_daily", clusterId, clusterId, nextDailyMs(context, lastMs));
}

/** When the next daily backup is due: at once if the last one was made by a clock that was ahead. */
export function nextDailyMs(context: RegionContext, lastMs: number): number {
  const nowMs = context.nowMs();
  if (lastMs > nowMs) return nowMs;
  return Math.max(nowMs, lastMs + context.deployment.schedule.backupIntervalMs);
}

/** Back up now, from the cluster's leader. */
export async function backUpNow(
  context: RegionContext,
  clusterId: string,
): Promise<Result<BackupView>> {
  for (const hsm of context.store.activeHsms(clusterId).slice(0, 1)) {
    const fit = await opensOf(context, hsm);
    if (!fit.ok) return fit; // One that cannot be read burns no number.
  }
  const cluster = context.store.cluster(clusterId);
  if (cluster === null) return clusterNotFound(clusterId);
  const [leader] = context.store.activeHsms(clusterId);
  if (cluster.state !== "ACTIVE" || leader === undefined) {
    return refusal(
      "conflict",
      "cluster_not_serving",
      `Cluster '${clusterId}' cannot be backed up now: it needs to be ACTIVE with an ACTIVE HSM.`,
    );
  }
  const row = startBackup(context, leader, "on_demand");
  if (row !== null) return success(backupView(context, row));
  return refusal(
    "conflict",
    "backup_in_progress",
    `A backup of cluster '${clusterId}' is being made. Wait until it is READY, then try again.`,
  );
}

export function describeBackup(context: RegionContext, backupId: string): Result<BackupView> {
  const row = context.store.backup(backupId);
  return row === null ? backupNotFound(backupId) : success(backupView(context, row));
}

/** What is needed to read a backup, once it is known to have its objects. */
export async function readableBackup(
  context: RegionContext,
  backupId: string,
): Promise<Result<StoredBackupOrder>> {
  const asked = context.store.backup(backupId);
  if (asked !== null && promisesObjects(asked)) {
    const checked = await refusalsOf(() => lookAtBackup(context, asked));
    if (!checked.ok) return checked;
    if (checked.value !== null) return damaged(backupId, checked.value);
  }
  const row = context.store.backup(backupId);
  if (row === null) return backupNotFound(backupId);
  if (promisesObjects(row)) return success(storedBackupOrder(context, row, row));
  const message = `Backup '${backupId}' is ${row.state}; it can be read when it is READY.`;
  return refusal("conflict", "backup_not_ready", message);
}

function damaged(backupId: string, damage: string): Result<never> {
  return refusal(
    "conflict",
    "backup_object_missing",
    `Backup '${backupId}' is damaged. ${damage} Use another backup of the cluster, or put the ` +
      "object back, and find out who changed the bucket.",
  );
}

const FACETS: Facets<BackupRow> = {
  backupIds: (row) => row.backupId,
  // Copies from another region will carry their source; a backup made here has none.
  sourceBackupIds: () => null,
  clusterIds: (row) => row.clusterId,
  states: (row) => row.state,
  neverExpires: (row) => (row.neverExpires === 1 ? "true" : "false"),
};

/** DELETED rows stay for the chain's sake; they are listed only when a filter asks for them. */
export function describeBackups(
  context: RegionContext,
  order: ListOrder,
): Result<Listing<CatalogView>> {
  const unknown = filtersRefusal(order.filters, FACETS);
  if (unknown !== null) return refuseWith(unknown);
  const page = backupsPage(context, order);
  if ("message" in page) return refuseWith(page);
  const items = page.rows.map((row) => catalogView(context, row));
  return success({ items, nextToken: page.nextToken });
}

/** What a filter of states may name; DELETED only when it does. */
const HELD_STATES: readonly BackupState[] = ["CREATE_IN_PROGRESS", "READY", "PENDING_DELETION"];
const ALL_STATES: readonly BackupState[] = [...HELD_STATES, "DELETED"];

function backupsPage(context: RegionContext, order: ListOrder) {
  const { filters, ascending } = order;
  const { backupIds, clusterIds, states, neverExpires } = filters;
  if (backupIds !== undefined) {
    const named = [...new Set(backupIds)].map((backupId) => context.store.backup(backupId));
    const rows = named.filter((row) => row !== null);
    const listed = rows.map((row) => ({ ...row, id: row.backupId }));
    return cutPage(filterRows(listed, filters, FACETS), order);
  }
  // No row answers to a filter of sources.
  const isNone = filters["sourceBackupIds"] !== undefined;
  const which = {
    clusterIds: isNone ? [] : clusterIds === undefined ? null : [...new Set(clusterIds)],
    states:
      states === undefined ? HELD_STATES : ALL_STATES.filter((state) => states.includes(state)),
    neverExpires: [true, false].filter((never) => neverExpires?.includes(String(never)) ?? true),
  };
  return takePage((start) => context.store.backupsInOrder(start, which, ascending), order);
}

/** READY → PENDING_DELETION, with the date of its end. */
export function deleteBackup(context: RegionContext, backupId: string): Result<CatalogView> {
  const { store, deployment } = context;
  const row = store.backup(backupId);
  if (row === null) return backupNotFound(backupId);
  const deleteAtMs = context.nowMs() + deployment.schedule.undeleteMs;
  if (!beginDeletion(context, row, "person", deleteAtMs)) {
    return wrongState(context, backupId, "only a READY backup can be deleted");
  }
  return viewOf(context, backupId);
}

/** PENDING_DELETION → READY, as long as its time has not come (I3). */
export function undeleteBackup(context: RegionContext, backupId: string): Result<CatalogView> {
  const { store } = context;
  const row = store.backup(backupId);
  if (row === null) return backupNotFound(backupId);
  const inTime = row.deleteAtMs !== null && row.deleteAtMs > context.nowMs();
  if (row.state !== "PENDING_DELETION" || !inTime) {
    return wrongState(context, backupId, "only a backup that is PENDING_DELETION can be restored");
  }
  // Its retention begins anew, or a purge would take it again at once.
  const kept = { deleteAtMs: null, deletedBy: null, restoredAtMs: context.nowMs() };
  store.moveBackup(backupId, "PENDING_DELETION", "READY", kept);
  context.due.cancel("backup_delete", backupId);
  scheduleRetention(context, row.clusterId);
  return viewOf(context, backupId);
}

export function modifyBackup(
  context: RegionContext,
  backupId: string,
  neverExpires: boolean,
): Result<CatalogView> {
  const row = context.store.backup(backupId);
  if (row === null) return backupNotFound(backupId);
  if (!promisesObjects(row)) {
    return wrongState(context, backupId, "its attributes cannot be changed");
  }
  context.store.updateBackup(backupId, { neverExpires: neverExpires ? 1 : 0 });
  scheduleRetention(context, row.clusterId);
  return viewOf(context, backupId);
}

function viewOf(context: RegionContext, backupId: string): Result<CatalogView> {
  const row = context.store.backup(backupId);
  return row === null ? backupNotFound(backupId) : success(catalogView(context, row));
}

function wrongState(context: RegionContext, backupId: string, rule: string): Result<never> {
  const state = context.store.backup(backupId)?.state ?? "DELETED";
  return refusal("invalid", "backup_state", `Backup '${backupId}' is in state ${state}; ${rule}.`);
}
