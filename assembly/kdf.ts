/**
 * The KDF in counter mode (SP 800-108r1 §4.1) with HMAC-SHA-2 or AES-CMAC.
 *
 * The host lays out the fixed input with room for the counter; which fields it has, and that they are
 * unambiguous, is the host's business. K_IN comes at KEY, the derived key goes behind the message.
 */
import { setKeyAt } from "./aes";
import { cmacTo } from "./cmac";
import { absorb, finish, isHash } from "./hash";
import { beginHmac } from "./hmac";
import {
  AES_SLOT_BYTES,
  copy,
  DATA,
  HASH_SLOT_BYTES,
  KDF_MAX_BYTES,
  KEY,
  KEY_BYTES,
  OUT,
  SCRATCH,
  SPARE_AES,
  SPARE_HASH,
  zero,
} from "./memory";
import { BAD_ALGORITHM, BAD_LENGTH, OK } from "./status";

/** The PRF that is AES-CMAC; the others are named by their hash. */
export const PRF_CMAC: u32 = 16;

// In SCRATCH, behind the pads of hmac.ts: HMAC just keyed; SPARE_HASH is the copy that takes one message.
const KEYED_SLOT: usize = SCRATCH + 256;

/** [i]_r, big-endian, `counterBytes` wide (SP 800-108r1 §4.1, step 4a). */
function writeCounter(at: usize, counterBytes: u32, i: u32): void {
  for (let n: u32 = 0; n < counterBytes; n++) {
    store<u8>(at + n, i >> ((counterBytes - 1 - n) << 3));
  }
}

/** One HMAC of the message in DATA, from the keyed state, to OUT. */
function hmacOnce(messageBytes: u32): void {
  copy(SPARE_HASH, KEYED_SLOT, HASH_SLOT_BYTES);
  absorb(SPARE_HASH, DATA, messageBytes);
  finish(SPARE_HASH, OUT);
}

/** Makes the PRF ready from the key at KEY. Returns OK or BAD_LENGTH. */
function keyPrf(prf: u32, keyBytes: u32): i32 {
  if (prf == PRF_CMAC) return setKeyAt(SPARE_AES, keyBytes);
  beginHmac(KEYED_SLOT, prf, KEY, keyBytes);
  return OK;
}

function wipePrf(prf: u32): void {
  if (prf == PRF_CMAC) {
    zero(SPARE_AES, AES_SLOT_BYTES);
  } else {
    zero(KEYED_SLOT, HASH_SLOT_BYTES);
    zero(SPARE_HASH, HASH_SLOT_BYTES);
  }
  zero(KEY, KEY_BYTES);
  zero(OUT, 64);
}

/**
 * Derives `outBytes` from the key at KEY and the message at DATA, in which the `counterBytes` (1 to 4)
 * at `counterOffset` are written anew for each i = 1, 2, …. The derived key lies at DATA +
 * `messageBytes` rounded up to a multiple of 16.
 *
 * @param prf - PRF_CMAC, or the digest bytes of the hash of HMAC.
 * @param keyBytes - 1 to 128; with CMAC 16, 24 or 32. KEY is zeroed.
 * @param messageBytes - up to KDF_MAX_BYTES, the counter included.
 * @param outBytes - 1 to KDF_MAX_BYTES, and n = ⌈outBytes / h⌉ ≤ 2^r − 1.
 * @returns `outBytes`, BAD_ALGORITHM or BAD_LENGTH.
 */
export function kdfCounter(
  prf: u32,
  keyBytes: u32,
  messageBytes: u32,
  counterOffset: u32,
  counterBytes: u32,
  outBytes: u32,
): i32 {
  if (prf != PRF_CMAC && !isHash(prf)) return BAD_ALGORITHM;
  if (counterBytes == 0 || counterBytes > 4) return BAD_ALGORITHM;
  if (keyBytes == 0 || keyBytes > KEY_BYTES || messageBytes > KDF_MAX_BYTES) return BAD_LENGTH;
  if (counterOffset > messageBytes || messageBytes - counterOffset < counterBytes) {
    return BAD_LENGTH;
  }
  if (outBytes == 0 || outBytes > KDF_MAX_BYTES) return BAD_LENGTH;
  // SP 800-108r1 §4.1 step 2: an error if n > 2^r − 1. n ≤ 2^15 here, so r ≥ 16 always has room.
  const n = (outBytes + prf - 1) / prf;
  if (counterBytes == 1 && n > 255) return BAD_LENGTH;
  if (keyPrf(prf, keyBytes) != OK) return BAD_LENGTH;
  const out = DATA + ((messageBytes + 15) & ~15);
  let left = outBytes;
  for (let i: u32 = 1; i <= n; i++) {
    writeCounter(DATA + counterOffset, counterBytes, i);
    if (prf == PRF_CMAC) cmacTo(SPARE_AES, DATA, messageBytes, OUT);
    else hmacOnce(messageBytes);
    const take = min(left, prf);
    memory.copy(out + (outBytes - left), OUT, take);
    left -= take;
  }
  wipePrf(prf);
  return <i32>outBytes;
}
