import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { takeState } from "../../scripts/edge/state-lock.ts";

let folder: string;
let other: ChildProcess;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "holdfast-lock-"));
  other = spawn(process.execPath, ["-e", "setInterval(() => {}, 1_000)"]);
  await once(other, "spawn");
});
afterEach(() => {
  other.kill("SIGKILL");
  rmSync(folder, { recursive: true });
});

const pid = () => other.pid ?? 0;
const entries = () => readdirSync(join(folder, "in-use"));

/** As an edge leaves it that was killed, and what it had started not. */
async function enterOther(): Promise<void> {
  const lock = await takeState(folder);
  lock.enter(pid());
  lock.release();
}

describe("a state folder", () => {
  it("is refused while another process uses it, which is named and keeps its entry", async () => {
    await enterOther();
    await expect(takeState(folder)).rejects.toThrow(`another edge (process ${pid()})`);
    expect(entries()).toEqual([expect.stringMatching(`^${pid()}-`)]);
  });

  it("is taken when that one is killed, also while it is waited for", async () => {
    await enterOther();
    const taken = takeState(folder);
    other.kill("SIGKILL");
    (await taken).release();
    expect(entries()).toEqual([]);
  });

  it("is taken where the id of who used it is another process's by now, or nobody's", async () => {
    mkdirSync(join(folder, "in-use"), { recursive: true });
    for (const name of [`${pid()}-1`, "4194304-1", "notes"]) {
      writeFileSync(join(folder, "in-use", name), "");
    }
    const lock = await takeState(folder);
    expect(entries()).toEqual([expect.stringMatching(`^${process.pid}-`)]);
    lock.release();
    expect(entries()).toEqual([]);
  });
});
