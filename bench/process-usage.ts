/**
 * CPU time and resident memory of a process, from /proc: Linux only.
 *
 * Everything that workerd does is counted: the worker, SQLite, and Miniflare's stand-in for R2,
 * which in production is somebody else's machine. The figures are upper bounds.
 */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";

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
  return statusBytes(pid, "VmHWM");
}

/** What reads how far a process has grown since, in bytes; NaN where it cannot be known. */
export type GrowthReader = () => number;

/** Forgets the highest resident memory of `pid` so far, and notes what it has now. */
export function watchGrowth(pid: number | null): GrowthReader {
  const before = statusBytes(pid, "VmRSS");
  try {
    if (!Number.isNaN(before)) writeFileSync(`/proc/${pid}/clear_refs`, "5"); // proc(5): VmHWM
  } catch {
    return () => Number.NaN; // A kernel that does not let us: the figure is left out.
  }
  return () => Math.max(0, statusBytes(pid, "VmHWM") - before);
}

function statusBytes(pid: number | null, field: "VmRSS" | "VmHWM"): number {
  if (pid === null || process.platform !== "linux") return Number.NaN;
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return Number(new RegExp(`^${field}:\\s+(\\d+) kB$`, "m").exec(status)?.[1]) * 1024;
}
