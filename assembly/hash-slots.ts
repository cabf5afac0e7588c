/**
 * The exports for hashes and HMACs: at once over DATA, or under way in a slot. Digests go to OUT.
 *
 * Lengths and slots are checked here and nowhere below. A digest ends its slot: it is zeroed.
 */
import { absorb, algorithmOf, begin, finish, isHash } from "./hash";
import { beginHmac } from "./hmac";
import {
  copy,
  DATA,
  DATA_BYTES,
  HASH_SLOT_BYTES,
  HASH_SLOTS,
  hashSlot,
  KEY,
  KEY_BYTES,
  OUT,
  SPARE_HASH,
  zero,
} from "./memory";
import { BAD_ALGORITHM, BAD_LENGTH, BAD_SLOT, OK } from "./status";

/** The hash of the first `length` bytes of DATA. Returns its bytes, BAD_ALGORITHM or BAD_LENGTH. */
export function hashOnce(algorithm: u32, length: u32): i32 {
  if (!isHash(algorithm)) return BAD_ALGORITHM;
  if (length > DATA_BYTES) return BAD_LENGTH;
  begin(SPARE_HASH, algorithm);
  absorb(SPARE_HASH, DATA, length);
  return endSpare();
}

/**
 * The HMAC of the first `length` bytes of DATA under the first `keyBytes` (0 to 128) at KEY, which are
 * zeroed. Returns its bytes, BAD_ALGORITHM or BAD_LENGTH.
 */
export function hmacOnce(algorithm: u32, keyBytes: u32, length: u32): i32 {
  if (!isHash(algorithm)) return BAD_ALGORITHM;
  if (keyBytes > KEY_BYTES || length > DATA_BYTES) return BAD_LENGTH;
  beginHmac(SPARE_HASH, algorithm, KEY, keyBytes);
  zero(KEY, KEY_BYTES);
  absorb(SPARE_HASH, DATA, length);
  return endSpare();
}

function endSpare(): i32 {
  const algorithm = load<u32>(SPARE_HASH);
  finish(SPARE_HASH, OUT);
  zero(SPARE_HASH, HASH_SLOT_BYTES);
  return <i32>algorithm;
}

/** Starts `algorithm` in `slot`, whatever was there. Returns OK, BAD_SLOT or BAD_ALGORITHM. */
export function hashOpen(slot: i32, algorithm: u32): i32 {
  if (slot < 0 || slot >= HASH_SLOTS) return BAD_SLOT;
  if (!isHash(algorithm)) return BAD_ALGORITHM;
  begin(hashSlot(slot), algorithm);
  return OK;
}

/**
 * Starts HMAC with `algorithm` in `slot` under the first `keyBytes` (0 to 128) at KEY, and zeroes
 * those. Returns OK, BAD_SLOT, BAD_ALGORITHM or BAD_LENGTH.
 */
export function hmacOpen(slot: i32, algorithm: u32, keyBytes: u32): i32 {
  if (slot < 0 || slot >= HASH_SLOTS) return BAD_SLOT;
  if (!isHash(algorithm)) return BAD_ALGORITHM;
  if (keyBytes > KEY_BYTES) return BAD_LENGTH;
  beginHmac(hashSlot(slot), algorithm, KEY, keyBytes);
  zero(KEY, KEY_BYTES);
  return OK;
}

/** Takes the first `length` bytes of DATA. Returns OK, BAD_SLOT or BAD_LENGTH. */
export function hashUpdate(slot: i32, length: u32): i32 {
  const algorithm = algorithmOf(slot);
  if (algorithm == 0) return BAD_SLOT;
  if (length > DATA_BYTES) return BAD_LENGTH;
  absorb(hashSlot(slot), DATA, length);
  return OK;
}

/**
 * Digest of what the hash or HMAC has taken so far, at OUT; it goes on. Returns the digest's bytes or
 * BAD_SLOT.
 */
export function hashPeek(slot: i32): i32 {
  if (algorithmOf(slot) == 0) return BAD_SLOT;
  copy(SPARE_HASH, hashSlot(slot), HASH_SLOT_BYTES);
  return endSpare();
}

/** Ends the hash or HMAC: digest at OUT, slot zeroed. Returns the digest's bytes or BAD_SLOT. */
export function hashDigest(slot: i32): i32 {
  const algorithm = algorithmOf(slot);
  if (algorithm == 0) return BAD_SLOT;
  finish(hashSlot(slot), OUT);
  zero(hashSlot(slot), HASH_SLOT_BYTES);
  return <i32>algorithm;
}

/** Gives a hash up: the slot is zeroed. Returns OK or BAD_SLOT. */
export function hashClose(slot: i32): i32 {
  if (slot < 0 || slot >= HASH_SLOTS) return BAD_SLOT;
  zero(hashSlot(slot), HASH_SLOT_BYTES);
  return OK;
}
