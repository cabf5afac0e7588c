/**
 * The text of assembly/sha256.ts and assembly/sha512.ts: the two compression functions of SHA-2, unrolled.
 *
 * FIPS 180-4 §4.1, §4.2, §5.3, §6.2 and §6.4. The constants are computed from the primes here; sixteen
 * rounds are written out so that the words change their names and need not move. Words of 32 bits are
 * scheduled four at a time in vectors, which keeps the machine's registers for the rounds; with two
 * words of 64 bits in a vector that does not pay.
 */
const primes: number[] = [];
for (let n = 2; primes.length < 80; n++) if (primes.every((p) => n % p !== 0)) primes.push(n);

/** The first `bits` bits of the fractional part of the k-th root of n. */
function rootBits(n: number, k: bigint, bits: bigint): bigint {
  const target = BigInt(n) << (bits * k);
  let low = 0n;
  let high = 1n << (bits + 10n);
  while (low + 1n < high) {
    const middle = (low + high) / 2n;
    if (middle ** k <= target) low = middle;
    else high = middle;
  }
  return low & ((1n << bits) - 1n);
}

interface Family {
  readonly bits: 32 | 64;
  readonly rounds: number;
  readonly sections: { functions: string; constants: string; compress: string };
  /** Rotations of Σ0, Σ1, σ0, σ1; the last of σ is a shift (§4.1.2, §4.1.3). */
  readonly upper0: readonly number[];
  readonly upper1: readonly number[];
  readonly lower0: readonly number[];
  readonly lower1: readonly number[];
  /** Name, section and words of H(0) of the shorter and the longer hash (§5.3). */
  readonly hashes: readonly (readonly [string, string, readonly bigint[]])[];
}

const first = primes.slice(0, 8);
const second = primes.slice(8, 16);

const FAMILIES: Readonly<Record<"256" | "512", Family>> = {
  "256": {
    bits: 32,
    rounds: 64,
    sections: { functions: "4.1.2", constants: "4.2.2", compress: "6.2.2" },
    upper0: [2, 13, 22],
    upper1: [6, 11, 25],
    lower0: [7, 18, 3],
    lower1: [17, 19, 10],
    hashes: [
      ["SHA-224", "5.3.2", second.map((p) => rootBits(p, 2n, 64n) & 0xffffffffn)],
      ["SHA-256", "5.3.3", first.map((p) => rootBits(p, 2n, 32n))],
    ],
  },
  "512": {
    bits: 64,
    rounds: 80,
    sections: { functions: "4.1.3", constants: "4.2.3", compress: "6.4.2" },
    upper0: [28, 34, 39],
    upper1: [14, 18, 41],
    lower0: [1, 8, 7],
    lower1: [19, 61, 6],
    hashes: [
      ["SHA-384", "5.3.4", second.map((p) => rootBits(p, 2n, 64n))],
      ["SHA-512", "5.3.5", first.map((p) => rootBits(p, 2n, 64n))],
    ],
  },
};

const sixteen = [...Array(16).keys()];
const letters = ["a", "b", "c", "d", "e", "f", "g", "h"];

/** Rows of hexadecimal constants, as the formatter breaks them. */
function table(words: readonly bigint[], bits: number): string {
  const perRow = Math.floor(97 / (bits / 4 + 4));
  const hex = words.map((word) => `0x${word.toString(16).padStart(bits / 4, "0")}`);
  if (hex.length <= perRow) return `[${hex.join(", ")}]`;
  let out = "";
  for (let i = 0; i < hex.length; i += perRow)
    out += `    ${hex.slice(i, i + perRow).join(", ")},\n`;
  return `[\n${out}  ]`;
}

/**
 * One round, §6.2.2 step 3: the eight words turn by one place each time. The sums are in the order in
 * which their terms are ready: e is what the next round waits for.
 */
function round(t: number, word: string): string[] {
  const [a, b, c, d, e, f, g, h] = letters.map((_, i) => letters[(i - t + 32) & 7]);
  return [
    `${h} += ${word};`,
    `${h} += choose(${e}, ${f}, ${g});`,
    `${h} += upper1(${e});`,
    `${d} += ${h};`,
    `${h} += majority(${a}, ${b}, ${c});`,
    `${h} += upper0(${a});`,
  ];
}

/** One word of the message schedule, §6.2.2 step 1. */
const schedule = (t: number): string =>
  `w${t} += lower1(w${(t + 14) & 15}) + w${(t + 9) & 15} + lower0(w${(t + 1) & 15});`;

/** The four bytes of each of the words `lanes`, for a shuffle. */
const lanes = (...words: number[]): string =>
  words.flatMap((word) => [0, 1, 2, 3].map((i) => 4 * word + i)).join(", ");

/**
 * Four words of the schedule at once, W[t … t + 3] over W[t − 16 … t − 13]. σ1 of the upper two needs
 * the lower two. A word twice in a lane of 64 bits is rotated by shifting it.
 */
function scheduleFour(group: number): string[] {
  const [x, next, third, last] = [0, 1, 2, 3].map((i) => `x${(group + i) & 3}`);
  const lower1 = "v128.xor(v128.xor(i64x2.shr_u(v, 17), i64x2.shr_u(v, 19)), i32x4.shr_u(v, 10))";
  return [
    `v = i8x16.shuffle(${x}, ${next}, ${lanes(1, 2, 3, 4)});`,
    "u = v128.xor(v128.xor(i32x4.shr_u(v, 7), i32x4.shl(v, 25)), i32x4.shr_u(v, 3));",
    "u = v128.xor(v128.xor(i32x4.shr_u(v, 18), i32x4.shl(v, 14)), u);",
    `v = i8x16.shuffle(${third}, ${last}, ${lanes(1, 2, 3, 4)});`,
    `${x} = i32x4.add(i32x4.add(${x}, u), v);`,
    `v = i8x16.shuffle(${last}, ${last}, ${lanes(2, 2, 3, 3)});`,
    `v = ${lower1};`,
    `v = i8x16.shuffle(v, none, ${lanes(0, 2, 4, 4)});`,
    `${x} = i32x4.add(${x}, v);`,
    `v = i8x16.shuffle(${x}, ${x}, ${lanes(0, 0, 1, 1)});`,
    `v = ${lower1};`,
    `v = i8x16.shuffle(none, v, ${lanes(0, 0, 4, 6)});`,
    `${x} = i32x4.add(${x}, v);`,
  ];
}

const indent = (lines: readonly string[], by: number): string =>
  lines.map((line) => `${" ".repeat(by)}${line}\n`).join("");

const offset = (by: number): string => (by === 0 ? "" : `, ${by}`);

/** Sixteen rounds over as many words in locals, and the sixteen words after them. */
function inLocals(type: string, bytes: number): [rounds: string[], next: string[]] {
  const word = (t: number): string => `load<${type}>(k${offset(t * bytes)}) + w${t}`;
  return [sixteen.flatMap((t) => round(t, word(t))), sixteen.map(schedule)];
}

/** The same over words in four vectors; K and W are added there and go through memory. */
function inVectors(): [rounds: string[], next: string[]] {
  const groups = [0, 1, 2, 3];
  const add = groups.map(
    (g) => `v128.store(WORDS, i32x4.add(x${g}, v128.load(k${offset(16 * g)}))${offset(16 * g)});`,
  );
  const rounds = sixteen.flatMap((t) => round(t, `load<u32>(WORDS${offset(4 * t)})`));
  return [[...add, ...rounds], groups.flatMap(scheduleFour)];
}

/** The text of assembly/sha256.ts or assembly/sha512.ts. */
export function sha2(size: "256" | "512"): string {
  const { bits, rounds, sections, hashes, ...turns } = FAMILIES[size];
  const isVector = size === "256";
  const type = `u${bits}`;
  const bytes = bits / 8;
  const rotate = (by: number): string => `rotr<${type}>(x, ${by})`;
  const at = (i: number): string => offset(i * bytes);
  const [sixteenRounds, nextWords] = isVector ? inVectors() : inLocals(type, bytes);
  const constants = primes.slice(0, rounds).map((p) => rootBits(p, 3n, BigInt(bits)));
  const helper = (name: string, body: string): string =>
    `function ${name}(x: ${type}): ${type} {\n  return ${body};\n}\n`;
  const sum = (name: string, [a, b, c]: readonly number[], isShift: boolean): string =>
    helper(
      name,
      `${rotate(a ?? 0)} ^ ${rotate(b ?? 0)} ^ ${isShift ? `(x >> ${c})` : rotate(c ?? 0)}`,
    );
  // The same three rotations one within the other: fewer copies. Slower where the result is waited for.
  const nested = ([a = 0, b = 0, c = 0]: readonly number[]): string =>
    [c - b, b - a, a].reduce(
      (inner, by, i) => `rotr<${type}>(${inner}${i ? " ^ x" : ""}, ${by})`,
      "x",
    );
  const loadWords = isVector
    ? [0, 1, 2, 3].map((g) => `let x${g} = bigEndian(v128.load(data${offset(16 * g)}));`)
    : sixteen.map((i) => `let w${i} = bswap<${type}>(load<${type}>(data${at(i)}));`);
  return `/**
 * The compression function of ${hashes.map(([name]) => name).join(" and ")} (FIPS 180-4 §${sections.compress}), and its constants.
 *
 * Generated by scripts/generate/sha2.ts. Additions, rotations and ${bits}-bit logic: no branch and no address depends
 * on the message, and nothing of it is left in memory. Padding is in hash.ts.
 */
${isVector ? 'import { WORDS, zero } from "./memory";\n' : ""}
/** Bytes of one block (FIPS 180-4 §1, figure 1). */
export const SHA${size}_BLOCK_BYTES: u32 = ${bits * 2};

// FIPS 180-4 §${sections.constants}.
const K: usize = memory.data<${type}>(
  ${table(constants, bits)},
  16,
);

${hashes
  .map(
    ([name, section, words]) =>
      `/** H(0) of ${name} (FIPS 180-4 §${section}). */\nexport const H_${name.slice(4)}: usize = memory.data<${type}>(\n  ${table(words, bits)},\n  16,\n);\n`,
  )
  .join("\n")}
// FIPS 180-4 §${sections.functions}; Ch and Maj in forms of fewer operations.
function choose(x: ${type}, y: ${type}, z: ${type}): ${type} {
  return z ^ (x & (y ^ z));
}

function majority(x: ${type}, y: ${type}, z: ${type}): ${type} {
  return y ^ ((x ^ y) & (y ^ z));
}

${helper("upper0", nested(turns.upper0))}
${sum("upper1", turns.upper1, false)}
${
  isVector
    ? `/** Four words as FIPS 180-4 §3.1 reads them. */
function bigEndian(x: v128): v128 {
  return i8x16.shuffle(x, x, 3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12);
}
`
    : `${sum("lower0", turns.lower0, true)}\n${sum("lower1", turns.lower1, true)}`
}
/** Takes \`blocks\` blocks at \`data\` into the eight words at \`state\`, kept in the machine's byte order. */
export function sha${size}Blocks(state: usize, data: usize, blocks: u32): void {
${isVector ? "  const none = i64x2.splat(0);\n" : ""}  for (; blocks != 0; blocks--) {
${isVector ? "    let u = none;\n    let v = none;\n" : ""}${indent(loadWords, 4)}${indent(
  letters.map((letter, i) => `let ${letter} = load<${type}>(state${at(i)});`),
  4,
)}    let k = K;
    for (let turn: u32 = 1; ; turn++) {
${indent(sixteenRounds, 6)}      if (turn == ${rounds / 16}) break;
      k += ${16 * bytes};
${indent(nextWords, 6)}    }
${indent(
  letters.map(
    (letter, i) => `store<${type}>(state, load<${type}>(state${at(i)}) + ${letter}${at(i)});`,
  ),
  4,
)}    data += ${16 * bytes};
  }
${isVector ? "  zero(WORDS, 64);\n" : ""}}
`;
}
