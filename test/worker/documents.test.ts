import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { NOT_OFFERED, OPERATIONS } from "../../src/worker/aws-operations.ts";
import { REGION_SCHEMA } from "../../src/worker/region-rows.ts";
import { STORAGE_STEPS } from "../../src/worker/storage-steps.ts";

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");

/** Table and column names of `CREATE TABLE` statements. */
function namesOf(statements: readonly string[]): string[] {
  return statements.flatMap((statement) => {
    const [, table = "", body = ""] =
      /CREATE TABLE IF NOT EXISTS (\w+) \((.*)\)/s.exec(statement) ?? [];
    const columns = body.matchAll(/(?:^|,)\s*(\w+) (?:TEXT|INTEGER)/g);
    return table === "" ? [] : [table, ...Array.from(columns, ([, name = ""]) => name)];
  });
}

describe("docs/STORAGE.md", () => {
  const text = read("docs/STORAGE.md");

  it("has every table and column of a region", () => {
    const names = namesOf(REGION_SCHEMA).filter((name) => name !== "one");
    expect(names.length).toBeGreaterThan(60);
    const spoken = ["account", "region", "resourceId", "key", "value"];
    const missing = names.filter((name) => !text.includes(`\`${name}\``) && !spoken.includes(name));
    expect(missing).toEqual([]);
  });

  it("has every storage step", () => {
    expect(STORAGE_STEPS.filter((step) => !text.includes(`\`${step}\``))).toEqual([]);
  });
});

describe("docs/AWS.md", () => {
  it("has every operation of the model", () => {
    const operations = [...OPERATIONS.keys(), ...NOT_OFFERED];
    expect(operations).toHaveLength(18);
    const text = read("docs/AWS.md");
    expect(operations.filter((name) => !text.includes(name))).toEqual([]);
  });
});
