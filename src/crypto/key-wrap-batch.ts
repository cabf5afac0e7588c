/**
 * KWP of many messages of one length: which of them share a call, and in how many lanes.
 *
 * SP 800-38F §6.3; the work is in assembly/key-wrap-lanes.ts and assembly/key-wrap.ts. Bytes are
 * the same whatever the lanes.
 */
import { CoreMemory, DATA_BYTES, MAX_WRAP_BYTES, REFUSED } from "./memory.ts";

/** Which chunk of a batch did not verify. Nothing of the batch is released. */
export interface RefusedChunk {
  /** Of the first such chunk, from 0. */
  readonly refusedIndex: number;
}

const FOUR_LANES = 4;
const GROUP_LANES = 8;
const MAX_LANES = 32;
/**
 * From how many messages on four lanes, some idle, beat one lane; and eight beat four and the rest.
 */
const FEWEST_IN_FOUR = 3;
const FEWEST_IN_GROUP = 6;

/** SP 800-38F §5.3.1 up to our maximum; only the public length is looked at. */
export function isWrappedLength(length: number, minimum: number): boolean {
  return length >= minimum && length <= MAX_WRAP_BYTES + 8 && length % 8 === 0;
}

/** Bytes of the KWP wrap of `length` bytes. */
export function wrappedLength(length: number): number {
  return ((length + 7) & ~7) + 8;
}

/** Bytes from one message to the next: `laneStride` of assembly/key-wrap-lanes.ts. */
export function laneStride(length: number): number {
  return 16 + ((length + 15) & ~15);
}

/** Lanes that work for `count` messages: `lanesFor` of assembly/key-wrap-lanes.ts. */
function lanesFor(count: number): number {
  return count <= FOUR_LANES ? FOUR_LANES : Math.ceil(count / GROUP_LANES) * GROUP_LANES;
}

/** How many of `left` messages of `length` bytes go into the next call. */
export function nextCount(left: number, length: number): number {
  if (left < FEWEST_IN_FOUR || length <= 8) return 1;
  const room = Math.floor(DATA_BYTES / laneStride(length));
  if (left >= FEWEST_IN_GROUP && room >= GROUP_LANES) {
    return Math.min(left, MAX_LANES, room - (room % GROUP_LANES));
  }
  return room >= FOUR_LANES ? Math.min(left, FOUR_LANES) : 1;
}

/** Bytes of DATA that a call with `count` messages of `length` bytes touches. */
export function touchedBytes(count: number, length: number): number {
  return count === 1 ? wrappedLength(length) + 8 : lanesFor(count) * laneStride(length);
}

/** Equal messages one after the other on this side, `stride` apart in DATA. */
interface Run {
  readonly count: number;
  readonly stride: number;
}

/**
 * Copies messages of `length` bytes from `source` on into DATA, each `offset` bytes into its lane.
 */
function putRun(
  memory: CoreMemory,
  run: Run,
  source: Uint8Array,
  length: number,
  offset: number,
): void {
  for (let i = 0; i < run.count; i++) {
    memory.putData(source.subarray(i * length, (i + 1) * length), i * run.stride + offset);
  }
}

/** The inverse of `putRun`. */
function takeRun(
  memory: CoreMemory,
  run: Run,
  target: Uint8Array,
  length: number,
  offset: number,
): void {
  for (let i = 0; i < run.count; i++) {
    memory.copyData(i * run.stride + offset, length, target, i * length);
  }
}

/** Wraps the messages of `chunkBytes` that make up `plain`: a fresh array. */
export function wrapBatch(
  memory: CoreMemory,
  slot: number,
  plain: Uint8Array,
  chunkBytes: number,
): Uint8Array {
  const { exports } = memory;
  const total = plain.length / chunkBytes;
  const stride = laneStride(chunkBytes);
  const wrappedBytes = wrappedLength(chunkBytes);
  const out = new Uint8Array(total * wrappedBytes);
  for (let done = 0; done < total; ) {
    const count = nextCount(total - done, chunkBytes);
    const run = { count, stride };
    try {
      putRun(memory, run, plain.subarray(done * chunkBytes), chunkBytes, 8);
      const status =
        count === 1
          ? exports.kwpWrap(slot, chunkBytes)
          : exports.kwpWrapLanes(slot, count, chunkBytes);
      CoreMemory.counted(status);
      takeRun(memory, run, out.subarray(done * wrappedBytes), wrappedBytes, 0);
    } finally {
      memory.wipePassing(touchedBytes(count, chunkBytes));
    }
    done += count;
  }
  return out;
}

/**
 * Status of one message unwrapped, in a lane's terms: one of an unexpected length is refused.
 */
function unwrapOne(memory: CoreMemory, slot: number, bytes: number, expected: number): number {
  const status = memory.exports.kwpUnwrap(slot, bytes);
  return expected !== 0 && status !== expected ? REFUSED : status;
}

/**
 * Unwraps the messages of `wrappedBytes` that make up `wrapped`: all of them, or which was refused.
 */
export function unwrapBatch(
  memory: CoreMemory,
  slot: number,
  wrapped: Uint8Array,
  wrappedBytes: number,
): Uint8Array | RefusedChunk {
  const total = wrapped.length / wrappedBytes;
  const stride = laneStride(wrappedBytes - 8);
  let out = new Uint8Array(0);
  let chunkBytes = 0; // of the first message, once it is known
  for (let done = 0; done < total; ) {
    const count = nextCount(total - done, wrappedBytes - 8);
    const run = { count, stride };
    try {
      putRun(memory, run, wrapped.subarray(done * wrappedBytes), wrappedBytes, 0);
      const status =
        count === 1
          ? unwrapOne(memory, slot, wrappedBytes, chunkBytes)
          : memory.exports.kwpUnwrapLanes(slot, count, wrappedBytes, chunkBytes);
      if (status <= REFUSED) {
        out.fill(0);
        return { refusedIndex: done + REFUSED - status };
      }
      chunkBytes = CoreMemory.counted(status);
      if (done === 0) out = new Uint8Array(total * chunkBytes);
      takeRun(memory, run, out.subarray(done * chunkBytes), chunkBytes, 8);
    } finally {
      memory.wipePassing(touchedBytes(count, wrappedBytes - 8));
    }
    done += count;
  }
  return out;
}
