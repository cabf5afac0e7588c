/**
 * The recovery kit: KIT.md, both ways, and every way of being no kit.
 */
import { describe, expect, it } from "vitest";
import { encodeAgePublicKey } from "../../../src/backup/format/age-keys.ts";
import { describeKitFault, KitError, type KitFault } from "../../../src/backup/kit/errors.ts";
import {
  encodeKit,
  KIT_MEMBERS,
  MAX_KEY_VERSIONS,
  MAX_KIT_BYTES,
  parseKit,
} from "../../../src/backup/kit/kit.ts";
import { recoveryKey, recoveryPublicKey, testKit } from "../fixtures.ts";

type Document = Record<string, unknown>;

const TEXT = encodeKit(testKit());

function changed(change: (document: Document) => void): string {
  const document: Document = JSON.parse(TEXT);
  change(document);
  return JSON.stringify(document);
}

function firstMkbk(document: Document): Document {
  return (document["mkbk"] as Document[])[0]!;
}

function entryAt(document: Document, index: number): Document {
  return (document["recoveryKeys"] as Document[])[index]!;
}
const hybridEntry = (document: Document) => entryAt(document, 0);
const rsaEntry = (document: Document) => entryAt(document, 1);

const PUBLIC = encodeAgePublicKey(recoveryPublicKey().bytes);
const CHECKPOINT = { clusterId: "cluster-x", chainNumber: 7, containerDigest: "11".repeat(32) };

function faultOf(text: string): KitFault {
  try {
    parseKit(text);
  } catch (error) {
    if (error instanceof KitError) return error.fault;
    throw error;
  }
  throw new Error("expected a refusal, and there was none");
}

describe("a recovery kit", () => {
  it("is the same after parsing and encoding, members in their order", () => {
    expect(encodeKit(parseKit(TEXT))).toBe(TEXT);
    expect(Object.keys(JSON.parse(TEXT))).toEqual(
      KIT_MEMBERS.filter((name) => name !== "critical"),
    );
  });

  it("is taken with one byte-order mark before it, nowhere else", () => {
    expect(encodeKit(parseKit(`\ufeff${TEXT}`))).toBe(TEXT);
    expect(faultOf(`\ufeff\ufeff${TEXT}`)).toEqual({ code: "kit_not_json" });
    expect(faultOf(`${TEXT}\ufeff`)).toEqual({ code: "kit_not_json" });
  });

  it("may have no recovery key, and destroyed keys without bytes", () => {
    const kit = parseKit(
      changed((document) => {
        document["recoveryKeys"] = [];
        Object.assign(firstMkbk(document), { state: "destroyed", key: null });
      }),
    );
    expect(kit.recoveryKeys).toEqual([]);
    expect(kit.ring.mkbk[0]).toMatchObject({ state: "destroyed", key: null });
  });

  it("keeps public halves and checkpoints", () => {
    const text = changed((document) => {
      document["recoveryKeys"] = [{ kind: "hybrid", id: recoveryKey().id, publicKey: PUBLIC }];
      document["checkpoints"] = [CHECKPOINT];
    });
    const kit = parseKit(text);
    expect(kit.recoveryKeys).toEqual([]);
    expect(kit.publicKeys).toEqual([{ id: recoveryKey().id, ...recoveryPublicKey() }]);
    expect(JSON.parse(encodeKit(kit))).toEqual(JSON.parse(text));
  });

  it("may say more than this version knows, at every place", () => {
    const kit = parseKit(
      changed((document) => {
        document["shares"] = [1];
        document["critical"] = ["mkbk"];
        firstMkbk(document)["madeAt"] = "somewhere";
        hybridEntry(document)["device"] = {};
        (document["recoveryKeys"] as unknown[]).push({ kind: "of another kind" });
      }),
    );
    expect(kit.recoveryKeys.map(({ algorithm }) => algorithm)).toEqual(["hybrid", "rsa"]);
  });

  it("may have no list of checkpoints, and members in any order", () => {
    const text = changed((document) => {
      delete document["checkpoints"];
      const { note } = document;
      delete document["note"];
      Object.assign(document, { note });
    });
    expect(encodeKit(parseKit(text))).toBe(TEXT);
  });

  it("wipes its keys when it is disposed of", () => {
    const kit = parseKit(TEXT);
    kit[Symbol.dispose]();
    expect(() => kit.ring.mkbk[0]?.key?.length).toThrow(TypeError);
    const [hybrid, rsa] = kit.recoveryKeys;
    expect(() => hybrid?.algorithm === "hybrid" && hybrid.seed.length).toThrow(TypeError);
    expect(() => rsa?.algorithm === "rsa" && rsa.pkcs8.length).toThrow(TypeError);
  });

  it("at its limits is taken, one past them refused", () => {
    const padded = TEXT + " ".repeat(MAX_KIT_BYTES - Buffer.byteLength(TEXT));
    expect(parseKit(padded).operator).toBe("Golden Operator");
    expect(faultOf(`${padded} `)).toMatchObject({ code: "kit_too_large" });
    const versions = (count: number) =>
      changed((document) => {
        const entry = firstMkbk(document);
        document["mkbk"] = Array.from({ length: count }, (_, i) => ({ ...entry, version: i + 1 }));
      });
    expect(parseKit(versions(MAX_KEY_VERSIONS)).ring.mkbk.length).toBe(MAX_KEY_VERSIONS);
    expect(faultOf(versions(MAX_KEY_VERSIONS + 1))).toMatchObject({ path: "mkbk" });
    const named = (length: number) =>
      changed((document) => {
        document["manufacturer"] = "m".repeat(length);
      });
    expect(parseKit(named(128)).ring.manufacturer.length).toBe(128);
    expect(faultOf(named(129))).toMatchObject({ path: "manufacturer" });
  });
});

const SECRET_LOOKING = "c2VjcmV0LWxvb2tpbmctdmFsdWU";

describe("a file that is no recovery kit", () => {
  const cases: [string, string, Partial<KitFault>][] = [
    ["not JSON", `{"format": ${SECRET_LOOKING}`, { code: "kit_not_json" }],
    ["JSON of another kind", "[1, 2]", { code: "kit_not_ours" }],
    ["null", "null", { code: "kit_not_ours" }],
    [
      "with null for a key version",
      changed((d) => {
        d["mkbk"] = [null];
      }),
      { code: "kit_member_invalid", path: "mkbk[0]", expected: "an object" },
    ],
    ["without a format", "{}", { code: "kit_not_ours" }],
    [
      "of a newer version",
      changed((d) => {
        d["format"] = "holdfast-recovery-kit/2";
      }),
      { code: "kit_newer_version", got: 2 },
    ],
    ...["createdAt", "manufacturer", "operator", "recoveryKeys", "mkbk", "akbk", "note"].map(
      (name): [string, string, Partial<KitFault>] => [
        `without ${name}`,
        changed((d) => {
          delete d[name];
        }),
        { code: "kit_member_missing", path: name },
      ],
    ),
    [
      "with a member that has to be known and is not",
      changed((d) => {
        d["critical"] = ["mkbk", SECRET_LOOKING];
        d[SECRET_LOOKING] = 1;
      }),
      { code: "kit_newer_version", got: null },
    ],
    [
      "of a version of eleven digits",
      changed((d) => {
        d["format"] = "holdfast-recovery-kit/12345678901";
      }),
      { code: "kit_newer_version", got: 12345678901 },
    ],
    [
      "with a critical member of a long name",
      changed((d) => {
        d["critical"] = ["x".repeat(200)];
      }),
      { code: "kit_newer_version", got: null },
    ],
    [
      "with critical members that are none and one missing, what is missing",
      changed((d) => {
        d["critical"] = [1];
        delete d["note"];
      }),
      { code: "kit_member_missing", path: "note" },
    ],
    [
      "with a critical member that is no text",
      changed((d) => {
        d["critical"] = ["mkbk", 1];
      }),
      { code: "kit_member_invalid", path: "critical[1]" },
    ],
    [
      "with a list of critical members that is none",
      changed((d) => {
        d["critical"] = "mkbk";
      }),
      { code: "kit_member_invalid", path: "critical" },
    ],
    [
      "nested deeper than 32",
      `{"format":${"[".repeat(32)}${"]".repeat(32)}}`,
      { code: "kit_not_json" },
    ],
    [
      "nested as deep as 32",
      `{"format":${"[".repeat(31)}${"]".repeat(31)}}`,
      { code: "kit_not_ours" },
    ],
    [
      "with something missing and something wrong, what is missing",
      changed((d) => {
        d["createdAt"] = "yesterday";
        delete d["note"];
      }),
      { code: "kit_member_missing", path: "note" },
    ],
    [
      "with half a surrogate in a text",
      changed((d) => {
        d["operator"] = "\ud800";
      }),
      { code: "kit_member_invalid", path: "operator" },
    ],
    [
      "with nine recovery keys",
      changed((d) => {
        d["recoveryKeys"] = Array.from({ length: 9 }, () => ({ kind: "other" }));
      }),
      { code: "kit_member_invalid", path: "recoveryKeys", expected: "a list of 0 to 8" },
    ],
    [
      "with both halves of a recovery key",
      changed((d) => {
        hybridEntry(d)["publicKey"] = PUBLIC;
      }),
      { code: "kit_member_invalid", path: "recoveryKeys[0].publicKey" },
    ],
    [
      "with neither half of a recovery key",
      changed((d) => {
        delete hybridEntry(d)["secretKey"];
      }),
      { code: "kit_member_missing", path: "recoveryKeys[0].secretKey" },
    ],
    [
      "with the public half where the private one belongs",
      changed((d) => {
        hybridEntry(d)["secretKey"] = PUBLIC;
      }),
      { code: "kit_base64", path: "recoveryKeys[0].secretKey" },
    ],
    [
      "with a changed character in a key of age's",
      changed((d) => {
        const text = String(hybridEntry(d)["secretKey"]);
        hybridEntry(d)["secretKey"] = `${text.slice(0, -1)}${text.endsWith("Q") ? "P" : "Q"}`;
      }),
      { code: "kit_base64", path: "recoveryKeys[0].secretKey" },
    ],
    [
      "with a number for a key of age's",
      changed((d) => {
        hybridEntry(d)["secretKey"] = 1;
      }),
      { code: "kit_member_invalid", path: "recoveryKeys[0].secretKey" },
    ],
    [
      "with another RSA key's public half",
      changed((d) => {
        d["recoveryKeys"] = [{ kind: "rsa", id: "0".repeat(32), publicKey: "AAAA" }];
      }),
      { code: "kit_member_invalid", path: "recoveryKeys[0].publicKey" },
    ],
    [
      "with the same recovery key twice",
      changed((d) => {
        d["recoveryKeys"] = [hybridEntry(d), hybridEntry(d)];
      }),
      { code: "kit_member_invalid", path: "recoveryKeys", expected: "no key twice" },
    ],
    [
      "with a checkpoint of no number",
      changed((d) => {
        d["checkpoints"] = [{ ...CHECKPOINT, chainNumber: 0 }];
      }),
      { code: "kit_member_invalid", path: "checkpoints[0].chainNumber" },
    ],
    [
      "with two checkpoints of one backup",
      changed((d) => {
        d["checkpoints"] = [CHECKPOINT, { ...CHECKPOINT, containerDigest: "22".repeat(32) }];
      }),
      { code: "kit_member_invalid", path: "checkpoints", expected: "no backup twice" },
    ],
    [
      "with 65 checkpoints",
      changed((d) => {
        d["checkpoints"] = Array.from({ length: 65 }, (_, i) => ({
          ...CHECKPOINT,
          chainNumber: i + 1,
        }));
      }),
      { code: "kit_member_invalid", path: "checkpoints" },
    ],
    [
      "without a key's bytes",
      changed((d) => {
        delete firstMkbk(d)["key"];
      }),
      { code: "kit_member_missing", path: "mkbk[0].key" },
    ],
    [
      "with a lost character in a key",
      changed((d) => {
        firstMkbk(d)["key"] = SECRET_LOOKING;
      }),
      { code: "kit_base64", path: "mkbk[0].key" },
    ],
    [
      "with base64 that ends in stray bits",
      changed((d) => {
        firstMkbk(d)["key"] = `${"A".repeat(42)}B=`;
      }),
      { code: "kit_base64" },
    ],
    [
      "with a short key",
      changed((d) => {
        firstMkbk(d)["key"] = Buffer.alloc(31).toString("base64");
      }),
      { code: "kit_key_length", path: "mkbk[0].key", expected: "32 bytes" },
    ],
    [
      "with a number for a key",
      changed((d) => {
        firstMkbk(d)["key"] = 7;
      }),
      { code: "kit_member_invalid", path: "mkbk[0].key", expected: "base64" },
    ],
    [
      "with a recovery key that is too long for any",
      changed((d) => {
        rsaEntry(d)["secretKey"] = Buffer.alloc(4097).toString("base64");
      }),
      {
        code: "kit_key_length",
        path: "recoveryKeys[1].secretKey",
        expected: "1 to 4096 bytes",
      },
    ],
    [
      "with a key that is null though not destroyed",
      changed((d) => {
        firstMkbk(d)["key"] = null;
      }),
      { code: "kit_member_invalid", path: "mkbk[0].key" },
    ],
    [
      "with an id in capitals",
      changed((d) => {
        firstMkbk(d)["id"] = "A".repeat(32);
      }),
      { code: "kit_member_invalid", path: "mkbk[0].id" },
    ],
    [
      "with version 0",
      changed((d) => {
        firstMkbk(d)["version"] = 0;
      }),
      { code: "kit_member_invalid", path: "mkbk[0].version" },
    ],
    [
      "with an unknown state",
      changed((d) => {
        firstMkbk(d)["state"] = "asleep";
      }),
      { code: "kit_member_invalid", path: "mkbk[0].state" },
    ],
    [
      "with the same key version twice",
      changed((d) => {
        d["mkbk"] = [firstMkbk(d), firstMkbk(d)];
      }),
      { code: "kit_member_invalid", path: "mkbk", expected: "no key twice" },
    ],
    [
      "with no key at all",
      changed((d) => {
        d["akbk"] = [];
      }),
      { code: "kit_member_invalid", path: "akbk" },
    ],
    [
      "with a time of another form",
      changed((d) => {
        d["createdAt"] = "yesterday";
      }),
      { code: "kit_member_invalid", path: "createdAt" },
    ],
  ];

  it.each(cases)("%s is refused, and nothing of it is repeated", (_, text, fault) => {
    const got = faultOf(text);
    expect(got).toMatchObject(fault);
    expect(describeKitFault(got)).not.toContain(SECRET_LOOKING);
    expect(describeKitFault(got)).toMatch(/^[A-Z].*\.$/);
  });
});
