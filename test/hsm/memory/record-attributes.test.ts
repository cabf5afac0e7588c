import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { certificateCodec } from "../../../src/hsm/memory/certificate-record.ts";
import { configurationCodec } from "../../../src/hsm/memory/configuration-record.ts";
import { KEY_FLAGS, keyCodec } from "../../../src/hsm/memory/key-record.ts";
import { policyCodec } from "../../../src/hsm/memory/policy-record.ts";
import { userCodec } from "../../../src/hsm/memory/user-record.ts";

const document = readFileSync(new URL("../../../docs/HSM.md", import.meta.url), "utf8");
const CODECS = [
  ["configuration", configurationCodec],
  ["policy", policyCodec],
  ["user", userCodec],
  ["certificate", certificateCodec],
  ["key", keyCodec],
] as const;

describe("the attributes of records", () => {
  it.each(CODECS)(
    "of type %s have the numbers, names and bounds of the document",
    (name, codec) => {
      const table = document.split(`<!-- attributes: ${name} -->`)[1]?.split("\n\n")[0] ?? "";
      const rows = table.trim().split("\n").slice(2);
      const cells = rows.map((row) => row.split("|").map((cell) => cell.trim()));
      expect(cells.map(([, key, field, expected]) => [Number(key), field, expected])).toEqual(
        codec.fields.map((field) => [field.key, field.name, field.expected]),
      );
    },
  );

  it.each(CODECS)("of type %s are numbered from 1 without a gap", (_, codec) => {
    expect(codec.fields.map(({ key }) => key)).toEqual(codec.fields.map((_field, i) => i + 1));
  });

  it("name the bits of a key's flags as the document does", () => {
    const list = KEY_FLAGS.map((flag, i) => `${i} ${flag}`).join(", ");
    expect(document).toContain(list);
  });
});
