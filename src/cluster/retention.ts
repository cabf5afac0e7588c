/**
 * How long backups live: the retention policy, the purge, and the week in which a deletion is
 * undone.
 *
 * Spec: docs/AWS.md, "Backups by themselves"; docs/STORAGE.md §3. The purge never takes the newest
 * READY backup of a cluster, so never its last.
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
  readonly createdAtMs: number;
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
  const oldest = purgeable(backups)[0];
  return oldest === undefined ? null : oldest.createdAtMs + retentionMs;
}

/** READY backups under the policy, oldest first, without the newest READY one of all. */
function purgeable(backups: readonly RetainedBackup[]): RetainedBackup[] {
  return backups
    .filter((backup) => backup.state === "READY")
    .toSorted((a, b) => a.createdAtMs - b.createdAtMs)
    .slice(0, -1)
    .filter((backup) => !backup.neverExpires);
}
