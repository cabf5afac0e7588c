/**
 * Every cut and every flipped bit of a small backup, bare and sealed: FORMAT.md §9.2 and §9.3.
 */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { BackupError } from "../../src/backup/format/errors.ts";
import { restoreBackup } from "../../src/backup/restore.ts";
import type { Core } from "../../src/crypto/core.ts";
import { loadCore } from "../lib/core.ts";
import { forge, forgeSeal, join } from "./faults/forge.ts";
import { READERS, refusalOf } from "./faults/readers.ts";
import { LOCATION, record, subtle, TestStaging } from "./fixtures.ts";

const core: Core = await loadCore();
const reader = READERS.owner();
const RECORDS = [record(1, 0, "configuration"), record(5, 1, "key", "s".repeat(450))];

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

const { forged, seal, bare } = await smallBackup();
const FILES = [
  {
    kind: "bare" as const,
    bytes: bare,
    ranges: rangesOf("bare", { h: forged.front.length - 16 }, bare.length),
  },
  {
    kind: "sealed" as const,
    bytes: seal.file,
    ranges: rangesOf("sealed", { c: seal.envelope.length - 220 }, seal.file.length),
  },
];

function flipped(bytes: Uint8Array, at: number, bit: number): Uint8Array {
  const changed = bytes.slice();
  changed[at] = (changed[at] ?? 0) ^ (1 << bit);
  return changed;
}

describe.each(FILES)("a $kind file", ({ bytes, ranges }) => {
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
      for (let bit = 0; bit < 8; bit++) {
        const refusal = await refusalOf(core, reader, flipped(bytes, at, bit));
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
});

describe("a restore from a stream", () => {
  const { ring, openers } = reader;

  async function restore(envelope: Uint8Array, body: Uint8Array[]) {
    const staging = new TestStaging();
    const stored = { envelope, body, location: LOCATION };
    let code: string | null = null;
    try {
      await restoreBackup({ core, subtle }, ring, openers, stored, staging);
    } catch (error) {
      if (!(error instanceof BackupError)) throw error;
      code = error.fault.code;
    }
    return { code, staging };
  }

  it("of a body with a bit flipped commits nothing and discards what was staged", async () => {
    for (let at = 0; at < seal.body.length; at++) {
      const { code, staging } = await restore(seal.envelope, [flipped(seal.body, at, at % 8)]);
      expect(code).toBe("body_damaged");
      expect(staging.committed).toBeNull();
      expect(staging.discarded).toBe(true);
    }
  });

  it("of a body cut anywhere commits nothing", async () => {
    for (let length = 0; length < seal.body.length; length++) {
      const { code, staging } = await restore(seal.envelope, [seal.body.subarray(0, length)]);
      expect(code).toBe("truncated");
      expect(staging.committed).toBeNull();
      expect(staging.discarded).toBe(true);
    }
  });

  it("of a whole body commits once", async () => {
    const { code, staging } = await restore(seal.envelope, [seal.body]);
    expect(code).toBeNull();
    expect(staging.committed).not.toBeNull();
    expect(staging.discarded).toBe(false);
    expect(staging.records).toEqual(RECORDS);
  });

  it("whose envelope goes on after its end is refused", async () => {
    const { code } = await restore(join(seal.envelope, Uint8Array.of(0)), [seal.body]);
    expect(code).toBe("trailing_data");
  });
});
