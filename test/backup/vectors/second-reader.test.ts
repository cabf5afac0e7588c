/**
 * The reader that shares no code with ours, over all vectors, in one process.
 */
import { spawnSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { INDEX } from "./readers.ts";

const FOLDER = "test/vectors";

/** What it says of a file; of one that opens, all that the index has as well. */
interface Answer {
  readonly outcome: string;
  readonly code?: string | undefined;
  readonly which?: string | undefined;
  /** The one that decided. */
  readonly rule?: string;
}

function readAll(): Answer[] {
  const requests = INDEX.vectors.map(({ file, keys, expectation }) => {
    const { kit = "", kms = null } = INDEX.keys[keys] ?? {};
    const path = (name: string) => `${FOLDER}/${name}`;
    const paths = { file: path(file), kit: path(kit), kms: kms && path(kms) };
    return JSON.stringify({ ...paths, expectation });
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

function saidBy({ outcome, code, which }: Answer) {
  return { outcome, code, which };
}

describe("the second reader", () => {
  const answers = readAll();
  const read = INDEX.vectors.map((entry, i) => ({ ...entry, answer: answers[i] }));

  it("answers each entry of the index", () => {
    expect(answers).toHaveLength(INDEX.vectors.length);
  });

  it("reads the same in every file that opens", () => {
    const openings = read.filter(({ expect }) => expect.outcome === "opens");
    expect(openings.length).toBeGreaterThan(60);
    for (const { file, keys, expect: expected, answer } of openings) {
      expect(answer, `${file} by ${keys}`).toMatchObject(expected);
    }
  });

  it("refuses all others with the code that the index has, and the kind of key", () => {
    const refusals = read.filter(({ expect }) => expect.outcome === "refused");
    expect(refusals.length).toBeGreaterThan(250);
    for (const { file, keys, expect: expected, answer } of refusals) {
      expect(answer && saidBy(answer), `${file} by ${keys}`).toEqual(saidBy(expected));
    }
  });

  it("refuses each by a rule that the index names", () => {
    const others = read.filter(({ rules, answer }) => answer?.rule && !rules.includes(answer.rule));
    expect(others.map(({ file, answer }) => `${file}: ${answer?.rule}`)).toEqual([]);
  });
});
