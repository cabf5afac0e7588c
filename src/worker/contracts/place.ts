/**
 * Where things lie: a region of an account, and an HSM in it.
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
