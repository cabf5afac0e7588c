/**
 * Checkpoints: what a recovery kit knows of chains of backups, to find one that was put back.
 *
 * Spec: KIT.md §3, FORMAT.md §9.1 (`chain_mismatch`). Public.
 */
import { encodeHex } from "../../crypto/base-encodings.ts";
import { equalBytes } from "../../crypto/bytes.ts";
import { BackupError } from "./errors.ts";

export interface Checkpoint {
  readonly clusterId: string;
  readonly chainNumber: number;
  /** 32 bytes. */
  readonly containerDigest: Uint8Array;
}

/**
 * That no checkpoint says another digest of the same backup. @throws BackupError `chain_mismatch`.
 */
export function verifyChain(checkpoints: readonly Checkpoint[], read: Checkpoint): void {
  const { clusterId, chainNumber, containerDigest } = read;
  for (const known of checkpoints) {
    if (known.clusterId !== clusterId || known.chainNumber !== chainNumber) continue;
    if (equalBytes(known.containerDigest, containerDigest)) continue;
    throw new BackupError({
      code: "chain_mismatch",
      chainNumber,
      expected: encodeHex(known.containerDigest),
      got: encodeHex(containerDigest),
    });
  }
}

/** The highest number of the cluster's chain that is known to be above `read`'s; null: none is. */
export function newerCheckpoint(
  checkpoints: readonly Checkpoint[],
  read: Pick<Checkpoint, "clusterId" | "chainNumber">,
): number | null {
  const numbers = checkpoints
    .filter(({ clusterId }) => clusterId === read.clusterId)
    .map(({ chainNumber }) => chainNumber);
  const highest = Math.max(0, ...numbers);
  return highest > read.chainNumber ? highest : null;
}
