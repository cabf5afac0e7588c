/**
 * Every row of FORMAT.md §9.1: each vector is refused with its code, and nothing is committed.
 */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { describeFault } from "../../../src/backup/format/errors.ts";
import type { Core } from "../../../src/crypto/core.ts";
import { loadCore } from "../../lib/core.ts";
import { golden, hasGolden } from "../fixtures.ts";
import { forge, forgeSeal, join } from "./forge.ts";
import { FAULT_MEMORY } from "./maker.ts";
import { READERS, refusalOf } from "./readers.ts";
import { faultVectors } from "./vectors.ts";

const core: Core = await loadCore();
const vectors = await faultVectors(core);

/** Facts that a message has in words of its own. */
const WORDED = new Set(["code", "which", "part", "found"]);

/** The sentences of `message`, each of a capital or an id, some words and a full stop or colon. */
function sentencesOf(message: string): string[] {
  expect(message).toMatch(/^[A-Z].*\.$/);
  return message.split(/(?<=[.:]) /).filter((sentence) => sentence.split(" ").length > 2);
}

describe("a file that is wrong in one way", () => {
  it.each(vectors)("$name is refused as $code", async ({ code, which, reader, bytes }) => {
    const refusal = await refusalOf(core, READERS[reader](), bytes);
    expect(refusal?.fault).toMatchObject({ code, ...(which === undefined ? {} : { which }) });
    expect(refusal?.staging.committed).toBeNull();
    expect(refusal?.staging.records).toEqual([]);
  });

  it.each(vectors)("$name is the file that is kept", ({ name, bytes }) => {
    expect(hasGolden(`faults/${name}.hbk`)).toBe(true);
    expect(Buffer.from(golden(`faults/${name}.hbk`)).equals(bytes)).toBe(true);
  });

  it("has a row in the specification, and each row has its files", () => {
    const text = readFileSync("docs/FORMAT.md", "utf8");
    const table = text.slice(text.indexOf("### 9.1"), text.indexOf("### 9.2"));
    const rows = [...table.matchAll(/^\| `(\w+)`(?: \((\w+)\))? \| .* \| (.*) \|$/gm)];
    const listed = rows.flatMap(([, code, which, names = ""]) =>
      [...names.matchAll(/`(\w+)`/g)].map(([, name]) => [name, code, which].join(" ")),
    );
    const made = vectors.map(({ name, code, which }) => [name, code, which].join(" "));
    expect(listed.sort()).toEqual(made.sort());
  });

  it("is wrong in nothing else: without the change the same file is restored", async () => {
    const forged = forge(core, { records: FAULT_MEMORY });
    const { file } = await forgeSeal(core, forged);
    const reader = READERS.owner();
    expect(await refusalOf(core, reader, join(forged.keyBlock, forged.container))).toBeNull();
    expect(await refusalOf(core, reader, file)).toBeNull();
    expect(await refusalOf(core, READERS["kit holder"](), file)).toBeNull();
  });
});

describe("the messages", () => {
  it.each(vectors)(
    "of $name say in sentences what is wrong, all facts of it, and what to do",
    async ({ reader, bytes }) => {
      const refusal = await refusalOf(core, READERS[reader](), bytes);
      if (refusal === null) throw new Error("the file was not refused");
      const { fault } = refusal;
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
    const names = [
      "mkbk_absent",
      "akbk_absent",
      "manufacturer_other",
      "cmk_absent",
      "body_flipped",
      "container_version_2",
    ];
    const messages = new Set<string>();
    for (const name of names) {
      const vector = vectors.find((known) => known.name === name);
      if (vector === undefined) throw new Error(`no vector ${name}`);
      const refusal = await refusalOf(core, READERS[vector.reader](), vector.bytes);
      if (refusal !== null) messages.add(describeFault(refusal.fault));
    }
    expect(messages.size).toBe(6);
    for (const message of messages) {
      expect(message).toMatch(/\b(take|open|restore|use|choose|only be restored)\b/i);
    }
  });
});
