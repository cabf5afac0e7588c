import binaryen from "binaryen";
import { describe, expect, it } from "vitest";
import { instrument } from "./trace/instrument.ts";
import { Tracer } from "./trace/tracer.ts";

const V = "(v128.const i32x4 0 0 0 0)";
const S = "(local.get 0)";

/** Instructions in which the parameter, a secret, may be seen; by the kind of record that shows it. */
const LEAKS: Readonly<Record<string, readonly string[]>> = {
  address: [
    ...["i32.load", "i64.load", "f32.load", "f64.load"],
    ...["i32.load8_s", "i32.load8_u", "i32.load16_s", "i32.load16_u"],
    ...["i64.load8_s", "i64.load8_u", "i64.load16_s", "i64.load16_u"],
    ...["i64.load32_s", "i64.load32_u"],
    ...["v128.load", "v128.load8x8_s", "v128.load8x8_u", "v128.load16x4_s", "v128.load16x4_u"],
    ...["v128.load32x2_s", "v128.load32x2_u"],
    ...["v128.load8_splat", "v128.load16_splat", "v128.load32_splat", "v128.load64_splat"],
    ...["v128.load32_zero", "v128.load64_zero"],
  ].map((load) => `(drop (${load} ${S}))`),
  "address of a store": [
    ...["i32.store", "i32.store8", "i32.store16"].map((of) => `(${of} ${S} (i32.const 1))`),
    ...["i64.store", "i64.store8", "i64.store16", "i64.store32"].map(
      (of) => `(${of} ${S} (i64.const 1))`,
    ),
    `(f32.store ${S} (f32.convert_i32_u (i32.const 1)))`,
    `(f64.store ${S} (f64.convert_i32_u (i32.const 1)))`,
    `(v128.store ${S} ${V})`,
  ],
  "address of a lane": [8, 16, 32, 64].flatMap((bits) => [
    `(drop (v128.load${bits}_lane 1 ${S} ${V}))`,
    `(v128.store${bits}_lane 1 ${S} ${V})`,
  ]),
  "bulk operation": [
    `(memory.fill ${S} (i32.const 0) (i32.const 8))`,
    `(memory.fill (i32.const 0) (i32.const 0) ${S})`,
    `(memory.copy ${S} (i32.const 0) (i32.const 8))`,
    `(memory.copy (i32.const 0) ${S} (i32.const 8))`,
    `(memory.copy (i32.const 0) (i32.const 64) ${S})`,
  ],
  condition: [
    `(if ${S} (then (nop)) (else (nop)))`,
    `(block $b (br_if $b ${S}))`,
    `(drop (select (i32.const 1) (i32.const 2) ${S}))`,
    `(drop (select (result i64) (i64.const 1) (i64.const 2) ${S}))`,
    `(block $a (block $b (br_table $a $b $a (i32.shr_u ${S} (i32.const 4)))))`,
    `(drop (call_indirect (type $t) (i32.const 0) (i32.shr_u ${S} (i32.const 4))))`,
  ],
  division: ["div_s", "div_u", "rem_s", "rem_u"].flatMap((of) => [
    `(drop (i32.${of} ${S} (i32.const 3)))`,
    `(drop (i32.${of} (i32.const 3) (i32.add ${S} (i32.const 1))))`,
  ]),
};

/** What shows nothing of the parameter. */
const SILENT: readonly string[] = [
  `(i32.store (i32.const 0) ${S})`,
  `(i64.store (i32.const 0) (i64.extend_i32_u ${S}))`,
  `(v128.store (i32.const 0) (i32x4.splat ${S}))`,
  `(v128.store8_lane 1 (i32.const 0) (i8x16.splat ${S}))`,
  `(memory.fill (i32.const 0) ${S} (i32.const 8))`,
  `(drop (i32.mul ${S} (i32.rotl ${S} (i32.const 3))))`,
  `(drop (i8x16.swizzle ${V} (i8x16.splat ${S})))`,
  `(drop (select ${S} (i32.const 2) (i32.const 1)))`,
  "(block $b (br_if $b (i32.const 1)))",
];

/** A module with a function `f0`, `f1` … of one parameter for each body. */
function compile(...bodies: readonly string[]): Uint8Array {
  const functions = bodies.map((body, i) => `(func (export "f${i}") (param i32) ${body})`);
  const module = binaryen.parseText(`(module
    (type $t (func (param i32) (result i32)))
    (memory (export "memory") 1 1)
    (global $g (mut i32) (i32.const 0))
    (table 2 2 funcref)
    (elem (i32.const 0) $identity $identity)
    (func $identity (type $t) (local.get 0))
    ${functions.join("\n")})`);
  module.setFeatures(binaryen.Features.All);
  try {
    return module.emitBinary();
  } finally {
    module.dispose();
  }
}

// One module for all of them: to compile and instrument one for each takes most of the time.
const BODIES = [...Object.values(LEAKS).flat(), ...SILENT];
const tracer = new Tracer(compile(...BODIES));

/** Where the traces of a body at 0 and at 16 part. */
function parting(body: string): string | null {
  const name = `f${BODIES.indexOf(body)}`;
  const [low, high] = [0, 16].map((value) => tracer.trace(() => void tracer.call(name, value)));
  return tracer.difference(low ?? new Uint32Array(), high ?? new Uint32Array());
}

describe("a trace tells two secrets apart", () => {
  for (const [kind, bodies] of Object.entries(LEAKS)) {
    it.each(bodies)(`by the ${kind} of %s`, (body) => {
      expect(parting(body)).toMatch(/^record \d of \d/);
    });
  }
});

describe("a trace does not tell two secrets apart", () => {
  it.each(SILENT)("by the values in %s", (body) => {
    expect(parting(body)).toBeNull();
  });
});

describe("what the pass has no rule for is an error, not a blind spot", () => {
  it.each([
    ["a division of 64 bits", "(drop (i64.div_u (i64.const 1) (i64.extend_i32_u (local.get 0))))"],
    ["growing memory", "(drop (memory.grow (local.get 0)))"],
    ["relaxed SIMD", `(drop (i8x16.relaxed_swizzle ${V} ${V}))`],
    ["an atomic", "(drop (i32.atomic.load (local.get 0)))"],
  ])("%s", (_, body) => {
    expect(() => instrument(compile(body))).toThrow(/instrument: no rule for opcode/);
  });
});
