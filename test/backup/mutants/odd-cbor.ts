/**
 * CBOR at random: what FORMAT.md §3.1 allows, and, so many times in a hundred, what it does not.
 */
import type { Random } from "../../lib/random.ts";
import { join } from "../vectors/forge.ts";

const NUMBERS: readonly bigint[] = [
  ...[0n, 1n, 23n, 24n, 255n, 256n, 65_535n, 65_536n, 2n ** 32n - 1n, 2n ** 32n, 2n ** 53n - 1n],
];
const LARGE: readonly bigint[] = [2n ** 53n, 2n ** 53n + 1n, 2n ** 63n, 2n ** 64n - 1n];

/** As UTF-8. Of a byte-order mark, a zero, a noncharacter, four bytes. */
const TEXTS = ["", "a", "key", "ü", "\ufeffmark", "\u0000", "\uffff", "😀", "x".repeat(24)];

/** No UTF-8: overlong, a surrogate, above U+10FFFF, cut, alone, never a byte of it. */
const NO_TEXTS = [
  ...["c080", "e08080", "f0808080", "eda080", "f4908080", "e282", "61c3", "80", "ff", "f8888080"],
].map((hex) => Uint8Array.from(Buffer.from(hex, "hex")));

const WIDTHS = [1, 2, 4, 8];

function big(value: bigint, width: number): Uint8Array {
  return Uint8Array.from(Buffer.from(value.toString(16).padStart(2 * width, "0"), "hex"));
}

/** The head of an item, `longer` steps above its shortest form. */
export function cborHead(major: number, argument: bigint | number, longer = 0): Uint8Array {
  const value = BigInt(argument);
  const forms = [0, ...WIDTHS].filter((width) =>
    width === 0 ? value < 24n : value < 1n << BigInt(8 * width),
  );
  const width = forms[Math.min(longer, forms.length - 1)] ?? 8;
  if (width === 0) return Uint8Array.of((major << 5) | Number(value));
  const short = 24 + WIDTHS.indexOf(width);
  return join(Uint8Array.of((major << 5) | short), big(value, width));
}

function text(random: Random): Uint8Array {
  return Uint8Array.from(Buffer.from(random.pick(TEXTS)));
}

function scalar(random: Random): Uint8Array {
  switch (random.below(5)) {
    case 0:
      return cborHead(random.below(2), random.pick(NUMBERS));
    case 1: {
      const bytes = random.bytes(random.pick([0, 1, 5, 23, 24, 32, 300]));
      return join(cborHead(2, bytes.length), bytes);
    }
    case 2: {
      const bytes = text(random);
      return join(cborHead(3, bytes.length), bytes);
    }
    case 3:
      return Uint8Array.of(0xf4 + random.below(3));
    default:
      return cborHead(0, random.below(1000));
  }
}

/** Keys that go up, none twice. */
function ascendingKeys(random: Random, count: number): bigint[] {
  const keys = new Set<bigint>();
  while (keys.size < count) {
    keys.add(random.chance(80) ? BigInt(1 + random.below(30)) : random.pick(NUMBERS));
  }
  return [...keys].sort((a, b) => (a < b ? -1 : 1));
}

/** A map, whose keys and values break the rules `bend` times in a hundred. */
export function cborMap(random: Random, depth: number, bend: number): Uint8Array {
  const keys = ascendingKeys(random, random.below(4)).map((key) => cborHead(0, key));
  if (keys.length > 0 && random.chance(bend)) {
    const at = random.below(keys.length);
    const odd = random.pick([
      () => keys.splice(at, 1, cborHead(1, 0)),
      () => keys.splice(at, 1, Uint8Array.of(0x61, 0x61)),
      () => keys.splice(at, 1, Uint8Array.of(0x80)),
      () => keys.splice(at, 1, cborHead(0, 3, 1)),
      () => keys.splice(keys.length - 1, 1, cborHead(0, random.pick(LARGE))),
      () => keys.splice(at, 0, keys[at]!),
      () => keys.reverse(),
    ]);
    odd();
  }
  const size = cborHead(5, keys.length, random.chance(bend / 2) ? 1 : 0);
  const items = keys.flatMap((key) => [key, cborItem(random, depth - 1, bend)]);
  return join(size, ...items);
}

/** Any item, nested at most `depth` deep. @param bend - how often, of a hundred items, it is odd. */
export function cborItem(random: Random, depth: number, bend: number): Uint8Array {
  if (random.chance(bend)) return oddItem(random, depth);
  if (depth <= 0 || random.chance(60)) return scalar(random);
  if (random.chance(50)) return cborMap(random, depth, bend);
  const items = Array.from({ length: random.below(4) }, () => cborItem(random, depth - 1, bend));
  return join(cborHead(4, items.length), ...items);
}

/** One that a writer would not have written, or that is not there to its end. */
function oddItem(random: Random, depth: number): Uint8Array {
  const inner = () => cborItem(random, depth - 1, 0);
  const bytes = random.bytes(random.below(5));
  return random.pick<() => Uint8Array>([
    () => cborHead(random.below(2), random.pick(NUMBERS), 1 + random.below(3)),
    () => cborHead(random.below(2), random.pick(LARGE)),
    () => join(cborHead(2, bytes.length, 1 + random.below(4)), bytes),
    () => join(cborHead(3, 1, 1 + random.below(4)), Uint8Array.of(0x61)),
    () => join(cborHead(4, 1, 1 + random.below(4)), inner()),
    () => join(cborHead(6, random.pick([0, 1, 24, 55_799])), inner()),
    () => join(Uint8Array.of(0xf9), random.bytes(2)),
    () => join(Uint8Array.of(0xfa), random.bytes(4)),
    () => join(Uint8Array.of(0xfb), random.bytes(8)),
    () => Uint8Array.of(random.pick([0xe0, 0xf3, 0xf7, 0xfc, 0xfe, 0xff])),
    () => Uint8Array.of(0xf8, random.pick([0, 20, 22, 24, 32, 255])),
    () => Uint8Array.of(random.below(6) * 32 + 28 + random.below(3)),
    () => join(Uint8Array.of(0x5f), cborHead(2, 1), Uint8Array.of(7, 0xff)),
    () => join(Uint8Array.of(0x7f), cborHead(3, 1), Uint8Array.of(0x61, 0xff)),
    () => join(Uint8Array.of(0x9f), inner(), Uint8Array.of(0xff)),
    () => join(Uint8Array.of(0xbf, 1), inner(), Uint8Array.of(0xff)),
    () => {
      const bad = random.pick(NO_TEXTS);
      return join(cborHead(3, bad.length), bad);
    },
    // A length of what is not there.
    () => cborHead(2 + random.below(4), random.pick([40n, 70_000n, ...NUMBERS.slice(6), ...LARGE])),
  ])();
}

/** A value in so many arrays or maps, one in the other. */
function nested(random: Random, levels: number): Uint8Array {
  const outer = Array.from({ length: levels }, () =>
    random.chance(70) ? Uint8Array.of(0x81) : Uint8Array.of(0xa1, 1),
  );
  return join(...outer, random.pick([Uint8Array.of(0), Uint8Array.of(0x80), Uint8Array.of(0xa0)]));
}

/** A record by FORMAT.md §4.1, but for what `bend` times in a hundred is not. */
export function recordBytes(random: Random, bend: number): Uint8Array<ArrayBuffer> {
  const secret = random.bytes(random.length(0) % random.pick([1, 40, 400, 4000]));
  const secretItem = join(cborHead(2, secret.length), secret);
  const attributes = random.chance(10)
    ? join(Uint8Array.of(0xa1, 1), nested(random, random.pick([1, 6, 7, 8, 9])))
    : cborMap(random, 4, bend);
  if (!random.chance(bend)) return join(Uint8Array.of(0x82), attributes, secretItem);
  return random.pick<() => Uint8Array<ArrayBuffer>>([
    () => join(Uint8Array.of(0x83), attributes, secretItem, Uint8Array.of(0)),
    () => join(Uint8Array.of(0x81), attributes),
    () => join(Uint8Array.of(0x98, 2), attributes, secretItem),
    () => join(Uint8Array.of(0x9f), attributes, secretItem, Uint8Array.of(0xff)),
    () => join(Uint8Array.of(0x82), secretItem, attributes),
    () => join(Uint8Array.of(0x82), attributes, Uint8Array.of(0x61, 0x61)),
    () => join(Uint8Array.of(0x82), attributes, Uint8Array.of(0xf6)),
    () => join(Uint8Array.of(0x82), attributes, secretItem, Uint8Array.of(0)),
    () => join(Uint8Array.of(0x82), attributes),
    () => join(Uint8Array.of(0xa1, 1), secretItem),
    () => join(Uint8Array.of(0x82), cborItem(random, 3, 0), secretItem),
  ])();
}

/** A value for cborg to encode that no field has, or that one may have. */
export function oddValue(random: Random): unknown {
  return random.pick<() => unknown>([
    () => null,
    () => true,
    () => 0,
    () => 1,
    () => -1,
    () => random.pick(NUMBERS),
    () => random.pick(LARGE),
    () => random.below(100_000),
    () => 1.5,
    () => "",
    () => random.pick(TEXTS),
    () => "x".repeat(random.pick([128, 129, 2048, 2049])),
    () => random.bytes(random.pick([0, 15, 16, 17, 31, 32, 33, 64])),
    () => [],
    () => [random.pick(TEXTS), 1],
    () => [["a", "b"], []],
    () => new Map(),
    () => new Map([[1, "a"]]),
    () => undefined,
  ])();
}
