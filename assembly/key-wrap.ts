/**
 * KW and KWP, wrap and unwrap (SP 800-38F §6, RFC 3394, RFC 5649), forward cipher, one message.
 *
 * In place at DATA: plaintext from DATA + 8, ciphertext from DATA. All checks of an unwrap always run,
 * by masks, and end in one refusal; nothing here tells them apart.
 */
import { aesRounds, decryptBlock, encryptBlock } from "./aes";
import { aesSlot, DATA, declassify, MAX_WRAP_BYTES } from "./memory";
import { BAD_LENGTH, BAD_SLOT, REFUSED } from "./status";

// SP 800-38F §6.1 and §6.3, as the little-endian words that memory holds.
export const ICV1: u64 = 0xa6a6a6a6a6a6a6a6;
export const ICV2: u32 = 0xa65959a6;

/** The step counter t as the 64-bit big-endian number that is added to A. */
function counterMask(t: u32): v128 {
  return i64x2.replace_lane(i64x2.splat(0), 0, bswap<u64>(t));
}

/**
 * W (SP 800-38F §6.1, Algorithm 1) over A at `data` and `n` semiblocks after it, n ≥ 2.
 * t ≤ 6 · (MAX_WRAP_BYTES / 8) < 2^20: a u32 holds it.
 */
function wrapSemiblocks(key: usize, data: usize, n: u32): void {
  const end = data + 8 + (n << 3);
  let a = v128.load64_zero(data);
  let t: u32 = 1;
  for (let pass: u32 = 0; pass < 6; pass++) {
    for (let at = data + 8; at < end; at += 8) {
      const block = encryptBlock(key, v128.load64_lane(at, a, 1));
      v128.store64_lane(at, block, 1);
      a = v128.xor(block, counterMask(t)); // the upper half is replaced by the next semiblock
      t++;
    }
  }
  v128.store64_lane(data, a, 0);
}

/** W⁻¹ (SP 800-38F §6.1, Algorithm 2): the same steps from the last to the first. */
function unwrapSemiblocks(key: usize, data: usize, n: u32): void {
  let a = v128.load64_zero(data);
  let t: u32 = 6 * n;
  for (let pass: u32 = 0; pass < 6; pass++) {
    for (let at = data + (n << 3); at > data; at -= 8) {
      const block = v128.load64_lane(at, v128.xor(a, counterMask(t)), 1);
      a = decryptBlock(key, block);
      v128.store64_lane(at, a, 1);
      t--;
    }
  }
  v128.store64_lane(data, a, 0);
}

/** All ones if `bad` is anything but zero, else zero; without a comparison. */
export function maskOf(bad: u64): u32 {
  return <u32>(<i64>(bad | (0 - bad)) >> 63);
}

/**
 * The checks of KWP on an unwrapped message (RFC 5649 §3 (1) to (3)): integrity value, length, padding.
 *
 * @param a - first semiblock, as loaded. @param last - last semiblock, as loaded.
 * @param n - plaintext semiblocks, 1 or more.
 * @returns zero if all hold.
 */
export function kwpFaults(a: u64, last: u64, n: u32): u64 {
  const length = <u64>bswap<u32>(<u32>(a >> 32));
  // 8·n − MLI has to be 0 … 7; it is computed in 64 bits, so a length near 2^32 does not wrap round.
  const padding = ((<u64>n) << 3) - length;
  const padMask = ((<u64>1) << ((padding & 7) << 3)) - 1;
  return <u64>(<u32>a ^ ICV2) | (padding & ~(<u64>7)) | (bswap<u64>(last) & padMask);
}

/** Public end of an unwrap: on a refusal the plaintext region is zeroed. */
function settle(bad: u32, plainBytes: u32, regionBytes: u32): i32 {
  const result = declassify(<i32>((plainBytes & ~bad) | (<u32>REFUSED & bad)));
  if (result < 0) memory.fill(DATA, 0, regionBytes);
  return result;
}

/**
 * KW-AE (SP 800-38F §6.2, Algorithm 3) over `length` bytes at DATA + 8: 16 to MAX_WRAP_BYTES, a
 * multiple of 8. Returns the bytes at DATA (length + 8), BAD_SLOT or BAD_LENGTH.
 */
export function kwWrap(slot: i32, length: u32): i32 {
  if (aesRounds(slot) == 0) return BAD_SLOT;
  if (length < 16 || (length & 7) != 0 || length > MAX_WRAP_BYTES) return BAD_LENGTH;
  store<u64>(DATA, ICV1);
  wrapSemiblocks(aesSlot(slot), DATA, length >> 3);
  return <i32>length + 8;
}

/**
 * KW-AD (SP 800-38F §6.2, Algorithm 4) over `length` bytes at DATA: 24 to MAX_WRAP_BYTES + 8, a
 * multiple of 8. Returns the bytes at DATA + 8 (length − 8), REFUSED, BAD_SLOT or BAD_LENGTH.
 */
export function kwUnwrap(slot: i32, length: u32): i32 {
  if (aesRounds(slot) == 0) return BAD_SLOT;
  if (length < 24 || (length & 7) != 0 || length > MAX_WRAP_BYTES + 8) return BAD_LENGTH;
  unwrapSemiblocks(aesSlot(slot), DATA, (length >> 3) - 1);
  return settle(maskOf(load<u64>(DATA) ^ ICV1), length - 8, length);
}

/**
 * KWP-AE (SP 800-38F §6.3, Algorithm 5) over `length` bytes at DATA + 8: 1 to MAX_WRAP_BYTES. The
 * bytes up to the next multiple of 8 are overwritten with zeros. Returns the bytes at DATA.
 */
export function kwpWrap(slot: i32, length: u32): i32 {
  if (aesRounds(slot) == 0) return BAD_SLOT;
  if (length == 0 || length > MAX_WRAP_BYTES) return BAD_LENGTH;
  const padded = (length + 7) & ~7;
  memory.fill(DATA + 8 + length, 0, padded - length);
  store<u64>(DATA, ((<u64>bswap<u32>(length)) << 32) | ICV2);
  const key = aesSlot(slot);
  // RFC 5649 §4.1: one semiblock of plaintext is one block, without W.
  if (padded == 8) v128.store(DATA, encryptBlock(key, v128.load(DATA)));
  else wrapSemiblocks(key, DATA, padded >> 3);
  return <i32>padded + 8;
}

/**
 * KWP-AD (SP 800-38F §6.3, Algorithm 6) over `length` bytes at DATA: 16 to MAX_WRAP_BYTES + 8, a
 * multiple of 8. Returns the bytes at DATA + 8, REFUSED, BAD_SLOT or BAD_LENGTH.
 */
export function kwpUnwrap(slot: i32, length: u32): i32 {
  if (aesRounds(slot) == 0) return BAD_SLOT;
  if (length < 16 || (length & 7) != 0 || length > MAX_WRAP_BYTES + 8) return BAD_LENGTH;
  const key = aesSlot(slot);
  const n = (length >> 3) - 1;
  if (n == 1) v128.store(DATA, decryptBlock(key, v128.load(DATA)));
  else unwrapSemiblocks(key, DATA, n);
  const a = load<u64>(DATA);
  const bad = maskOf(kwpFaults(a, load<u64>(DATA + (n << 3)), n));
  return settle(bad, bswap<u32>(<u32>(a >> 32)), length);
}
