import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { runFolder } from "../../scripts/check/known-answers.ts";

const ABC = { hash: "SHA-256", msg: "616263" };
const MAC = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
const GOOD = { id: "1", ...ABC, mac: MAC };
const OTHER_HASH = { id: "2", hash: "SHA-1", msg: "", mac: "" };
const BAD = { id: "3", ...ABC, mac: MAC.replace("b", "c") };

let parent: string;
beforeAll(() => {
  parent = mkdtempSync(join(tmpdir(), "holdfast-vectors-"));
});
afterAll(() => rmSync(parent, { recursive: true }));

/** A folder with these files; a list of cases is written as a file of this schema. */
function folderOf(files: Record<string, object>): string {
  const folder = mkdtempSync(join(parent, "v"));
  for (const [name, file] of Object.entries(files)) {
    const whole = Array.isArray(file)
      ? { schema: "kv-vectors/1", primitive: "sha2", cases: file.length, tests: file }
      : file;
    writeFileSync(join(folder, name), JSON.stringify(whole));
  }
  return folder;
}

describe("a folder of known answers", () => {
  function ran(folder: string): { isPassed: boolean; lines: string[] } {
    const lines: string[] = [];
    return { isPassed: runFolder(folder, (line) => lines.push(line)), lines };
  }

  it("is counted: what passes, and what is skipped for which reason", () => {
    const { isPassed, lines } = ran(folderOf({ "a.json": [GOOD, OTHER_HASH] }));
    expect(isPassed).toBe(true);
    expect(lines.slice(-2)).toEqual(["skipped 1: SHA-1", "1 passed, 0 failed, 1 skipped"]);
  });

  it("names what failed", () => {
    const { isPassed, lines } = ran(folderOf({ "a.json": [GOOD, OTHER_HASH], "b.json": [BAD] }));
    expect(isPassed).toBe(false);
    expect(lines).toContain("FAILED b.json 3");
    expect(lines.at(-1)).toBe("1 passed, 1 failed, 1 skipped");
  });

  it.each<[string, Record<string, object>, RegExp]>([
    ["without files", {}, /no \.json files in it/],
    ["of another schema", { "c.json": { schema: "kv-vectors/2" } }, /kv-vectors\/1/],
    ["with a case that has no id", { "c.json": [{ ...ABC, mac: MAC }] }, /a test has no id/],
    ["with a member missing", { "c.json": [{ id: "1", ...ABC }] }, /1: member "mac"/],
    [
      "with fewer cases than it says",
      { "c.json": { schema: "kv-vectors/1", primitive: "sha2", cases: 2, tests: [GOOD] } },
      /says 2 cases, holds 1/,
    ],
  ])("%s is an error, not a skip", (_, files, message) => {
    expect(() => ran(folderOf(files))).toThrow(message);
  });
});

describe("npm run vectors", () => {
  const SCRIPT = ["--import", "tsx/esm", "scripts/check/vectors.ts"];

  function run(...args: string[]): Promise<{ code: number | null; out: string }> {
    const child = spawn(process.execPath, [...SCRIPT, ...args], {
      cwd: new URL("../../", import.meta.url),
    });
    let out = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (chunk: Buffer) => {
        out += chunk;
      });
    }
    return new Promise((ended) => child.once("close", (code) => ended({ code, out })));
  }

  it.concurrent("prints the counts on its last line and ends with 0", async ({ expect }) => {
    const { code, out } = await run(folderOf({ "a.json": [GOOD, OTHER_HASH] }));
    expect(out).toMatch(/skipped 1: SHA-1\n1 passed, 0 failed, 1 skipped\n$/);
    expect(code).toBe(0);
  });

  it.concurrent("ends with 1 if a case fails", async ({ expect }) => {
    const { code, out } = await run(folderOf({ "b.json": [BAD] }));
    expect(out).toMatch(/FAILED b\.json 3\n[\s\S]*0 passed, 1 failed, 0 skipped\n$/);
    expect(code).toBe(1);
  });

  it.concurrent("ends with 1 if there is no such folder", async ({ expect }) => {
    const { code, out } = await run(join(parent, "none"));
    expect(out).toMatch(/^vectors: ENOENT/);
    expect(code).toBe(1);
  });

  it.concurrent("says how it is called", async ({ expect }) => {
    const { code, out } = await run();
    expect(out).toMatch(/^usage: npm run vectors/);
    expect(code).toBe(1);
  });
});
