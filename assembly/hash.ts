/**
 * SHA-2 as streams (FIPS 180-4 §5.1 padding, §6): one slot holds one hash under way.
 *
 * Many slots may be under way at once; each call names its own. HMAC (hmac.ts) keeps its two states in
 * the same slot. What is hashed may be secret; its length is not.
 */
import { copy, HASH_SLOTS, hashSlot } from "./memory";
import { H_224, H_256, SHA256_BLOCK_BYTES, sha256Blocks } from "./sha256";
import { H_384, H_512, SHA512_BLOCK_BYTES, sha512Blocks } from "./sha512";

/** Algorithms by the bytes of their digests. */
export const SHA_224: u32 = 28;
export const SHA_256: u32 = 32;
export const SHA_384: u32 = 48;
export const SHA_512: u32 = 64;

// A slot: u32 algorithm (0: free), u32 one if it is an HMAC, u64 bytes taken, state, state of the outer
// hash of HMAC, block being filled.
const KEYED: usize = 4;
const TAKEN: usize = 8;
const STATE: usize = 16;
const OUTER: usize = 16 + 64;
const BLOCK: usize = 16 + 128;

/** True for the four algorithms above. */
export function isHash(algorithm: u32): bool {
  return (
    algorithm == SHA_224 || algorithm == SHA_256 || algorithm == SHA_384 || algorithm == SHA_512
  );
}

/** Bytes of one block of `algorithm`. */
export function blockBytes(algorithm: u32): u32 {
  return algorithm <= SHA_256 ? SHA256_BLOCK_BYTES : SHA512_BLOCK_BYTES;
}

/** Algorithm under way in `slot`, or 0. */
export function algorithmOf(slot: i32): u32 {
  return slot < 0 || slot >= HASH_SLOTS ? 0 : load<u32>(hashSlot(slot));
}

function initialState(algorithm: u32): usize {
  if (algorithm == SHA_224) return H_224;
  if (algorithm == SHA_256) return H_256;
  return algorithm == SHA_384 ? H_384 : H_512;
}

function takeBlocks(at: usize, data: usize, blocks: u32): void {
  if (load<u32>(at) <= SHA_256) sha256Blocks(at + STATE, data, blocks);
  else sha512Blocks(at + STATE, data, blocks);
}

/** Starts a hash in the slot at `at`. */
export function begin(at: usize, algorithm: u32): void {
  store<u32>(at, algorithm);
  store<u32>(at, 0, KEYED);
  store<u64>(at, 0, TAKEN);
  // Words of 32 bits fill half of the room.
  copy(at + STATE, initialState(algorithm), algorithm <= SHA_256 ? 32 : 64);
}

/** Takes `length` bytes at `data` into the hash at `at`. */
export function absorb(at: usize, data: usize, length: u32): void {
  const block = blockBytes(load<u32>(at));
  const filled = <u32>load<u64>(at, TAKEN) & (block - 1);
  store<u64>(at, load<u64>(at, TAKEN) + length, TAKEN);
  if (filled + length < block) {
    memory.copy(at + BLOCK + filled, data, length);
    return;
  }
  if (filled != 0) {
    const head = block - filled;
    memory.copy(at + BLOCK + filled, data, head);
    takeBlocks(at, at + BLOCK, 1);
    data += head;
    length -= head;
  }
  const whole = length & ~(block - 1);
  takeBlocks(at, data, whole / block);
  memory.copy(at + BLOCK, data + whole, length - whole);
}

/** Pads (FIPS 180-4 §5.1) and writes the digest, in its byte order, to `to`. */
function pad(at: usize, to: usize): void {
  const algorithm = load<u32>(at);
  const block = blockBytes(algorithm);
  const taken = load<u64>(at, TAKEN);
  let filled = <u32>taken & (block - 1);
  store<u8>(at + BLOCK + filled, 0x80);
  filled++;
  // The length is 64 bits of SHA-224/256 and 128 of SHA-384/512, whose upper half stays zero here.
  const lengthBytes = block >> 3;
  if (filled > block - lengthBytes) {
    memory.fill(at + BLOCK + filled, 0, block - filled);
    takeBlocks(at, at + BLOCK, 1);
    filled = 0;
  }
  memory.fill(at + BLOCK + filled, 0, block - filled);
  store<u64>(at + BLOCK + block - 8, bswap<u64>(taken << 3));
  takeBlocks(at, at + BLOCK, 1);
  if (algorithm <= SHA_256) {
    for (let i: usize = 0; i < algorithm; i += 4) {
      store<u32>(to + i, bswap<u32>(load<u32>(at + STATE + i)));
    }
  } else {
    for (let i: usize = 0; i < algorithm; i += 8) {
      store<u64>(to + i, bswap<u64>(load<u64>(at + STATE + i)));
    }
  }
}

/** Ends the hash or HMAC at `at`: its digest goes to `to`. The slot still holds its algorithm. */
export function finish(at: usize, to: usize): void {
  pad(at, to);
  if (load<u32>(at, KEYED) == 0) return;
  // FIPS 198-1 §4 step 9: H(K0 ⊕ opad ‖ inner digest).
  const algorithm = load<u32>(at);
  copy(at + STATE, at + OUTER, 64);
  store<u64>(at, blockBytes(algorithm), TAKEN);
  absorb(at, to, algorithm);
  pad(at, to);
}

/**
 * Turns the hash just begun at `at` into an HMAC: both pads have been made by the caller, one block
 * each, and are taken first (FIPS 198-1 §4 steps 4 and 7).
 */
export function beginKeyed(at: usize, innerPad: usize, outerPad: usize): void {
  const algorithm = load<u32>(at);
  takeBlocks(at, outerPad, 1);
  copy(at + OUTER, at + STATE, 64);
  copy(at + STATE, initialState(algorithm), algorithm <= SHA_256 ? 32 : 64);
  takeBlocks(at, innerPad, 1);
  store<u64>(at, blockBytes(algorithm), TAKEN);
  store<u32>(at, 1, KEYED);
}
