/**
 * AES-128, AES-192 and AES-256 (FIPS 197): key expansion, one block forward, one block inverse.
 *
 * Vector permute after Hamburg, CHES 2009: the S-box is six 16-entry look-ups inside registers, so no
 * address and no branch depends on a key or a block. No mode of operation is here.
 */
import {
  DECRYPT_IN,
  DECRYPT_OUT,
  DECRYPT_ROUND,
  ENCRYPT_IN,
  ENCRYPT_OUT,
  ENCRYPT_ROUND,
  INVERSE,
  ROTATE_ROWS,
  SHIFT_ROWS,
} from "./aes-tables";
import { AES_SLOT_BYTES, AES_SLOTS, aesSlot, DATA, DATA_BYTES, KEY, zero } from "./memory";
import { BAD_LENGTH, BAD_SLOT, OK } from "./status";

// A slot: u32 rounds, 12 bytes of zero, then the round keys as FIPS 197 has them, then prepared for
// the forward cipher, then prepared for the inverse cipher; each list has room for 15 × 16 bytes.
export const PLAIN_KEYS: usize = 16;
export const FORWARD_KEYS: usize = 16 + 240;
export const INVERSE_KEYS: usize = 16 + 480;

// FIPS 197 §5.1.1: the constant of the affine map. It is added with the round keys.
const SBOX_CONSTANT: i8 = 0x63;

/** Number of rounds of the key in `slot`, or 0 if it holds none. */
export function aesRounds(slot: i32): u32 {
  return slot < 0 || slot >= AES_SLOTS ? 0 : load<u32>(aesSlot(slot));
}

/** Adds up two 16-entry tables, over the low and the high nibble of each byte of x. */
function mapBytes(tables: usize, x: v128): v128 {
  const low = v128.and(x, i8x16.splat(0x0f));
  const high = i32x4.shr_u(v128.andnot(x, i8x16.splat(0x0f)), 4);
  return v128.xor(
    i8x16.swizzle(v128.load(tables), low),
    i8x16.swizzle(v128.load(tables, 16), high),
  );
}

/** Multiplies each byte by x in GF(2^8) (FIPS 197 §4.2.1). */
function double(x: v128): v128 {
  return v128.xor(i8x16.shl(x, 1), v128.and(i8x16.shr_s(x, 7), i8x16.splat(0x1b)));
}

/** InvMixColumns on one round key (FIPS 197 §5.3.3): (1 + 4·(1 + row²)) and then MixColumns. */
function inverseMixColumns(x: v128): v128 {
  const up1 = v128.load(ROTATE_ROWS);
  const up2 = v128.load(ROTATE_ROWS, 16);
  const y = v128.xor(x, double(double(v128.xor(x, i8x16.swizzle(x, up2)))));
  const pair = v128.xor(y, i8x16.swizzle(y, up1));
  return v128.xor(v128.xor(double(pair), i8x16.swizzle(y, up1)), i8x16.swizzle(pair, up2));
}

/** SubWord on the four bytes of a word (FIPS 197 §5.2), through the S-box of the rounds. */
function subWord(word: u32): u32 {
  const x = mapBytes(ENCRYPT_IN, i32x4.splat(word));
  const k = v128.and(x, i8x16.splat(0x0f));
  const i = i32x4.shr_u(v128.andnot(x, i8x16.splat(0x0f)), 4);
  const j = v128.xor(i, k);
  const inverse = v128.load(INVERSE);
  const ak = i8x16.swizzle(v128.load(INVERSE, 16), k);
  const p = v128.xor(i8x16.swizzle(inverse, i), ak);
  const q = v128.xor(i8x16.swizzle(inverse, j), ak);
  const io = v128.xor(i8x16.swizzle(inverse, p), j);
  const jo = v128.xor(i8x16.swizzle(inverse, q), i);
  const out = v128.xor(
    i8x16.swizzle(v128.load(ENCRYPT_OUT), io),
    i8x16.swizzle(v128.load(ENCRYPT_OUT, 16), jo),
  );
  return i32x4.extract_lane(v128.xor(out, i8x16.splat(SBOX_CONSTANT)), 0);
}

/** KeyExpansion (FIPS 197 §5.2): `keyBytes` at KEY to rounds + 1 plain round keys at `to`. */
function expandKey(keyBytes: u32, rounds: u32, to: usize): void {
  memory.copy(to, KEY, keyBytes);
  const end = (rounds + 1) << 4;
  let rcon: u32 = 1;
  let position: u32 = 0; // of the word within one key length: i mod Nk, in bytes
  for (let at = keyBytes; at < end; at += 4) {
    let word = load<u32>(to + at - 4);
    if (position == 0) {
      word = subWord(rotr<u32>(word, 8)) ^ rcon;
      rcon = (rcon << 1) ^ ((rcon >> 7) * 0x11b); // 80 is followed by 1b: public, it only counts
    } else if (keyBytes == 32 && position == 16) {
      word = subWord(word);
    }
    store<u32>(to + at, word ^ load<u32>(to + at - keyBytes));
    position += 4;
    if (position == keyBytes) position = 0;
  }
}

/**
 * The round keys as the rounds below use them: in the basis of the state, with the S-box constant
 * added, and moved to where ShiftRows, left out so far, has not yet moved the bytes.
 */
function prepareKeys(slot: usize, rounds: u32): void {
  const constant = i8x16.splat(SBOX_CONSTANT);
  for (let round: u32 = 0; round <= rounds; round++) {
    const plain = v128.load(slot + PLAIN_KEYS + (round << 4));
    const added = v128.xor(plain, constant);
    // Forward: ShiftRows is left out `round` times, so the key is shifted back as often.
    let forward = i8x16.swizzle(
      round == 0 ? plain : added,
      v128.load(SHIFT_ROWS + ((0 - round) & 3) * 16),
    );
    if (round != rounds) forward = mapBytes(ENCRYPT_IN, forward);
    v128.store(slot + FORWARD_KEYS + (round << 4), forward);
    // Inverse (the equivalent inverse cipher, FIPS 197 §5.3.5): the list runs backwards, and its
    // middle keys go through InvMixColumns. InvShiftRows is left out instead.
    const step = rounds - round;
    let inverse = round != 0 && step != 0 ? inverseMixColumns(plain) : plain;
    if (round != 0) inverse = mapBytes(DECRYPT_IN, v128.xor(inverse, constant));
    inverse = i8x16.swizzle(inverse, v128.load(SHIFT_ROWS + (step & 3) * 16));
    v128.store(slot + INVERSE_KEYS + (step << 4), inverse);
  }
}

/** One block through the forward cipher (FIPS 197 §5.1) under the key in `slot`. */
export function encryptBlock(slot: usize, block: v128): v128 {
  const rounds = load<u32>(slot);
  const low = i8x16.splat(0x0f);
  const inverse = v128.load(INVERSE);
  const inverseTimesA = v128.load(INVERSE, 16);
  let keys = slot + FORWARD_KEYS;
  let x = v128.xor(mapBytes(ENCRYPT_IN, block), v128.load(keys));
  let last = x;
  for (let round: u32 = 1; ; round++) {
    keys += 16;
    // SubBytes: the inverse, as io and jo (scripts/generate/aes-tables.ts has the algebra).
    const k = v128.and(x, low);
    const i = i32x4.shr_u(v128.andnot(x, low), 4);
    const j = v128.xor(i, k);
    const ak = i8x16.swizzle(inverseTimesA, k);
    const p = v128.xor(i8x16.swizzle(inverse, i), ak);
    const q = v128.xor(i8x16.swizzle(inverse, j), ak);
    const io = v128.xor(i8x16.swizzle(inverse, p), j);
    const jo = v128.xor(i8x16.swizzle(inverse, q), i);
    const key = v128.load(keys);
    if (round == rounds) {
      last = v128.xor(
        v128.xor(i8x16.swizzle(v128.load(ENCRYPT_OUT), io), key),
        i8x16.swizzle(v128.load(ENCRYPT_OUT, 16), jo),
      );
      break;
    }
    const once = v128.xor(
      i8x16.swizzle(v128.load(ENCRYPT_ROUND), io),
      i8x16.swizzle(v128.load(ENCRYPT_ROUND, 16), jo),
    );
    const twice = v128.xor(
      i8x16.swizzle(v128.load(ENCRYPT_ROUND, 32), io),
      i8x16.swizzle(v128.load(ENCRYPT_ROUND, 48), jo),
    );
    // MixColumns: 2·s[r] + 3·s[r+1] + s[r+2] + s[r+3], by rows up one (twice) and up three (once).
    const rotate = ROTATE_ROWS + (round & 3) * 48;
    const up1 = v128.load(rotate);
    const pair = v128.xor(i8x16.swizzle(once, up1), twice);
    const rest = v128.xor(i8x16.swizzle(once, v128.load(rotate, 32)), v128.xor(pair, key));
    x = v128.xor(i8x16.swizzle(pair, up1), rest);
  }
  return i8x16.swizzle(last, v128.load(SHIFT_ROWS + ((rounds & 3) << 4)));
}

/** One block through the inverse cipher (FIPS 197 §5.3.5) under the key in `slot`. */
export function decryptBlock(slot: usize, block: v128): v128 {
  const rounds = load<u32>(slot);
  const low = i8x16.splat(0x0f);
  const inverse = v128.load(INVERSE);
  const inverseTimesA = v128.load(INVERSE, 16);
  let keys = slot + INVERSE_KEYS;
  let x = v128.xor(mapBytes(DECRYPT_IN, block), v128.load(keys));
  let last = x;
  for (let round: u32 = 1; ; round++) {
    keys += 16;
    const k = v128.and(x, low);
    const i = i32x4.shr_u(v128.andnot(x, low), 4);
    const j = v128.xor(i, k);
    const ak = i8x16.swizzle(inverseTimesA, k);
    const p = v128.xor(i8x16.swizzle(inverse, i), ak);
    const q = v128.xor(i8x16.swizzle(inverse, j), ak);
    const io = v128.xor(i8x16.swizzle(inverse, p), j);
    const jo = v128.xor(i8x16.swizzle(inverse, q), i);
    const key = v128.load(keys);
    if (round == rounds) {
      last = v128.xor(
        v128.xor(i8x16.swizzle(v128.load(DECRYPT_OUT), io), key),
        i8x16.swizzle(v128.load(DECRYPT_OUT, 16), jo),
      );
      break;
    }
    // InvMixColumns: e·s[r] + b·s[r+1] + d·s[r+2] + 9·s[r+3], where rows turn the other way round.
    const rotate = ROTATE_ROWS + ((0 - round) & 3) * 48;
    const up1 = v128.load(rotate);
    const times9 = product(0, io, jo);
    const timesD = product(32, io, jo);
    const timesB = product(64, io, jo);
    const timesE = v128.xor(product(96, io, jo), key);
    const upper = v128.xor(i8x16.swizzle(times9, up1), timesD);
    const lower = v128.xor(i8x16.swizzle(timesB, up1), timesE);
    x = v128.xor(i8x16.swizzle(upper, v128.load(rotate, 16)), lower);
  }
  return i8x16.swizzle(last, v128.load(SHIFT_ROWS + (((0 - rounds) & 3) << 4)));
}

/** The inverse of the state times the constant whose tables lie at `offset`. */
function product(offset: usize, io: v128, jo: v128): v128 {
  return v128.xor(
    i8x16.swizzle(v128.load(DECRYPT_ROUND + offset), io),
    i8x16.swizzle(v128.load(DECRYPT_ROUND + offset, 16), jo),
  );
}

/**
 * Sets the AES key of the slot at `at` from the first `keyBytes` at KEY, and zeroes those. Returns OK or
 * BAD_LENGTH.
 */
export function setKeyAt(at: usize, keyBytes: u32): i32 {
  if (keyBytes != 16 && keyBytes != 24 && keyBytes != 32) return BAD_LENGTH;
  const rounds = (keyBytes >> 2) + 6; // FIPS 197 §5: Nr = Nk + 6
  store<u32>(at, rounds);
  expandKey(keyBytes, rounds, at + PLAIN_KEYS);
  prepareKeys(at, rounds);
  memory.fill(KEY, 0, keyBytes);
  return OK;
}

/**
 * Sets the AES key of `slot` from the first `keyBytes` (16, 24 or 32) at KEY, and zeroes those.
 * Returns OK, BAD_SLOT or BAD_LENGTH.
 */
export function aesSetKey(slot: i32, keyBytes: u32): i32 {
  if (slot < 0 || slot >= AES_SLOTS) return BAD_SLOT;
  return setKeyAt(aesSlot(slot), keyBytes);
}

/** Zeroes `slot`. Returns OK or BAD_SLOT. */
export function aesClearKey(slot: i32): i32 {
  if (slot < 0 || slot >= AES_SLOTS) return BAD_SLOT;
  zero(aesSlot(slot), AES_SLOT_BYTES);
  return OK;
}

/** Encrypts `length` bytes (whole blocks) at DATA in place, each block by itself. */
export function aesEncryptBlocks(slot: i32, length: u32): i32 {
  if (aesRounds(slot) == 0) return BAD_SLOT;
  if ((length & 15) != 0 || length > DATA_BYTES) return BAD_LENGTH;
  const key = aesSlot(slot);
  for (let at = DATA; at < DATA + length; at += 16) {
    v128.store(at, encryptBlock(key, v128.load(at)));
  }
  return OK;
}

/** Decrypts `length` bytes (whole blocks) at DATA in place, each block by itself. */
export function aesDecryptBlocks(slot: i32, length: u32): i32 {
  if (aesRounds(slot) == 0) return BAD_SLOT;
  if ((length & 15) != 0 || length > DATA_BYTES) return BAD_LENGTH;
  const key = aesSlot(slot);
  for (let at = DATA; at < DATA + length; at += 16) {
    v128.store(at, decryptBlock(key, v128.load(at)));
  }
  return OK;
}
