/**
 * The manifest's entries, the footer behind them, and the state digest.
 *
 * Spec: FORMAT.md §4.3 to §4.5. Plaintext passes through only to be hashed.
 */
import type { Core } from "../crypto/core.ts";
import type { HashStream } from "../crypto/hash-stream.ts";
import { RECORD_TYPES, type RecordType } from "../hsm/record.ts";
import { viewOf } from "./bytes.ts";
import { DIGEST_BYTES, FOOTER, FOOTER_BYTES, LABEL, labelBytes, MANIFEST_ENTRY } from "./layout.ts";

/** What a backup says of one record. */
export interface ManifestEntry {
  readonly type: RecordType;
  readonly id: number;
  /** SHA-256 of the record, 32 bytes. */
  readonly digest: Uint8Array;
}

/** Records of each type, in the order of `RECORD_TYPES`. */
export type RecordCounts = readonly number[];

export interface Footer {
  readonly counts: RecordCounts;
  /** Payload bytes before the manifest. */
  readonly manifestOffset: number;
  /** 32 bytes. */
  readonly stateDigest: Uint8Array;
}

/** Writes one entry into `target` at `offset`: 41 bytes. */
export function encodeEntry(entry: ManifestEntry, target: Uint8Array, offset: number): void {
  const view = viewOf(target);
  view.setUint8(offset + MANIFEST_ENTRY.type, entry.type);
  view.setBigUint64(offset + MANIFEST_ENTRY.id, BigInt(entry.id));
  target.set(entry.digest, offset + MANIFEST_ENTRY.digest);
}

/** 60 fresh bytes. */
export function encodeFooter(footer: Footer): Uint8Array {
  const bytes = new Uint8Array(FOOTER_BYTES);
  const view = viewOf(bytes);
  for (const [i, count] of footer.counts.entries()) view.setUint32(FOOTER.counts + 4 * i, count);
  view.setBigUint64(FOOTER.manifestOffset, BigInt(footer.manifestOffset));
  bytes.set(footer.stateDigest, FOOTER.stateDigest);
  return bytes;
}

/** The inverse. @param bytes - 60. */
export function decodeFooter(bytes: Uint8Array): Footer {
  const view = viewOf(bytes);
  return {
    counts: RECORD_TYPES.map((_, i) => view.getUint32(FOOTER.counts + 4 * i)),
    manifestOffset: Number(view.getBigUint64(FOOTER.manifestOffset)),
    stateDigest: bytes.slice(FOOTER.stateDigest, FOOTER.stateDigest + DIGEST_BYTES),
  };
}

/** SHA-256(LABEL(state-digest) ‖ …): the caller updates it with the manifest's bytes. */
export function stateDigestStream(core: Core): HashStream {
  return core.sha256Stream().update(labelBytes(LABEL.stateDigest));
}
