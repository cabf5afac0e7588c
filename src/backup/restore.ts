/**
 * Restoring a backup: from an envelope and a body to records in a staging area, then one commit.
 *
 * Spec: FORMAT.md §3.5, §7; the inverse of create.ts. Until `commit` nobody may use what is staged.
 */
import type { SnapshotSink } from "../hsm/memory/record.ts";
import type { ContainerSummary } from "./container/reader.ts";
import type { Keyring } from "./format/keys.ts";
import type { Pieces } from "./seal/body.ts";
import type { Openers } from "./seal/data-key.ts";
import { decodeStored, type RestorePlatform, readSealed, type VerifyOptions } from "./sealed.ts";

/** Where records wait. `commit` makes them the HSM's memory, `discard` forgets them. */
export interface Staging extends SnapshotSink {
  commit(summary: ContainerSummary): void;
  discard(): void;
}

/** A backup as it comes out of a store. */
export interface StoredBackup {
  /** Exactly the envelope. */
  readonly envelope: Uint8Array;
  readonly body: Pieces;
  /** Length of the body, as the store knows it. */
  readonly bodyBytes: number;
}

/**
 * Opens the seal, unwraps the chunks, stages the records, and commits when everything holds.
 *
 * @returns what was restored. @throws BackupError; then nothing is committed and staging is
 *   discarded.
 */
export async function restoreBackup(
  platform: RestorePlatform,
  ring: Keyring,
  openers: Openers,
  stored: StoredBackup,
  staging: Staging,
  options: VerifyOptions = {},
): Promise<ContainerSummary> {
  return await commitOrDiscard(staging, () =>
    readBackup(platform, ring, openers, stored, staging, options),
  );
}

/** Commits what `read` staged when it returns; whatever is thrown discards it. */
export async function commitOrDiscard<T extends ContainerSummary>(
  staging: Staging,
  read: () => Promise<T>,
): Promise<T> {
  try {
    const summary = await read();
    staging.commit(summary);
    return summary;
  } catch (error) {
    staging.discard();
    throw error;
  }
}

/**
 * The way of a restore without its commit: what `sink` got may be used only after this returns.
 * @throws BackupError.
 */
export async function readBackup(
  platform: RestorePlatform,
  ring: Keyring,
  openers: Openers,
  stored: StoredBackup,
  sink: SnapshotSink,
  options: VerifyOptions = {},
): Promise<ContainerSummary> {
  const { body, bodyBytes } = stored;
  const parts = { envelope: decodeStored(stored.envelope), body, bodyBytes };
  return await readSealed(platform, ring, openers, parts, sink, options);
}
