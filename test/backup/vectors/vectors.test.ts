/**
 * The vectors: that files, index and specification agree, and what people are told of each.
 */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { describeFault } from "../../../src/backup/format/errors.ts";
import type { Core } from "../../../src/crypto/core.ts";
import { loadCore } from "../../lib/core.ts";
import { customerKeys, vectorBytes, vectorText } from "../fixtures.ts";
import { listedCodes } from "./codes.ts";
import { indexSchema, SCHEMA_FILE, type VectorEntry } from "./index-schema.ts";
import { makeVectors } from "./make.ts";
import { INDEX, readerWith, readVector, refusalOf } from "./readers.ts";
import { RULES, WITHOUT_VECTOR } from "./rules.ts";

const core: Core = await loadCore();
const FOLDER = "test/vectors";

const cases = INDEX.vectors.map((entry) => ({ ...entry, title: `${entry.file} by ${entry.keys}` }));
const refusals = cases.filter(({ expect }) => expect.outcome === "refused");

/** Facts that a message has in words of its own. */
const WORDED = new Set(["code", "which", "part", "found"]);

function filesIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true })
    .map(String)
    .filter((path) => statSync(join(folder, path)).isFile())
    .sort();
}

function read({ file, keys, expectation }: VectorEntry) {
  return readVector(core, readerWith(keys, expectation), vectorBytes(file));
}

/** The sentences of `message`, each of a capital or an id, some words and a full stop or colon. */
function sentencesOf(message: string): string[] {
  expect(message).toMatch(/^[A-Z].*\.$/);
  return message.split(/(?<=[.:]) /).filter((sentence) => sentence.split(" ").length > 2);
}

describe("the files", () => {
  it("are those that the generator writes, byte for byte, and no others", async () => {
    const made = await makeVectors(core);
    expect(filesIn(FOLDER)).toEqual([...made.keys()].sort());
    const others = [...made].filter(
      ([file, bytes]) => !Buffer.from(vectorBytes(file)).equals(bytes),
    );
    expect(others.map(([file]) => file)).toEqual([]);
  });

  it("have the digests that the index says", () => {
    for (const { file, sha256 } of INDEX.vectors) {
      expect(createHash("sha256").update(vectorBytes(file)).digest("hex"), file).toBe(sha256);
    }
  });

  it("are named by the index, all of them, and each with keys in one way", () => {
    const named = new Set(INDEX.vectors.map(({ file }) => file));
    expect([...named].sort()).toEqual(filesIn(FOLDER).filter((file) => file.endsWith(".hbk")));
    const ways = INDEX.vectors.map(({ file, keys }) => `${file} ${keys}`);
    expect(new Set(ways).size).toBe(ways.length);
  });

  it("fit into a repository", () => {
    const bytes = filesIn(FOLDER).reduce((sum, file) => sum + statSync(join(FOLDER, file)).size, 0);
    expect(bytes).toBeLessThan(4 * 1024 * 1024);
  });
});

describe("the index", () => {
  it("has its schema beside it", () => {
    expect(vectorText(SCHEMA_FILE)).toBe(indexSchema());
  });

  it("names key sets that are there and are used, of files that can be read", () => {
    const used = new Set(INDEX.vectors.map(({ keys }) => keys));
    expect([...used].sort()).toEqual(Object.keys(INDEX.keys).sort());
    for (const [name, { kms }] of Object.entries(INDEX.keys)) {
      expect(readerWith(name).ring.mkbk.length).toBeGreaterThan(0);
      if (kms !== null) expect(customerKeys(kms).length).toBeGreaterThan(0);
    }
  });

  it("has a vector for each row of FORMAT.md §9.1, and each refusal a row", () => {
    const met = refusals.flatMap(({ expect }) => {
      if (expect.outcome !== "refused") return [];
      return [expect.which ? `${expect.code} ${expect.which}` : expect.code];
    });
    expect(listedCodes().sort()).toEqual([...new Set(met)].sort());
  });
});

describe("the rules of FORMAT.md §3.5", () => {
  const text = readFileSync("docs/FORMAT.md", "utf8");
  const named = [...text.matchAll(/^\| ([A-Z]-\d\d) \|/gm)].map(([, rule]) => rule ?? "");
  const held = new Set(INDEX.vectors.flatMap(({ rules }) => rules));

  it("have a vector each, but for those that the text names", () => {
    expect(new Set(named).size).toBe(named.length);
    const without = named.filter((rule) => !held.has(rule));
    expect(without).toEqual(WITHOUT_VECTOR);
    for (const rule of without) expect(text).toContain(`${rule} is the one rule without a vector`);
    expect([...held].filter((rule) => !named.includes(rule))).toEqual([]);
  });

  it("are named by vectors that are there", () => {
    const files = new Set(INDEX.vectors.map(({ file }) => file));
    const missing = Object.values(RULES)
      .flat()
      .filter((name) => !files.has(`${name}.hbk`));
    expect(missing).toEqual([]);
  });

  it("are named for every vector that is refused, and by the code that it is refused with", () => {
    const rows = new Map(
      [...text.matchAll(/^\| ([A-Z]-\d\d) \| .* \| ([^|]+) \|$/gm)].map(([, rule, codes]) => [
        rule,
        codes ?? "",
      ]),
    );
    for (const { file, rules, expect: expected } of INDEX.vectors) {
      if (expected.outcome !== "refused") continue;
      expect(rules.length, file).toBeGreaterThan(0);
      const codes = rules.map((rule) => rows.get(rule) ?? "").join();
      const isSaid = codes.includes(`\`${expected.code}\``) || expected.code === "truncated";
      expect(isSaid, `${file}: ${expected.code} by ${rules.join()}`).toBe(true);
    }
  });
});

describe("the messages", () => {
  it.each(refusals)(
    "of $title say in sentences what is wrong, all facts of it, and what to do",
    async (entry) => {
      const reading = await read(entry);
      if (!("fault" in reading)) throw new Error("the file was not refused");
      const { fault } = reading;
      const message = describeFault(fault);
      expect(sentencesOf(message).length).toBeGreaterThan(1);
      for (const [name, fact] of Object.entries(fault)) {
        if (WORDED.has(name) || fact === null) continue;
        // The ids that it names are right: the message says so.
        if (fault.code === "key_mismatch" && fault.which === "pbk") continue;
        expect(String(fact)).not.toBe("");
        expect(message).toContain(String(fact));
      }
    },
  );

  it("of a backup that did not read back say so, and what to do", () => {
    const message = describeFault({ code: "verification_failed", why: "other digest" });
    expect(sentencesOf(message).length).toBeGreaterThan(1);
    expect(message).toContain("(other digest)");
  });

  it("are six different ones for the six mistakes that people make", async () => {
    const files = [
      "ring/mkbk_absent.hbk",
      "ring/akbk_absent.hbk",
      "ring/manufacturer_other.hbk",
      "opener/cmk_absent.hbk",
      "body/flipped.hbk",
      "file/container_version_2.hbk",
    ];
    const messages = new Set<string>();
    for (const file of files) {
      const entry = INDEX.vectors.find((known) => known.file === file);
      if (entry === undefined) throw new Error(`no vector ${file}`);
      const refusal = await refusalOf(core, readerWith(entry.keys), vectorBytes(file));
      if (refusal !== null) messages.add(describeFault(refusal.fault));
    }
    expect(messages.size).toBe(6);
    for (const message of messages) {
      expect(message).toMatch(/\b(take|open|restore|use|choose|only be restored)\b/i);
    }
  });
});
