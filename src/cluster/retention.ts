/**
 * How long backups live: the retention policy, the purge, and the week in which a deletion is
 * undone.
 *
 * Spec: docs/AWS.md, "Backups by themselves"; docs/STORAGE.md §2. The purge takes only what a newer
 * backup stands behind that is READY and sound: never the newest of these, so never the last. What a
 * person brought back is as good as made then.
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
  /** When a person last took its deletion back; 0: never. */
  readonly restoredAtMs: number;
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
    .filter((backup) => keptSinceMs(backup) + retentionMs <= nowMs)
    .map((backup) => backup.backupId);
}

/** When the purge next has something to do; null while it has not. */
export function nextExpiryMs(
  backups: readonly RetainedBackup[],
  retentionMs: number,
): number | null {
  const dates = purgeable(backups).map((backup) => keptSinceMs(backup) + retentionMs);
  return dates.length === 0 ? null : Math.min(...dates);
}

/** From when on its retention counts: a purge must not undo at once what a person has decided. */
function keptSinceMs({ createdAtMs, restoredAtMs }: RetainedBackup): number {
  return Math.max(createdAtMs, restoredAtMs);
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
