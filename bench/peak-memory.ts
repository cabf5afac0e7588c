/**
 * How far the resident memory of a process grows while it does something, from /proc: Linux only.
 */
import { readFileSync, writeFileSync } from "node:fs";

const KIB_PER_MIB = 1024;

/**
 * Peak of process `pid` above what it had when `watchPeak` was called, in MiB; NaN where unknown.
 */
export type PeakReader = () => number;

/** Forgets the peak of `pid` so far. @returns what reads the growth since. */
export function watchPeak(pid: number | "self" | null): PeakReader {
  const before = statusMiB(pid, "VmRSS");
  try {
    if (!Number.isNaN(before)) writeFileSync(`/proc/${pid}/clear_refs`, "5"); // proc(5): resets VmHWM
  } catch {
    return () => Number.NaN; // A kernel that does not let us: the figure is left out.
  }
  return () => Math.max(0, statusMiB(pid, "VmHWM") - before);
}

function statusMiB(pid: number | "self" | null, field: "VmRSS" | "VmHWM"): number {
  if (pid === null || process.platform !== "linux") return Number.NaN;
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return Number(new RegExp(`^${field}:\\s+(\\d+) kB$`, "m").exec(status)?.[1]) / KIB_PER_MIB;
}
