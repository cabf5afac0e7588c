/**
 * Restoring a backup: from an envelope and a body to records in a staging area, then one commit.
 *
 * Spec: FORMAT.md §3.5, §7; the inverse of create.ts. Until `commit` nobody may use what is staged.
 */
import type { SnapshotSink } from "../hsm/memory/record.ts";
import { ContainerReader, type ContainerSummary, type ReadOptions } from "./container/reader.ts";
import { BackupError } from "./format/errors.ts";
import type { Keyring } from "./format/keys.ts";
import { BodyOpener, type Pieces } from "./seal/body.ts";
import { decodeEnvelope, openEnvelope } from "./seal/envelope.ts";
import { type BackupLocation, verifyLocation } from "./seal/location.ts";
import { type Openers, openSeal, type SealPlatform } from "./seal/recipients.ts";

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
  /** Where this copy lies; null if that is not known, as for a file someone brings. */
  readonly location: BackupLocation | null;
}

/** What a restore, or a verification, may use. All keys are borrowed. */
export type RestorePlatform = Pick<SealPlatform, "core" | "subtle">;

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
  options: ReadOptions = {},
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
  options: ReadOptions = {},
): Promise<ContainerSummary> {
  const { core, subtle } = platform;
  const envelope = decodeEnvelope(stored.envelope);
  verifyEnd(stored.envelope, envelope.byteLength);
  if (stored.location !== null) verifyLocation(stored.location, envelope.clear.location);
  using keys = await openSeal(platform, openers, envelope.clear);
  const keyBlock = await openEnvelope(subtle, keys, envelope);
  const opener = new BodyOpener(core, subtle, keys, envelope.clear);
  using reader = new ContainerReader(core, ring, keyBlock, sink, options);
  for await (const bytes of opener.open(stored.body)) reader.push(bytes);
  return reader.finish();
}

function verifyEnd(envelope: Uint8Array, byteLength: number): void {
  if (envelope.length === byteLength) return;
  throw new BackupError({ code: "trailing_data", expectedBytes: byteLength });
}
