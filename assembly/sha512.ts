/**
 * The compression function of SHA-384 and SHA-512 (FIPS 180-4 §6.4.2), and their constants.
 *
 * Additions, rotations and 64-bit logic only: no branch and no address depends on the message. No padding
 * and no state of its own is here; the message schedule in SCRATCH is left for the caller to wipe.
 */
import { SCRATCH } from "./memory";

/** Bytes of one block (FIPS 180-4 §1, figure 1). */
export const SHA512_BLOCK_BYTES: u32 = 128;
/** Bytes of the message schedule in SCRATCH. */
export const SHA512_SCHEDULE_BYTES: usize = 80 * 8;

// FIPS 180-4 §4.2.3: the first 64 bits of the fractional parts of the cube roots of the first 80 primes.
const K: usize = memory.data<u64>(
  [
    0x428a2f98d728ae22, 0x7137449123ef65cd, 0xb5c0fbcfec4d3b2f, 0xe9b5dba58189dbbc,
    0x3956c25bf348b538, 0x59f111f1b605d019, 0x923f82a4af194f9b, 0xab1c5ed5da6d8118,
    0xd807aa98a3030242, 0x12835b0145706fbe, 0x243185be4ee4b28c, 0x550c7dc3d5ffb4e2,
    0x72be5d74f27b896f, 0x80deb1fe3b1696b1, 0x9bdc06a725c71235, 0xc19bf174cf692694,
    0xe49b69c19ef14ad2, 0xefbe4786384f25e3, 0x0fc19dc68b8cd5b5, 0x240ca1cc77ac9c65,
    0x2de92c6f592b0275, 0x4a7484aa6ea6e483, 0x5cb0a9dcbd41fbd4, 0x76f988da831153b5,
    0x983e5152ee66dfab, 0xa831c66d2db43210, 0xb00327c898fb213f, 0xbf597fc7beef0ee4,
    0xc6e00bf33da88fc2, 0xd5a79147930aa725, 0x06ca6351e003826f, 0x142929670a0e6e70,
    0x27b70a8546d22ffc, 0x2e1b21385c26c926, 0x4d2c6dfc5ac42aed, 0x53380d139d95b3df,
    0x650a73548baf63de, 0x766a0abb3c77b2a8, 0x81c2c92e47edaee6, 0x92722c851482353b,
    0xa2bfe8a14cf10364, 0xa81a664bbc423001, 0xc24b8b70d0f89791, 0xc76c51a30654be30,
    0xd192e819d6ef5218, 0xd69906245565a910, 0xf40e35855771202a, 0x106aa07032bbd1b8,
    0x19a4c116b8d2d0c8, 0x1e376c085141ab53, 0x2748774cdf8eeb99, 0x34b0bcb5e19b48a8,
    0x391c0cb3c5c95a63, 0x4ed8aa4ae3418acb, 0x5b9cca4f7763e373, 0x682e6ff3d6b2b8a3,
    0x748f82ee5defb2fc, 0x78a5636f43172f60, 0x84c87814a1f0ab72, 0x8cc702081a6439ec,
    0x90befffa23631e28, 0xa4506cebde82bde9, 0xbef9a3f7b2c67915, 0xc67178f2e372532b,
    0xca273eceea26619c, 0xd186b8c721c0c207, 0xeada7dd6cde0eb1e, 0xf57d4f7fee6ed178,
    0x06f067aa72176fba, 0x0a637dc5a2c898a6, 0x113f9804bef90dae, 0x1b710b35131c471b,
    0x28db77f523047d84, 0x32caab7b40c72493, 0x3c9ebe0a15c9bebc, 0x431d67c49c100d4c,
    0x4cc5d4becb3e42b6, 0x597f299cfc657e2a, 0x5fcb6fab3ad6faec, 0x6c44198c4a475817,
  ],
  16,
);

/** H(0) of SHA-384 (FIPS 180-4 §5.3.4). */
export const H_384: usize = memory.data<u64>(
  [
    0xcbbb9d5dc1059ed8, 0x629a292a367cd507, 0x9159015a3070dd17, 0x152fecd8f70e5939,
    0x67332667ffc00b31, 0x8eb44a8768581511, 0xdb0c2e0d64f98fa7, 0x47b5481dbefa4fa4,
  ],
  16,
);

/** H(0) of SHA-512 (FIPS 180-4 §5.3.5). */
export const H_512: usize = memory.data<u64>(
  [
    0x6a09e667f3bcc908, 0xbb67ae8584caa73b, 0x3c6ef372fe94f82b, 0xa54ff53a5f1d36f1,
    0x510e527fade682d1, 0x9b05688c2b3e6c1f, 0x1f83d9abfb41bd6b, 0x5be0cd19137e2179,
  ],
  16,
);

// FIPS 180-4 §4.1.3, with Ch and Maj in forms of one operation less.
function choose(x: u64, y: u64, z: u64): u64 {
  return z ^ (x & (y ^ z));
}

function majority(x: u64, y: u64, z: u64): u64 {
  return (x & y) | (z & (x | y));
}

/** Σ1(e) + Ch(e, f, g): what T1 takes from the lower half (FIPS 180-4 §6.4.2 step 3). */
function lower(e: u64, f: u64, g: u64): u64 {
  return (rotr<u64>(e, 14) ^ rotr<u64>(e, 18) ^ rotr<u64>(e, 41)) + choose(e, f, g);
}

/** T2 = Σ0(a) + Maj(a, b, c). */
function upper(a: u64, b: u64, c: u64): u64 {
  return (rotr<u64>(a, 28) ^ rotr<u64>(a, 34) ^ rotr<u64>(a, 39)) + majority(a, b, c);
}

/** The message schedule of one block: W(t) at SCRATCH. */
function expand(block: usize): void {
  for (let t: usize = 0; t < 16; t++) {
    store<u64>(SCRATCH + (t << 3), bswap<u64>(load<u64>(block + (t << 3))));
  }
  for (let at = SCRATCH; at < SCRATCH + (80 - 16) * 8; at += 8) {
    const early = load<u64>(at, 8);
    const late = load<u64>(at, 14 * 8);
    const s0 = rotr<u64>(early, 1) ^ rotr<u64>(early, 8) ^ (early >> 7);
    const s1 = rotr<u64>(late, 19) ^ rotr<u64>(late, 61) ^ (late >> 6);
    store<u64>(at, s1 + load<u64>(at, 9 * 8) + s0 + load<u64>(at), 16 * 8);
  }
}

/**
 * Takes `blocks` blocks at `data` into the eight words at `state` (FIPS 180-4 §6.4.2). The words are kept
 * in the machine's byte order.
 */
export function sha512Blocks(state: usize, data: usize, blocks: u32): void {
  for (; blocks != 0; blocks--) {
    expand(data);
    let a = load<u64>(state);
    let b = load<u64>(state, 8);
    let c = load<u64>(state, 2 * 8);
    let d = load<u64>(state, 3 * 8);
    let e = load<u64>(state, 4 * 8);
    let f = load<u64>(state, 5 * 8);
    let g = load<u64>(state, 6 * 8);
    let h = load<u64>(state, 7 * 8);
    // Eight rounds a turn, so that the words change their names and need not move.
    for (let t: usize = 0; t < 80 * 8; t += 8 * 8) {
      const w = SCRATCH + t;
      const k = K + t;
      h += lower(e, f, g) + load<u64>(k) + load<u64>(w);
      d += h;
      h += upper(a, b, c);
      g += lower(d, e, f) + load<u64>(k, 8) + load<u64>(w, 8);
      c += g;
      g += upper(h, a, b);
      f += lower(c, d, e) + load<u64>(k, 2 * 8) + load<u64>(w, 2 * 8);
      b += f;
      f += upper(g, h, a);
      e += lower(b, c, d) + load<u64>(k, 3 * 8) + load<u64>(w, 3 * 8);
      a += e;
      e += upper(f, g, h);
      d += lower(a, b, c) + load<u64>(k, 4 * 8) + load<u64>(w, 4 * 8);
      h += d;
      d += upper(e, f, g);
      c += lower(h, a, b) + load<u64>(k, 5 * 8) + load<u64>(w, 5 * 8);
      g += c;
      c += upper(d, e, f);
      b += lower(g, h, a) + load<u64>(k, 6 * 8) + load<u64>(w, 6 * 8);
      f += b;
      b += upper(c, d, e);
      a += lower(f, g, h) + load<u64>(k, 7 * 8) + load<u64>(w, 7 * 8);
      e += a;
      a += upper(b, c, d);
    }
    store<u64>(state, load<u64>(state) + a);
    store<u64>(state, load<u64>(state, 8) + b, 8);
    store<u64>(state, load<u64>(state, 2 * 8) + c, 2 * 8);
    store<u64>(state, load<u64>(state, 3 * 8) + d, 3 * 8);
    store<u64>(state, load<u64>(state, 4 * 8) + e, 4 * 8);
    store<u64>(state, load<u64>(state, 5 * 8) + f, 5 * 8);
    store<u64>(state, load<u64>(state, 6 * 8) + g, 6 * 8);
    store<u64>(state, load<u64>(state, 7 * 8) + h, 7 * 8);
    data += 16 * 8;
  }
}
