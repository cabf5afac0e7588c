/**
 * HMAC with SHA-2 (FIPS 198-1): how a key becomes the two states of a slot.
 *
 * The rest is hashing (hash.ts). A key longer than a block is hashed; a shorter one is padded with
 * zeros, so K and K ‖ 00 are the same key: fix the lengths of keys.
 */
import { absorb, begin, beginKeyed, blockBytes, finish } from "./hash";
import { SCRATCH, zero } from "./memory";

// In SCRATCH: K0 ⊕ ipad and K0 ⊕ opad.
const INNER_PAD: usize = SCRATCH;
const OUTER_PAD: usize = SCRATCH + 128;

/** Starts HMAC in the slot at `at` under `keyBytes` at `key`. What passes through SCRATCH is zeroed. */
export function beginHmac(at: usize, algorithm: u32, key: usize, keyBytes: u32): void {
  const block = blockBytes(algorithm);
  zero(INNER_PAD, 128); // FIPS 198-1 §4 step 3: the key is padded with zeros
  if (keyBytes <= block) {
    memory.copy(INNER_PAD, key, keyBytes);
  } else {
    begin(at, algorithm);
    absorb(at, key, keyBytes);
    finish(at, INNER_PAD);
  }
  for (let i: usize = 0; i < block; i += 16) {
    const k0 = v128.load(INNER_PAD + i);
    v128.store(INNER_PAD + i, v128.xor(k0, i8x16.splat(0x36)));
    v128.store(OUTER_PAD + i, v128.xor(k0, i8x16.splat(0x5c)));
  }
  begin(at, algorithm);
  beginKeyed(at, INNER_PAD, OUTER_PAD);
  zero(INNER_PAD, 256);
}
