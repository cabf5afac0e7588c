/**
 * The vectors, damaged above all MACs: flips, cuts, insertions, and splices of two of them.
 */
import type { Random } from "../../lib/random.ts";
import { vectorBytes } from "../fixtures.ts";
import { join } from "../vectors/forge.ts";
import type { VectorEntry } from "../vectors/index-schema.ts";
import { INDEX } from "../vectors/readers.ts";
import { bent } from "./bent-bytes.ts";
import { keysOfSet } from "./held-keys.ts";
import type { Mutant } from "./plan.ts";

const LARGE_BYTES = 20_000;

const ENTRIES = INDEX.vectors.map((entry) => ({ ...entry, bytes: vectorBytes(entry.file) }));
const SMALL = ENTRIES.filter(({ bytes }) => bytes.length < LARGE_BYTES);

type Entry = VectorEntry & { readonly bytes: Uint8Array };

/** Where the parts of a file begin that can be told from outside. */
function seams(bytes: Uint8Array): number[] {
  const isSealed = bytes[3] === 0x45;
  const part = Buffer.from(bytes.subarray(12, 16));
  const clearBytes = isSealed && part.length === 4 ? part.readUInt32BE() : 0;
  const ends = isSealed
    ? [8, 10, 12, 16, 16 + clearBytes, 28 + clearBytes, 220 + clearBytes]
    : [8, 10, 12, 16, 36, 56, 72, 176, 184, 186, 188, 192];
  return [...ends, bytes.length - 32].filter((at) => at > 0 && at <= bytes.length);
}

/** A place where something begins, or any other. */
function seam(random: Random, bytes: Uint8Array): number {
  const all = seams(bytes);
  return random.chance(60) && all.length > 0 ? random.pick(all) : random.below(bytes.length + 1);
}

function spliced(random: Random, a: Uint8Array, b: Uint8Array): Uint8Array {
  const at = seam(random, a);
  const from = random.chance(70) ? at : seam(random, b);
  const behind = random.chance(70) ? b.length : seam(random, b);
  const taken = b.subarray(from, Math.max(from, behind));
  return join(a.subarray(0, at), taken, a.subarray(Math.min(a.length, at + taken.length)));
}

/** Line ends as a transfer in text mode makes them. */
function textMode(bytes: Uint8Array): Uint8Array {
  return Uint8Array.from([...bytes].filter((byte, i) => !(byte === 0x0d && bytes[i + 1] === 0x0a)));
}

function changed(random: Random, entry: Entry, other: Entry): readonly [string, Uint8Array] {
  const { bytes } = entry;
  switch (random.below(12)) {
    case 0:
    case 1:
      return [`spliced with ${other.file}`, spliced(random, bytes, other.bytes)];
    case 2:
      return ["cut", bytes.subarray(0, seam(random, bytes))];
    case 3:
      return ["continued", join(bytes, random.bytes(1 + random.below(20)))];
    case 4:
      return random.chance(10) ? ["in text mode", textMode(bytes)] : ["as it is", bytes];
    case 5: {
      const at = seam(random, bytes);
      const by = random.bytes(random.pick([1, 2, 4]));
      return ["field set", join(bytes.subarray(0, at), by, bytes.subarray(at + by.length))];
    }
    default: {
      const count = random.pick([1, 1, 1, 2, 3]);
      let now: Uint8Array = bytes;
      for (let i = 0; i < count; i++) now = bent(random, now);
      return [`bent ${count} times`, now];
    }
  }
}

/** A vector that was damaged, by the reader that the index names or another. */
export function fileMutant(random: Random): Mutant {
  const entries = random.chance(97) ? SMALL : ENTRIES;
  const entry = random.pick(entries);
  const other = random.pick(entries);
  const [change, file] = changed(random, entry, other);
  const keys = random.chance(85) ? entry.keys : random.pick(Object.keys(INDEX.keys));
  const { expectation } = random.chance(90) ? entry : random.pick(ENTRIES);
  return { ...keysOfSet(keys), file, expectation, changes: [entry.file, change, `by ${keys}`] };
}
