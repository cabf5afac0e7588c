/**
 * Bytes that were changed in one place, as damage, an error or an attacker changes them.
 */
import type { Random } from "../../lib/random.ts";
import { join } from "../vectors/forge.ts";

type Bend = (random: Random, bytes: Uint8Array, at: number) => Uint8Array;

/** Bytes from `at` on, a few of them. */
function few(random: Random, bytes: Uint8Array, at: number): number {
  return Math.min(bytes.length - at, 1 + random.below(random.pick([1, 4, 8, 40, 600])));
}

function replaced(bytes: Uint8Array, at: number, length: number, by: Uint8Array): Uint8Array {
  return join(bytes.subarray(0, at), by, bytes.subarray(at + length));
}

const flipBit: Bend = (random, bytes, at) =>
  replaced(bytes, at, 1, Uint8Array.of((bytes[at] ?? 0) ^ (1 << random.below(8))));

const setByte: Bend = (random, bytes, at) =>
  replaced(bytes, at, 1, Uint8Array.of(random.pick([0, 1, 2, 0x7f, 0x80, 0xfe, 0xff])));

const setBytes: Bend = (random, bytes, at) => {
  const length = few(random, bytes, at);
  return replaced(bytes, at, length, random.bytes(length));
};

const insert: Bend = (random, bytes, at) =>
  replaced(bytes, at, 0, random.bytes(few(random, bytes, at)));

const remove: Bend = (random, bytes, at) =>
  replaced(bytes, at, few(random, bytes, at), new Uint8Array(0));

const repeat: Bend = (random, bytes, at) =>
  replaced(bytes, at, 0, bytes.subarray(at, at + few(random, bytes, at)));

const swap: Bend = (random, bytes, at) => {
  const length = few(random, bytes, at);
  const other = random.below(bytes.length - length + 1);
  const [low, high] = at < other ? [at, other] : [other, at];
  if (low + length > high) return flipBit(random, bytes, at);
  const second = bytes.slice(high, high + length);
  const first = bytes.slice(low, low + length);
  return replaced(replaced(bytes, low, length, second), high, length, first);
};

const cut: Bend = (_, bytes, at) => bytes.subarray(0, at);

const cutNearEnd: Bend = (random, bytes) =>
  bytes.subarray(0, Math.max(0, bytes.length - 1 - random.below(40)));

const extend: Bend = (random, bytes) => join(bytes, random.bytes(1 + random.below(40)));

const BENDS: readonly Bend[] = [
  flipBit,
  flipBit,
  flipBit,
  setByte,
  setByte,
  setBytes,
  insert,
  remove,
  repeat,
  swap,
  cut,
  cutNearEnd,
  extend,
];

/** Those that leave the length as it is. */
const IN_PLACE: readonly Bend[] = [flipBit, flipBit, setByte, setBytes, swap];

/** Changed in one place; its length may be another. */
export function bent(random: Random, bytes: Uint8Array): Uint8Array {
  if (bytes.length === 0) return random.bytes(1 + random.below(8));
  return random.pick(BENDS)(random, bytes, random.below(bytes.length));
}

/** Changed in one place, among bytes `from` to before `to`; as long as it was. */
export function bentInPlace(
  random: Random,
  bytes: Uint8Array,
  from = 0,
  to = bytes.length,
): Uint8Array {
  const part = bytes.subarray(from, to);
  if (part.length === 0) return bytes;
  const changed = random.pick(IN_PLACE)(random, part, random.below(part.length));
  return replaced(bytes, from, part.length, changed);
}

/** The same items, of which one is missing, twice there, in another place, or changed. */
export function bentList<T>(
  random: Random,
  items: readonly T[],
  change: (item: T) => T,
): readonly T[] {
  if (items.length === 0) return items;
  const at = random.below(items.length);
  const item = items[at]!;
  const others = items.filter((_, i) => i !== at);
  switch (random.below(6)) {
    case 0:
      return others;
    case 1:
      return items.toSpliced(random.below(items.length + 1), 0, item);
    case 2:
      return others.toSpliced(random.below(items.length), 0, item);
    default:
      return items.with(at, change(item));
  }
}
