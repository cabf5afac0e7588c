/**
 * The reader that shares no code with ours, over all vectors, in one process.
 */
import { spawnSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import type { Outcome } from "./index-schema.ts";
import { INDEX } from "./readers.ts";

const FOLDER = "test/vectors";

/** It is told of no expectation yet. */
const ENTRIES = INDEX.vectors.filter(({ expectation }) => Object.keys(expectation).length === 0);

/** Faults that it does not look for. */
const OVERLOOKED = ["key_block/reserved_set"].flatMap((name) => [
  `${name}.hbk`,
  `${name}_sealed.hbk`,
]);

function readAll(): Outcome[] {
  const requests = ENTRIES.map(({ file, keys }) => {
    const { kit = "", kms = null } = INDEX.keys[keys] ?? {};
    const path = (name: string) => `${FOLDER}/${name}`;
    return JSON.stringify({ file: path(file), kit: path(kit), kms: kms && path(kms) });
  });
  const reader = spawnSync(process.execPath, ["test/second-reader/read-backup.mjs", "--batch"], {
    input: requests.join("\n"),
    encoding: "utf8",
    maxBuffer: 64 * 1024 * 1024,
  });
  expect(reader.stderr).toBe("");
  return reader.stdout
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
}

describe("the second reader", () => {
  const answers = readAll();
  const read = ENTRIES.map((entry, i) => ({ ...entry, answer: answers[i] }));

  it("answers each file", () => {
    expect(answers).toHaveLength(ENTRIES.length);
  });

  it("reads the same in every file that opens", () => {
    const openings = read.filter(({ expect }) => expect.outcome === "opens");
    expect(openings.length).toBeGreaterThan(10);
    for (const { file, keys, expect: expected, answer } of openings) {
      expect(answer, `${file} by ${keys}`).toMatchObject(expected);
    }
  });

  it("refuses the others, but for faults that it does not look for", () => {
    const refusals = read.filter(({ expect }) => expect.outcome === "refused");
    expect(refusals.length).toBeGreaterThan(100);
    const others = refusals.filter(({ answer }) => answer?.outcome !== "refused");
    expect(others.map(({ file }) => file).sort()).toEqual(OVERLOOKED);
  });
});
