/**
 * The module instance and its linear memory: the only code that reads or writes there.
 *
 * Regions and statuses are those of assembly/memory.ts and assembly/status.ts. Whatever passes
 * through is wiped before a call returns; what stays lies in slots of live handles.
 */

/** Longest plaintext of one wrap, in bytes: MAX_WRAP_BYTES of assembly/memory.ts. */
export const MAX_WRAP_BYTES: number = 1024 * 1024;
/** Most bytes that DATA takes in one call. */
export const DATA_BYTES: number = 1024 * 1024;
/** Longest message, and longest output, of one counter KDF call. */
export const KDF_MAX_BYTES: number = 512 * 1024;
/** Longest key that KEY takes. */
export const KEY_BYTES: number = 128;
/** Keys, and hashes, that may be alive at once in one instance. */
export const AES_SLOTS: number = 64;
export const HASH_SLOTS: number = 64;

const OK = 0;
/** The status of an unwrap that does not verify. */
export const REFUSED: number = -3;

/** The exports of assembly/index.ts. Addresses are constants of the build. */
export interface CoreExports {
  readonly memory: WebAssembly.Memory;
  readonly DATA: { readonly value: number };
  readonly KEY: { readonly value: number };
  readonly OUT: { readonly value: number };
  aesSetKey(slot: number, keyBytes: number): number;
  aesClearKey(slot: number): number;
  aesEncryptBlocks(slot: number, length: number): number;
  aesDecryptBlocks(slot: number, length: number): number;
  kwWrap(slot: number, length: number): number;
  kwUnwrap(slot: number, length: number): number;
  kwpWrap(slot: number, length: number): number;
  kwpUnwrap(slot: number, length: number): number;
  kwpWrapLanes(slot: number, count: number, length: number): number;
  kwpUnwrapLanes(slot: number, count: number, wrappedBytes: number, length: number): number;
  aesCmac(slot: number, length: number): number;
  hashOnce(algorithm: number, length: number): number;
  hmacOnce(algorithm: number, keyBytes: number, length: number): number;
  hashOpen(slot: number, algorithm: number): number;
  hmacOpen(slot: number, algorithm: number, keyBytes: number): number;
  hashUpdate(slot: number, length: number): number;
  hashPeek(slot: number): number;
  hashDigest(slot: number): number;
  hashClose(slot: number): number;
  kdfCounter(
    prf: number,
    keyBytes: number,
    messageBytes: number,
    counterOffset: number,
    counterBytes: number,
    outBytes: number,
  ): number;
  equalBytes(length: number): number;
  wipe(): void;
  wipePassing(dataBytes: number): void;
}

/** The right to one slot, until it is given back or everything is wiped. */
export class SlotLease {
  #slot: number | null;

  constructor(slot: number) {
    this.#slot = slot;
  }

  /** @throws TypeError once the lease has ended. */
  get slot(): number {
    if (this.#slot === null) throw new TypeError("handle used after its end");
    return this.#slot;
  }

  get ended(): boolean {
    return this.#slot === null;
  }

  end(): void {
    this.#slot = null;
  }
}

/** The slots of one kind, held and free. */
class Slots {
  readonly #kind: string;
  readonly #count: number;
  readonly #held: Set<SlotLease> = new Set();
  #free: number[] = [];

  constructor(kind: string, count: number) {
    this.#kind = kind;
    this.#count = count;
    this.reset();
  }

  /** @throws Error if all are held: somebody forgot to dispose. */
  take(): SlotLease {
    const slot = this.#free.pop();
    if (slot === undefined) {
      throw new Error(`no free ${this.#kind} slot: all ${this.#count} are held; dispose of some`);
    }
    const lease = new SlotLease(slot);
    this.#held.add(lease);
    return lease;
  }

  /** Ends `lease`; its owner has cleared the slot. */
  give(lease: SlotLease): void {
    this.#free.push(lease.slot);
    this.#held.delete(lease);
    lease.end();
  }

  /** Ends every lease. */
  reset(): void {
    for (const lease of this.#held) lease.end();
    this.#held.clear();
    this.#free = Array.from({ length: this.#count }, (_, i) => this.#count - 1 - i);
  }
}

/** One instance with its memory. Misuse throws; a refusal is a value. */
export class CoreMemory {
  readonly exports: CoreExports;
  readonly aesSlots: Slots = new Slots("key", AES_SLOTS);
  readonly hashSlots: Slots = new Slots("hash", HASH_SLOTS);
  readonly #bytes: Uint8Array;
  readonly #data: number;
  readonly #key: number;
  readonly #out: number;

  constructor(module: WebAssembly.Module) {
    // The one cast: what assembly/index.ts exports has this shape,
    // and the self-test runs all of it.
    this.exports = new WebAssembly.Instance(module, {}).exports as unknown as CoreExports;
    this.#bytes = new Uint8Array(this.exports.memory.buffer);
    this.#data = this.exports.DATA.value;
    this.#key = this.exports.KEY.value;
    this.#out = this.exports.OUT.value;
  }

  /** Copies `bytes` to DATA + `offset`. */
  putData(bytes: Uint8Array, offset = 0): void {
    this.#bytes.set(bytes, this.#data + offset);
  }

  /** Copies a key of at most KEY_BYTES to KEY. */
  putKey(bytes: Uint8Array): void {
    this.#bytes.set(bytes, this.#key);
  }

  /** A fresh copy of `length` bytes at DATA + `offset`. */
  takeData(offset: number, length: number): Uint8Array {
    return this.#take(this.#data + offset, length);
  }

  /** Copies `length` bytes at DATA + `offset` to `target`. */
  copyData(offset: number, length: number, target: Uint8Array, targetOffset: number): void {
    const start = this.#data + offset;
    target.set(this.#bytes.subarray(start, start + length), targetOffset);
  }

  /** The big-endian number of 32 bits at DATA + `offset`. */
  dataUint32(offset: number): number {
    return new DataView(this.#bytes.buffer).getUint32(this.#data + offset);
  }

  /** A fresh copy of the first `length` bytes of OUT. */
  takeOut(length: number): Uint8Array {
    return this.#take(this.#out, length);
  }

  /** Zeroes KEY, OUT and the first `dataBytes` of DATA. */
  wipePassing(dataBytes: number): void {
    this.exports.wipePassing(dataBytes);
  }

  /** Zeroes all regions and ends all leases. */
  wipeAll(): void {
    this.exports.wipe();
    this.aesSlots.reset();
    this.hashSlots.reset();
  }

  // Several times as fast as `slice` on short arrays (V8 11.3: 0.3 µs for 32 bytes).
  #take(start: number, length: number): Uint8Array {
    const copy = new Uint8Array(length);
    copy.set(this.#bytes.subarray(start, start + length));
    return copy;
  }

  /** `status` itself, a count of bytes; a fault here is a bug of src/crypto. */
  static counted(status: number): number {
    if (status < OK) throw new Error(`unreachable: the core answered status ${status}`);
    return status;
  }
}

/** Throws RangeError unless `length` is `minimum` to `maximum` and a multiple of `step`. */
export function verifyLength(
  name: string,
  length: number,
  minimum: number,
  maximum: number,
  step = 1,
): void {
  if (length >= minimum && length <= maximum && length % step === 0) return;
  const steps = step === 1 ? "" : `, in steps of ${step}`;
  throw new RangeError(`${name}: expected ${minimum} to ${maximum} bytes${steps}, got ${length}`);
}
