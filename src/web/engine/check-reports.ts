/**
 * The chain of checks as it closes: from the engine's steps, which name what has held, to reports
 * of what runs, holds or fails.
 *
 * FORMAT.md §3.5 gives the order. The steps come in it; the check that runs is the next one.
 */
import { BackupError, type BackupFault } from "../../backup/format/errors.ts";
import type { VerifyStep } from "../../backup/sealed.ts";
import { CHECKS, type CheckId, type CheckReport, type FileKind } from "./shown.ts";

/** Checks that a file without a seal has no use for. */
const OF_THE_SEAL: ReadonlySet<CheckId> = new Set(["data_key", "envelope", "body_digest"]);
/** Between two reports of progress, milliseconds: what an eye can follow. */
const PROGRESS_MS = 60;

export class CheckReports {
  readonly #report: (report: CheckReport) => void;
  readonly #waiting: CheckId[];
  #toldAtMs = 0;
  #againBytes = 0;

  constructor(kind: FileKind, report: (report: CheckReport) => void) {
    this.#report = report;
    const isNeeded = (check: CheckId): boolean => kind === "sealed" || !OF_THE_SEAL.has(check);
    this.#waiting = CHECKS.filter(isNeeded);
    for (const check of CHECKS) if (!isNeeded(check)) this.#tell(check, "skipped", null);
    this.#runNext();
  }

  /** Takes a step of the engine: `done` of `total` of it have held. */
  step({ name, done, total }: VerifyStep): void {
    if (done < total) {
      this.#progress(name, done / total);
      return;
    }
    this.held(name);
  }

  /** Counts bytes of the second reading; the first one is counted by the engine, in chunks. */
  readAgain(bytes: number, totalBytes: number): void {
    if (this.#waiting[0] !== "memory") return;
    this.#againBytes += bytes;
    this.#progress("memory", this.#againBytes / totalBytes);
  }

  held(check: CheckId): void {
    const at = this.#waiting.indexOf(check);
    if (at === -1) return;
    this.#waiting.splice(at, 1);
    this.#tell(check, "held", null);
    this.#runNext();
  }

  /** The check that the fault is of, or else the one in hand, did not hold. */
  failed(error: unknown): void {
    const found = error instanceof BackupError ? checkOf(error.fault) : null;
    const check = found ?? this.#waiting[0];
    if (check !== undefined) this.#tell(check, "failed", null);
  }

  #progress(check: CheckId, part: number): void {
    const nowMs = performance.now();
    if (nowMs - this.#toldAtMs < PROGRESS_MS) return;
    this.#toldAtMs = nowMs;
    this.#tell(check, "running", Math.min(part, 1));
  }

  #runNext(): void {
    const [next] = this.#waiting;
    if (next !== undefined) this.#tell(next, "running", null);
  }

  #tell(check: CheckId, state: CheckReport["state"], progress: number | null): void {
    this.#report({ check, state, progress });
  }
}

/**
 * The check that a fault is of, where that is not the one in hand: a malformed envelope is found before its
 * data key is tried, and the sealed bytes are read for whatever lies in them. Null: the one in hand.
 */
function checkOf(fault: BackupFault): CheckId | null {
  const part = "part" in fault ? fault.part : null;
  if (fault.code === "envelope_damaged" || part === "envelope") return "envelope";
  return fault.code === "body_damaged" || part === "body" ? "body_digest" : null;
}
