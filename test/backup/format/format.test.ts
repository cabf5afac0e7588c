/**
 * FORMAT.md against the code: its offset tables, labels, limits and worked example.
 */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import * as layout from "../../../src/backup/format/layout.ts";
import { KIT_MEMBERS } from "../../../src/backup/kit/kit.ts";
import { MAX_RECORD_BYTES } from "../../../src/hsm/memory/record.ts";
import {
  MANIFEST_ENTRY,
  MANIFEST_ENTRY_BYTES,
  STATE_DIGEST_LABEL,
} from "../../../src/hsm/memory/state-digest.ts";
import { loadCore } from "../../lib/core.ts";
import { hex } from "../fixtures.ts";
import { workedExample } from "../golden/worked-example.ts";

const SPEC = readFileSync("docs/FORMAT.md", "utf8");

interface Field {
  readonly offset: number;
  /** Null where it varies. */
  readonly length: number | null;
  readonly name: string;
  readonly value: string;
}

function fieldsOf(structure: string): Field[] {
  const table = SPEC.slice(SPEC.indexOf(`<!-- layout: ${structure} -->`)).split("\n\n")[0] ?? "";
  const rows = [...table.matchAll(/^\| (\d+) \| (\d+|–) \| (\w+) \| (.*) \|$/gm)];
  return rows.map(([, offset, length, name = "", value = ""]) => ({
    offset: Number(offset),
    length: length === "–" ? null : Number(length),
    name,
    value,
  }));
}

const STRUCTURES: readonly (readonly [string, Readonly<Record<string, number>>, number | null])[] =
  [
    ["KEY_BLOCK", layout.KEY_BLOCK, layout.KEY_BLOCK_BYTES],
    ["PROLOGUE", layout.PROLOGUE, layout.PROLOGUE_BYTES],
    ["RECORD_FRAME", layout.RECORD_FRAME, null],
    ["MANIFEST_ENTRY", MANIFEST_ENTRY, MANIFEST_ENTRY_BYTES],
    ["FOOTER", layout.FOOTER, layout.FOOTER_BYTES],
    ["FRAME", layout.FRAME, null],
    ["ENVELOPE", layout.ENVELOPE, null],
  ];

describe.each(STRUCTURES)("the table of %s", (structure, offsets, byteLength) => {
  const fields = fieldsOf(structure);

  it("has the fields and offsets of the code", () => {
    const listed = Object.fromEntries(fields.map(({ name, offset }) => [name, offset]));
    expect(listed).toEqual({ ...offsets });
  });

  it("leaves no gap and ends where the code says", () => {
    let at = 0;
    for (const { offset, length } of fields) {
      expect(offset).toBe(at);
      at += length ?? 0;
    }
    if (byteLength !== null) expect(at).toBe(byteLength);
  });
});

describe("the specification", () => {
  it("prints the magic numbers of the code", () => {
    const magicOf = (structure: string) =>
      fieldsOf(structure)
        .find(({ name }) => name === "magic")
        ?.value.replaceAll(/[` ]/g, "");
    expect(magicOf("KEY_BLOCK")).toBe(hex(layout.KEY_BLOCK_MAGIC));
    expect(magicOf("PROLOGUE")).toBe(hex(layout.CONTAINER_MAGIC));
    expect(magicOf("ENVELOPE")).toBe(hex(layout.ENVELOPE_MAGIC));
  });

  it("prints every label, as text and as bytes, and no other", () => {
    const rows = [...SPEC.matchAll(/^\| `(holdfast\/v1\/[\w-]+)` \| `([0-9a-f]+)` \|/gm)];
    const labels = [...Object.values(layout.LABEL), STATE_DIGEST_LABEL];
    expect(rows.map(([, label]) => label).sort()).toEqual(labels.sort());
    for (const [, label = "", bytes] of rows) {
      expect(Buffer.from(label).toString("hex")).toBe(bytes);
      expect(hex(layout.labelBytes(label))).toBe(`${bytes}00`);
    }
  });

  it("states the limits of the code", () => {
    const limits: readonly (readonly [string, string])[] = [
      ["header", `1 to ${number(layout.MAX_HEADER_BYTES)} bytes`],
      ["text field of the header", `1 to ${layout.MAX_HEADER_TEXT_BYTES} bytes`],
      ["chunk", `${layout.MIN_CHUNK_BYTES} to ${number(layout.MAX_CHUNK_BYTES)} bytes`],
      ["record", `${layout.MIN_RECORD_BYTES} to ${number(MAX_RECORD_BYTES)} bytes`],
      ["records", number(layout.MAX_RECORDS)],
      ["payload", `${layout.MIN_PAYLOAD_BYTES} bytes to 2 GiB`],
      ["clear part of an envelope", `1 to ${number(layout.MAX_CLEAR_BYTES)} bytes`],
      ["text field of an envelope", `1 to ${number(layout.MAX_ENVELOPE_TEXT_BYTES)} bytes`],
      ["recipients", `1 to ${layout.MAX_RECIPIENTS}`],
      ["wrapped data key", `1 to ${number(layout.MAX_WRAPPED_DATA_KEY_BYTES)} bytes`],
      ["segment of a body", `${number(layout.SEGMENT_BYTES)} bytes`],
    ];
    for (const [name, value] of limits) {
      const row = SPEC.split("\n").find((line) => line.startsWith(`| ${name} `));
      expect(row, name).toContain(`| ${value}`);
    }
    expect(layout.MAX_PAYLOAD_BYTES).toBe(2 ** 31);
    expect(SPEC).toContain(number(layout.MAX_RECORDS * MANIFEST_ENTRY_BYTES));
  });

  it("prints the worked example that the code gives", async () => {
    const printed = SPEC.slice(
      SPEC.indexOf("<!-- vectors -->\n") + 17,
      SPEC.indexOf("<!-- /vectors -->"),
    );
    expect(printed).toBe(await workedExample(await loadCore()));
  });
});

describe("the specification of the kit", () => {
  it("names exactly the members of the code", () => {
    const text = readFileSync("docs/KIT.md", "utf8");
    const table = text.slice(text.indexOf("## 3."), text.indexOf("## 4."));
    const names = [...table.matchAll(/^\| ((?:`[\w.]+`(?:, )?)+) \|/gm)].flatMap(([, cell = ""]) =>
      [...cell.matchAll(/`(\w+)`/g)].map(([, name]) => name),
    );
    expect(names).toEqual(KIT_MEMBERS);
  });
});

function number(value: number): string {
  return value.toLocaleString("en-GB");
}
