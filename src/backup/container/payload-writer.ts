/**
 * The payload of a container, piece by piece: record frames, end mark, manifest, footer.
 *
 * Spec: FORMAT.md §4.2. Plaintext secrets pass through: every piece is borrowed from its source,
 * which wipes it. A size-only pass goes first: the length is known before a byte is written.
 */

import { viewOf } from "../../crypto/bytes.ts";
import type { Core } from "../../crypto/core.ts";
import {
  MAX_RECORD_BYTES,
  RECORD_TYPES,
  type SnapshotEntry,
  type SnapshotRecord,
  type SnapshotSource,
  setRecordId,
} from "../../hsm/memory/record.ts";
import {
  MANIFEST_ENTRY_BYTES,
  ManifestEntries,
  StateDigest,
} from "../../hsm/memory/state-digest.ts";
import {
  END_MARK_BYTES,
  FOOTER_BYTES,
  MAX_PAYLOAD_BYTES,
  MAX_RECORDS,
  MIN_RECORD_BYTES,
  RECORD_FRAME,
  RECORD_PREFIX_BYTES,
} from "../format/layout.ts";
import { encodeFooter, type RecordCounts } from "./manifest.ts";

/** What the size-only pass finds. */
export interface PayloadPlan {
  readonly counts: RecordCounts;
  readonly recordCount: number;
  /** Payload bytes before the manifest, end mark included. */
  readonly manifestOffset: number;
  readonly payloadBytes: number;
}

/**
 * Adds up what `source` announces. No secret is touched.
 * @throws RangeError if a record or the whole is beyond the limits of FORMAT.md §2, or out of
 *   order.
 */
export function planPayload(source: SnapshotSource): PayloadPlan {
  const counts = RECORD_TYPES.map(() => 0);
  let recordCount = 0;
  let manifestOffset = END_MARK_BYTES;
  let previous: SnapshotEntry | null = null;
  for (const entry of source.entries()) {
    verifyEntry(entry, previous);
    previous = entry;
    counts[entry.type - 1] = (counts[entry.type - 1] ?? 0) + 1;
    recordCount += 1;
    manifestOffset += RECORD_PREFIX_BYTES + entry.byteLength;
  }
  if (recordCount > MAX_RECORDS) {
    throw new RangeError(`source: expected at most ${MAX_RECORDS} records, got ${recordCount}`);
  }
  const payloadBytes = manifestOffset + recordCount * MANIFEST_ENTRY_BYTES + FOOTER_BYTES;
  if (payloadBytes > MAX_PAYLOAD_BYTES) {
    throw new RangeError(
      `source: expected at most ${MAX_PAYLOAD_BYTES} payload bytes, got ${payloadBytes}`,
    );
  }
  return { counts, recordCount, manifestOffset, payloadBytes };
}

/** Writes the pieces of one payload; the state digest is known when they are all written. */
export class PayloadWriter {
  readonly #core: Core;
  readonly #source: SnapshotSource;
  readonly #plan: PayloadPlan;
  #stateDigest: Uint8Array | null = null;

  constructor(core: Core, source: SnapshotSource, plan: PayloadPlan) {
    this.#core = core;
    this.#source = source;
    this.#plan = plan;
  }

  /** 32 bytes. @throws TypeError before `pieces` has ended. */
  get stateDigest(): Uint8Array {
    if (this.#stateDigest === null) throw new TypeError("stateDigest: the payload is not written");
    return this.#stateDigest;
  }

  /**
   * The payload in order. Each piece is borrowed until the next one is asked for.
   * @throws Error if the source gives other records than it announced.
   */
  *pieces(): Generator<Uint8Array> {
    const { recordCount, counts, manifestOffset } = this.#plan;
    // 41 bytes a record, 2.6 MiB at the limit: the manifest follows the records it describes.
    const manifest = new ManifestEntries(recordCount);
    const prefix = new Uint8Array(RECORD_PREFIX_BYTES);
    const prefixView = viewOf(prefix);
    let written = 0;
    let offset = END_MARK_BYTES;
    let previous: SnapshotEntry | null = null;
    for (const record of this.#source.records()) {
      const entry = { type: record.type, id: record.id, byteLength: record.bytes.length };
      verifyEntry(entry, previous);
      previous = entry;
      offset += RECORD_PREFIX_BYTES + record.bytes.length;
      if (written === recordCount || offset > manifestOffset) throw sourceChanged();
      manifest.add(record.type, record.id, this.#core.sha256(record.bytes));
      written += 1;
      encodePrefix(record, prefixView);
      yield prefix;
      yield record.bytes;
    }
    if (written !== recordCount || offset !== manifestOffset) throw sourceChanged();
    yield new Uint8Array(END_MARK_BYTES);
    yield manifest.bytes;
    using digest = new StateDigest(this.#core);
    digest.addEntries(manifest.bytes);
    this.#stateDigest = digest.digest();
    yield encodeFooter({ counts, manifestOffset, stateDigest: this.#stateDigest });
  }
}

function encodePrefix(record: SnapshotRecord, view: DataView): void {
  view.setUint32(RECORD_FRAME.recordBytes, record.bytes.length);
  view.setUint8(RECORD_FRAME.type, record.type);
  setRecordId(view, RECORD_FRAME.id, record.id);
}

function verifyEntry(entry: SnapshotEntry, previous: SnapshotEntry | null): void {
  const { type, id, byteLength } = entry;
  if (byteLength < MIN_RECORD_BYTES || byteLength > MAX_RECORD_BYTES) {
    const allowed = `${MIN_RECORD_BYTES} to ${MAX_RECORD_BYTES}`;
    throw new RangeError(`record ${type}/${id}: expected ${allowed} bytes, got ${byteLength}`);
  }
  const ascends =
    previous === null || type > previous.type || (type === previous.type && id > previous.id);
  if (!ascends) throw new RangeError(`record ${type}/${id}: out of canonical order`);
}

function sourceChanged(): Error {
  return new Error("unreachable: the source changed between the two passes over it");
}
