/**
 * KWP over several messages of one length at once, each in a lane of its own (SP 800-38F §6.3).
 *
 * Message i lies at DATA + i · stride as one message lies at DATA. All lanes are judged by masks; the
 * first that does not verify is the only thing that becomes public.
 */
import { aesRounds } from "./aes";
import { GROUP_LANES, MAX_LANES, unwrapLanes, wrapLanes } from "./aes-lanes";
import { FOUR, unwrapFour, wrapFour } from "./four-lanes";
import { ICV2, kwpFaults, maskOf } from "./key-wrap";
import { aesSlot, DATA, DATA_BYTES, declassify, LANE_STATE, LANE_WORK_BYTES } from "./memory";
import { BAD_LENGTH, BAD_SLOT, REFUSED } from "./status";

/** For `kwpUnwrapLanes`: the lengths are those of the first message, or each message's own. */
const LENGTH_OF_FIRST: u32 = 0;
const ANY_LENGTH: u32 = 0xffffffff;

/** Bytes from one message to the next: A, plaintext rounded up to whole blocks, 8 bytes of room. */
export function laneStride(length: u32): u32 {
  return 16 + ((length + 15) & ~15);
}

/** Lanes that work for `count` messages: four, or groups of eight; those left over work on zeros. */
function lanesFor(count: u32): u32 {
  return count <= FOUR ? FOUR : (count + GROUP_LANES - 1) & ~(GROUP_LANES - 1);
}

/** True if `count` messages of `length` padded bytes fit: n ≥ 2 semiblocks, and all lanes in DATA. */
function fits(count: u32, length: u32): bool {
  if (count == 0 || count > MAX_LANES || length < 9 || length > DATA_BYTES / FOUR) {
    return false;
  }
  return lanesFor(count) * laneStride(length) <= DATA_BYTES;
}

/**
 * KWP-AE of `count` (1 to 32) messages of `length` bytes (9 or more, as DATA has room) at DATA + i ·
 * stride + 8. Returns the bytes of each wrap, at DATA + i · stride; BAD_SLOT or BAD_LENGTH.
 */
export function kwpWrapLanes(slot: i32, count: u32, length: u32): i32 {
  if (aesRounds(slot) == 0) return BAD_SLOT;
  if (!fits(count, length)) return BAD_LENGTH;
  const stride = laneStride(length);
  const padded = (length + 7) & ~7;
  for (let i: u32 = 0; i < count; i++) {
    const at = DATA + i * stride;
    store<u64>(at, ((<u64>bswap<u32>(length)) << 32) | ICV2);
    memory.fill(at + 8 + length, 0, padded - length);
  }
  const lanes = lanesFor(count);
  if (lanes == FOUR) wrapFour(aesSlot(slot), DATA, stride, padded >> 3);
  else wrapLanes(aesSlot(slot), DATA, stride, padded >> 3, lanes / GROUP_LANES);
  memory.fill(LANE_STATE, 0, LANE_WORK_BYTES);
  return <i32>padded + 8;
}

/**
 * KWP-AD of `count` (1 to 32) wraps of `wrappedBytes` (24 or more, a multiple of 8) at DATA + i ·
 * stride. Every message has to be `length` bytes long, or, by the two values above, as long as the first
 * or of any length; in the last case the lengths are to be read from DATA + i · stride + 4, big-endian.
 * Returns the length of the first, BAD_SLOT, BAD_LENGTH, or REFUSED − i for the first message i that does
 * not verify or has another length; then DATA is zeroed.
 */
export function kwpUnwrapLanes(slot: i32, count: u32, wrappedBytes: u32, length: u32): i32 {
  if (aesRounds(slot) == 0) return BAD_SLOT;
  if ((wrappedBytes & 7) != 0 || !fits(count, wrappedBytes - 8)) return BAD_LENGTH;
  const stride = laneStride(wrappedBytes - 8);
  const n = (wrappedBytes >> 3) - 1;
  const lanes = lanesFor(count);
  if (lanes == FOUR) unwrapFour(aesSlot(slot), DATA, stride, n);
  else unwrapLanes(aesSlot(slot), DATA, stride, n, lanes / GROUP_LANES);
  memory.fill(LANE_STATE, 0, LANE_WORK_BYTES);
  const first = bswap<u32>(load<u32>(DATA + 4));
  const expected = length == LENGTH_OF_FIRST || length == ANY_LENGTH ? first : length;
  const isFixed: u32 = length == ANY_LENGTH ? 0 : 0xffffffff;
  // From the last to the first, so that the first refused message is what stays.
  let result = expected;
  for (let i = count; i != 0; i--) {
    const at = DATA + (i - 1) * stride;
    const a = load<u64>(at);
    const other = <u64>((bswap<u32>(<u32>(a >> 32)) ^ expected) & isFixed);
    const bad = maskOf(kwpFaults(a, load<u64>(at + (n << 3)), n) | other);
    result = (result & ~bad) | (<u32>(REFUSED - <i32>(i - 1)) & bad);
  }
  const verdict = declassify(<i32>result);
  if (verdict < 0) memory.fill(DATA, 0, lanes * stride);
  return verdict;
}
