/**
 * A backup in one file, read at random: bare or sealed, told apart by its first bytes.
 *
 * Spec: FORMAT.md §3.2. What is read here is untrusted; nothing is larger than one segment.
 */
import { equalBytes } from "../crypto/bytes.ts";
import { BackupError } from "./format/errors.ts";
import {
  ENVELOPE_MAGIC,
  KEY_BLOCK_BYTES,
  KEY_BLOCK_MAGIC,
  MAGIC_BYTES,
  MAX_ENVELOPE_BYTES,
  SEGMENT_BYTES,
} from "./format/layout.ts";
import { verifyFront } from "./format/magic.ts";
import { type DecodedEnvelope, decodeEnvelope } from "./seal/envelope.ts";

/** Bytes of known length that can be read more than once: a `File`, an object, a buffer. */
export interface BackupFile {
  readonly byteLength: number;
  /** Exactly `length` bytes from `offset`, fresh. Never asked beyond the end. */
  read(offset: number, length: number): Promise<Uint8Array>;
}

/** What a file is, by its front; the rest of it begins at `bodyOffset`. */
export type FileFront =
  | { readonly kind: "bare"; readonly keyBlock: Uint8Array; readonly bodyOffset: number }
  | { readonly kind: "sealed"; readonly envelope: DecodedEnvelope; readonly bodyOffset: number };

/**
 * The front of `file`: a key block or an envelope.
 * @param isSealExpected - a bare file is refused.
 * @throws BackupError `not_ours`, `seal_missing`, `newer_version`, `truncated`, `envelope_damaged`.
 */
export async function readFront(file: BackupFile, isSealExpected = false): Promise<FileFront> {
  const front = await file.read(0, Math.min(file.byteLength, MAX_ENVELOPE_BYTES));
  if (isSealExpected) requireSealed(front);
  if (fileKind(front) === "sealed") {
    const envelope = decodeEnvelope(front);
    return { kind: "sealed", envelope, bodyOffset: envelope.byteLength };
  }
  verifyFront(front, KEY_BLOCK_MAGIC, "key_block");
  const keyBlock = front.slice(0, KEY_BLOCK_BYTES);
  return { kind: "bare", keyBlock, bodyOffset: KEY_BLOCK_BYTES };
}

/**
 * Which kind of file begins with `front`, 8 bytes or more of it.
 * @throws BackupError `not_ours`, or `truncated` if fewer bytes begin as both kinds do.
 */
export function fileKind(front: Uint8Array): "bare" | "sealed" {
  const magic = front.subarray(0, MAGIC_BYTES);
  const isPrefixOf = (whole: Uint8Array) => equalBytes(magic, whole.subarray(0, magic.length));
  const bare = isPrefixOf(KEY_BLOCK_MAGIC);
  const sealed = isPrefixOf(ENVELOPE_MAGIC);
  if (!bare && !sealed) throw new BackupError({ code: "not_ours", part: "file" });
  if (bare && sealed) throw cutFront(front);
  return bare ? "bare" : "sealed";
}

/**
 * That a sealed file begins with `front`, as far as its first 8 bytes tell.
 * @throws BackupError `not_ours`, `seal_missing`, `truncated`.
 */
export function requireSealed(front: Uint8Array): void {
  if (fileKind(front) === "sealed") return;
  throw front.length < MAGIC_BYTES ? cutFront(front) : new BackupError({ code: "seal_missing" });
}

function cutFront({ length: gotBytes }: Uint8Array): BackupError {
  return new BackupError({ code: "truncated", part: "envelope", expectedBytes: null, gotBytes });
}

/** The bytes of `file` from `offset` on, a segment at a time. */
export async function* readPieces(file: BackupFile, offset: number): AsyncGenerator<Uint8Array> {
  for (let at = offset; at < file.byteLength; at += SEGMENT_BYTES) {
    yield await file.read(at, Math.min(SEGMENT_BYTES, file.byteLength - at));
  }
}

/** A file over bytes in memory, borrowed. */
export function memoryFile(bytes: Uint8Array): BackupFile {
  return {
    byteLength: bytes.length,
    read: (offset, length) => Promise.resolve(bytes.slice(offset, offset + length)),
  };
}
