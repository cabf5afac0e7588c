/**
 * The text of assembly/aes-four.ts: one AES block in each of four lanes, their instructions interleaved.
 *
 * The algorithm is that of assembly/aes.ts (FIPS 197 §5.1, §5.3.5; Hamburg, CHES 2009), where it can be
 * read. A single lane waits for its own results; four fill the gaps.
 */

const lanes = [0, 1, 2, 3];
const each = (line: (lane: number) => string): string[] => lanes.map(line);
const look = (table: string, index: string): string => `i8x16.swizzle(${table}, ${index})`;
/** The row `i` of a table of assembly/aes-tables.ts. */
const row = (name: string, i: number): string =>
  i === 0 ? `v128.load(${name})` : `v128.load(${name}, ${16 * i})`;

/** Splits x into its nibbles: k stays, i goes down. */
const nibbles: string[] = [
  ...each((l) => `i${l} = i32x4.shr_u(v128.andnot(x${l}, low), 4);`),
  ...each((l) => `x${l} = v128.and(x${l}, low);`),
];

/** x becomes the sum of two look-ups, over its low and its high nibble. */
const mapInto = (name: string): string[] => [
  ...nibbles,
  `t = ${row(name, 0)};`,
  `u = ${row(name, 1)};`,
  ...each((l) => `x${l} = v128.xor(${look("t", `x${l}`)}, ${look("u", `i${l}`)});`),
];

/** The inverse in GF(2^8): io in p, jo in q. Here x is k, then j. */
const inversion: string[] = [
  ...nibbles,
  ...each((l) => `a${l} = ${look("inverseTimesA", `x${l}`)};`),
  ...each((l) => `x${l} = v128.xor(x${l}, i${l});`),
  ...each((l) => `p${l} = v128.xor(${look("inverse", `i${l}`)}, a${l});`),
  ...each((l) => `q${l} = v128.xor(${look("inverse", `x${l}`)}, a${l});`),
  ...each((l) => `p${l} = v128.xor(${look("inverse", `p${l}`)}, x${l});`),
  ...each((l) => `q${l} = v128.xor(${look("inverse", `q${l}`)}, i${l});`),
];

/** `name` of each lane becomes the sum of rows `i` and i + 1 of `table`, over io and jo. */
const output = (name: string, table: string, i: number, key = ""): string[] => [
  `t = ${row(table, i)};`,
  `u = ${row(table, i + 1)};`,
  ...each((l) => {
    const left = look("t", `p${l}`);
    const sum = key === "" ? left : `v128.xor(${left}, ${key})`;
    return `${name}${l} = v128.xor(${sum}, ${look("u", `q${l}`)});`;
  }),
];

/** With once in a and twice in i: 2·s[r] + 3·s[r+1] + s[r+2] + s[r+3] + key. */
const mixColumns: string[] = [
  ...output("a", "ENCRYPT_ROUND", 0),
  ...output("i", "ENCRYPT_ROUND", 2),
  "t = v128.load(rotate);",
  "u = v128.load(rotate, 32);",
  ...each((l) => `i${l} = v128.xor(${look(`a${l}`, "t")}, i${l});`),
  ...each((l) => `a${l} = v128.xor(${look(`a${l}`, "u")}, v128.xor(i${l}, key));`),
  ...each((l) => `x${l} = v128.xor(${look(`i${l}`, "t")}, a${l});`),
];

/** e·s[r] + b·s[r+1] + d·s[r+2] + 9·s[r+3] + key. */
const inverseMixColumns: string[] = [
  "up1 = v128.load(rotate);",
  ...output("a", "DECRYPT_ROUND", 0),
  ...output("i", "DECRYPT_ROUND", 2),
  ...each((l) => `i${l} = v128.xor(${look(`a${l}`, "up1")}, i${l});`),
  ...output("a", "DECRYPT_ROUND", 4),
  ...each((l) => `x${l} = ${look(`a${l}`, "up1")};`),
  ...output("a", "DECRYPT_ROUND", 6, "key"),
  "up1 = v128.load(rotate, 16);",
  ...each((l) => `a${l} = v128.xor(x${l}, a${l});`),
  ...each((l) => `x${l} = v128.xor(${look(`i${l}`, "up1")}, a${l});`),
];

const indent = (lines: readonly string[], by: number): string =>
  lines.map((line) => `${" ".repeat(by)}${line}\n`).join("");

interface Direction {
  readonly name: string;
  readonly comment: string;
  readonly keys: string;
  readonly into: string;
  readonly out: string;
  readonly turn: (rounds: string) => string;
  readonly mix: readonly string[];
  readonly locals: readonly string[];
}

function blockFunction(direction: Direction): string {
  const { name, comment, keys, into, out, turn, mix, locals } = direction;
  const variables = ["i", "a", "p", "q"].flatMap((letter) => lanes.map((l) => `${letter}${l}`));
  return `
/** ${comment} */
export function ${name}(slot: usize, state: usize, at: usize, stride: usize): void {
  const rounds = load<u32>(slot);
  const low = i8x16.splat(0x0f);
  const inverse = ${row("INVERSE", 0)};
  const inverseTimesA = ${row("INVERSE", 1)};
  const zero = i64x2.splat(0);
${indent(
  [...variables, ...locals].map((variable) => `let ${variable} = zero;`),
  2,
)}${indent(
  each((l) => `let x${l} = v128.load64_lane(at + ${l} * stride, v128.load(state, ${16 * l}), 1);`),
  2,
)}${indent(mapInto(into), 2)}  let keys = slot + ${keys};
  let key = v128.load(keys);
${indent(
  each((l) => `x${l} = v128.xor(x${l}, key);`),
  2,
)}  for (let round: u32 = 1; round < rounds; round++) {
    keys += 16;
    key = v128.load(keys);
    const rotate = ROTATE_ROWS + ${turn("round")} * 48;
${indent([...inversion, ...mix], 4)}  }
  key = v128.load(keys, 16);
${indent([...inversion, ...output("x", out, 0, "key")], 2)}  t = v128.load(SHIFT_ROWS + ${turn("rounds")} * 16);
${indent(
  each((l) => `x${l} = ${look(`x${l}`, "t")};`),
  2,
)}${indent(
  each((l) => `v128.store64_lane(at + ${l} * stride, x${l}, 1);`),
  2,
)}${indent(
  each((l) => `v128.store(state, x${l}, ${16 * l});`),
  2,
)}}
`;
}

/** The text of assembly/aes-four.ts. */
export function aesFour(): string {
  const head = `/**
 * One AES block in each of four lanes, for a step of W or W⁻¹ in four messages at once.
 *
 * Generated by scripts/generate/aes-four.ts; the algorithm is that of aes.ts. The upper halves of the blocks are
 * read from \`at\`, \`stride\` apart, and written there; the lower halves are those of the four vectors at
 * \`state\`, which become the results. No branch and no address depends on a key or a block.
 */
import { FORWARD_KEYS, INVERSE_KEYS } from "./aes";
import {
  DECRYPT_IN,
  DECRYPT_OUT,
  DECRYPT_ROUND,
  ENCRYPT_IN,
  ENCRYPT_OUT,
  ENCRYPT_ROUND,
  INVERSE,
  ROTATE_ROWS,
  SHIFT_ROWS,
} from "./aes-tables";
`;
  return (
    head +
    blockFunction({
      name: "encryptFour",
      comment: "Four blocks through the forward cipher (FIPS 197 §5.1) under the key in `slot`.",
      keys: "FORWARD_KEYS",
      into: "ENCRYPT_IN",
      out: "ENCRYPT_OUT",
      turn: (count) => `(${count} & 3)`,
      mix: mixColumns,
      locals: ["t", "u"],
    }) +
    blockFunction({
      name: "decryptFour",
      comment: "Four blocks through the inverse cipher (FIPS 197 §5.3.5) under the key in `slot`.",
      keys: "INVERSE_KEYS",
      into: "DECRYPT_IN",
      out: "DECRYPT_OUT",
      turn: (count) => `((0 - ${count}) & 3)`,
      mix: inverseMixColumns,
      locals: ["t", "u", "up1"],
    })
  );
}
