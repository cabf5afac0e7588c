/**
 * The storage steps by name: every point at which something has just become durable.
 *
 * Spec: docs/STORAGE.md, "Steps". Apart from the code that stops at
 * them, as the crash tests walk the list.
 */

export const STORAGE_STEPS = [
  // An HSM's own life.
  "hsm_manufactured",
  "hsm_initialized",
  "hsm_zeroized",
  // A change of an HSM's memory.
  "write_committed",
  "write_replicated",
  // A leader beside which an HSM joins, in order; and one that is removed.
  "hsm_held",
  "hsm_brought_up",
  "hsm_joined",
  "hsm_retired",
  // A backup being made, in order.
  "backup_begun",
  "backup_spooled",
  "backup_body_put",
  "backup_envelope_put",
  "backup_receipt_stored",
  "backup_spool_cleared",
  // A restore, in order; `restore_slice_staged` is reached once for each slice.
  "restore_begun",
  "restore_slice_staged",
  "restore_staged",
  "restore_flipped",
  "restore_old_removed",
  // A row of the catalogue, of a cluster or of an HSM moved to its next state.
  "region_cluster_created",
  "region_hsm_created",
  "region_backup_begun",
  "region_backup_ready",
  "region_backup_pending_deletion",
  "region_backup_restored",
  "region_backup_deleted",
  "region_objects_deleted",
  "region_hsm_joining",
  "region_hsm_active",
  "region_hsm_deleted",
  "region_cluster_initialized",
  "region_cluster_active",
  "region_cluster_deleted",
] as const;

export type StorageStep = (typeof STORAGE_STEPS)[number];
