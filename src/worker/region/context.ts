/**
 * What every piece of the control plane works with: rows, due tasks, settings, clock and chance.
 */
import type { RandomBytes } from "../../crypto/web-crypto.ts";
import type { HsmApi } from "../contracts/hsm-api.ts";
import { type Result, refusal } from "../contracts/result.ts";
import type { Deployment } from "../platform/deployment.ts";
import type { StorageStep } from "../platform/steps.ts";
import type { DueTable } from "./due.ts";
import type { RecoveryProofs } from "./recovery-proofs.ts";
import type { BackupRow, ClusterRow, HsmRow } from "./rows.ts";
import type { RegionStore } from "./store.ts";

export interface RegionContext {
  readonly store: RegionStore;
  readonly due: DueTable;
  readonly proofs: RecoveryProofs;
  readonly deployment: Deployment;
  readonly random: RandomBytes;
  nowMs(): number;
  /** Marks a storage step as done: crash tests stop here. */
  reached(step: StorageStep): Promise<void>;
}

export function clusterNotFound(clusterId: string): Result<never> {
  return refusal("not_found", "cluster_not_found", `Cluster '${clusterId}' was not found.`);
}

export function backupNotFound(backupId: string): Result<never> {
  return refusal("not_found", "backup_not_found", `Backup '${backupId}' was not found.`);
}

/** The object that is this HSM. */
export function hsmApi(context: RegionContext, hsm: HsmRow): HsmApi {
  return context.deployment.hsm(context.store.hsmLocation(hsm));
}

/** Number of the latest order that the HSM has answered to have taken. */
export function obeyedBy({ store }: RegionContext, { hsmId }: HsmRow): number {
  return store.hsm(hsmId)?.obeyed ?? 0;
}

export function noteObeyed(context: RegionContext, row: HsmRow, number: number): void {
  context.store.updateHsm(row.hsmId, { obeyed: Math.max(number, obeyedBy(context, row)) });
}

/** Asked before anything is done that relies on the HSM's memory. */
export function fitnessOf(context: RegionContext, row: HsmRow): Promise<Result<null>> {
  return hsmApi(context, row).fitness(obeyedBy(context, row));
}

/** As `fitnessOf`, before a backup is begun. */
export function opensOf(context: RegionContext, row: HsmRow): Promise<Result<null>> {
  return hsmApi(context, row).opens(obeyedBy(context, row));
}

/** The cluster of a row that names it: rows of clusters are never removed. */
export function clusterOf(context: RegionContext, row: HsmRow | BackupRow): ClusterRow {
  const cluster = context.store.cluster(row.clusterId);
  if (cluster === null) throw new Error(`unreachable: ${row.clusterId} has rows but no cluster`);
  return cluster;
}
