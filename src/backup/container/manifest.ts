/**
 * What a manifest says: an entry for each record (its bytes are in
 * src/hsm/memory/state-digest.ts), and the footer.
 *
 * Spec: FORMAT.md §4.3, §4.4.
 */

import { viewOf } from "../../crypto/bytes.ts";
import { RECORD_TYPES, type RecordType } from "../../hsm/memory/record.ts";
import { DIGEST_BYTES, FOOTER, FOOTER_BYTES } from "../format/layout.ts";

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
