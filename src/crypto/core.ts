/**
 * The core: the primitives of assembly/ with types, lengths checked and secrets wiped.
 *
 * SP 800-38F, FIPS 180-4, FIPS 198-1, SP 800-38B, SP 800-108r1. One instance serves one operation
 * at a time. Randomness, formats and key hierarchies are elsewhere.
 */
import {
  type CounterKdfRequest,
  counterKdf,
  DIGEST_BYTES_OF,
  type HashName,
  type PrfName,
} from "./counter-kdf.ts";
import { type HashStream, SlotHashStream } from "./hash-stream.ts";
import { Kek } from "./kek.ts";
import type { RefusedChunk } from "./key-wrap-batch.ts";
import {
  CoreMemory,
  DATA_BYTES,
  KEY_BYTES,
  MAX_WRAP_BYTES,
  type SlotLease,
  verifyLength,
} from "./memory.ts";
import { SecretKey } from "./secret-key.ts";
import { selfTest } from "./self-test.ts";

export type { CounterKdfRequest, HashName, HashStream, Kek, PrfName, RefusedChunk };
export { MAX_WRAP_BYTES };

const encoder = new TextEncoder();
const BLOCK_BYTES = 16;
const CMAC_BYTES = 16;
/** The shortest tag that `verify…` takes: 64 bits (SP 800-38B appendix A, SP 800-107r1 §5.3.3). */
const MIN_TAG_BYTES = 8;

/** One instance of the module. Close it, or let `using` do so, when its operation is over. */
export class Core {
  #memory: CoreMemory | null;

  /**
   * Instantiates `module` and runs the self-test.
   * @throws Error if a known answer is missed; then no core exists.
   */
  constructor(module: WebAssembly.Module) {
    this.#memory = new CoreMemory(module);
    this.selfTest();
  }

  /**
   * Runs the known answers again; live handles are not disturbed.
   * @throws Error on a miss; from then on this core does nothing.
   */
  selfTest(): void {
    const memory = this.#live();
    this.#memory = null;
    selfTest(memory);
    this.#memory = memory;
  }

  /** A handle with the schedules of `key`, 16, 24 or 32 bytes, in linear memory until disposal. */
  kek(key: SecretKey): Kek {
    const memory = this.#live();
    return new Kek(memory, setAesKey(memory, key));
  }

  /** SHA-256 of the concatenation of `data`: 32 fresh bytes. */
  sha256(...data: Uint8Array[]): Uint8Array {
    return this.hash("SHA-256", ...data);
  }

  sha256Stream(): HashStream {
    return this.hashStream("SHA-256");
  }

  /** The digest of the concatenation of `data` (FIPS 180-4): a fresh array. */
  hash(hash: HashName, ...data: Uint8Array[]): Uint8Array {
    const memory = this.#live();
    const length = lengthOf(data);
    if (length > DATA_BYTES) return digestOf(this.hashStream(hash), data);
    try {
      putAll(memory, data);
      const status = memory.exports.hashOnce(DIGEST_BYTES_OF[hash], length);
      return memory.takeOut(CoreMemory.counted(status));
    } finally {
      memory.wipePassing(length);
    }
  }

  hashStream(hash: HashName): HashStream {
    const memory = this.#live();
    const lease = memory.hashSlots.take();
    CoreMemory.counted(memory.exports.hashOpen(lease.slot, DIGEST_BYTES_OF[hash]));
    return new SlotHashStream(memory, lease);
  }

  /** HMAC-SHA-256 of the concatenation of `data` under `key` (any length): 32 fresh bytes. */
  hmacSha256(key: SecretKey, ...data: Uint8Array[]): Uint8Array {
    return this.hmac("SHA-256", key, ...data);
  }

  hmacSha256Stream(key: SecretKey): HashStream {
    return this.hmacStream("SHA-256", key);
  }

  /** HMAC (FIPS 198-1) of the concatenation of `data` under `key` (any length): a fresh array. */
  hmac(hash: HashName, key: SecretKey, ...data: Uint8Array[]): Uint8Array {
    const memory = this.#live();
    const length = lengthOf(data);
    if (length > DATA_BYTES || key.length > KEY_BYTES) {
      return digestOf(this.hmacStream(hash, key), data);
    }
    try {
      key.use((bytes) => memory.putKey(bytes));
      putAll(memory, data);
      const status = memory.exports.hmacOnce(DIGEST_BYTES_OF[hash], key.length, length);
      return memory.takeOut(CoreMemory.counted(status));
    } finally {
      memory.wipePassing(length);
    }
  }

  hmacStream(hash: HashName, key: SecretKey): HashStream {
    const memory = this.#live();
    const lease = memory.hashSlots.take();
    key.use((bytes) => {
      // FIPS 198-1 §4 step 2: a key longer than a block is hashed. KEY takes up to KEY_BYTES.
      const fitting = bytes.length > KEY_BYTES ? this.hash(hash, bytes) : bytes;
      memory.putKey(fitting);
      const status = memory.exports.hmacOpen(lease.slot, DIGEST_BYTES_OF[hash], fitting.length);
      CoreMemory.counted(status);
      if (fitting !== bytes) fitting.fill(0);
    });
    return new SlotHashStream(memory, lease);
  }

  /**
   * Whether `tag` is the HMAC of the concatenation of `data`, or its first `tag.length` bytes.
   * @param tag - 8 bytes to a whole digest. @throws RangeError on another length.
   */
  hmacVerify(hash: HashName, key: SecretKey, tag: Uint8Array, ...data: Uint8Array[]): boolean {
    verifyLength("tag", tag.length, MIN_TAG_BYTES, DIGEST_BYTES_OF[hash]);
    return this.equal(this.hmac(hash, key, ...data).subarray(0, tag.length), tag);
  }

  /**
   * The zero block encrypted under `key`, 16, 24 or 32 bytes: what key check values are cut from.
   */
  encryptZeroBlock(key: SecretKey): Uint8Array {
    const memory = this.#live();
    const lease = setAesKey(memory, key);
    try {
      memory.putData(new Uint8Array(BLOCK_BYTES));
      CoreMemory.counted(memory.exports.aesEncryptBlocks(lease.slot, BLOCK_BYTES));
      return memory.takeData(0, BLOCK_BYTES);
    } finally {
      memory.wipePassing(BLOCK_BYTES);
      memory.exports.aesClearKey(lease.slot);
      memory.aesSlots.give(lease);
    }
  }

  /** AES-CMAC under `key`, 16, 24 or 32 bytes, of at most 1 MiB: 16 fresh bytes. */
  cmac(key: SecretKey, message: Uint8Array): Uint8Array {
    verifyLength("message", message.length, 0, DATA_BYTES);
    const memory = this.#live();
    const lease = setAesKey(memory, key);
    try {
      memory.putData(message);
      const length = memory.exports.aesCmac(lease.slot, message.length);
      return memory.takeOut(CoreMemory.counted(length));
    } finally {
      memory.wipePassing(message.length);
      memory.exports.aesClearKey(lease.slot);
      memory.aesSlots.give(lease);
    }
  }

  /**
   * Whether `tag` is the AES-CMAC of `message`, or its first `tag.length` bytes.
   * @param tag - 8 to 16 bytes. @throws RangeError on another length.
   */
  cmacVerify(key: SecretKey, message: Uint8Array, tag: Uint8Array): boolean {
    verifyLength("tag", tag.length, MIN_TAG_BYTES, CMAC_BYTES);
    return this.equal(this.cmac(key, message).subarray(0, tag.length), tag);
  }

  /**
   * The counter KDF of the product (SP 800-108r1 §4.1): HMAC-SHA-256, r = 32, the counter first,
   * and the fixed input `label ‖ 00 ‖ context ‖ [L]32`.
   *
   * @param keyIn - K_IN, 1 to 128 bytes. @param label - printable ASCII, not empty.
   * @param context - an injective encoding; borrowed. @param lengthBytes - of the derived key.
   * @returns a fresh key. @throws RangeError on other lengths, TypeError on another label.
   */
  kdfCounter(keyIn: SecretKey, label: string, context: Uint8Array, lengthBytes: number): SecretKey {
    const after = encodeFixedInput(label, context, lengthBytes);
    return this.kdfCounterFixed(keyIn, {
      prf: "HMAC-SHA-256",
      counterBits: 32,
      before: new Uint8Array(0),
      after,
      lengthBytes,
    });
  }

  /** The counter KDF with any profile (SP 800-108r1 §4.1); see `CounterKdfRequest`. A fresh key. */
  kdfCounterFixed(keyIn: SecretKey, request: CounterKdfRequest): SecretKey {
    return new SecretKey(counterKdf(this.#live(), keyIn, request));
  }

  /** Key extraction (SP 800-133r2 §6.3 (3)): HMAC-SHA-256(salt, input), a fresh 32-byte key. */
  kdfHmacSha256(salt: SecretKey, input: SecretKey): SecretKey {
    return new SecretKey(input.use((bytes) => this.hmacSha256(salt, bytes)));
  }

  /**
   * Whether a and b hold the same bytes. Its time depends on their lengths alone.
   * @throws RangeError if a is longer than 512 KiB.
   */
  equal(a: Uint8Array, b: Uint8Array): boolean {
    verifyLength("a", a.length, 0, DATA_BYTES / 2);
    if (a.length !== b.length) return false;
    const memory = this.#live();
    try {
      memory.putData(a);
      memory.putData(b, a.length);
      return CoreMemory.counted(memory.exports.equalBytes(a.length)) === 1;
    } finally {
      memory.wipePassing(2 * a.length);
    }
  }

  /** Zeroes every region of linear memory that ever holds a secret; live handles are void. */
  wipe(): void {
    this.#live().wipeAll();
  }

  /** Wipes and lets go of the instance. Harmless when repeated. */
  close(): void {
    this.#memory?.wipeAll();
    this.#memory = null;
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #live(): CoreMemory {
    if (this.#memory === null) throw new TypeError("Core used after close or a failed self-test");
    return this.#memory;
  }
}

/** Takes a slot and sets `key` in it. @throws RangeError on another length than 16, 24, 32. */
function setAesKey(memory: CoreMemory, key: SecretKey): SlotLease {
  verifyLength("key", key.length, 16, 32, 8);
  const lease = memory.aesSlots.take();
  key.use((bytes) => {
    memory.putKey(bytes);
    CoreMemory.counted(memory.exports.aesSetKey(lease.slot, bytes.length));
  });
  return lease;
}

function lengthOf(data: readonly Uint8Array[]): number {
  let length = 0;
  for (const piece of data) length += piece.length;
  return length;
}

/** Lays the pieces one after the other into DATA. */
function putAll(memory: CoreMemory, data: readonly Uint8Array[]): void {
  let at = 0;
  for (const piece of data) {
    memory.putData(piece, at);
    at += piece.length;
  }
}

function digestOf(stream: HashStream, data: Uint8Array[]): Uint8Array {
  try {
    for (const piece of data) stream.update(piece);
    return stream.digest();
  } finally {
    stream[Symbol.dispose]();
  }
}

/** `label ‖ 00 ‖ context ‖ [L]32` with L in bits: unambiguous, since no label holds a zero byte. */
function encodeFixedInput(label: string, context: Uint8Array, lengthBytes: number): Uint8Array {
  if (!/^[\x20-\x7e]+$/.test(label)) {
    throw new TypeError("label: expected printable ASCII, at least one character");
  }
  const fixed = new Uint8Array(label.length + 1 + context.length + 4);
  fixed.set(encoder.encode(label));
  fixed.set(context, label.length + 1);
  new DataView(fixed.buffer).setUint32(fixed.length - 4, lengthBytes * 8);
  return fixed;
}
