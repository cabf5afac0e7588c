/**
 * May this backup become a new cluster? The checks of CreateCluster's SourceBackupId.
 *
 * Spec: docs/STORAGE.md §7. Rows tell region, account, state, mode and type; another manufacturer's
 * or another operator's key shows only when the key block does not open under ours, so a reader
 * opens it.
 */
import { sourceRefusal } from "../../cluster/eligibility.ts";
import { parseBackupArn } from "../../cluster/ids.ts";
import type { HsmMode } from "../../hsm/memory/configuration-record.ts";
import type { Place } from "../contracts/place.ts";
import { type Result, refusal, refuseWith, success } from "../contracts/result.ts";
import { checkBackup } from "./backup-check.ts";
import { heedReading } from "./backup-reading.ts";
import type { RegionContext } from "./context.ts";
import type { BackupRow } from "./rows.ts";
import { storedBackupOrder } from "./views.ts";

/** @param name - id or ARN of the backup. */
export async function verifySource(
  context: RegionContext,
  place: Place,
  name: string,
  target: { readonly hsmType: string; readonly mode: HsmMode },
): Promise<Result<BackupRow>> {
  const found = findSource(context, place, name, target);
  if (!found.ok) return found;
  const opened = await open(context, place, found.value, target);
  // Not the answer itself: what came by RPC would be held, undisposed of, by a second RPC.
  if (!opened.ok) return refuseWith({ ...opened.refusal });
  // The reader took its time, so other events may have run: once more, in the turn that inserts.
  return findSource(context, place, name, target);
}

/** As the reader finds the objects, so does the mark on the row say. */
async function open(
  context: RegionContext,
  place: Place,
  row: BackupRow,
  target: { readonly hsmType: string; readonly mode: HsmMode },
): Promise<Result<unknown>> {
  const { backupId, damage, readFault } = row;
  const reader = context.deployment.reader(place.account, backupId);
  const order = storedBackupOrder(context, row, target);
  // Of bytes that were found damaged the front says nothing.
  const isWhole = readFault !== null;
  const opened = isWhole ? await reader.verify(order) : await reader.probe(order);
  if (isWhole || !opened.ok) await heedReading(context, backupId, opened);
  if (opened.ok && damage !== null) await checkBackup(context, row);
  return opened;
}

function findSource(
  context: RegionContext,
  place: Place,
  name: string,
  target: { readonly hsmType: string; readonly mode: HsmMode },
): Result<BackupRow> {
  const arn = parseBackupArn(name);
  const backupId = arn?.backupId ?? name;
  if (arn !== null && arn.region !== place.region) {
    return refusal(
      "invalid",
      "backup_region",
      `Backup '${backupId}' is in region ${arn.region}; a cluster in ${place.region} can only be ` +
        `created from a backup in ${place.region}. Copy the backup to this region first.`,
    );
  }
  if (arn !== null && arn.account !== place.account) {
    return refusal(
      "denied",
      "backup_account",
      `Backup '${backupId}' belongs to another account and is not shared with yours.`,
    );
  }
  const row = context.store.backup(backupId);
  if (row === null) {
    return refusal(
      "not_found",
      "backup_not_found",
      `Backup '${backupId}' was not found in ${place.region}. A cluster is created from a backup ` +
        "of its own region.",
    );
  }
  const reason = sourceRefusal(row, target);
  return reason === null ? success(row) : refuseWith(reason);
}
