/**
 * Backups that are read from end to end, by a reader or by the HSM that takes one in; and what is
 * found then, which becomes the row's.
 *
 * Spec: docs/STORAGE.md §2, "Damaged backups". Only what speaks of the bytes marks a row, and only when
 * a second reading finds it again: a key that is not here, a bucket that is silent, or an HSM that is
 * ill says nothing of a backup.
 */
import type { StoredBackupOrder } from "../contracts/hsm-api.ts";
import type { Inspection, ReaderApi, VerificationFacts } from "../contracts/reader-api.ts";
import { type Result, refuseWith, success } from "../contracts/result.ts";
import { isOfBytes } from "../platform/fault-response.ts";
import { log } from "../platform/log.ts";
import { checkBackup, noteReading } from "./backup-check.ts";
import { readableBackup } from "./backups.ts";
import type { RegionContext } from "./context.ts";
import type { BackupRow } from "./rows.ts";
import { storedBackupOrder } from "./views.ts";

export function verifyBackup(
  context: RegionContext,
  backupId: string,
): Promise<Result<VerificationFacts>> {
  return read(context, backupId, (reader, order) => reader.verify(order));
}

export function inspectBackup(
  context: RegionContext,
  backupId: string,
  after: number,
  limit: number,
): Promise<Result<Inspection>> {
  return read(context, backupId, (reader, order) => reader.inspect(order, after, limit));
}

async function read<T>(
  context: RegionContext,
  backupId: string,
  open: (reader: ReaderApi, order: StoredBackupOrder) => Promise<Result<T>>,
): Promise<Result<T>> {
  const readable = await readableBackup(context, backupId);
  if (!readable.ok) return readable;
  const order = readable.value;
  const found = await open(context.deployment.reader(order.source.account, backupId), order);
  await heedReading(context, backupId, found);
  // Not the answer itself: what came by RPC would be held, undisposed of, by a second RPC.
  return found.ok ? success(found.value) : refuseWith({ ...found.refusal });
}

/**
 * Takes note of what became of reading a backup.
 *
 * @param found - of all of it, where it is a success.
 */
export async function heedReading(
  context: RegionContext,
  backupId: string,
  found: Result<unknown>,
): Promise<void> {
  const row = context.store.backup(backupId);
  if (row === null) return;
  if (found.ok) {
    if (row.readFault !== null) noteReading(context, backupId, null);
    return;
  }
  const { code } = found.refusal;
  if (code === "backup_object_missing") await checkBackup(context, row);
  if (!isOfBytes(code)) return;
  const again = row.readFault === null ? await codeOfReading(context, row) : code;
  if (again !== null && isOfBytes(again)) {
    noteReading(context, backupId, `Its bytes are not those of this backup: ${again}.`);
  } else log("warning", "backup_misread", { backupId, found: code, again });
}

/** What a reader says of the whole backup; null: it is sound. */
async function codeOfReading(context: RegionContext, row: BackupRow): Promise<string | null> {
  const order = storedBackupOrder(context, row, row);
  const reader = context.deployment.reader(order.source.account, row.backupId);
  const read = await reader.verify(order);
  return read.ok ? null : read.refusal.code;
}
