/**
 * Mutants of backups, as `npm run mutants` makes them and has every reader answer.
 */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  type MutantReader,
  productReader,
  readersHere,
} from "../../scripts/check/mutant-readers.ts";
import { type MutantReport, runMutants } from "../../scripts/check/mutant-run.ts";
import type { Core } from "../../src/crypto/core.ts";
import { mutantOf } from "../backup/mutants/mutant.ts";
import { listedCodes } from "../backup/vectors/codes.ts";
import { loadCore } from "../lib/core.ts";

const SEED = 1;
const COUNT = 300;

const core: Core = await loadCore();
let keepIn: string;
beforeAll(() => {
  keepIn = mkdtempSync(join(tmpdir(), "holdfast-mutants-test-"));
});
afterAll(() => rmSync(keepIn, { recursive: true }));

function run(readers: readonly MutantReader[], from: number, count: number): Promise<MutantReport> {
  return runMutants({ core, readers, seed: SEED, from, count, keepIn });
}

describe("mutants", () => {
  it("are the same every time, and others for another seed", async () => {
    for (const index of [0, 1, 2, 3, 4]) {
      const first = await mutantOf(core, SEED, index);
      expect(await mutantOf(core, SEED, index)).toEqual(first);
      expect(await mutantOf(core, SEED + 1, index)).not.toEqual(first);
    }
  });

  it("are made beneath MACs and seal, more than half of them", async () => {
    const kinds: string[] = [];
    for (let index = 0; index < COUNT / 3; index++) {
      kinds.push((await mutantOf(core, SEED, index)).changes[0] ?? "");
    }
    const beneath = kinds.filter((kind) => kind === "bare" || kind === "sealed");
    expect(beneath.length).toBeGreaterThan(COUNT / 6);
    expect(new Set(beneath).size).toBe(2);
  });
});

describe("all readers", () => {
  it("answer mutants alike, in outcome, code and kind of key", async () => {
    const readers = readersHere(core);
    expect(readers.length).toBeGreaterThan(1);
    const { met, disagreements } = await run(readers, 0, COUNT);
    expect(disagreements).toEqual([]);
    expect([...met.values()].reduce((sum, count) => sum + count)).toBe(COUNT);
    const known = ["opens", ...listedCodes()];
    expect([...met.keys()].filter((code) => !known.includes(code))).toEqual([]);
    expect(met.size).toBeGreaterThan(20);
    expect(readdirSync(keepIn)).toEqual([]);
  });
});

describe("a reader that errs", () => {
  const product = productReader(core);
  const erring = (answer: object): MutantReader => ({
    name: "another",
    answer: async (questions) => {
      const answers = await product.answer(questions);
      return answers.map((one) => ({ ...one, ...(one.outcome === "opens" ? answer : {}) }));
    },
  });

  it.each([
    ["in the outcome", { outcome: "refused", code: "not_ours" }],
    ["in the state digest", { stateDigest: "00".repeat(32) }],
    ["by failing", { outcome: "failed" }],
  ])("%s is found, and the mutant kept with its keys", async (_, answer) => {
    const { met, disagreements } = await run([product, erring(answer)], 0, 40);
    expect(disagreements).toHaveLength(met.get("opens") ?? 0);
    expect(disagreements.length).toBeGreaterThan(0);
    for (const { index, folder } of disagreements) {
      if (folder === null) throw new Error("a few are kept");
      const asked = JSON.parse(readFileSync(join(folder, "question.json"), "utf8"));
      const { file } = await mutantOf(core, SEED, index);
      expect(Uint8Array.from(readFileSync(asked.file))).toEqual(Uint8Array.from(file));
      expect(existsSync(asked.kit)).toBe(true);
    }
  });
});
