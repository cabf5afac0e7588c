/**
 * Where things lie: a region of an account, an HSM in it, a copy of a backup in it.
 */

/** One control plane. */
export interface Place {
  /** 12 digits. */
  readonly account: string;
  readonly region: string;
}

/** Where an HSM stands. */
export interface HsmLocation extends Place {
  readonly clusterId: string;
  readonly hsmId: string;
}

/** Where a copy of a backup is held: bound into its envelope and its KMS encryption context. */
export interface BackupLocation extends Place {
  readonly clusterId: string;
  readonly backupId: string;
}
