/**
 * A small backup and the tests of its damage, for the files that run them
 * side by side. FORMAT.md §9.2 and §9.3.
 */
import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import type { Core } from "../../src/crypto/core.ts";
import { loadCore } from "../lib/core.ts";
import { record } from "./fixtures.ts";
import { forge, forgeSeal, join } from "./vectors/forge.ts";
import { type Refusal, readerWith, refusalOf } from "./vectors/readers.ts";

export const core: Core = await loadCore();
export const reader = readerWith("owner");
/** What is sealed: few bytes, as what seals them knows nothing of records and chunks. */
export const SEALED_RECORDS = [record(1, 0, "configuration")];
/** Of more than one chunk. */
const BARE_RECORDS = [...SEALED_RECORDS, record(5, 1, "key", "s".repeat(350))];

const BITS = [0, 1, 2, 3, 4, 5, 6, 7];

interface Range {
  readonly from: number;
  readonly to: number;
  readonly part: string;
  readonly codes: readonly string[];
}

/** A table of FORMAT.md, its expressions evaluated for one file. */
function rangesOf(kind: "bare" | "sealed", values: Record<string, number>, end: number): Range[] {
  const text = readFileSync("docs/FORMAT.md", "utf8");
  const table = text.slice(text.indexOf(`<!-- ranges: ${kind} -->`)).split("\n\n")[0] ?? "";
  const place = (expression: string): number => {
    if (expression === "end") return end;
    if (expression.startsWith("−")) return end - Number(expression.slice(1));
    return expression.split("+").reduce((sum, term) => sum + (values[term] ?? Number(term)), 0);
  };
  const rows = [...table.matchAll(/^\| ([\dhc+−]+) \| ([\dhc+−]+|end) \| (.+?) \| (.+) \|$/gm)];
  return rows.map(([, from = "", to = "", part = "", codes = ""]) => ({
    from: place(from),
    to: place(to),
    part,
    codes: [...codes.matchAll(/`(\w+)`/g)].map(([, code = ""]) => code),
  }));
}

const bare = forge(core, { records: BARE_RECORDS });
const sealed = forge(core, { records: SEALED_RECORDS });
export const seal = await forgeSeal(core, sealed);

export interface Damageable {
  readonly bytes: Uint8Array;
  /** All of them, by the table of FORMAT.md. */
  readonly ranges: readonly Range[];
}

/** The bare one has several chunks. */
export function damageable(kind: "bare" | "sealed"): Damageable {
  if (bare.plainFrames.length < 2) throw new Error("the bare file has one chunk");
  const bytes = kind === "bare" ? join(bare.keyBlock, bare.container) : seal.file;
  const values =
    kind === "bare" ? { h: bare.front.length - 16 } : { c: seal.envelope.length - 220 };
  return { bytes, ranges: rangesOf(kind, values, bytes.length) };
}

/** Tests of the table, of every cut and every byte too many. */
export function testLengths({ bytes, ranges }: Damageable): void {
  it("is covered by the table, byte for byte", () => {
    let at = 0;
    for (const { from, to } of ranges) {
      expect(from).toBe(at);
      expect(to).toBeGreaterThan(from);
      at = to;
    }
    expect(at).toBe(bytes.length);
  });

  it("is restored as it is", async () => {
    expect(await refusalOf(core, reader, bytes)).toBeNull();
  });

  it("cut at any length is truncated", async () => {
    const others: string[] = [];
    for (let length = 0; length < bytes.length; length++) {
      const outcome = outcomeOf(await refusalOf(core, reader, bytes.subarray(0, length)));
      if (outcome !== "truncated") others.push(`${length} bytes: ${outcome}`);
    }
    expect(others).toEqual([]);
  });

  it("continued by any byte has trailing data", async () => {
    const others: string[] = [];
    for (let byte = 0; byte < 256; byte++) {
      const outcome = outcomeOf(await refusalOf(core, reader, join(bytes, Uint8Array.of(byte))));
      if (outcome !== "trailing_data") others.push(`byte ${byte}: ${outcome}`);
    }
    expect(others).toEqual([]);
  });
}

/** Tests of every flipped bit in the ranges that are chosen. */
export function testFlips(
  { bytes, ranges }: Damageable,
  isChosen: (part: string) => boolean,
): void {
  it.each(ranges.filter(({ part }) => isChosen(part)))(
    "with a bit flipped in bytes $from to $to ($part) is $codes",
    async (range) => {
      const others: string[] = [];
      for (let at = range.from; at < range.to; at++) {
        const refusals = await Promise.all(
          BITS.map((bit) => refusalOf(core, reader, flipped(bytes, at, bit))),
        );
        for (const [bit, refusal] of refusals.entries()) {
          const outcome = outcomeOf(refusal);
          if (!range.codes.includes(outcome)) others.push(`byte ${at}, bit ${bit}: ${outcome}`);
        }
      }
      expect(others).toEqual([]);
    },
  );
}

/** The code of a refusal that took nothing in; else a text that is no code. */
function outcomeOf(refusal: Refusal | null): string {
  if (refusal === null) return "was restored";
  const { fault, staging } = refusal;
  const isClean = staging.committed === null && staging.records.length === 0;
  return isClean ? fault.code : `${fault.code}, with something taken in`;
}

export function flipped(bytes: Uint8Array, at: number, bit: number): Uint8Array {
  const changed = bytes.slice();
  changed[at] = (changed[at] ?? 0) ^ (1 << bit);
  return changed;
}
