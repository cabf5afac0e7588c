/**
 * The map of linear memory: which region is where, how long, and what wipes it.
 *
 * Everything is static (no allocator, memory never grows), so a host view never detaches and no old
 * copy is left behind. Lengths are checked by each export; nothing checks them again further down.
 */

/** Longest plaintext of one wrap, in bytes. */
export const MAX_WRAP_BYTES: u32 = 1024 * 1024;
/** Longest message, and longest output, of the counter KDF: both fit in DATA. */
export const KDF_MAX_BYTES: u32 = 512 * 1024;
/** Keys, and hashes, that may be alive at once. */
export const AES_SLOTS: i32 = 64;
export const HASH_SLOTS: i32 = 64;

export const DATA_BYTES: u32 = 1024 * 1024 + 64;
export const KEY_BYTES: u32 = 128;
export const AES_SLOT_BYTES: u32 = 16 + 3 * 15 * 16;
export const HASH_SLOT_BYTES: u32 = 288;
export const SCRATCH_BYTES: u32 = 1024;
const OUT_BYTES: u32 = 64;
const VERDICT_BYTES: u32 = 16;
/** Of the lanes: state and temporary planes, then 15 round keys of eight planes. */
export const LANE_WORK_BYTES: u32 = 4 * 128 + 128 + 15 * 128;
const AES_AREA_BYTES: u32 = 65 * AES_SLOT_BYTES;
const HASH_AREA_BYTES: u32 = 64 * HASH_SLOT_BYTES;
const SECRET_BYTES: i32 =
  DATA_BYTES +
  KEY_BYTES +
  OUT_BYTES +
  VERDICT_BYTES +
  SCRATCH_BYTES +
  AES_AREA_BYTES +
  HASH_AREA_BYTES +
  LANE_WORK_BYTES;

/** Everything that ever holds a secret, as one block; the constants of other files lie outside. */
const SECRETS: usize = memory.data(SECRET_BYTES, 16);

/** Bytes in and out, in place. A wrapped message starts at DATA, its plaintext 8 bytes later. */
export const DATA: usize = SECRETS;
/** Keys on their way in. An HMAC key longer than this has to go through SHA-2 first. */
export const KEY: usize = DATA + DATA_BYTES;
/** Digests and tags on their way out. */
export const OUT: usize = KEY + KEY_BYTES;
/** The verdict of an unwrap or a comparison, written once all checks have run; see `declassify`. */
export const VERDICT: usize = OUT + OUT_BYTES;
/** Passing values of the primitives: pads, blocks, states. Zero between calls. */
export const SCRATCH: usize = VERDICT + VERDICT_BYTES;
/** In SCRATCH: the hash of one call, laid out as a slot. */
export const SPARE_HASH: usize = SCRATCH + 256 + HASH_SLOT_BYTES;
/** In SCRATCH: sixteen words of SHA-256's schedule, K added (sha256.ts). Zero between calls. */
export const WORDS: usize = SPARE_HASH + HASH_SLOT_BYTES;
/** One AES key each: number of rounds, then three lists of 15 round keys (see aes.ts). */
const AES_AREA: usize = SCRATCH + SCRATCH_BYTES;
/** The slot behind the last, which no handle has: the key of one call. */
export const SPARE_AES: usize = AES_AREA + 64 * AES_SLOT_BYTES;
/** One hash or HMAC under way each (see hash.ts). */
const HASH_AREA: usize = AES_AREA + AES_AREA_BYTES;
/** Bit planes of messages in lanes (see aes-lanes.ts). Zero between calls. */
export const LANE_STATE: usize = HASH_AREA + HASH_AREA_BYTES;
export const LANE_TEMPORARY: usize = LANE_STATE + 4 * 128;
export const LANE_KEYS: usize = LANE_TEMPORARY + 128;
export const SECRETS_END: usize = SECRETS + SECRET_BYTES;

export function aesSlot(slot: i32): usize {
  return AES_AREA + <usize>slot * AES_SLOT_BYTES;
}

export function hashSlot(slot: i32): usize {
  return HASH_AREA + <usize>slot * HASH_SLOT_BYTES;
}

/**
 * Zeroes `bytes`, a multiple of 16, at `at`. For short regions: engines call out for memory.fill, which
 * costs more than a hash block (V8 11.3: 20 ns).
 */
export function zero(at: usize, bytes: u32): void {
  for (const end = at + bytes; at != end; at += 16) v128.store(at, i64x2.splat(0));
}

/** Copies `bytes`, a multiple of 16, to `to`; the regions do not overlap. For short ones, as `zero`. */
export function copy(to: usize, from: usize, bytes: u32): void {
  for (const end = from + bytes; from != end; from += 16) {
    v128.store(to, v128.load(from));
    to += 16;
  }
}

/**
 * The one place where a secret-dependent result becomes public: whether an unwrap or a comparison
 * holds. Up to this store no branch and no address depends on a secret; after it, code may branch on
 * the result. The constant-time tests look for this address.
 */
export function declassify(result: i32): i32 {
  store<i32>(VERDICT, result);
  return load<i32>(VERDICT);
}

/** Zeroes every region that ever holds a secret, the slots of live keys and hashes included. */
export function wipe(): void {
  memory.fill(SECRETS, 0, SECRET_BYTES);
}

/** Zeroes what passes in and out of one call: the first `dataBytes` of DATA, KEY, OUT, VERDICT. */
export function wipePassing(dataBytes: u32): void {
  memory.fill(DATA, 0, min(dataBytes, DATA_BYTES));
  zero(KEY, KEY_BYTES + OUT_BYTES + VERDICT_BYTES);
}
