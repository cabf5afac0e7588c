/**
 * KWP of a list of messages of any lengths: those of one length share calls, in lanes.
 *
 * SP 800-38F §6.3. Each message is wrapped as it would be alone; the list's order is kept.
 */
import {
  isWrappedLength,
  laneStride,
  nextCount,
  type RefusedChunk,
  touchedBytes,
  wrapBatch,
  wrappedLength,
} from "./key-wrap-batch.ts";
import { CoreMemory, MAX_WRAP_BYTES, REFUSED, verifyLength } from "./memory.ts";

/** ANY_LENGTH of assembly/key-wrap-lanes.ts. */
const ANY_LENGTH = 0xffffffff;

/** Places in the list, by the length of the message there. */
function placesByLength(messages: readonly Uint8Array[]): Map<number, number[]> {
  const places = new Map<number, number[]>();
  for (const [index, { length }] of messages.entries()) {
    const list = places.get(length);
    if (list === undefined) places.set(length, [index]);
    else list.push(index);
  }
  return places;
}

/** Messages and their places, so that no place is ever without its message. */
function pick(messages: readonly Uint8Array[], places: readonly number[]): Uint8Array[] {
  return places.flatMap((place) => messages[place] ?? []);
}

/**
 * KWP-AE of each of `plains` (1 to MAX_WRAP_BYTES): fresh arrays. @throws RangeError on a length.
 */
export function wrapMany(
  memory: CoreMemory,
  slot: number,
  plains: readonly Uint8Array[],
): Uint8Array[] {
  for (const { length } of plains) verifyLength("plain", length, 1, MAX_WRAP_BYTES);
  const out: Uint8Array[] = plains.map(() => new Uint8Array(0));
  for (const [length, places] of placesByLength(plains)) {
    const joined = new Uint8Array(places.length * length);
    for (const [i, plain] of pick(plains, places).entries()) joined.set(plain, i * length);
    const wrapped = wrapBatch(memory, slot, joined, length);
    joined.fill(0);
    const bytes = wrappedLength(length);
    for (const [i, place] of places.entries()) {
      out[place] = wrapped.slice(i * bytes, (i + 1) * bytes);
    }
  }
  return out;
}

/** Unwraps messages of one length in one call: each one's bytes, or the status of the refusal. */
function unwrapRun(
  memory: CoreMemory,
  slot: number,
  run: readonly Uint8Array[],
  bytes: number,
): Uint8Array[] | number {
  const stride = laneStride(bytes - 8);
  const { exports } = memory;
  try {
    for (const [lane, message] of run.entries()) memory.putData(message, lane * stride);
    const status =
      run.length === 1
        ? exports.kwpUnwrap(slot, bytes)
        : exports.kwpUnwrapLanes(slot, run.length, bytes, ANY_LENGTH);
    if (status <= REFUSED) return status;
    CoreMemory.counted(status);
    return run.map((_, lane) => {
      const length = run.length === 1 ? status : memory.dataUint32(lane * stride + 4);
      return memory.takeData(lane * stride + 8, length);
    });
  } finally {
    memory.wipePassing(touchedBytes(run.length, bytes - 8));
  }
}

/** Unwraps the messages of `bytes` at `places` into `out`: null, or the first place refused. */
function unwrapPlaces(
  memory: CoreMemory,
  slot: number,
  wrapped: readonly Uint8Array[],
  places: readonly number[],
  bytes: number,
  out: Uint8Array[],
): number | null {
  for (let done = 0; done < places.length; ) {
    const run = places.slice(done, done + nextCount(places.length - done, bytes - 8));
    const plains = unwrapRun(memory, slot, pick(wrapped, run), bytes);
    if (typeof plains === "number") return run[REFUSED - plains] ?? null;
    for (const [i, place] of run.entries()) out[place] = plains[i] ?? new Uint8Array(0);
    done += run.length;
  }
  return null;
}

/**
 * KWP-AD of each of `wrapped`: fresh arrays, or the first place in the list that does not verify or
 * has no allowed length; then nothing is released.
 */
export function unwrapMany(
  memory: CoreMemory,
  slot: number,
  wrapped: readonly Uint8Array[],
): Uint8Array[] | RefusedChunk {
  const out: Uint8Array[] = wrapped.map(() => new Uint8Array(0));
  let refusedIndex = wrapped.length;
  for (const [bytes, places] of placesByLength(wrapped)) {
    const refused = isWrappedLength(bytes, 16)
      ? unwrapPlaces(memory, slot, wrapped, places, bytes, out)
      : (places[0] ?? null);
    if (refused !== null) refusedIndex = Math.min(refusedIndex, refused);
  }
  if (refusedIndex === wrapped.length) return out;
  for (const plain of out) plain.fill(0);
  return { refusedIndex };
}
