/**
 * How long backups live: the retention policy, the purge, and the week in which a deletion is
 * undone.
 *
 * Spec: docs/AWS.md, "Backups by themselves"; docs/STORAGE.md §2. The purge takes only what a newer
 * backup stands behind that is READY and sound: never the newest of these, so never the last.
 */
import { invalid, type Refusal } from "./refusal.ts";
import type { BackupState } from "./states.ts";

export const DEFAULT_RETENTION_DAYS: number = 90;
export const MIN_RETENTION_DAYS: number = 7;
export const MAX_RETENTION_DAYS: number = 379;

/** What the purge looks at. */
export interface RetainedBackup {
  readonly backupId: string;
  readonly state: BackupState;
  /** Its place in the chain: which of two is newer. A clock may have been wrong. */
  readonly chainNumber: number;
  readonly createdAtMs: number;
  /** Whether its objects are those that were put, by the last look. */
  readonly sound: boolean;
  readonly neverExpires: boolean;
}

export function retentionRefusal(days: number): Refusal | null {
  if (Number.isInteger(days) && days >= MIN_RETENTION_DAYS && days <= MAX_RETENTION_DAYS)
    return null;
  return invalid(
    "retention_out_of_range",
    `BackupRetentionPolicy Value must be a number of days from ${MIN_RETENTION_DAYS} to ` +
      `${MAX_RETENTION_DAYS}.`,
  );
}

/** Ids of the backups whose retention has ended at `nowMs`, oldest first. */
export function expiredBackups(
  backups: readonly RetainedBackup[],
  retentionMs: number,
  nowMs: number,
): string[] {
  return purgeable(backups)
    .filter((backup) => backup.createdAtMs + retentionMs <= nowMs)
    .map((backup) => backup.backupId);
}

/** When the purge next has something to do; null while it has not. */
export function nextExpiryMs(
  backups: readonly RetainedBackup[],
  retentionMs: number,
): number | null {
  const dates = purgeable(backups).map((backup) => backup.createdAtMs + retentionMs);
  return dates.length === 0 ? null : Math.min(...dates);
}

/**
 * Whether a backup that the purge marked may go when its time comes: only if a newer one is READY
 * and sound then.
 */
export function mayEnd(
  backup: Pick<RetainedBackup, "chainNumber">,
  newestSound: Pick<RetainedBackup, "chainNumber"> | null,
): boolean {
  return newestSound !== null && newestSound.chainNumber > backup.chainNumber;
}

/** READY backups under the policy that are older than the newest sound one, oldest first. */
function purgeable(backups: readonly RetainedBackup[]): RetainedBackup[] {
  const ready = backups
    .filter((backup) => backup.state === "READY")
    .toSorted((a, b) => a.chainNumber - b.chainNumber);
  const newestSound = ready.findLast((backup) => backup.sound) ?? null;
  return ready.filter((backup) => !backup.neverExpires && mayEnd(backup, newestSound));
}
