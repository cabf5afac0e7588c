/**
 * AES-CMAC (SP 800-38B, RFC 4493) over a message in memory.
 *
 * Tags are 16 bytes. At most 2^48 messages under one key (SP 800-38B appendix B).
 */
import { aesRounds, encryptBlock } from "./aes";
import { aesSlot, DATA, DATA_BYTES, OUT, SCRATCH } from "./memory";
import { BAD_LENGTH, BAD_SLOT } from "./status";

/** Bytes of a tag. */
export const CMAC_BYTES: i32 = 16;

// In SCRATCH: the last block on its way.
const LAST_BLOCK: usize = SCRATCH;

/** Doubling in GF(2^128) (SP 800-38B §6.1 steps 2 and 3): shift left, and add 87 if a bit fell off. */
function doubleBlock(block: v128): v128 {
  const high = bswap<u64>(i64x2.extract_lane(block, 0));
  const low = bswap<u64>(i64x2.extract_lane(block, 1));
  const carry = (0 - (high >> 63)) & 0x87;
  return i64x2.replace_lane(
    i64x2.splat(bswap<u64>((high << 1) | (low >> 63))),
    1,
    bswap<u64>((low << 1) ^ carry),
  );
}

/** The tag of `length` bytes at `data`, written to `to`. */
export function cmacTo(key: usize, data: usize, length: u32, to: usize): void {
  const k1 = doubleBlock(encryptBlock(key, i64x2.splat(0)));
  const whole = length != 0 && (length & 15) == 0;
  const end = data + (length == 0 ? 0 : (length - 1) & ~15); // start of the last block
  let chain = i64x2.splat(0);
  for (let at = data; at < end; at += 16) {
    chain = encryptBlock(key, v128.xor(chain, v128.load(at)));
  }
  // SP 800-38B §6.2 step 4: a whole last block takes K1, a short one 10…0 and K2.
  memory.fill(LAST_BLOCK, 0, 16);
  memory.copy(LAST_BLOCK, end, length - <u32>(end - data));
  if (!whole) store<u8>(LAST_BLOCK + (length & 15), 0x80);
  const last = v128.xor(v128.load(LAST_BLOCK), whole ? k1 : doubleBlock(k1));
  v128.store(to, encryptBlock(key, v128.xor(chain, last)));
  memory.fill(LAST_BLOCK, 0, 16);
}

/** CMAC of the first `length` bytes of DATA under the key in `slot`, to OUT. Returns 16 or a fault. */
export function aesCmac(slot: i32, length: u32): i32 {
  if (aesRounds(slot) == 0) return BAD_SLOT;
  if (length > DATA_BYTES) return BAD_LENGTH;
  cmacTo(aesSlot(slot), DATA, length, OUT);
  return CMAC_BYTES;
}
