import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");

/** All that the pattern's group matches in a source file: the worker's types are not a test's. */
function namesIn(path: string, pattern: RegExp): string[] {
  return Array.from(read(path).matchAll(pattern), ([, name = ""]) => name);
}

describe("docs/STORAGE.md", () => {
  const text = read("docs/STORAGE.md");

  it("has every table and column of a region", () => {
    const rows = "src/worker/region/rows.ts";
    const names = [
      ...namesIn(rows, /CREATE TABLE IF NOT EXISTS (\w+)/g),
      ...namesIn(rows, /[(,]\s*(\w+) (?:TEXT|INTEGER) /g),
    ];
    expect(names.length).toBeGreaterThan(60);
    const inWords = ["one", "account", "region", "resourceId", "key", "value"];
    const missing = names.filter((name) => !text.includes(`\`${name}\``));
    expect(missing.filter((name) => !inWords.includes(name))).toEqual([]);
  });

  it("has every storage step", () => {
    const steps = namesIn("src/worker/platform/steps.ts", /^ {2}"(\w+)",$/gm);
    expect(steps.length).toBeGreaterThan(20);
    expect(steps.filter((step) => !text.includes(`\`${step}\``))).toEqual([]);
  });
});

describe("docs/AWS.md", () => {
  it("has every operation of the model", () => {
    const operations = namesIn("src/worker/aws/operations.ts", /^ {2}\[?"([A-Z]\w+)",/gm);
    expect(operations).toHaveLength(18);
    const text = read("docs/AWS.md");
    expect(operations.filter((name) => !text.includes(name))).toEqual([]);
  });
});
