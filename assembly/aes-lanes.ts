/**
 * W and W⁻¹ (SP 800-38F §6.1) over 8, 16, 24 or 32 messages of one length at once, one key.
 *
 * Fixslicing after Adomnicai and Peyrin, TCHES 2021(1): eight messages are turned into bit planes, stay
 * so for all six passes, and are turned back. No table, no branch and no address depends on a secret.
 */
import { PLAIN_KEYS } from "./aes";
import { forwardRound, inverseRound } from "./aes-planes";
import { ROTATE_ROWS, SHIFT_ROWS } from "./aes-tables";
import { LANE_KEYS, LANE_STATE, LANE_TEMPORARY } from "./memory";

/** Messages whose bits share the bytes of a plane. */
export const GROUP_LANES: u32 = 8;
/** Most messages in one call. */
export const MAX_LANES: u32 = 32;

const PLANE_BYTES: usize = 16;
const GROUP_BYTES: usize = 8 * 16; // of state: A in the lower half of each plane, R(i) in the upper
const SBOX_CONSTANT: i8 = 0x63;

/** 1 << j in every byte of row j. */
const BITS: usize = memory.data<u64>(
  [
    0x0101010101010101, 0x0101010101010101, 0x0202020202020202, 0x0202020202020202,
    0x0404040404040404, 0x0404040404040404, 0x0808080808080808, 0x0808080808080808,
    0x1010101010101010, 0x1010101010101010, 0x2020202020202020, 0x2020202020202020,
    0x4040404040404040, 0x4040404040404040, 0x8080808080808080, 0x8080808080808080,
  ],
  16,
);

/** Plane j of a value that is the same in all lanes: FF where bit j of the byte is set, else 00. */
function spread(value: v128, j: usize): v128 {
  const bit = v128.load(BITS + j * PLANE_BYTES);
  return i8x16.eq(v128.and(value, bit), bit);
}

function storeKey(at: usize, key: v128): void {
  for (let j: usize = 0; j < 8; j++) v128.store(at + j * PLANE_BYTES, spread(key, j));
}

/** Round keys of the forward cipher as planes: each moved back by the ShiftRows left out before it. */
function prepareForward(slot: usize): void {
  const rounds = load<u32>(slot);
  for (let round: u32 = 0; round <= rounds; round++) {
    const plain = v128.load(slot + PLAIN_KEYS + (round << 4));
    const added = round == 0 ? plain : v128.xor(plain, i8x16.splat(SBOX_CONSTANT));
    const back = round == rounds ? 0 : (0 - round) & 3;
    const key = i8x16.swizzle(added, v128.load(SHIFT_ROWS + (back << 4)));
    storeKey(LANE_KEYS + (round << 7), key);
  }
}

/** Round keys of the inverse cipher as planes, first used first. */
function prepareInverse(slot: usize): void {
  const rounds = load<u32>(slot);
  for (let step: u32 = 0; step <= rounds; step++) {
    const plain = v128.load(slot + PLAIN_KEYS + ((rounds - step) << 4));
    const added = step == rounds ? plain : v128.xor(plain, i8x16.splat(SBOX_CONSTANT));
    const forth = step == rounds ? 0 : step & 3;
    const key = i8x16.swizzle(added, v128.load(SHIFT_ROWS + (forth << 4)));
    storeKey(LANE_KEYS + (step << 7), key);
  }
}

/** Exchanges the bits of a that `mask` << n selects with those of b that `mask` selects. */
function exchange(a: usize, b: usize, n: i32, mask: v128): void {
  const x = v128.load(a);
  const y = v128.load(b);
  const change = v128.and(v128.xor(i64x2.shr_u(x, n), y), mask);
  v128.store(b, v128.xor(y, change));
  v128.store(a, v128.xor(x, i64x2.shl(change, n)));
}

/**
 * Turns eight rows of 16 bytes at `from`, `fromStride` apart, into eight planes at `to`: bit j of byte p
 * of row l becomes bit l of byte p of row j. It is its own inverse.
 */
function transpose(from: usize, fromStride: usize, to: usize, toStride: usize): void {
  for (let l: usize = 0; l < 8; l++) {
    v128.store(LANE_TEMPORARY + (l << 4), v128.load(from + l * fromStride));
  }
  const nibbles = i8x16.splat(0x0f);
  const pairs = i8x16.splat(0x33);
  const singles = i8x16.splat(0x55);
  for (let l: usize = 0; l < 64; l += 16) {
    exchange(LANE_TEMPORARY + l, LANE_TEMPORARY + l + 64, 4, nibbles);
  }
  for (let l: usize = 0; l < 128; l += 64) {
    exchange(LANE_TEMPORARY + l, LANE_TEMPORARY + l + 32, 2, pairs);
    exchange(LANE_TEMPORARY + l + 16, LANE_TEMPORARY + l + 48, 2, pairs);
  }
  for (let l: usize = 0; l < 128; l += 32) {
    exchange(LANE_TEMPORARY + l, LANE_TEMPORARY + l + 16, 1, singles);
  }
  for (let l: usize = 0; l < 8; l++) {
    v128.store(to + l * toStride, v128.load(LANE_TEMPORARY + (l << 4)));
  }
}

/** Between messages and planes, in place; both ways. A of each group goes to LANE_STATE. */
function toPlanes(data: usize, stride: usize, n: u32, groups: usize): void {
  for (let group: usize = 0; group < groups; group++) {
    const first = data + group * (8 * stride);
    transpose(first, stride, LANE_STATE + group * GROUP_BYTES, PLANE_BYTES);
    for (let i: u32 = 0; i < n; i += 2) {
      transpose(first + 8 + (i << 3), stride, first + 8 + (i << 3), stride);
    }
  }
}

function fromPlanes(data: usize, stride: usize, n: u32, groups: usize): void {
  for (let group: usize = 0; group < groups; group++) {
    const first = data + group * (8 * stride);
    for (let i: u32 = 0; i < n; i += 2) {
      transpose(first + 8 + (i << 3), stride, first + 8 + (i << 3), stride);
    }
    const state = LANE_STATE + group * GROUP_BYTES;
    transpose(state, PLANE_BYTES, state, PLANE_BYTES);
    for (let l: usize = 0; l < 8; l++) {
      store<u64>(first + l * stride, load<u64>(state + l * PLANE_BYTES));
    }
  }
}

/** Puts R(i), at `at` in each plane, beside A, and adds the first round key. */
function loadBlocks(at: usize, stride: usize, end: usize): void {
  for (let state = LANE_STATE; state != end; state += GROUP_BYTES) {
    for (let j: usize = 0; j < 8; j++) {
      const block = v128.load64_lane(at, v128.load(state + (j << 4)), 1);
      v128.store(state + (j << 4), v128.xor(block, v128.load(LANE_KEYS + (j << 4))));
      at += stride;
    }
  }
}

/** Puts the lower halves of the blocks back as R(i). */
function storeBlocks(at: usize, stride: usize, end: usize): void {
  for (let state = LANE_STATE; state != end; state += GROUP_BYTES) {
    for (let j: usize = 0; j < 8; j++) {
      v128.store64_lane(at, v128.load(state + (j << 4)), 1);
      at += stride;
    }
  }
}

/** A ^= t in all lanes. */
function addCounter(t: u32, end: usize): void {
  const counter = i64x2.replace_lane(i64x2.splat(0), 0, bswap<u64>(t));
  for (let j: usize = 0; j < 8; j++) {
    const mask = spread(counter, j);
    for (let state = LANE_STATE; state != end; state += GROUP_BYTES) {
      v128.store(state + (j << 4), v128.xor(v128.load(state + (j << 4)), mask));
    }
  }
}

/** One step of W in all lanes; R(i) lies at `at` in the first plane. */
function wrapStep(rounds: u32, at: usize, stride: usize, end: usize, t: u32): void {
  loadBlocks(at, stride, end);
  for (let round: u32 = 1; round < rounds; round++) {
    const rotate = ROTATE_ROWS + (round & 3) * 48;
    forwardRound(LANE_STATE, end, LANE_KEYS + (round << 7), rotate, false);
  }
  const shift = SHIFT_ROWS + ((rounds & 3) << 4);
  forwardRound(LANE_STATE, end, LANE_KEYS + (rounds << 7), shift, true);
  storeBlocks(at, stride, end);
  addCounter(t, end);
}

/** One step of W⁻¹ in all lanes. */
function unwrapStep(rounds: u32, at: usize, stride: usize, end: usize, t: u32): void {
  addCounter(t, end);
  loadBlocks(at, stride, end);
  for (let round: u32 = 1; round < rounds; round++) {
    const rotate = ROTATE_ROWS + ((0 - round) & 3) * 48;
    inverseRound(LANE_STATE, end, LANE_KEYS + (round << 7), rotate, false);
  }
  const shift = SHIFT_ROWS + (((0 - rounds) & 3) << 4);
  inverseRound(LANE_STATE, end, LANE_KEYS + (rounds << 7), shift, true);
  storeBlocks(at, stride, end);
}

/**
 * W over 8 · `groups` messages at `data`, `stride` apart (a multiple of 16, with room for n rounded up
 * to even): each A and then n ≥ 2 semiblocks. t ≤ 6 · n < 2^20.
 */
export function wrapLanes(slot: usize, data: usize, stride: usize, n: u32, groups: usize): void {
  const end = LANE_STATE + groups * GROUP_BYTES;
  const rounds = load<u32>(slot);
  prepareForward(slot);
  toPlanes(data, stride, n, groups);
  let t: u32 = 1;
  for (let pass: u32 = 0; pass < 6; pass++) {
    for (let at = data + 8; at != data + 8 + (n << 3); at += 8) {
      wrapStep(rounds, at, stride, end, t);
      t++;
    }
  }
  fromPlanes(data, stride, n, groups);
}

/** W⁻¹ over the same. */
export function unwrapLanes(slot: usize, data: usize, stride: usize, n: u32, groups: usize): void {
  const end = LANE_STATE + groups * GROUP_BYTES;
  const rounds = load<u32>(slot);
  prepareInverse(slot);
  toPlanes(data, stride, n, groups);
  let t: u32 = 6 * n;
  for (let pass: u32 = 0; pass < 6; pass++) {
    for (let at = data + (n << 3); at != data; at -= 8) {
      unwrapStep(rounds, at, stride, end, t);
      t--;
    }
  }
  fromPlanes(data, stride, n, groups);
}
