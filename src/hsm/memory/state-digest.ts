/**
 * The digest of cluster state: SHA-256 over one entry per record, in canonical order.
 *
 * Spec: FORMAT.md §4.3, §4.5. The same entries make the manifest of a backup.
 */
import type { Core, HashStream } from "../../crypto/core.ts";
import { type RecordType, setRecordId } from "./record.ts";

/** An entry: type u8 ‖ id u64 ‖ SHA-256 of the record. */
export const MANIFEST_ENTRY = { type: 0, id: 1, digest: 9 } as const;
export const MANIFEST_ENTRY_BYTES = 41;

export const STATE_DIGEST_LABEL = "holdfast/v1/state-digest";

/** Entries hashed in one call: a call costs as much as hashing an entry does. */
export const ENTRIES_AT_A_TIME = 64;

/** Entries one after the other, up to a number known before. */
export class ManifestEntries {
  readonly #bytes: Uint8Array<ArrayBuffer>;
  readonly #view: DataView;
  #length = 0;

  constructor(capacity: number) {
    this.#bytes = new Uint8Array(capacity * MANIFEST_ENTRY_BYTES);
    this.#view = new DataView(this.#bytes.buffer);
  }

  get isFull(): boolean {
    return this.#length === this.#bytes.length;
  }

  /** The entries so far, borrowed. */
  get bytes(): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(0, this.#length);
  }

  /** @param digest - SHA-256 of the record, 32 bytes. @throws RangeError if there is no room. */
  add(type: RecordType, id: number, digest: Uint8Array): void {
    const at = this.#length;
    this.#view.setUint8(at + MANIFEST_ENTRY.type, type);
    setRecordId(this.#view, at + MANIFEST_ENTRY.id, id);
    this.#bytes.set(digest, at + MANIFEST_ENTRY.digest);
    this.#length += MANIFEST_ENTRY_BYTES;
  }

  /** Forgets the entries; there is room for as many again. */
  clear(): void {
    this.#length = 0;
  }
}

/** A state digest under way. */
export class StateDigest implements Disposable {
  readonly #stream: HashStream;
  readonly #pending = new ManifestEntries(ENTRIES_AT_A_TIME);

  constructor(core: Core) {
    const label = new TextEncoder().encode(`${STATE_DIGEST_LABEL}\0`);
    this.#stream = core.sha256Stream().update(label);
  }

  /** Takes a record by the SHA-256 of its encoding, 32 bytes. */
  add(type: RecordType, id: number, digest: Uint8Array): void {
    this.#pending.add(type, id, digest);
    if (this.#pending.isFull) this.#flush();
  }

  /** Takes whole entries, as a manifest has them. */
  addEntries(bytes: Uint8Array): void {
    this.#flush();
    this.#stream.update(bytes);
  }

  /** Ends it: 32 fresh bytes. */
  digest(): Uint8Array {
    this.#flush();
    return this.#stream.digest();
  }

  [Symbol.dispose](): void {
    this.#stream[Symbol.dispose]();
  }

  #flush(): void {
    this.#stream.update(this.#pending.bytes);
    this.#pending.clear();
  }
}
