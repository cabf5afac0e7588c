/**
 * The text of assembly/aes-tables.ts: permutation tables, derived from the definition of AES.
 *
 * FIPS 197 §4 (the field), §5.1.1 (the S-box); the method is Hamburg, "Accelerating AES with Vector
 * Permute Instructions", CHES 2009. No number below is taken on trust: each table is computed.
 */

/** Multiplication in GF(2^8) modulo x^8 + x^4 + x^3 + x + 1 (FIPS 197 §4.2). */
function multiply(a: number, b: number): number {
  let product = 0;
  for (let bit = 0; bit < 8; bit++) {
    if ((b >> bit) & 1) product ^= a << bit;
  }
  for (let bit = 14; bit >= 8; bit--) {
    if ((product >> bit) & 1) product ^= 0x11b << (bit - 8);
  }
  return product;
}

/** The inverse in GF(2^8); 0 goes to 0. */
export function invert(a: number): number {
  let power = 1;
  for (let i = 0; i < 254; i++) power = multiply(power, a);
  return power;
}

/** The linear part of the S-box's affine map (FIPS 197 §5.1.1, without the constant 63). */
export function affine(a: number): number {
  let out = 0;
  for (let shift = 0; shift < 5; shift++) out ^= (a << shift) | (a >> (8 - shift));
  return out & 0xff;
}

const bytes = [...Array(256).keys()];
const nibbles = bytes.slice(0, 16);
const affineInverse = (a: number): number => bytes.findIndex((x) => affine(x) === a);

// The subfield GF(2^4) is the set of x with x^16 = x. Its elements get four-bit names by a basis
// 1, g, g^2, g^3 for a generator g of its multiplicative group.
const power = (a: number, n: number): number => (n === 0 ? 1 : multiply(a, power(a, n - 1)));
const subfield = bytes.filter((x) => power(x, 16) === x);
const generator = subfield.find((x) => x > 1 && power(x, 3) !== 1 && power(x, 5) !== 1) ?? 0;
const named = (n: number): number =>
  [0, 1, 2, 3].reduce((sum, i) => sum ^ ((n >> i) & 1 ? power(generator, i) : 0), 0);
const nameOf = (x: number): number => nibbles.findIndex((n) => named(n) === x);

// A byte is k + i·w with k, i in the subfield and w^2 = a·w + a. Then its norm is
// N = k² + a·i·k + a·i², and with j = i + k (in GF(2^4) with infinity):
//   io = 1/(1/i + a/k) + j  has  1/io = (k + a·i) / N,
//   jo = 1/(1/j + a/k) + i  has  1/jo = (k + a·i + a·k) / N,
// so the inverse (k + a·i)/N + w·i/N is linear in 1/io and 1/jo: six nibble look-ups in all.
const [a, w] = rootOfTower();
function rootOfTower(): [number, number] {
  for (const a of subfield.slice(1)) {
    const root = bytes.find(
      (x) => !subfield.includes(x) && multiply(x, x) === (multiply(a, x) ^ a),
    );
    if (root !== undefined) return [a, root];
  }
  throw new Error("unreachable: the tower has a root");
}

/** Byte whose low nibble is k and whose high nibble is i; and back. */
const fromTower = (packed: number): number => named(packed & 15) ^ multiply(named(packed >> 4), w);
const toTower = (x: number): number => bytes.findIndex((packed) => fromTower(packed) === x);

// i8x16.swizzle gives 0 for an index of 16 or more, so the byte 80 stands for infinity: 1/80 = 0.
const INFINITY_BYTE = 0x80;
const inverse = nibbles.map((n) => (n === 0 ? INFINITY_BYTE : nameOf(invert(named(n)))));
const inverseTimesA = nibbles.map((n) =>
  n === 0 ? INFINITY_BYTE : nameOf(multiply(a, invert(named(n)))),
);

/** The two tables, over io and over jo, whose sum is `map` of the inverse in GF(2^8). */
function outputPair(map: (x: number) => number): [number[], number[]] {
  const aInverse = invert(a);
  // u = 1/io, v = 1/jo: k/N = (u + v)/a, i/N = (u + k/N)/a, inverse = u + w·i/N.
  const fromPair = (u: number, v: number): number =>
    u ^ multiply(w, multiply(aInverse, u ^ multiply(aInverse, u ^ v)));
  const table = (f: (n: number) => number): number[] =>
    nibbles.map((n) => (n === 0 ? 0 : map(f(invert(named(n))))));
  return [table((u) => fromPair(u, 0)), table((v) => fromPair(0, v))];
}

/** The two tables, over the low and the high nibble, of a linear map of a byte. */
const linearPair = (map: (x: number) => number): [number[], number[]] => [
  nibbles.map((n) => map(n)),
  nibbles.map((n) => map(n << 4)),
];

// Positions 4·column + row (FIPS 197 §3.4). shiftRows(h) is ShiftRows h times as a swizzle index.
const positions = nibbles;
const shiftRows = (h: number): number[] =>
  positions.map((p) => 4 * (((p >> 2) + (h + 4) * (p & 3)) & 3) + (p & 3));
/** Row + n inside each column, in coordinates where ShiftRows has been left out h times. */
const rotateColumns = (h: number, n: number): number[] => {
  const forth = shiftRows(h);
  const back = shiftRows(4 - h);
  const at = (list: number[], i: number): number => list[i] ?? 0;
  return positions.map((p) => {
    const q = at(back, p);
    return at(forth, (q & 12) | ((q + n) & 3));
  });
};

// Between the rounds of encryption a byte y is kept as toTower(y); between those of decryption as
// toTower(affine⁻¹(y)), so that the inversion can start at once.
const encrypted = toTower;
const decrypted = (y: number): number => toTower(affineInverse(y));
const times = (c: number) => (x: number) => decrypted(multiply(c, x));

const tables: [name: string, comment: string, rows: number[][]][] = [
  ["INVERSE", "1/n and a/n over GF(2^4), 80 for infinity", [inverse, inverseTimesA]],
  ["ENCRYPT_IN", "byte to the basis of encryption, by low and high nibble", linearPair(encrypted)],
  [
    "ENCRYPT_ROUND",
    "affine image of the inverse, then twice that, over io and jo, in the basis of encryption",
    [
      ...outputPair((x) => encrypted(affine(x))),
      ...outputPair((x) => encrypted(multiply(2, affine(x)))),
    ],
  ],
  [
    "ENCRYPT_OUT",
    "affine image of the inverse over io and jo, as a plain byte",
    outputPair(affine),
  ],
  ["DECRYPT_IN", "byte to the basis of decryption, by low and high nibble", linearPair(decrypted)],
  [
    "DECRYPT_ROUND",
    "9, d, b and e times the inverse over io and jo, in the basis of decryption",
    [9, 13, 11, 14].flatMap((c) => outputPair(times(c))),
  ],
  ["DECRYPT_OUT", "the inverse over io and jo, as a plain byte", outputPair((x) => x)],
  [
    "ROTATE_ROWS",
    "rows up by one, by two, by three, where ShiftRows was left out h = 0, 1, 2, 3 times",
    [0, 1, 2, 3].flatMap((h) => [1, 2, 3].map((n) => rotateColumns(h, n))),
  ],
  ["SHIFT_ROWS", "ShiftRows 0, 1, 2 and 3 times", [0, 1, 2, 3].map(shiftRows)],
];

const hex = (n: number): string => `0x${n.toString(16).padStart(2, "0")}`;

/** The text of assembly/aes-tables.ts. */
export function aesTables(): string {
  const head = `/**
 * Tables of the vector-permute AES: 16 bytes a row, each the operand of one i8x16.swizzle.
 *
 * Generated by scripts/generate/aes-tables.ts, which derives every row from FIPS 197. Constants, no secrets;
 * indices into them are register lanes, never addresses.
 */
`;
  const body = tables.map(
    ([name, comment, rows]) =>
      `\n// ${comment[0]?.toUpperCase()}${comment.slice(1)}.\nexport const ${name}: usize = memory.data<u8>(\n  [\n${rows
        .map((row) => `    ${row.map(hex).join(", ")},\n`)
        .join("")}  ],\n  16,\n);\n`,
  );
  return head + body.join("");
}
