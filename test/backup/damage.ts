/**
 * A small backup and the tests of its damage, for two files that run side by side: its bare form and its
 * sealed one. FORMAT.md §9.2 and §9.3.
 */
import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import type { Core } from "../../src/crypto/core.ts";
import { loadCore } from "../lib/core.ts";
import { forge, forgeSeal, join } from "./faults/forge.ts";
import { READERS, refusalOf } from "./faults/readers.ts";
import { record } from "./fixtures.ts";

export const core: Core = await loadCore();
export const reader = READERS.owner();
export const RECORDS = [record(1, 0, "configuration"), record(5, 1, "key", "s".repeat(450))];

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

async function smallBackup() {
  const forged = forge(core, { records: RECORDS });
  const seal = await forgeSeal(core, forged);
  const bare = join(forged.keyBlock, forged.container);
  return { forged, seal, bare };
}

export const { forged, seal, bare } = await smallBackup();
/** Tests of every flipped bit, every cut and every byte too many, of one kind of file. */
export function testDamageOf(kind: "bare" | "sealed"): void {
  const bytes = kind === "bare" ? bare : seal.file;
  const values =
    kind === "bare" ? { h: forged.front.length - 16 } : { c: seal.envelope.length - 220 };
  const ranges = rangesOf(kind, values, bytes.length);
  it("is covered by the table, byte for byte, with several chunks in it", () => {
    let at = 0;
    for (const { from, to } of ranges) {
      expect(from).toBe(at);
      expect(to).toBeGreaterThan(from);
      at = to;
    }
    expect(at).toBe(bytes.length);
    expect(forged.plainFrames.length).toBeGreaterThan(1);
  });

  it("is restored as it is", async () => {
    expect(await refusalOf(core, reader, bytes)).toBeNull();
  });

  it.each(ranges)("with a bit flipped in bytes $from to $to ($part) is $codes", async (range) => {
    for (let at = range.from; at < range.to; at++) {
      const refusals = await Promise.all(
        BITS.map((bit) => refusalOf(core, reader, flipped(bytes, at, bit))),
      );
      for (const [bit, refusal] of refusals.entries()) {
        expect(range.codes, `byte ${at}, bit ${bit}`).toContain(refusal?.fault.code);
        expect(refusal?.staging.committed ?? null).toBeNull();
        expect(refusal?.staging.records).toEqual([]);
      }
    }
  });

  it("cut at any length is truncated", async () => {
    for (let length = 0; length < bytes.length; length++) {
      const refusal = await refusalOf(core, reader, bytes.subarray(0, length));
      expect(refusal?.fault.code, `${length} bytes`).toBe("truncated");
      expect(refusal?.staging.committed ?? null).toBeNull();
    }
  });

  it("continued by any byte has trailing data", async () => {
    for (let byte = 0; byte < 256; byte++) {
      const refusal = await refusalOf(core, reader, join(bytes, Uint8Array.of(byte)));
      expect(refusal?.fault.code).toBe("trailing_data");
    }
  });
}

export function flipped(bytes: Uint8Array, at: number, bit: number): Uint8Array {
  const changed = bytes.slice();
  changed[at] = (changed[at] ?? 0) ^ (1 << bit);
  return changed;
}
