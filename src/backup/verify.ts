/**
 * Verifying a backup that is one file, from its first byte to its last, and restoring from it.
 *
 * Spec: FORMAT.md §3.5. For readers without a staging area of their own, such as a page: the file
 * is authenticated first, then read again, and both readings must be of the same container.
 */
import { NOWHERE, type SnapshotSink } from "../hsm/memory/record.ts";
import { ContainerReader, type ContainerSummary } from "./container/reader.ts";
import { type BackupFile, type FileFront, readFront, readPieces } from "./file.ts";
import type { Keyring } from "./format/keys.ts";
import { commitOrDiscard, type Staging } from "./restore.ts";
import type { Openers } from "./seal/data-key.ts";
import type { SealLocation } from "./seal/location.ts";
import {
  chained,
  isSealExpected,
  type RestorePlatform,
  readSealed,
  type VerifyOptions,
} from "./sealed.ts";

export interface VerifiedBackup extends ContainerSummary {
  /** Where this copy was sealed for; null for a bare file. */
  readonly location: SealLocation | null;
}

/**
 * Authenticates all of `file`. Keeps nothing and changes nothing.
 * @param ring - borrowed. @param openers - borrowed; not needed for a bare file.
 * @throws BackupError.
 */
export function verifyBackup(
  platform: RestorePlatform,
  ring: Keyring,
  openers: Openers,
  file: BackupFile,
  options: VerifyOptions = {},
): Promise<VerifiedBackup> {
  return readFile(platform, ring, openers, file, NOWHERE, options);
}

/**
 * Authenticates all of `file`, then reads the same bytes again into `staging` and commits.
 * @throws BackupError; then nothing is committed, and staging is discarded if it was used.
 */
export async function restoreFile(
  platform: RestorePlatform,
  ring: Keyring,
  openers: Openers,
  file: BackupFile,
  staging: Staging,
  options: VerifyOptions = {},
): Promise<VerifiedBackup> {
  const { containerDigest } = await verifyBackup(platform, ring, openers, file, options);
  // A file that changed in between is another container, and refused as one.
  const again: VerifyOptions = { expected: { ...options.expected, containerDigest } };
  return await commitOrDiscard(staging, () =>
    readFile(platform, ring, openers, file, staging, again),
  );
}

async function readFile(
  platform: RestorePlatform,
  ring: Keyring,
  openers: Openers,
  file: BackupFile,
  sink: SnapshotSink,
  options: VerifyOptions,
): Promise<VerifiedBackup> {
  const front = await readFront(file, isSealExpected(options.expected ?? {}));
  if (front.kind === "bare") return await readBare(platform, ring, file, front, sink, options);
  const { envelope, bodyOffset } = front;
  const bodyBytes = file.byteLength - bodyOffset;
  const parts = { envelope, body: readPieces(file, bodyOffset), bodyBytes };
  const summary = await readSealed(platform, ring, openers, parts, sink, options);
  return { ...summary, location: envelope.clear.location };
}

async function readBare(
  { core }: RestorePlatform,
  ring: Keyring,
  file: BackupFile,
  { keyBlock, bodyOffset }: Extract<FileFront, { kind: "bare" }>,
  sink: SnapshotSink,
  options: VerifyOptions,
): Promise<VerifiedBackup> {
  // FORMAT.md §3.5, C-01: the length goes before the frames.
  const reading = { ...options, containerBytes: file.byteLength - bodyOffset };
  using reader = new ContainerReader(core, ring, keyBlock, sink, reading);
  await reader.pushAll(readPieces(file, bodyOffset));
  return { ...chained(reader.finish(), options), location: null };
}
