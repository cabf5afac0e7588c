/**
 * The payload of a container, in slices of any size: records go to a sink, the rest is checked.
 *
 * Spec: FORMAT.md §4.2 to §4.5; its inverse is payload-writer.ts. Bytes are authentic, their writer
 * may be faulty or newer. Plaintext secrets pass through; what is held of them is wiped.
 */

import { equalBytes } from "../../crypto/bytes.ts";
import type { Core } from "../../crypto/core.ts";
import { uint32At } from "../../hsm/memory/deterministic-cbor.ts";
import {
  MAX_RECORD_BYTES,
  RECORD_TYPES,
  type RecordType,
  type SnapshotSink,
} from "../../hsm/memory/record.ts";
import {
  ENTRIES_AT_A_TIME,
  MANIFEST_ENTRY_BYTES,
  StateDigest,
} from "../../hsm/memory/state-digest.ts";
import { BackupError } from "../format/errors.ts";
import {
  END_MARK_BYTES,
  FOOTER_BYTES,
  MAX_RECORDS,
  MIN_RECORD_BYTES,
  RECORD_FRAME,
  RECORD_PREFIX_BYTES,
} from "../format/layout.ts";
import { decodeFooter, type ManifestEntry, type RecordCounts } from "./manifest.ts";
import { recordFlaw } from "./record-form.ts";

/** What a payload turned out to hold. */
export interface PayloadSummary {
  readonly counts: RecordCounts;
  readonly recordCount: number;
  /** 32 bytes. */
  readonly stateDigest: Uint8Array;
}

/** A record's length is read by itself: a length of zero is the end mark. */
const LENGTH_BYTES: number = END_MARK_BYTES;

type Stage = "length" | "record" | "manifest" | "footer" | "done";

export class PayloadReader implements Disposable {
  readonly #core: Core;
  readonly #sink: SnapshotSink;
  readonly #onEntry: ((entry: ManifestEntry) => void) | null;
  /** State digest as computed from the records, and from the manifest. */
  readonly #fromRecords: StateDigest;
  readonly #fromManifest: StateDigest;
  readonly #counts: number[] = RECORD_TYPES.map(() => 0);
  /** The beginning of an item that goes on in the next slice; grows once to the largest record. */
  #held: Uint8Array = new Uint8Array(4096);
  #heldBytes = 0;
  #stage: Stage = "length";
  #itemBytes: number = LENGTH_BYTES;
  #recordCount = 0;
  #manifestEntries = 0;
  /** Payload bytes of all items before the current one. */
  #offset = 0;
  #manifestOffset = 0;
  #lastType = 0;
  #lastId = -1;
  #stateDigest: Uint8Array | null = null;

  /** @param onEntry - told of each record, in order, before anything is authentic as a whole. */
  constructor(core: Core, sink: SnapshotSink, onEntry: ((entry: ManifestEntry) => void) | null) {
    this.#core = core;
    this.#sink = sink;
    this.#onEntry = onEntry;
    this.#fromRecords = new StateDigest(core);
    this.#fromManifest = new StateDigest(core);
  }

  /** @param slice - borrowed. @throws BackupError `record_invalid`, `manifest_mismatch`. */
  push(slice: Uint8Array): void {
    let at = 0;
    while (at < slice.length) {
      const wanted = this.#itemBytes - this.#heldBytes;
      const piece = slice.subarray(at, at + wanted);
      at += piece.length;
      if (this.#heldBytes === 0 && piece.length === wanted) this.#takeItem(piece);
      else this.#hold(piece);
    }
  }

  /** @throws BackupError if the payload has ended in the middle of something. */
  finish(): PayloadSummary {
    if (this.#stage === "length" || this.#stage === "record") {
      throw this.#recordInvalid("the payload ends without an end mark");
    }
    if (this.#stateDigest === null) throw manifestMismatch("it ends early");
    return {
      counts: [...this.#counts],
      recordCount: this.#recordCount,
      stateDigest: this.#stateDigest,
    };
  }

  [Symbol.dispose](): void {
    this.#held.fill(0);
    this.#fromRecords[Symbol.dispose]();
    this.#fromManifest[Symbol.dispose]();
  }

  #hold(piece: Uint8Array): void {
    if (this.#itemBytes > this.#held.length) {
      const grown = new Uint8Array(RECORD_PREFIX_BYTES + MAX_RECORD_BYTES);
      grown.set(this.#held);
      this.#held.fill(0);
      this.#held = grown;
    }
    this.#held.set(piece, this.#heldBytes);
    this.#heldBytes += piece.length;
    if (this.#heldBytes < this.#itemBytes) return;
    const item = this.#held.subarray(0, this.#heldBytes);
    this.#heldBytes = 0;
    this.#takeItem(item);
    item.fill(0);
  }

  #takeItem(item: Uint8Array): void {
    switch (this.#stage) {
      case "length":
        this.#takeLength(item);
        break;
      case "record":
        this.#takeRecord(item);
        break;
      case "manifest":
        this.#takeEntries(item);
        break;
      case "footer":
        this.#takeFooter(item);
        break;
      case "done":
        throw manifestMismatch("something follows it");
    }
    this.#offset += item.length;
  }

  #expect(stage: Stage, itemBytes: number): void {
    this.#stage = stage;
    this.#itemBytes = itemBytes;
  }

  #takeLength(item: Uint8Array): void {
    const recordBytes = uint32At(item, RECORD_FRAME.recordBytes);
    if (recordBytes === 0) {
      this.#manifestOffset = this.#offset + END_MARK_BYTES;
      this.#expectEntries();
      return;
    }
    if (recordBytes < MIN_RECORD_BYTES || recordBytes > MAX_RECORD_BYTES) {
      throw this.#recordInvalid(`its length is ${recordBytes}`);
    }
    if (this.#recordCount === MAX_RECORDS) throw this.#recordInvalid("too many records");
    this.#expect("record", RECORD_PREFIX_BYTES - LENGTH_BYTES + recordBytes);
  }

  /** @param item - type, id and record. */
  #takeRecord(item: Uint8Array): void {
    const type = this.#recordType(item[RECORD_FRAME.type - LENGTH_BYTES] ?? 0);
    const idAt = RECORD_FRAME.id - LENGTH_BYTES;
    const id = uint32At(item, idAt) * 2 ** 32 + uint32At(item, idAt + 4);
    if (!Number.isSafeInteger(id)) throw this.#recordInvalid("its number is too large");
    const ascends = type > this.#lastType || (type === this.#lastType && id > this.#lastId);
    if (!ascends) throw this.#recordInvalid("it is out of canonical order");
    const bytes = item.subarray(RECORD_FRAME.record - LENGTH_BYTES);
    const flaw = recordFlaw(bytes);
    if (flaw !== null) throw this.#recordInvalid(flaw);
    const digest = this.#core.sha256(bytes);
    this.#fromRecords.add(type, id, digest);
    this.#counts[type - 1] = (this.#counts[type - 1] ?? 0) + 1;
    this.#recordCount += 1;
    this.#lastType = type;
    this.#lastId = id;
    this.#onEntry?.({ type, id, digest });
    this.#sink.put({ type, id, bytes });
    this.#expect("length", LENGTH_BYTES);
  }

  #recordType(number: number): RecordType {
    const type = RECORD_TYPES.find((known) => known === number);
    if (type === undefined) throw this.#recordInvalid(`its type is ${number}`);
    return type;
  }

  /** Some entries of the manifest at a time; behind the last one is the footer. */
  #expectEntries(): void {
    const left = this.#recordCount - this.#manifestEntries;
    if (left === 0) this.#expect("footer", FOOTER_BYTES);
    else this.#expect("manifest", Math.min(left, ENTRIES_AT_A_TIME) * MANIFEST_ENTRY_BYTES);
  }

  /** Held against the records as a whole, by the digest: an entry by itself says nothing new. */
  #takeEntries(item: Uint8Array): void {
    this.#fromManifest.addEntries(item);
    this.#manifestEntries += item.length / MANIFEST_ENTRY_BYTES;
    this.#expectEntries();
  }

  #takeFooter(item: Uint8Array): void {
    const footer = decodeFooter(item);
    const fromRecords = this.#fromRecords.digest();
    if (!equalBytes(this.#fromManifest.digest(), fromRecords)) {
      throw manifestMismatch("its entries differ from the records");
    }
    if (!equalBytes(footer.stateDigest, fromRecords)) throw manifestMismatch("state digest");
    if (footer.manifestOffset !== this.#manifestOffset) throw manifestMismatch("its offset");
    if (footer.counts.some((count, i) => count !== this.#counts[i])) {
      throw manifestMismatch("record counts");
    }
    this.#stateDigest = footer.stateDigest;
    this.#expect("done", 1);
  }

  #recordInvalid(why: string): BackupError {
    return new BackupError({ code: "record_invalid", index: this.#recordCount, why });
  }
}

function manifestMismatch(why: string): BackupError {
  return new BackupError({ code: "manifest_mismatch", why });
}
