/**
 * CPU time and resident memory of workerd, from /proc: Linux only.
 *
 * Everything workerd does is counted: the worker, SQLite, and Miniflare's stand-in for R2, which in
 * production is somebody else's machine. The figures are upper bounds.
 */
import { readdirSync, readFileSync } from "node:fs";

const TICKS_PER_SECOND = 100;
const MS_PER_TICK = 1000 / TICKS_PER_SECOND;

/** The workerd that this very process has started; null where there is no /proc. */
export function workerdPid(): number | null {
  if (process.platform !== "linux") return null;
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const stat = statOf(Number(name));
    if (stat?.command === "workerd" && stat.parent === process.pid) return Number(name);
  }
  return null;
}

interface Stat {
  readonly command: string;
  readonly parent: number;
  readonly cpuMs: number;
}

function statOf(pid: number): Stat | null {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/stat`, "utf8");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ESRCH") return null; // The process has ended meanwhile.
    throw error;
  }
  const [, command = "", rest = ""] = /^\d+ \((.*)\) (.*)$/s.exec(text) ?? [];
  const fields = rest.split(" ");
  return {
    command,
    parent: Number(fields[1]),
    cpuMs: (Number(fields[11]) + Number(fields[12])) * MS_PER_TICK,
  };
}

/** CPU time used so far, all threads, in ms; NaN where it cannot be known. */
export function cpuMs(pid: number | null): number {
  return pid === null ? Number.NaN : (statOf(pid)?.cpuMs ?? Number.NaN);
}

/** Highest resident memory so far, in bytes; NaN where it cannot be known. */
export function peakResidentBytes(pid: number | null): number {
  if (pid === null) return Number.NaN;
  const match = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"));
  return Number(match?.[1]) * 1024;
}
