/**
 * Whose a state folder is: databases and objects bear one edge at a time.
 *
 * Each process that uses a folder has an entry below `in-use` there, named by its id and by when it was
 * started, as ids are given out again. An entry whose process is gone means nothing, so that after a
 * kill -9 the next edge starts. Nobody takes an entry from another: whoever finds another's beside its
 * own withdraws, and of two that come at once at most one stays.
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";

/** What was killed a moment ago may take as long to be gone. */
const PATIENCE_MS = 1_000;
/** Of two that come at once the one with the higher id has withdrawn by then. */
const LONGER_PATIENCE_MS = 3_000;
const LOOK_MS = 50;

const FOLDER = "in-use";
const ENTRY = /^(\d+)-(\w+)$/;

export interface StateLock {
  /** Enters a process that was started to work on the folder: it may outlive this one. */
  enter(pid: number): void;
  /** Removes this process's entry, and those of others that it entered and that are gone. */
  release(): void;
}

/** @throws Error that names the processes which use the folder, if others do. */
export async function takeState(folder: string): Promise<StateLock> {
  const home = join(folder, FOLDER);
  mkdirSync(home, { recursive: true });
  const own = enter(home, process.pid);
  const begunMs = performance.now();
  for (;;) {
    const others = usersOf(home).filter((pid) => pid !== process.pid);
    if (others.length === 0) break;
    const patienceMs = others.some((pid) => pid < process.pid) ? PATIENCE_MS : LONGER_PATIENCE_MS;
    if (performance.now() - begunMs > patienceMs) {
      rmSync(own, { force: true });
      throw new Error(
        `The state in ${folder} is in use by another edge (process ${others.join(", ")}), perhaps an ` +
          "earlier start. Only one at a time may run on it, whatever its port: end that one, or start " +
          "this one in another folder.",
      );
    }
    await wait(LOOK_MS);
  }
  return {
    enter: (pid) => void enter(home, pid),
    release: () => {
      rmSync(own, { force: true });
      usersOf(home);
    },
  };
}

/** @returns the path of the entry. */
function enter(home: string, pid: number): string {
  const path = join(home, `${pid}-${beginningOf(pid) ?? "gone"}`);
  writeFileSync(path, "");
  return path;
}

/** Ids of the processes whose entries are there and that run. Entries of others are removed. */
function usersOf(home: string): number[] {
  return readdirSync(home).flatMap((name) => {
    const [, id = "", beginning] = ENTRY.exec(name) ?? [];
    if (id !== "" && beginningOf(Number(id)) === beginning) return [Number(id)];
    rmSync(join(home, name), { force: true, recursive: true });
    return [];
  });
}

/** When the process was started, as letters and digits; null if it does not run. */
function beginningOf(pid: number): string | null {
  if (process.platform === "linux") return fromProc(pid);
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ESRCH") return null;
  }
  return fromPs(pid);
}

/** From /proc/PID/stat (proc_pid_stat(5)): the name in brackets may hold anything, so what follows it. */
function fromProc(pid: number): string | null {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
    // The 3rd and the 22nd. One that is dead and waits for its parent to take note runs no more.
    const [state, beginning] = [fields[0] ?? "", fields[19] ?? ""];
    return /[ZX]/.test(state) ? null : beginning;
  } catch {
    return null;
  }
}

/** Where nothing tells when it was started, that it runs is all that is known of it. */
function fromPs(pid: number): string | null {
  try {
    const said = execFileSync("ps", ["-o", "stat=,lstart=", "-p", String(pid)], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
      env: { ...process.env, LC_ALL: "C", TZ: "UTC" },
    });
    const [state = "", ...beginning] = said.trim().split(/\s+/);
    return state.startsWith("Z") ? null : beginning.join("").replace(/\W/g, "");
  } catch {
    return "unknown";
  }
}
