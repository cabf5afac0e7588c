/**
 * States of clusters, HSMs and backups, and which may follow which.
 *
 * Spec: docs/AWS.md, "States": the CloudHSM V2 API's enumerations. A transition not in these tables
 * cannot be written: the catalogue names the state it leaves, and asks here first.
 */
export type ClusterState =
  | "CREATE_IN_PROGRESS"
  | "UNINITIALIZED"
  | "INITIALIZE_IN_PROGRESS"
  | "INITIALIZED"
  | "ACTIVE"
  | "DELETE_IN_PROGRESS"
  | "DELETED";

export type HsmState =
  | "CREATE_IN_PROGRESS"
  | "ACTIVE"
  | "DEGRADED"
  | "DELETE_IN_PROGRESS"
  | "DELETED";

export type BackupState = "CREATE_IN_PROGRESS" | "READY" | "PENDING_DELETION" | "DELETED";

/** Why a backup was made. */
export type BackupTrigger = "activation" | "hsm_added" | "hsm_removed" | "daily" | "on_demand";

/** Whether the first password of its PRECO user is still good for something. */
export function waitsForActivation(state: ClusterState): boolean {
  return state === "UNINITIALIZED" || state === "INITIALIZED";
}

const CLUSTER_TRANSITIONS: Readonly<Record<ClusterState, readonly ClusterState[]>> = {
  // A cluster made from a backup is never initialised: it is born ACTIVE.
  CREATE_IN_PROGRESS: ["UNINITIALIZED", "ACTIVE"],
  UNINITIALIZED: ["INITIALIZE_IN_PROGRESS", "DELETE_IN_PROGRESS"],
  // Back to UNINITIALIZED when the HSM does not take the certificate, and, here and below, when the
  // one HSM that held the key of the claim is deleted.
  INITIALIZE_IN_PROGRESS: ["INITIALIZED", "UNINITIALIZED"],
  INITIALIZED: ["ACTIVE", "UNINITIALIZED", "DELETE_IN_PROGRESS"],
  ACTIVE: ["DELETE_IN_PROGRESS"],
  DELETE_IN_PROGRESS: ["DELETED"],
  DELETED: [],
};

const HSM_TRANSITIONS: Readonly<Record<HsmState, readonly HsmState[]>> = {
  CREATE_IN_PROGRESS: ["ACTIVE", "DEGRADED", "DELETE_IN_PROGRESS"],
  ACTIVE: ["DEGRADED", "DELETE_IN_PROGRESS"],
  DEGRADED: ["ACTIVE", "DELETE_IN_PROGRESS"],
  // Back when the backup that a removal waits for could not be made: to ACTIVE if it is alone, else
  // to DEGRADED, as the others went on without it.
  DELETE_IN_PROGRESS: ["DELETED", "ACTIVE", "DEGRADED"],
  DELETED: [],
};

const BACKUP_TRANSITIONS: Readonly<Record<BackupState, readonly BackupState[]>> = {
  CREATE_IN_PROGRESS: ["READY", "DELETED"],
  READY: ["PENDING_DELETION"],
  PENDING_DELETION: ["READY", "DELETED"],
  DELETED: [],
};

export function mayClusterMove(from: ClusterState, to: ClusterState): boolean {
  return CLUSTER_TRANSITIONS[from].includes(to);
}

export function mayHsmMove(from: HsmState, to: HsmState): boolean {
  return HSM_TRANSITIONS[from].includes(to);
}

export function mayBackupMove(from: BackupState, to: BackupState): boolean {
  return BACKUP_TRANSITIONS[from].includes(to);
}
