/**
 * The text of assembly/aes-planes.ts: one round of AES over bit planes, with the S-box as a Boolean circuit.
 *
 * Boyar, Peralta, "A depth-16 circuit for the AES S-box" (2011), with Calik's 113 gates forward and 121
 * inverse. Each circuit is run on all 256 inputs against the S-box of FIPS 197 before a line is written.
 */
import { affine, invert } from "./aes-tables.ts";

// u0 … u7 are the bits of a byte from the highest to the lowest, s0 … s7 those of the result. The
// constant 63 of the affine map is left out of both circuits: it is added with the round keys.
const FORWARD = parse(`
  y14 = u3 ^ u5; y13 = u0 ^ u6; y12 = y13 ^ y14; t1 = u4 ^ y12; y15 = t1 ^ u5; t2 = y12 & y15;
  y6 = y15 ^ u7; y20 = t1 ^ u1; y9 = u0 ^ u3; y11 = y20 ^ y9; t12 = y9 & y11; y7 = u7 ^ y11;
  y8 = u0 ^ u5; t0 = u1 ^ u2; y10 = y15 ^ t0; y17 = y10 ^ y11; t13 = y14 & y17; t14 = t13 ^ t12;
  y19 = y10 ^ y8; t15 = y8 & y10; t16 = t15 ^ t12; y16 = t0 ^ y11; y21 = y13 ^ y16;
  t7 = y13 & y16; y18 = u0 ^ y16; y1 = t0 ^ u7; y4 = y1 ^ u3; t5 = y4 & u7; t6 = t5 ^ t2;
  t18 = t6 ^ t16; t22 = t18 ^ y19; y2 = y1 ^ u0; t10 = y2 & y7; t11 = t10 ^ t7; t20 = t11 ^ t16;
  t24 = t20 ^ y18; y5 = y1 ^ u6; t8 = y5 & y1; t9 = t8 ^ t7; t19 = t9 ^ t14; t23 = t19 ^ y21;
  y3 = y5 ^ y8; t3 = y3 & y6; t4 = t3 ^ t2; t17 = t4 ^ y20; t21 = t17 ^ t14; t26 = t21 & t23;
  t27 = t24 ^ t26; t31 = t22 ^ t26; t25 = t21 ^ t22; t28 = t25 & t27; t29 = t28 ^ t22;
  z14 = t29 & y2; z5 = t29 & y7; t30 = t23 ^ t24; t32 = t31 & t30; t33 = t32 ^ t24;
  t35 = t27 ^ t33; t36 = t24 & t35; t38 = t27 ^ t36; t39 = t29 & t38; t40 = t25 ^ t39;
  t43 = t29 ^ t40; z3 = t43 & y16; tc12 = z3 ^ z5; z12 = t43 & y13; z13 = t40 & y5;
  z4 = t40 & y1; tc6 = z3 ^ z4; t34 = t23 ^ t33; t37 = t36 ^ t34; t41 = t40 ^ t37;
  z8 = t41 & y10; z17 = t41 & y8; t44 = t33 ^ t37; z0 = t44 & y15; z9 = t44 & y12;
  z10 = t37 & y3; z1 = t37 & y6; tc5 = z1 ^ z0; tc11 = tc6 ^ tc5; z11 = t33 & y4;
  t42 = t29 ^ t33; t45 = t42 ^ t41; z7 = t45 & y17; tc8 = z7 ^ tc6; z16 = t45 & y14;
  z6 = t42 & y11; tc16 = z6 ^ tc8; z15 = t42 & y9; tc20 = z15 ^ tc16; tc1 = z15 ^ z16;
  tc2 = z10 ^ tc1; tc21 = tc2 ^ z11; tc3 = z9 ^ tc2; s0 = tc3 ^ tc16; s3 = tc3 ^ tc11;
  s1 = s3 ^ tc16; tc13 = z13 ^ tc1; z2 = t33 & u7; tc4 = z0 ^ z2; tc7 = z12 ^ tc4;
  tc9 = z8 ^ tc7; tc10 = tc8 ^ tc9; tc17 = z14 ^ tc10; s5 = tc21 ^ tc17; tc26 = tc17 ^ tc20;
  s2 = tc26 ^ z17; tc14 = tc4 ^ tc12; tc18 = tc13 ^ tc14; s6 = tc10 ^ tc18; s7 = z12 ^ tc18;
  s4 = tc14 ^ s3
`);

const INVERSE = parse(`
  t23 = u0 ^ u3; t8 = u1 ^ t23; m2 = t23 & t8; t4 = u4 ^ t8; t22 = u1 ^ u3; t2 = u0 ^ u1;
  t1 = u3 ^ u4; t9 = u7 ^ t1; m7 = t22 & t9; t24 = u4 ^ u7; t10 = t2 ^ t24; m14 = t2 & t10;
  r5 = u6 ^ u7; t3 = t1 ^ r5; t13 = t2 ^ r5; t19 = t22 ^ r5; t17 = u2 ^ t19; t25 = u2 ^ t1;
  r13 = u1 ^ u6; t20 = t24 ^ r13; m9 = t20 & t17; r17 = u2 ^ u5; t6 = t22 ^ r17; m1 = t13 & t6;
  y5 = u0 ^ r17; m4 = t19 & y5; m5 = m4 ^ m1; m17 = m5 ^ t24; r18 = u5 ^ u6; t27 = t1 ^ r18;
  t15 = t10 ^ t27; m11 = t1 & t15; m15 = m14 ^ m11; m21 = m17 ^ m15; m12 = t4 & t27;
  m13 = m12 ^ m11; t14 = t10 ^ r18; m3 = t14 ^ m1; m16 = m3 ^ m2; m20 = m16 ^ m13; r19 = u2 ^ u4;
  t16 = r13 ^ r19; t26 = t3 ^ t16; m6 = t3 & t16; m8 = t26 ^ m6; m18 = m8 ^ m7; m22 = m18 ^ m13;
  m25 = m22 & m20; m26 = m21 ^ m25; m10 = m9 ^ m6; m19 = m10 ^ m15; m23 = m19 ^ t25;
  m28 = m23 ^ m25; m24 = m22 ^ m23; m30 = m26 & m24; m39 = m23 ^ m30; m48 = m39 & y5;
  m57 = m39 & t19; m36 = m24 ^ m25; m31 = m20 & m23; m27 = m20 ^ m21; m32 = m27 & m31;
  m29 = m28 & m27; m37 = m21 ^ m29; m42 = m37 ^ m39; m52 = m42 & t15; m61 = m42 & t1;
  p0 = m52 ^ m61; p16 = m57 ^ m61; m60 = m37 & t20; m51 = m37 & t17; m33 = m27 ^ m25;
  m38 = m32 ^ m33; m43 = m37 ^ m38; m49 = m43 & t16; p6 = m49 ^ m60; p13 = m49 ^ m51;
  m58 = m43 & t3; m50 = m38 & t9; m59 = m38 & t22; p1 = m58 ^ m59; p7 = p0 ^ p1; m34 = m21 & m22;
  m35 = m24 & m34; m40 = m35 ^ m36; m41 = m38 ^ m40; m45 = m42 ^ m41; m53 = m45 & t27;
  p8 = m50 ^ m53; p23 = p7 ^ p8; m62 = m45 & t4; p14 = m49 ^ m62; s6 = p14 ^ p23;
  m54 = m41 & t10; p2 = m54 ^ m62; p22 = p2 ^ p7; s0 = p13 ^ p22; p17 = m58 ^ p2;
  p15 = m54 ^ m59; m63 = m41 & t2; m44 = m39 ^ m40; m46 = m44 & t6; p5 = m46 ^ m51;
  p18 = m63 ^ p5; p24 = p5 ^ p7; p12 = m46 ^ m48; s3 = p12 ^ p22; m55 = m44 & t13;
  p9 = m55 ^ m63; s7 = p9 ^ p16; m47 = m40 & t8; p3 = m47 ^ m50; p19 = p2 ^ p3; s5 = p19 ^ p24;
  p11 = p0 ^ p3; p26 = p9 ^ p11; m56 = m40 & t23; p4 = m48 ^ m56; p20 = p4 ^ p6; p29 = p15 ^ p20;
  s1 = p26 ^ p29; p10 = m57 ^ p4; p27 = p10 ^ p18; s4 = p23 ^ p27; p25 = p6 ^ p10;
  p28 = p11 ^ p25; s2 = p17 ^ p28
`);

interface Gate {
  readonly out: string;
  readonly left: string;
  readonly operator: "^" | "&";
  readonly right: string;
}

function parse(circuit: string): Gate[] {
  return circuit
    .trim()
    .split(/;\s*/)
    .map((gate) => {
      const [out = "", , left = "", operator, right = ""] = gate.split(" ");
      return { out, left, operator: operator === "&" ? "&" : "^", right };
    });
}

/** The circuit's output for one byte. */
function run(circuit: readonly Gate[], byte: number): number {
  const wires = new Map<string, number>();
  const wire = (name: string): number => {
    const value = wires.get(name);
    if (value === undefined) throw new Error(`wire ${name} is used before it is driven`);
    return value;
  };
  for (let i = 0; i < 8; i++) wires.set(`u${i}`, (byte >> (7 - i)) & 1);
  for (const { out, left, operator, right } of circuit) {
    wires.set(out, operator === "^" ? wire(left) ^ wire(right) : wire(left) & wire(right));
  }
  return [0, 1, 2, 3, 4, 5, 6, 7].reduce((sum, i) => sum | (wire(`s${i}`) << (7 - i)), 0);
}

function verifyCircuits(): void {
  for (let byte = 0; byte < 256; byte++) {
    const image = affine(invert(byte));
    if (run(FORWARD, byte) !== image) throw new Error(`forward circuit: wrong for ${byte}`);
    if (run(INVERSE, image) !== byte) throw new Error(`inverse circuit: wrong for ${byte}`);
  }
}

const planes = [0, 1, 2, 3, 4, 5, 6, 7];
/** Bits into which x^8 folds: x^8 = x^4 + x^3 + x + 1. */
const FOLDS = [0, 1, 3, 4];

const xor = (...operands: (string | false)[]): string =>
  operands.filter((x) => x !== false).reduce((left, right) => `v128.xor(${left}, ${right})`);
/** Bit j of twice the value whose planes are called `name`0 … 7 (FIPS 197 §4.2.1). */
const doubled = (name: string, j: number): (string | false)[] => [
  j > 0 && `${name}${j - 1}`,
  FOLDS.includes(j) && `${name}7`,
];
const key = (j: number): string => `v128.load(keys, ${16 * j})`;
const store = (j: number, value: string): string => `v128.store(at, ${value}, ${16 * j});`;

const load = planes.map((j) => `const u${7 - j} = v128.load(at, ${16 * j});`);
const gates = (circuit: readonly Gate[]): string[] =>
  circuit.map(
    ({ out, left, operator, right }) =>
      `const ${out} = v128.${operator === "^" ? "xor" : "and"}(${left}, ${right});`,
  );

/** The last round: no MixColumns, and ShiftRows, left out so far, made good. */
const last = planes.map((j) => store(j, xor(`i8x16.swizzle(s${7 - j}, up1)`, key(j))));

/** MixColumns: with b the next row and c = a + b, the result is 2·c + b + c two rows on. */
const mixColumns = [
  ...planes.flatMap((j) => [
    `const b${j} = i8x16.swizzle(s${7 - j}, up1);`,
    `const c${j} = v128.xor(s${7 - j}, b${j});`,
  ]),
  ...planes.flatMap((j) => [
    `const m${j} = ${xor(`b${j}`, ...doubled("c", j), key(j))};`,
    store(j, xor(`i8x16.swizzle(c${j}, up2)`, `m${j}`)),
  ]),
];

/** InvMixColumns after the key: d = a + 2·c, e = c + 4·d, and the result is d + e + e two rows on. */
const quadrupled = (j: number): (string | false)[] => [
  j > 1 && `d${j - 2}`,
  [0, 1, 3, 4].includes(j) && "d6",
  [1, 2, 4, 5].includes(j) && "d7",
];
const inverseMixColumns = [
  ...planes.flatMap((j) => [
    `const a${j} = ${xor(`s${7 - j}`, key(j))};`,
    `const b${j} = i8x16.swizzle(a${j}, up1);`,
    `const c${j} = v128.xor(a${j}, b${j});`,
  ]),
  ...planes.map((j) => `const d${j} = ${xor(`a${j}`, ...doubled("c", j))};`),
  ...planes.flatMap((j) => [
    `const e${j} = ${xor(`c${j}`, ...quadrupled(j))};`,
    store(j, xor(`i8x16.swizzle(e${j}, up2)`, `v128.xor(d${j}, e${j})`)),
  ]),
];

const indent = (lines: readonly string[], by: number): string =>
  lines.map((line) => `${" ".repeat(by)}${line}\n`).join("");

function roundFunction(name: string, comment: string, box: readonly Gate[], mix: string[]): string {
  return `
/** ${comment} */
export function ${name}(
  state: usize,
  end: usize,
  keys: usize,
  permutations: usize,
  isLast: bool,
): void {
  const up1 = v128.load(permutations);
  const up2 = v128.load(permutations, 16);
  for (let at = state; at != end; at += 128) {
${indent([...load, ...gates(box)], 4)}    if (isLast) {
${indent(last, 6)}    } else {
${indent(mix, 6)}    }
  }
}
`;
}

/** The text of assembly/aes-planes.ts. */
export function aesPlanes(): string {
  verifyCircuits();
  const head = `/**
 * One round of AES over bit planes: eight blocks a group, bit l of every byte belonging to block l.
 *
 * Generated by scripts/generate/aes-planes.ts (FIPS 197 §5.1, §5.3; the S-box is a circuit checked there on all
 * inputs). From \`state\` to \`end\` lie groups of eight planes, lowest bit first; \`keys\` are the eight
 * planes of a round key; \`permutations\` are rows of aes-tables.ts: rows up by one and by two, or, in
 * the last round, ShiftRows as often as it has been left out.
 */
`;
  return (
    head +
    roundFunction(
      "forwardRound",
      "SubBytes, MixColumns, AddRoundKey; in the last round SubBytes, ShiftRows, AddRoundKey.",
      FORWARD,
      mixColumns,
    ) +
    roundFunction(
      "inverseRound",
      "InvSubBytes, AddRoundKey, InvMixColumns; in the last round ShiftRows in the middle.",
      INVERSE,
      inverseMixColumns,
    )
  );
}
