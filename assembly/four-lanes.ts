/**
 * W and W⁻¹ (SP 800-38F §6.1) over four messages of one length at once, one key.
 *
 * For batches too small for the bit planes of aes-lanes.ts; the blocks are in aes-four.ts.
 */
import { decryptFour, encryptFour } from "./aes-four";
import { LANE_STATE } from "./memory";

/** Messages in one call. */
export const FOUR: u32 = 4;

/** A ^= t in all lanes. */
function addCounter(t: u32): void {
  const counter = i64x2.replace_lane(i64x2.splat(0), 0, bswap<u64>(t));
  for (let at = LANE_STATE; at != LANE_STATE + 64; at += 16) {
    v128.store(at, v128.xor(v128.load(at), counter));
  }
}

function loadHeads(data: usize, stride: usize): void {
  for (let l: usize = 0; l < 4; l++) {
    v128.store(LANE_STATE + (l << 4), v128.load64_zero(data + l * stride));
  }
}

function storeHeads(data: usize, stride: usize): void {
  for (let l: usize = 0; l < 4; l++) {
    store<u64>(data + l * stride, load<u64>(LANE_STATE + (l << 4)));
  }
}

/** W over four messages at `data`, `stride` apart: each A and then n ≥ 2 semiblocks. t < 2^20. */
export function wrapFour(slot: usize, data: usize, stride: usize, n: u32): void {
  loadHeads(data, stride);
  let t: u32 = 1;
  for (let pass: u32 = 0; pass < 6; pass++) {
    for (let at = data + 8; at != data + 8 + (n << 3); at += 8) {
      encryptFour(slot, LANE_STATE, at, stride);
      addCounter(t);
      t++;
    }
  }
  storeHeads(data, stride);
}

/** W⁻¹ over the same. */
export function unwrapFour(slot: usize, data: usize, stride: usize, n: u32): void {
  loadHeads(data, stride);
  let t: u32 = 6 * n;
  for (let pass: u32 = 0; pass < 6; pass++) {
    for (let at = data + (n << 3); at != data; at -= 8) {
      addCounter(t);
      decryptFour(slot, LANE_STATE, at, stride);
      t--;
    }
  }
  storeHeads(data, stride);
}
