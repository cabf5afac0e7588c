/**
 * A hash or HMAC under way, its state in a slot of linear memory.
 *
 * FIPS 180-4, FIPS 198-1; the work is in assembly/hash.ts. Many may be alive at once.
 */
import { CoreMemory, DATA_BYTES, type SlotLease } from "./memory.ts";

/** Bytes taken in any number of pieces, then one digest. */
export interface HashStream {
  /** Takes any number of bytes. They are borrowed for the call. */
  update(data: Uint8Array): this;
  /** A fresh digest of what was taken so far; the stream goes on. */
  peek(): Uint8Array;
  /** Ends the stream: a fresh digest. */
  digest(): Uint8Array;
  /** Gives an unfinished stream up. Harmless when repeated or after `digest`. */
  [Symbol.dispose](): void;
}

/** The one implementation: the caller has opened the slot of `lease`. */
export class SlotHashStream implements HashStream {
  readonly #memory: CoreMemory;
  readonly #lease: SlotLease;

  constructor(memory: CoreMemory, lease: SlotLease) {
    this.#memory = memory;
    this.#lease = lease;
  }

  update(data: Uint8Array): this {
    const slot = this.#lease.slot;
    try {
      for (let at = 0; at < data.length; at += DATA_BYTES) {
        const piece = data.subarray(at, at + DATA_BYTES);
        this.#memory.putData(piece);
        CoreMemory.counted(this.#memory.exports.hashUpdate(slot, piece.length));
      }
    } finally {
      this.#memory.wipePassing(Math.min(data.length, DATA_BYTES));
    }
    return this;
  }

  peek(): Uint8Array {
    const slot = this.#lease.slot;
    try {
      return this.#memory.takeOut(CoreMemory.counted(this.#memory.exports.hashPeek(slot)));
    } finally {
      this.#memory.wipePassing(0);
    }
  }

  digest(): Uint8Array {
    const slot = this.#lease.slot;
    try {
      return this.#memory.takeOut(CoreMemory.counted(this.#memory.exports.hashDigest(slot)));
    } finally {
      this.#memory.wipePassing(0);
      this.#memory.hashSlots.give(this.#lease);
    }
  }

  [Symbol.dispose](): void {
    if (this.#lease.ended) return;
    CoreMemory.counted(this.#memory.exports.hashClose(this.#lease.slot));
    this.#memory.hashSlots.give(this.#lease);
  }
}
