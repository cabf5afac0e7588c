/**
 * `npm start` as a person meets it: what it leaves in its folder, and that it ends when told to.
 */
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { KNOWS_PROCESSES } from "../../../scripts/crash/rig.ts";
import { encodeDevVars } from "../../../scripts/edge/dev-vars.ts";
import { spawnEdge } from "../../../scripts/edge/process.ts";
import { takeState } from "../../../scripts/edge/state-lock.ts";
import { testSecrets } from "../../lib/mf.ts";
import { Folder, NpmStart } from "./npm-start.ts";

/** Paths of what others than the owner may read, write or enter. */
function openToOthers(folder: string, names: readonly string[]): string[] {
  const below = (name: string) =>
    readdirSync(join(folder, name), { recursive: true }).map((path) => join(name, String(path)));
  return names
    .flatMap((name) => (statSync(join(folder, name)).isDirectory() ? [name, ...below(name)] : name))
    .filter((path) => (statSync(join(folder, path)).mode & 0o077) !== 0);
}

const ENDED = /The edge ended by itself \(workerd ended: SIGKILL\)\. Its log:\s+\.holdfast\/logs/;

describe("npm start", () => {
  let folder: Folder;
  let start: NpmStart | null = null;

  beforeEach(() => {
    folder = new Folder();
  });

  afterEach(async () => {
    await start?.kill();
    start = null;
    folder.remove();
  });

  it("makes nothing that others may read, closes what is open, and ends with its port", async () => {
    folder.leaveOpen(".holdfast/state/do/earlier.sqlite");
    start = new NpmStart(folder);
    await start.said("Ctrl-C stops");
    const objects = readdirSync(join(folder.path, ".holdfast/state/r2"), { recursive: true });
    expect(objects.length).toBeGreaterThan(4);
    const made = [".holdfast", "sample", ".dev.vars", "recovery.kit.json"];
    expect(openToOthers(folder.path, made)).toEqual([]);
    for (const name of ["sample/backup.hbk", "sample/passwords.txt", "recovery.kit.json"]) {
      expect(start.output).toContain(join(realpathSync(folder.path), name));
    }
    const passwords = readFileSync(join(folder.path, "sample/passwords.txt"), "utf8");
    const [, password = "none"] = /^alice +(\S+)$/m.exec(passwords) ?? [];
    expect(password).toHaveLength(16);
    expect(start.output).not.toContain(password);
    expect(readFileSync(join(folder.path, ".dev.vars"), "utf8")).not.toContain(password);

    const { url } = start;
    expect((await fetch(`${url}/v1/health`)).status).toBe(200);
    await start.end("SIGTERM");
    await expect(fetch(`${url}/v1/health`)).rejects.toThrow();
    expect(start.output).toContain("Stopped.");
  });

  it("does not run on a state that another one has, whatever its port, and takes it over from one that was killed", async () => {
    start = new NpmStart(folder, "--no-story");
    await start.said("Ctrl-C stops");
    const second = new NpmStart(folder, "--no-story");
    try {
      await expect(second.said("Ctrl-C stops")).rejects.toThrow(
        /The state in \.holdfast\/state is in use by another edge \(process \d+/,
      );
    } finally {
      await second.kill();
    }
    expect(second.child.exitCode).toBe(1);
    expect((await fetch(`${start.url}/v1/health`)).status).toBe(200);

    await start.kill();
    start = new NpmStart(folder, "--no-story");
    await start.said("Ctrl-C stops");
    await start.end("SIGTERM");
    (await takeState(join(folder.path, ".holdfast/state"))).release();
  });

  it.each(["SIGINT", "SIGTERM", "SIGHUP", "SIGKILL"] as const)(
    "ends with all that it has started on %s to npm, also while the edge starts",
    async (signal) => {
      start = new NpmStart(folder, "--no-story");
      const log = join(folder.path, ".holdfast/logs/edge.log");
      while (!existsSync(log)) await new Promise((next) => setTimeout(next, 20));
      await start.end(signal);
      expect(start.output).not.toContain("Ctrl-C stops");
    },
  );

  it.skipIf(!KNOWS_PROCESSES)("says that the edge ended by itself, and fails", async () => {
    start = new NpmStart(folder, "--no-story");
    await start.said("Ctrl-C stops");
    await start.killWorkerd();
    expect(start.output).toMatch(ENDED);
    expect(start.child.exitCode).toBe(1);
    const log = readFileSync(join(folder.path, ".holdfast/logs/edge.log"), "utf8");
    expect(log).toContain("workerd ended: SIGKILL");
  });

  it.skipIf(!KNOWS_PROCESSES)("says so in the midst of the story too", async () => {
    start = new NpmStart(folder);
    await start.said("The story");
    await start.killWorkerd();
    expect(start.output).toMatch(ENDED);
    expect(start.output).not.toContain("Ctrl-C stops");
    expect(start.child.exitCode).toBe(1);
  });
});

it("an edge that is killed leaves no workerd with its port", async () => {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-edge-"));
  const file = join(folder, "dev-vars");
  writeFileSync(file, encodeDevVars((await testSecrets()).bindings), { mode: 0o600 });
  const edge = await spawnEdge({
    log: join(folder, "edge.log"),
    environment: { PORT: "0", HOLDFAST_STATE: join(folder, "state"), HOLDFAST_DEV_VARS: file },
  });
  expect((await fetch(`${edge.url}/v1/health`)).status).toBe(200);
  edge.child.kill("SIGKILL");
  await edge.ended;
  await expect(fetch(`${edge.url}/v1/health`)).rejects.toThrow();
  rmSync(folder, { recursive: true });
});
