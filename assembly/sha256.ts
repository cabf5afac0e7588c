/**
 * The compression function of SHA-224 and SHA-256 (FIPS 180-4 §6.2.2), and their constants.
 *
 * Additions, rotations and 32-bit logic only: no branch and no address depends on the message. No padding
 * and no state of its own is here; the message schedule in SCRATCH is left for the caller to wipe.
 */
import { SCRATCH } from "./memory";

/** Bytes of one block (FIPS 180-4 §1, figure 1). */
export const SHA256_BLOCK_BYTES: u32 = 64;
/** Bytes of the message schedule in SCRATCH. */
export const SHA256_SCHEDULE_BYTES: usize = 64 * 4;

// FIPS 180-4 §4.2.2: the first 32 bits of the fractional parts of the cube roots of the first 64 primes.
const K: usize = memory.data<u32>(
  [
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
  ],
  16,
);

/** H(0) of SHA-224 (FIPS 180-4 §5.3.2). */
export const H_224: usize = memory.data<u32>(
  [0xc1059ed8, 0x367cd507, 0x3070dd17, 0xf70e5939, 0xffc00b31, 0x68581511, 0x64f98fa7, 0xbefa4fa4],
  16,
);

/** H(0) of SHA-256 (FIPS 180-4 §5.3.3). */
export const H_256: usize = memory.data<u32>(
  [0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19],
  16,
);

// FIPS 180-4 §4.1.2, with Ch and Maj in forms of one operation less.
function choose(x: u32, y: u32, z: u32): u32 {
  return z ^ (x & (y ^ z));
}

function majority(x: u32, y: u32, z: u32): u32 {
  return (x & y) | (z & (x | y));
}

/** Σ1(e) + Ch(e, f, g): what T1 takes from the lower half (FIPS 180-4 §6.2.2 step 3). */
function lower(e: u32, f: u32, g: u32): u32 {
  return (rotr<u32>(e, 6) ^ rotr<u32>(e, 11) ^ rotr<u32>(e, 25)) + choose(e, f, g);
}

/** T2 = Σ0(a) + Maj(a, b, c). */
function upper(a: u32, b: u32, c: u32): u32 {
  return (rotr<u32>(a, 2) ^ rotr<u32>(a, 13) ^ rotr<u32>(a, 22)) + majority(a, b, c);
}

/** The message schedule of one block: W(t) at SCRATCH. */
function expand(block: usize): void {
  for (let t: usize = 0; t < 16; t++) {
    store<u32>(SCRATCH + (t << 2), bswap<u32>(load<u32>(block + (t << 2))));
  }
  for (let at = SCRATCH; at < SCRATCH + (64 - 16) * 4; at += 4) {
    const early = load<u32>(at, 4);
    const late = load<u32>(at, 14 * 4);
    const s0 = rotr<u32>(early, 7) ^ rotr<u32>(early, 18) ^ (early >> 3);
    const s1 = rotr<u32>(late, 17) ^ rotr<u32>(late, 19) ^ (late >> 10);
    store<u32>(at, s1 + load<u32>(at, 9 * 4) + s0 + load<u32>(at), 16 * 4);
  }
}

/**
 * Takes `blocks` blocks at `data` into the eight words at `state` (FIPS 180-4 §6.2.2). The words are kept
 * in the machine's byte order.
 */
export function sha256Blocks(state: usize, data: usize, blocks: u32): void {
  for (; blocks != 0; blocks--) {
    expand(data);
    let a = load<u32>(state);
    let b = load<u32>(state, 4);
    let c = load<u32>(state, 2 * 4);
    let d = load<u32>(state, 3 * 4);
    let e = load<u32>(state, 4 * 4);
    let f = load<u32>(state, 5 * 4);
    let g = load<u32>(state, 6 * 4);
    let h = load<u32>(state, 7 * 4);
    // Eight rounds a turn, so that the words change their names and need not move.
    for (let t: usize = 0; t < 64 * 4; t += 8 * 4) {
      const w = SCRATCH + t;
      const k = K + t;
      h += lower(e, f, g) + load<u32>(k) + load<u32>(w);
      d += h;
      h += upper(a, b, c);
      g += lower(d, e, f) + load<u32>(k, 4) + load<u32>(w, 4);
      c += g;
      g += upper(h, a, b);
      f += lower(c, d, e) + load<u32>(k, 2 * 4) + load<u32>(w, 2 * 4);
      b += f;
      f += upper(g, h, a);
      e += lower(b, c, d) + load<u32>(k, 3 * 4) + load<u32>(w, 3 * 4);
      a += e;
      e += upper(f, g, h);
      d += lower(a, b, c) + load<u32>(k, 4 * 4) + load<u32>(w, 4 * 4);
      h += d;
      d += upper(e, f, g);
      c += lower(h, a, b) + load<u32>(k, 5 * 4) + load<u32>(w, 5 * 4);
      g += c;
      c += upper(d, e, f);
      b += lower(g, h, a) + load<u32>(k, 6 * 4) + load<u32>(w, 6 * 4);
      f += b;
      b += upper(c, d, e);
      a += lower(f, g, h) + load<u32>(k, 7 * 4) + load<u32>(w, 7 * 4);
      e += a;
      a += upper(b, c, d);
    }
    store<u32>(state, load<u32>(state) + a);
    store<u32>(state, load<u32>(state, 4) + b, 4);
    store<u32>(state, load<u32>(state, 2 * 4) + c, 2 * 4);
    store<u32>(state, load<u32>(state, 3 * 4) + d, 3 * 4);
    store<u32>(state, load<u32>(state, 4 * 4) + e, 4 * 4);
    store<u32>(state, load<u32>(state, 5 * 4) + f, 5 * 4);
    store<u32>(state, load<u32>(state, 6 * 4) + g, 6 * 4);
    store<u32>(state, load<u32>(state, 7 * 4) + h, 7 * 4);
    data += 16 * 4;
  }
}
