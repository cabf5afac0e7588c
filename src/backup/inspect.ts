/**
 * Saying what a backup is: without keys what its front says, with keys what is in it.
 *
 * Spec: FORMAT.md §3.2, §4.3, §7.3. Without keys everything here is a hint; no record is ever kept.
 */

import { RECORD_TYPE } from "../hsm/memory/record.ts";
import { decodePrologue, type Header, peekHeader } from "./container/header.ts";
import { decodeKeyBlock, type KeyBlockFields } from "./container/key-block.ts";
import type { ManifestEntry } from "./container/manifest.ts";
import { type BackupFile, readFront } from "./file.ts";
import type { Keyring } from "./format/keys.ts";
import { MAX_HEADER_BYTES, PROLOGUE_BYTES } from "./format/layout.ts";
import type { Openers } from "./seal/data-key.ts";
import type { SealLocation } from "./seal/location.ts";
import { isForRecovery, type ShownRecipient, shownRecipients } from "./seal/recipient.ts";
import type { RestorePlatform, VerifyOptions } from "./sealed.ts";
import { type VerifiedBackup, verifyBackup } from "./verify.ts";

/** What a file says of itself. Not authentic. */
export type FileHints =
  | {
      readonly kind: "bare";
      readonly byteLength: number;
      readonly keys: KeyBlockFields;
      /** Null if it cannot be read. */
      readonly header: Header | null;
    }
  | {
      readonly kind: "sealed";
      readonly byteLength: number;
      /** Length that the envelope and the body it names would have together. */
      readonly expectedBytes: number;
      readonly location: SealLocation;
      readonly recipients: readonly ShownRecipient[];
      readonly restorableOffline: boolean;
    };

/** What a backup holds, authentic. */
export interface BackupContents extends VerifiedBackup {
  /**
   * Every record's type, number and digest, in canonical order. To compare where the backup was
   * opened; what is shown of it goes through `tellableDigest`.
   */
  readonly manifest: readonly ManifestEntry[];
}

/**
 * What may be said of a record's digest to who may not see its secret: nothing of a user's or a
 * key's, as a short secret is found by trying all of its kind. By type, not by contents, so that
 * the answer does not tell which records have a secret.
 * @returns 32 bytes, borrowed, or null.
 */
export function tellableDigest({ type, digest }: ManifestEntry): Uint8Array | null {
  return type === RECORD_TYPE.user || type === RECORD_TYPE.key ? null : digest;
}

/** The hints of `file`. @throws BackupError if its front cannot be read at all. */
export async function peekBackup(file: BackupFile): Promise<FileHints> {
  const { byteLength } = file;
  const front = await readFront(file);
  if (front.kind === "bare") {
    const keys = decodeKeyBlock(front.keyBlock);
    return { kind: "bare", byteLength, keys, header: await peekAt(file, front.bodyOffset) };
  }
  const { clear, byteLength: envelopeBytes } = front.envelope;
  return {
    kind: "sealed",
    byteLength,
    expectedBytes: envelopeBytes + clear.bodyBytes,
    location: clear.location,
    recipients: shownRecipients(clear.recipients),
    restorableOffline: isForRecovery(clear.recipients),
  };
}

/**
 * What is in `file`, after verifying all of it. Memory: 80 bytes or so a record.
 * @throws BackupError.
 */
export async function inspectBackup(
  platform: RestorePlatform,
  ring: Keyring,
  openers: Openers,
  file: BackupFile,
  options: VerifyOptions = {},
): Promise<BackupContents> {
  const manifest: ManifestEntry[] = [];
  const onEntry = (entry: ManifestEntry) => {
    manifest.push(entry);
    options.onEntry?.(entry);
  };
  const verified = await verifyBackup(platform, ring, openers, file, { ...options, onEntry });
  return { ...verified, manifest };
}

async function peekAt(file: BackupFile, offset: number): Promise<Header | null> {
  const most = PROLOGUE_BYTES + MAX_HEADER_BYTES;
  const bytes = await file.read(offset, Math.min(most, file.byteLength - offset));
  const headerBytes = decodePrologue(bytes.subarray(0, PROLOGUE_BYTES));
  return peekHeader(bytes.subarray(PROLOGUE_BYTES, PROLOGUE_BYTES + headerBytes));
}
