/**
 * A cluster's chain of backups: each names its number and the digest of the one before it.
 *
 * Spec: docs/STORAGE.md §1, FORMAT.md §3.4. A number is burnt when a backup is begun, so a failed
 * one leaves a gap that shows; the digest is that of the last one that became READY, deleted since
 * or not.
 */
export interface Chain {
  readonly lineageId: string;
  /** Number the next backup gets, from 1. */
  readonly nextNumber: number;
  /** Hex digest of the container before; "" for the first of a lineage. */
  readonly lastDigest: string;
}

/** The chain of a cluster that starts from nothing. */
export function newChain(lineageId: string): Chain {
  return { lineageId, nextNumber: 1, lastDigest: "" };
}

/** The chain of a cluster made from a backup: its own numbers, the source's lineage and digest. */
export function chainFrom(source: { lineageId: string; containerDigest: string }): Chain {
  return { lineageId: source.lineageId, nextNumber: 1, lastDigest: source.containerDigest };
}
