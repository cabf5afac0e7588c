/**
 * Verifying a backup that is one file, from its first byte to its last, and restoring from it.
 *
 * Spec: FORMAT.md §3.5. For readers without a staging area of their own, such as a page: the file
 * is authenticated first, then read again, and both readings must be of the same container.
 */
import { NOWHERE, type SnapshotSink } from "../hsm/memory/record.ts";
import { decodePrologue } from "./container/header.ts";
import {
  ContainerReader,
  type ContainerSummary,
  type ReadOptions,
  type ReadStep,
} from "./container/reader.ts";
import { type BackupFile, type FileFront, readFront, readPieces } from "./file.ts";
import { BackupError } from "./format/errors.ts";
import type { Keyring } from "./format/keys.ts";
import { MAC_BYTES, PROLOGUE_BYTES } from "./format/layout.ts";
import { commitOrDiscard, type RestorePlatform, type Staging } from "./restore.ts";
import { BodyOpener } from "./seal/body.ts";
import { openEnvelope } from "./seal/envelope.ts";
import { type BackupLocation, verifyLocation } from "./seal/location.ts";
import { type Openers, openSeal } from "./seal/recipients.ts";

/**
 * A check that has held. `envelope`: well-formed and in its place; `data_key`: unwrapped, and it
 * authenticates the envelope. A bare file has no envelope, data key and body digest.
 */
export interface VerifyStep {
  readonly name: "envelope" | "data_key" | ReadStep["name"] | "body_digest";
  readonly done: number;
  readonly total: number;
}

export interface VerifyOptions extends Omit<ReadOptions, "onStep"> {
  /** Where this copy should lie; absent if that is not known. Says nothing about a bare file. */
  readonly location?: BackupLocation;
  readonly onStep?: (step: VerifyStep) => void;
}

export interface VerifiedBackup extends ContainerSummary {
  /** Where this copy was sealed for; null for a bare file. */
  readonly location: BackupLocation | null;
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
  const front = await readFront(file);
  if (front.kind === "sealed") {
    return await readSealed(platform, ring, openers, file, front, sink, options);
  }
  return await readBare(platform, ring, file, front, sink, options);
}

async function readBare(
  { core }: RestorePlatform,
  ring: Keyring,
  file: BackupFile,
  { keyBlock, bodyOffset }: Extract<FileFront, { kind: "bare" }>,
  sink: SnapshotSink,
  options: VerifyOptions,
): Promise<VerifiedBackup> {
  using reader = new ContainerReader(core, ring, keyBlock, sink, options);
  const length = file.byteLength - bodyOffset;
  const prologue = await file.read(bodyOffset, Math.min(length, PROLOGUE_BYTES));
  const frontBytes = PROLOGUE_BYTES + decodePrologue(prologue) + MAC_BYTES;
  reader.push(await file.read(bodyOffset, Math.min(length, frontBytes)));
  // FORMAT.md §3.5 step 4: the length goes before the frames.
  verifyLength(reader.containerBytes, length, "container");
  for await (const bytes of readPieces(file, bodyOffset + frontBytes)) reader.push(bytes);
  return { ...reader.finish(), location: null };
}

async function readSealed(
  platform: RestorePlatform,
  ring: Keyring,
  openers: Openers,
  file: BackupFile,
  { envelope, bodyOffset }: Extract<FileFront, { kind: "sealed" }>,
  sink: SnapshotSink,
  options: VerifyOptions,
): Promise<VerifiedBackup> {
  const { core, subtle } = platform;
  const { location, bodyBytes } = envelope.clear;
  const held = (name: VerifyStep["name"]) => options.onStep?.({ name, done: 1, total: 1 });
  if (options.location !== undefined) verifyLocation(options.location, location);
  held("envelope");
  using keys = await openSeal(platform, openers, envelope.clear);
  const keyBlock = await openEnvelope(subtle, keys, envelope);
  held("data_key");
  verifyLength(bodyBytes, file.byteLength - bodyOffset, "body");
  const opener = new BodyOpener(core, subtle, keys, envelope.clear);
  using reader = new ContainerReader(core, ring, keyBlock, sink, options);
  for await (const bytes of opener.open(readPieces(file, bodyOffset))) reader.push(bytes);
  held("body_digest");
  return { ...reader.finish(), location };
}

/** The length of the rest of the file against an authentic one, once that is known. */
function verifyLength(expected: number | null, got: number, part: "container" | "body"): void {
  if (expected === null || got === expected) return;
  throw got < expected
    ? new BackupError({ code: "truncated", part, expectedBytes: expected, gotBytes: got })
    : new BackupError({ code: "trailing_data", expectedBytes: expected });
}
