/**
 * The reader in Python, over all vectors by its own account, and as a person uses it.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import type { VectorEntry } from "./index-schema.ts";
import { INDEX } from "./readers.ts";

const READER = "test/python-reader/read_backup.py";
const FOLDER = "test/vectors";

/** A Python that has what the reader needs; undefined: then there is nothing to test. */
const PYTHON = ["/usr/bin/python3", "python3"].find(
  (name) => spawnSync(name, ["-c", "import cryptography"]).status === 0,
);

const scratch = mkdtempSync(join(tmpdir(), "python-reader-"));
afterAll(() => rmSync(scratch, { recursive: true }));

function run(args: readonly string[], input = "") {
  const options = { encoding: "utf8", input } as const;
  const { status, stdout, stderr } = spawnSync(PYTHON ?? "", [READER, ...args], options);
  return { status, stdout, stderr };
}

function vector(file: string): VectorEntry {
  const found = INDEX.vectors.find((entry) => entry.file === file);
  if (found === undefined) throw new Error(`no vector ${file}`);
  return found;
}

function pathsOf({ file, keys }: VectorEntry) {
  const { kit = "", kms = null } = INDEX.keys[keys] ?? {};
  const path = (name: string) => join(FOLDER, name);
  return { file: path(file), kit: path(kit), kms: kms && path(kms) };
}

/** What a person types for it. */
function commandFor(entry: VectorEntry): string[] {
  const { file, kit, kms } = pathsOf(entry);
  return [file, "--kit", kit, ...(kms === null ? [] : ["--kms", kms])];
}

const SOUND = vector("golden/v1-full.hbk");
const DAMAGED = vector("chunk/flipped.hbk");

describe.skipIf(PYTHON === undefined)("the reader in Python", () => {
  it("answers each vector as the index does", () => {
    const said = run(["--vectors", FOLDER]);
    const passed = `${INDEX.vectors.length} passed, 0 failed\n`;
    expect(said).toEqual({ status: 0, stdout: passed, stderr: "" });
  });

  it("says where it and an index disagree", () => {
    const keys = { owner: { kit: resolve(pathsOf(SOUND).kit), kms: null } };
    const file = resolve(pathsOf(DAMAGED).file);
    const wrong = { ...DAMAGED, file, keys: "owner", sha256: "0".repeat(64), expect: SOUND.expect };
    writeFileSync(join(scratch, "index.json"), JSON.stringify({ keys, vectors: [wrong] }));
    const { status, stdout } = run(["--vectors", scratch]);
    expect(status).toBe(1);
    expect(stdout).toContain('found {"outcome": "refused", "code": "chunk_damaged"}; its bytes');
    expect(stdout).toMatch(/\n0 passed, 1 failed\n$/);
  });

  it("tells a person what is in a backup, and nothing secret", () => {
    const { status, stdout, stderr } = run([...commandFor(SOUND), "--list"]);
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    if (SOUND.expect.outcome !== "opens") throw new Error("the golden file opens");
    const { stateDigest, containerDigest, records } = SOUND.expect;
    expect(stdout).toContain(`state digest      ${stateDigest}`);
    expect(stdout).toContain(`container digest  ${containerDigest}`);
    expect(stdout.match(/^ {2}\w+ \d+, \d+ bytes$/gm)).toHaveLength(records);
  });

  it("tells a person why a backup is refused, and keeps nothing of it", () => {
    const { status, stdout, stderr } = run([
      ...commandFor(DAMAGED),
      "--records",
      join(scratch, "damaged"),
    ]);
    expect({ status, stderr }).toEqual({ status: 1, stderr: "" });
    expect(stdout).toMatch(/^REFUSED {2}chunk_damaged\nA chunk .*\n$/);
    expect(readdirSync(scratch).filter((name) => name.includes("damaged"))).toEqual([]);
  });

  it("writes the records of a backup that holds, to a new folder alone", () => {
    const folder = join(scratch, "records");
    const args = [...commandFor(SOUND), "--records", folder];
    expect(run(args).status).toBe(0);
    const written = readdirSync(folder).filter((name) => name.endsWith(".cbor"));
    expect(SOUND.expect).toMatchObject({ records: written.length });
    expect(existsSync(join(folder, "key-1.secret"))).toBe(true);
    expect(run(args)).toMatchObject({ status: 2, stdout: "" });
  });

  it("saves the trust anchor of the cluster, to a new file alone", () => {
    const file = join(scratch, "customerCA.crt");
    const args = [...commandFor(SOUND), "--trust-anchor", file];
    expect(run(args)).toMatchObject({ status: 0, stderr: "" });
    const given = readFileSync("test/hsm/certificates/ca.pem", "utf8");
    expect(readFileSync(file, "utf8").trim()).toBe(given.trim());
    expect(run(args).status).toBe(2);
  });

  it("ends with a sentence where a file cannot be read", () => {
    const { kit } = pathsOf(SOUND);
    for (const name of [FOLDER, "gone.hbk"]) {
      const { status, stdout, stderr } = run([name, "--kit", kit]);
      expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
      expect(stderr).toMatch(/^read_backup\.py: the backup .*\n$/);
    }
  });

  it("answers requests line by line", () => {
    const { expectation } = SOUND;
    const good = JSON.stringify({ ...pathsOf(SOUND), expectation });
    const other = JSON.stringify({ ...pathsOf(SOUND), expectation: { backupId: "backup-other" } });
    const { status, stdout } = run(["--batch"], `${good}\n[]\n${other}\n`);
    expect(status).toBe(0);
    const answers = stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(answers).toEqual([
      SOUND.expect,
      { outcome: "unusable", why: expect.any(String) },
      { outcome: "refused", code: "wrong_backup" },
    ]);
  });
});
