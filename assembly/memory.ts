/**
 * The map of linear memory: which region is where, how long, and what wipes it.
 *
 * Everything is static (no allocator, memory never grows), so a host view never detaches and no old
 * copy is left behind. Lengths are checked by each export; nothing checks them again further down.
 */

/** Longest plaintext of one wrap, in bytes. */
export const MAX_WRAP_BYTES: u32 = 1024 * 1024;

/** Bytes in and out, in place. A wrapped message starts at DATA, its plaintext 8 bytes later. */
export const DATA_BYTES: u32 = 1024 * 1024 + 64;
export const DATA: usize = memory.data(1024 * 1024 + 64, 16);

/** Keys on their way in. An HMAC key longer than this has to go through SHA-2 first. */
export const KEY_BYTES: u32 = 128;
export const KEY: usize = memory.data(128, 16);

/** Digests, MACs and MACs to compare with, on their way out or in. */
export const OUT: usize = memory.data(64, 16);

/** Longest message, and longest output, of the counter KDF: both fit in DATA. */
export const KDF_MAX_BYTES: u32 = 512 * 1024;

/** One AES key: number of rounds, then three lists of 15 round keys (see aes.ts). */
export const AES_SLOTS: i32 = 64;
export const AES_SLOT_BYTES: usize = 16 + 3 * 15 * 16;
/** The slot behind the last, which no handle has: the key of one call. */
export const AES_SPARE_SLOT: i32 = 64;
const AES_AREA: usize = memory.data(65 * (16 + 3 * 15 * 16), 16);

/** One hash or HMAC under way (see hash.ts). */
export const HASH_SLOTS: i32 = 64;
export const HASH_SLOT_BYTES: usize = 288;
const HASH_AREA: usize = memory.data(64 * 288, 16);

/** Passing values of the primitives: message schedules, pads, blocks. Zero between calls. */
export const SCRATCH_BYTES: usize = 2048;
export const SCRATCH: usize = memory.data(2048, 16);

/** The verdict of an unwrap or a verify, written once all checks have run; see `declassify`. */
export const VERDICT: usize = memory.data(16, 16);

export function aesSlot(slot: i32): usize {
  return AES_AREA + <usize>slot * AES_SLOT_BYTES;
}

export function hashSlot(slot: i32): usize {
  return HASH_AREA + <usize>slot * HASH_SLOT_BYTES;
}

/**
 * The one place where a secret-dependent result becomes public: whether an unwrap or a verify holds.
 * Up to this store no branch and no address depends on a secret; after it, code may branch on the
 * result. The constant-time tests look for this address.
 */
export function declassify(result: i32): i32 {
  store<i32>(VERDICT, result);
  return load<i32>(VERDICT);
}

/** Zeroes every region that ever holds a secret, the slots of live keys and hashes included. */
export function wipe(): void {
  memory.fill(DATA, 0, DATA_BYTES);
  memory.fill(KEY, 0, KEY_BYTES);
  memory.fill(OUT, 0, 64);
  memory.fill(AES_AREA, 0, 65 * AES_SLOT_BYTES);
  memory.fill(HASH_AREA, 0, <usize>HASH_SLOTS * HASH_SLOT_BYTES);
  memory.fill(SCRATCH, 0, SCRATCH_BYTES);
  memory.fill(VERDICT, 0, 16);
}

/** Zeroes what passes in and out of one call: the first `dataBytes` of DATA, KEY and OUT. */
export function wipePassing(dataBytes: u32): void {
  memory.fill(DATA, 0, min(dataBytes, DATA_BYTES));
  memory.fill(KEY, 0, KEY_BYTES);
  memory.fill(OUT, 0, 64);
  memory.fill(VERDICT, 0, 16);
}
