/**
 * A key-encryption key at work: its schedule in a slot of linear memory, KW and KWP under it.
 *
 * SP 800-38F §6; the work is in assembly/key-wrap.ts. The key itself is not kept on this side.
 */
import { isWrappedLength, type RefusedChunk, unwrapBatch, wrapBatch } from "./key-wrap-batch.ts";
import { unwrapMany, wrapMany } from "./key-wrap-many.ts";
import { CoreMemory, MAX_WRAP_BYTES, REFUSED, type SlotLease, verifyLength } from "./memory.ts";

/** KW and KWP under one key of 16, 24 or 32 bytes. Disposal zeroes its slot. */
export class Kek {
  readonly #memory: CoreMemory;
  readonly #lease: SlotLease;

  /** Takes over `lease`, in whose slot the caller has set the key. */
  constructor(memory: CoreMemory, lease: SlotLease) {
    this.#memory = memory;
    this.#lease = lease;
  }

  /**
   * KW-AE (SP 800-38F §6.2). @param plain - 16 to MAX_WRAP_BYTES, a multiple of 8; not modified.
   * @returns a fresh array 8 bytes longer. @throws RangeError on another length.
   */
  kwWrap(plain: Uint8Array): Uint8Array {
    verifyLength("plain", plain.length, 16, MAX_WRAP_BYTES, 8);
    return this.#wrap(plain, (slot) => this.#memory.exports.kwWrap(slot, plain.length));
  }

  /**
   * KW-AD (SP 800-38F §6.2). @param wrapped - any bytes; not modified.
   * @returns a fresh array 8 bytes shorter, or null if it does not verify or has no allowed length.
   */
  kwUnwrap(wrapped: Uint8Array): Uint8Array | null {
    if (!isWrappedLength(wrapped.length, 24)) return null;
    return this.#unwrap(wrapped, (slot) => this.#memory.exports.kwUnwrap(slot, wrapped.length));
  }

  /**
   * KWP-AE (SP 800-38F §6.3). @param plain - 1 to MAX_WRAP_BYTES; not modified.
   * @returns a fresh array of 8 bytes more than `plain` rounded up to a multiple of 8.
   * @throws RangeError on another length.
   */
  kwpWrap(plain: Uint8Array): Uint8Array {
    verifyLength("plain", plain.length, 1, MAX_WRAP_BYTES);
    return this.#wrap(plain, (slot) => this.#memory.exports.kwpWrap(slot, plain.length));
  }

  /**
   * KWP-AD (SP 800-38F §6.3). @param wrapped - any bytes; not modified.
   * @returns a fresh array of 1 to `wrapped.length - 8` bytes, or null if it does not verify or has
   *   no allowed length.
   */
  kwpUnwrap(wrapped: Uint8Array): Uint8Array | null {
    if (!isWrappedLength(wrapped.length, 16)) return null;
    return this.#unwrap(wrapped, (slot) => this.#memory.exports.kwpUnwrap(slot, wrapped.length));
  }

  /**
   * KWP of each of the equal messages that make up `plain`, in order.
   *
   * @param plain - one or more times `chunkBytes`. @param chunkBytes - 1 to MAX_WRAP_BYTES.
   * @returns a fresh array of as many equal wraps. @throws RangeError on other lengths.
   */
  kwpWrapChunks(plain: Uint8Array, chunkBytes: number): Uint8Array {
    verifyLength("chunkBytes", chunkBytes, 1, MAX_WRAP_BYTES);
    verifyLength("plain", plain.length, chunkBytes, Number.MAX_SAFE_INTEGER, chunkBytes);
    return wrapBatch(this.#memory, this.#lease.slot, plain, chunkBytes);
  }

  /**
   * The inverse of `kwpWrapChunks`: all messages must be equally long, as that makes them.
   *
   * @param wrapped - one or more times `wrappedBytes`. @param wrappedBytes - 16 to 8 +
   *   MAX_WRAP_BYTES, a multiple of 8.
   * @returns a fresh array of the messages, or which one did not verify (or was of another length
   *   than the first); then nothing is released. @throws RangeError on other lengths.
   */
  kwpUnwrapChunks(wrapped: Uint8Array, wrappedBytes: number): Uint8Array | RefusedChunk {
    verifyLength("wrappedBytes", wrappedBytes, 16, MAX_WRAP_BYTES + 8, 8);
    verifyLength("wrapped", wrapped.length, wrappedBytes, Number.MAX_SAFE_INTEGER, wrappedBytes);
    return unwrapBatch(this.#memory, this.#lease.slot, wrapped, wrappedBytes);
  }

  /**
   * KWP of each message of a list, 1 to MAX_WRAP_BYTES long, those of one length together in lanes.
   * @returns fresh arrays in the same order. @throws RangeError on another length.
   */
  wrapMany(plains: readonly Uint8Array[]): Uint8Array[] {
    return wrapMany(this.#memory, this.#lease.slot, plains);
  }

  /**
   * The inverse of `wrapMany`. @returns fresh arrays in the same order, or the first message that
   * did not verify; then nothing is released.
   */
  unwrapMany(wrapped: readonly Uint8Array[]): Uint8Array[] | RefusedChunk {
    return unwrapMany(this.#memory, this.#lease.slot, wrapped);
  }

  /** Zeroes the slot and gives it back. Harmless when repeated. */
  [Symbol.dispose](): void {
    if (this.#lease.ended) return;
    CoreMemory.counted(this.#memory.exports.aesClearKey(this.#lease.slot));
    this.#memory.aesSlots.give(this.#lease);
  }

  #wrap(plain: Uint8Array, wrap: (slot: number) => number): Uint8Array {
    const slot = this.#lease.slot;
    try {
      this.#memory.putData(plain, 8);
      return this.#memory.takeData(0, CoreMemory.counted(wrap(slot)));
    } finally {
      this.#memory.wipePassing(plain.length + 16);
    }
  }

  #unwrap(wrapped: Uint8Array, unwrap: (slot: number) => number): Uint8Array | null {
    const slot = this.#lease.slot;
    try {
      this.#memory.putData(wrapped);
      const status = unwrap(slot);
      if (status === REFUSED) return null;
      return this.#memory.takeData(8, CoreMemory.counted(status));
    } finally {
      this.#memory.wipePassing(wrapped.length);
    }
  }
}
