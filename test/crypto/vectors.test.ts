import { execFileSync } from "node:child_process";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";

const SCRIPT = ["--import", "tsx/esm", "scripts/check/vectors.ts"];

describe("npm run vectors", () => {
  const run = (...args: string[]): { code: number; out: string } => {
    try {
      const out = execFileSync(process.execPath, [...SCRIPT, ...args], {
        encoding: "utf8",
        stdio: "pipe",
        cwd: new URL("../../", import.meta.url),
      });
      return { code: 0, out };
    } catch (error) {
      const { status, stdout, stderr } = error as {
        status: number;
        stdout: string;
        stderr: string;
      };
      return { code: status, out: stdout + stderr };
    }
  };

  it("counts what passes, fails and is skipped, on its last line", () => {
    const folder = mkdtempSync(join(tmpdir(), "holdfast-vectors-"));
    expect(run(folder)).toMatchObject({ code: 1, out: expect.stringContaining("no .json files") });
    const file = (tests: object[]) =>
      JSON.stringify({ schema: "kv-vectors/1", primitive: "sha2", cases: tests.length, tests });
    const abc = { hash: "SHA-256", msg: "616263" };
    const mac = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    writeFileSync(
      `${folder}/a.json`,
      file([
        { id: "1", ...abc, mac },
        { id: "2", hash: "SHA-1", msg: "", mac: "" },
      ]),
    );
    expect(run(folder)).toMatchObject({
      code: 0,
      out: expect.stringMatching(/skipped 1: SHA-1\n1 passed, 0 failed, 1 skipped\n$/),
    });
    writeFileSync(`${folder}/b.json`, file([{ id: "3", ...abc, mac: mac.replace("b", "c") }]));
    expect(run(folder)).toMatchObject({
      code: 1,
      out: expect.stringMatching(/FAILED b.json 3\n[\s\S]*1 passed, 1 failed, 1 skipped\n$/),
    });
    writeFileSync(`${folder}/c.json`, JSON.stringify({ schema: "kv-vectors/2" }));
    expect(run(folder)).toMatchObject({ code: 1, out: expect.stringContaining("kv-vectors/1") });
    expect(run(`${folder}/none`)).toMatchObject({
      code: 1,
      out: expect.stringContaining("ENOENT"),
    });
    expect(run()).toMatchObject({ code: 1, out: expect.stringContaining("usage") });
  });
});
