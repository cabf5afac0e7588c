/**
 * Who may be made of what: HSM types and modes, new HSMs, and clusters made from a backup.
 *
 * Spec: docs/AWS.md, "Operations"; texts that the real service is known to use are used exactly.
 * What only cryptography can tell (another manufacturer, another operator's key) is not decided
 * here.
 */
import type { HsmMode } from "../hsm/memory/configuration-record.ts";
import { invalid, type Refusal } from "./refusal.ts";
import type { BackupState, ClusterState } from "./states.ts";

export const MAX_HSMS_PER_CLUSTER: number = 28;

const HSM1 = "hsm1.medium";
const HSM2M = "hsm2m.medium";

/** The type and mode of a new cluster: hsm1.medium knows FIPS only, hsm2m.medium must be told. */
export function typeRefusal(hsmType: string, mode: HsmMode | null): Refusal | null {
  if (hsmType !== HSM1 && hsmType !== HSM2M) {
    return invalid("hsm_type_unsupported", "Provided HsmType is not supported.");
  }
  if (hsmType === HSM2M && mode === null) {
    return invalid("mode_required", "Mode is a required argument for this hsm type.");
  }
  if (hsmType === HSM1 && mode === "NON_FIPS") {
    return invalid("mode_unsupported", `${HSM1} supports the mode FIPS only.`);
  }
  return null;
}

export interface SourceBackup {
  readonly backupId: string;
  readonly state: BackupState;
  readonly hsmType: string;
  readonly mode: HsmMode;
}

/** Whether a cluster of this type and mode may be made from this backup. */
export function sourceRefusal(
  source: SourceBackup,
  target: { readonly hsmType: string; readonly mode: HsmMode },
): Refusal | null {
  const { backupId, state, mode, hsmType } = source;
  if (state !== "READY") {
    const cure = state === "PENDING_DELETION" ? " Restore it with RestoreBackup first." : "";
    return invalid(
      "backup_not_ready",
      `Backup '${backupId}' is in state ${state}; only a READY backup can be used.${cure}`,
    );
  }
  if (mode !== target.mode) {
    return invalid(
      "mode_mismatch",
      `Backup '${backupId}' was made in mode ${mode} and can only be restored in that mode, ` +
        `not in ${target.mode}.`,
    );
  }
  if (hsmType === HSM2M && target.hsmType === HSM1) {
    return invalid(
      "hsm_type_mismatch",
      `Backup '${backupId}' was made by ${hsmType} and cannot be restored on ${target.hsmType}.`,
    );
  }
  return null;
}

export interface HostCluster {
  readonly clusterId: string;
  readonly state: ClusterState;
  /** HSMs that are not DELETED. */
  readonly hsmCount: number;
  /** Whether the data of the cluster can be had: an HSM that holds it, or a READY backup with its objects. */
  readonly hasSource: boolean;
}

/** Whether an HSM may be added to the cluster now. */
export function newHsmRefusal(cluster: HostCluster): Refusal | null {
  const { clusterId, state, hsmCount, hasSource } = cluster;
  if (hsmCount > 0 && isUnactivated(state)) {
    return invalid(
      "cluster_not_activated",
      `Cluster '${clusterId}' already contains an HSM but has not yet been fully activated`,
    );
  }
  if (state !== "UNINITIALIZED" && state !== "ACTIVE") {
    return invalid(
      "cluster_state",
      `Cluster '${clusterId}' is in state ${state}; an HSM can be created when it is ` +
        "UNINITIALIZED or ACTIVE.",
    );
  }
  if (hsmCount >= MAX_HSMS_PER_CLUSTER) {
    return invalid(
      "hsm_limit",
      `Cluster '${clusterId}' already has ${MAX_HSMS_PER_CLUSTER} HSMs, the most it may have.`,
    );
  }
  if (state === "ACTIVE" && !hasSource) {
    return invalid(
      "backup_missing",
      `Cluster '${clusterId}' has no HSM in service and no READY backup to restore that has its ` +
        "objects. Restore a backup that is PENDING_DELETION with RestoreBackup first; one that is " +
        "marked as damaged counts again when its objects are back and it is verified.",
    );
  }
  return null;
}

function isUnactivated(state: ClusterState): boolean {
  return state === "UNINITIALIZED" || state === "INITIALIZE_IN_PROGRESS" || state === "INITIALIZED";
}
