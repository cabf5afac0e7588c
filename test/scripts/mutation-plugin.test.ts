/** The sample of a mutation run: as large as asked, and the same for the same seed. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it, vi } from "vitest";
import { strykerPlugins } from "../../scripts/check/mutation-plugin.ts";

const [checker, reporter] = strykerPlugins;
const folder = mkdtempSync(join(tmpdir(), "holdfast-mutation-"));
const resultsFile = join(folder, "results.jsonl");
afterAll(() => rmSync(folder, { recursive: true }));

function mutants(count: number, root = "") {
  return Array.from({ length: count }, (_, i) => ({
    id: String(i),
    fileName: `${root}src/cluster/listing.ts`,
    mutatorName: "BooleanLiteral",
    replacement: "true",
    location: { start: { line: i, column: 0 }, end: { line: i, column: 5 } },
  }));
}

async function taken(seed: number, percent: number, root = ""): Promise<string[]> {
  const sample = new checker.injectableClass({ sample: { seed, percent, resultsFile } });
  const verdicts = Object.entries(await sample.check(mutants(1000, root)));
  return verdicts.filter(([, { status }]) => status === "passed").map(([id]) => id);
}

describe("the sample of a mutation run", () => {
  it("is as large a share as was asked for", async () => {
    expect((await taken(1, 10)).length).toBeGreaterThan(60);
    expect((await taken(1, 10)).length).toBeLessThan(140);
    expect(await taken(1, 100)).toHaveLength(1000);
  });

  it("is the same for the same seed, wherever the copy lies, and another for another", async () => {
    expect(await taken(1, 10, "/tmp/copy-of/")).toEqual(await taken(1, 10));
    expect(await taken(2, 10)).not.toEqual(await taken(1, 10));
  });
});

describe("the results of a mutation run", () => {
  it("are written one by one, without what was not in the sample", () => {
    const told = vi.spyOn(console, "log").mockReturnValue();
    const results = new reporter.injectableClass({ sample: { seed: 1, percent: 9, resultsFile } });
    const [first, second, third] = mutants(3);
    results.onMutantTested({ ...first!, status: "Killed" });
    results.onMutantTested({ ...second!, status: "CompileError" });
    results.onMutantTested({ ...third!, status: "Survived" });
    const lines = readFileSync(resultsFile, "utf8").trim().split("\n");
    expect(lines.map((line) => JSON.parse(line).id)).toEqual(["0", "2"]);
    expect(told.mock.calls).toEqual([["survived src/cluster/listing.ts:2 → true"]]);
    told.mockRestore();
  });
});
