/**
 * The spool: a container between its making, in one turn, and its sealing, over many; and receipts.
 *
 * Spec: docs/STORAGE.md, "Making a backup". Parts lie in rows of at most 1 MiB,
 * wrapped already under the backup's own keys. A receipt answers an order that
 * is repeated after its backup was put.
 */
import type { BackupReceipt } from "../contracts/hsm-api.ts";
import { OwnTable } from "./own-rows.ts";
import type { HsmRows } from "./row-macs.ts";

const MAX_PART_BYTES = 1024 * 1024;
/** Receipts kept: an order is repeated within minutes, and an HSM makes one backup at a time. */
const KEPT_RECEIPTS = 32;

export const SPOOL_TABLES: readonly string[] = [
  `CREATE TABLE IF NOT EXISTS spool (
    backup_id TEXT NOT NULL, part INTEGER NOT NULL, bytes BLOB NOT NULL, mac BLOB NOT NULL,
    PRIMARY KEY (backup_id, part)) WITHOUT ROWID`,
  `CREATE TABLE IF NOT EXISTS receipts (
    sequence INTEGER PRIMARY KEY, backup_id TEXT NOT NULL UNIQUE, receipt TEXT NOT NULL,
    mac BLOB NOT NULL)`,
];

export function spoolRows(rows: HsmRows): OwnTable {
  const shape = { name: "spool", columns: ["backup_id", "part", "bytes"] };
  return new OwnTable(rows, shape, ["backup_id", "part"]);
}

export function receiptRows(rows: HsmRows): OwnTable {
  const shape = { name: "receipts", columns: ["sequence", "backup_id", "receipt"] };
  return new OwnTable(rows, shape, ["sequence"]);
}

/** Writes a container's parts, gathered into rows. To be called inside a transaction. */
export function writeParts(rows: HsmRows, backupId: string, parts: Iterable<Uint8Array>): void {
  clearSpool(rows, backupId);
  const spool = spoolRows(rows);
  let part = 0;
  for (const bytes of gather(parts)) {
    spool.put({ backup_id: backupId, part, bytes });
    part += 1;
  }
}

/**
 * The same bytes in pieces as large as a row may be. Each piece is gone when the next is asked for.
 */
function* gather(parts: Iterable<Uint8Array>): Generator<Uint8Array> {
  const row = new Uint8Array(MAX_PART_BYTES);
  let filled = 0;
  for (const part of parts) {
    for (let offset = 0; offset < part.length; ) {
      const taken = part.subarray(offset, offset + MAX_PART_BYTES - filled);
      row.set(taken, filled);
      filled += taken.length;
      offset += taken.length;
      if (filled < MAX_PART_BYTES) continue;
      yield row;
      filled = 0;
    }
  }
  if (filled > 0) yield row.subarray(0, filled);
}

/** The container's bytes in order, fresh, one row at a time; other events may run in between. */
export function* readParts(rows: HsmRows, backupId: string): Generator<Uint8Array> {
  const spool = spoolRows(rows);
  for (let part = 0; ; part++) {
    const row = spool.first("WHERE backup_id = ? AND part = ?", backupId, part);
    if (row === null) return;
    yield new Uint8Array(row["bytes"] as ArrayBuffer);
  }
}

/** Part by part: what is deleted is read once more, and all of it would not fit into memory. */
export function clearSpool(rows: HsmRows, backupId: string): void {
  const spool = spoolRows(rows);
  const parts = rows.sql.exec<{ part: number }>(
    "SELECT part FROM spool WHERE backup_id = ?",
    backupId,
  );
  for (const { part } of [...parts]) {
    spool.delete("WHERE backup_id = ? AND part = ?", backupId, part);
  }
}

/** Backups that have parts in the spool. */
export function spooledBackups({ sql }: HsmRows): string[] {
  const spooled = sql.exec<{ backup_id: string }>("SELECT DISTINCT backup_id FROM spool");
  return [...spooled].map((row) => row.backup_id);
}

export function writeReceipt(rows: HsmRows, backupId: string, receipt: BackupReceipt): void {
  const receipts = receiptRows(rows);
  const last = receipts.first("ORDER BY sequence DESC LIMIT 1");
  const sequence = 1 + ((last?.["sequence"] ?? 0) as number);
  receipts.put({ sequence, backup_id: backupId, receipt: JSON.stringify(receipt) });
  receipts.delete("WHERE sequence <= ?", sequence - KEPT_RECEIPTS);
}

export function readReceipt(rows: HsmRows, backupId: string): BackupReceipt | null {
  const row = receiptRows(rows).first("WHERE backup_id = ?", backupId);
  return row === null ? null : JSON.parse(row["receipt"] as string);
}
