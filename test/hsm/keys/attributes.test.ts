import { readFileSync } from "node:fs";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  changedFlags,
  initialFlags,
  type KeyKind,
  type NewKeyAttributes,
  USAGE_FLAGS,
  usagesOf,
} from "../../../src/hsm/keys/attribute-rules.ts";
import {
  decodeFlags,
  encodeFlags,
  KEY_FLAGS,
  type KeyFlags,
} from "../../../src/hsm/memory/key-record.ts";
import { activeHsm, codeOf, faultOf } from "../../lib/hsm.ts";

const AES: KeyKind = { class: "secret", type: "aes" };
const KINDS: readonly KeyKind[] = [
  AES,
  { class: "secret", type: "generic-secret" },
  { class: "private", type: "rsa" },
  { class: "public", type: "rsa" },
  { class: "private", type: "ec" },
  { class: "public", type: "ec" },
];

const document = readFileSync(new URL("../../../docs/HSM.md", import.meta.url), "utf8");

describe("the flags of a key", () => {
  it("have one bit each, and read back as they were", () => {
    void fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** KEY_FLAGS.length - 1 }), (bits) => {
        expect(encodeFlags(decodeFlags(bits))).toBe(bits);
      }),
    );
  });

  it("are all in the documentation", () => {
    for (const flag of KEY_FLAGS) expect(document).toMatch(new RegExp(`\\| .*\\b${flag}\\b.*\\|`));
  });

  it("allow the usages that the documentation says", () => {
    const rows = document.split("| type | usages it can have |")[1]?.split("\n").slice(2, 8) ?? [];
    const documented = rows.map((row) => row.split("|")[2]?.trim());
    expect(documented).toEqual(
      KINDS.map((kind) => {
        const usages = usagesOf(kind);
        return usages.length === USAGE_FLAGS.length ? "all" : usages.join(", ");
      }),
    );
  });
});

describe("a label", () => {
  it.each(["\0", "a\tb", "a\nb", "\u001b[2J", "\u007f", "\u009b", "\u2029", "\udfff"])(
    "is refused with what is no text on one line: %j",
    async (label) => {
      const { hsm, alice } = await activeHsm();
      const aes = { type: "aes", sizeBits: 128 } as const;
      const { handle } = await hsm.generateKey(alice, aes);
      for (const give of [
        () => hsm.generateKey(alice, { ...aes, attributes: { label } }),
        () => hsm.setAttributes(alice, handle, { label }),
      ]) {
        expect(await faultOf(give)).toMatchObject({
          code: "attribute_refused",
          attribute: "label",
        });
      }
    },
  );

  it("may have letters and marks of any script, and stays as it was given", async () => {
    const { hsm, alice } = await activeHsm();
    const label = "مفتاح\u200cها \u202e🔑";
    const key = await hsm.generateKey(alice, { type: "aes", sizeBits: 128, attributes: { label } });
    expect(key.label).toBe(label);
  });
});

describe("a new key", () => {
  it("does nothing unless asked, and is sensitive, extractable, destroyable and private", () => {
    expect(initialFlags({}, AES, false)).toEqual({
      ...decodeFlags(0),
      sensitive: true,
      extractable: true,
      destroyable: true,
      modifiable: true,
      private: true,
      token: true,
    });
  });

  it("is always-sensitive and never-extractable only if it was made so, here", () => {
    const asked = { sensitive: true, extractable: false };
    expect(initialFlags(asked, AES, true)).toMatchObject({
      local: true,
      alwaysSensitive: true,
      neverExtractable: true,
    });
    expect(initialFlags(asked, AES, false)).toMatchObject({
      local: false,
      alwaysSensitive: false,
      neverExtractable: false,
    });
    expect(initialFlags({ sensitive: false }, AES, true)).toMatchObject({
      alwaysSensitive: false,
      neverExtractable: false,
    });
  });

  it.each(KINDS)("of class $class and type $type takes only its usages", async (kind) => {
    for (const flag of USAGE_FLAGS) {
      const make = () => initialFlags({ [flag]: true }, kind, false);
      if (usagesOf(kind).includes(flag)) expect(make()[flag]).toBe(true);
      else expect(await faultOf(make)).toMatchObject({ attribute: flag });
    }
  });

  it.each<[NewKeyAttributes, KeyKind]>([
    [{ trusted: true }, AES],
    [{ token: false }, AES],
    [{ sensitive: true }, { class: "public", type: "rsa" }],
    [{ extractable: false }, { class: "public", type: "rsa" }],
    [{ wrapWithTrusted: true }, { class: "public", type: "ec" }],
  ])("refuses %j", async (asked, kind) => {
    expect(await codeOf(() => initialFlags(asked, kind, false))).toBe("attribute_refused");
  });
});

describe("a change of attributes", () => {
  const before: KeyFlags = { ...initialFlags({}, AES, true), sensitive: false };

  it.each(["sensitive", "wrapWithTrusted"] as const)("sets %s for good", async (flag) => {
    const set = changedFlags(before, { [flag]: true }, AES);
    expect(set[flag]).toBe(true);
    expect(await codeOf(() => changedFlags(set, { [flag]: false }, AES))).toBe("attribute_refused");
  });

  it("does not make a key always-sensitive in hindsight", () => {
    const made = initialFlags({ sensitive: false }, AES, true);
    expect(changedFlags(made, { sensitive: true }, AES).alwaysSensitive).toBe(false);
  });

  it("never touches what the HSM tracks or what is fixed at creation", () => {
    const fixed = KEY_FLAGS.filter(
      (flag) => ![...USAGE_FLAGS, "sensitive", "wrapWithTrusted"].includes(flag),
    );
    const change = Object.fromEntries(fixed.map((flag) => [flag, !before[flag]]));
    const { trusted, token, ...rest } = change;
    expect(changedFlags(before, rest, AES)).toEqual(before);
  });

  it("is refused on a key that is not modifiable", async () => {
    const { hsm, alice } = await activeHsm();
    const { handle } = await hsm.generateKey(alice, {
      type: "aes",
      sizeBits: 128,
      attributes: { modifiable: false },
    });
    const change = () => hsm.setAttributes(alice, handle, { label: "new" });
    expect(await faultOf(change)).toMatchObject({ attribute: "modifiable" });
  });

  it("moves label, id and usages, and nothing a CU may not set", async () => {
    const { hsm, alice } = await activeHsm();
    const { handle } = await hsm.generateKey(alice, { type: "aes", sizeBits: 128 });
    const view = hsm.setAttributes(alice, handle, { label: "new", id: "0A0b", encrypt: true });
    expect(view).toMatchObject({ label: "new", id: "0a0b", attributes: { encrypt: true } });
    expect(hsm.listKeys(alice, { label: "new" }).keys).toEqual([view]);
    expect(await codeOf(() => hsm.setAttributes(alice, handle, { token: false }))).toBe(
      "attribute_refused",
    );
  });

  it.each([
    { label: "x".repeat(129) },
    { label: "ü".repeat(65) },
    { id: "0" },
    { id: "zz" },
    { id: "00".repeat(129) },
  ])("refuses %j", async (change) => {
    const { hsm, alice } = await activeHsm();
    const { handle } = await hsm.generateKey(alice, { type: "aes", sizeBits: 128 });
    expect(await codeOf(() => hsm.setAttributes(alice, handle, change))).toBe("attribute_refused");
  });
});
