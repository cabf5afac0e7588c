/**
 * The spool: a container between its making, in one turn, and its sealing, over many; and receipts.
 *
 * Spec: docs/STORAGE.md, "Making a backup". Parts lie in rows of at most 1 MiB,
 * wrapped already under the backup's own keys. A receipt answers an order that
 * is repeated after its backup was put.
 */
import type { BackupReceipt } from "../contracts/hsm-api.ts";

const MAX_PART_BYTES = 1024 * 1024;
/** Receipts kept: an order is repeated within minutes, and an HSM makes one backup at a time. */
const KEPT_RECEIPTS = 32;

const SCHEMA = `
CREATE TABLE IF NOT EXISTS spool (
  backup_id TEXT NOT NULL, part INTEGER NOT NULL, bytes BLOB NOT NULL,
  PRIMARY KEY (backup_id, part)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS receipts (
  sequence INTEGER PRIMARY KEY AUTOINCREMENT, backup_id TEXT NOT NULL UNIQUE, receipt TEXT NOT NULL
);
`;

export function createSpoolTables(sql: SqlStorage): void {
  sql.exec(SCHEMA);
}

/** Writes a container's parts, gathered into rows. To be called inside a transaction. */
export function writeParts(sql: SqlStorage, backupId: string, parts: Iterable<Uint8Array>): void {
  clearSpool(sql, backupId);
  let part = 0;
  for (const bytes of gather(parts)) {
    sql.exec("INSERT INTO spool (backup_id, part, bytes) VALUES (?, ?, ?)", backupId, part, bytes);
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
export function* readParts(sql: SqlStorage, backupId: string): Generator<Uint8Array> {
  for (let part = 0; ; part++) {
    const rows = sql.exec<{ bytes: ArrayBuffer }>(
      "SELECT bytes FROM spool WHERE backup_id = ? AND part = ?",
      backupId,
      part,
    );
    const row = [...rows][0];
    if (row === undefined) return;
    yield new Uint8Array(row.bytes);
  }
}

export function clearSpool(sql: SqlStorage, backupId: string): void {
  sql.exec("DELETE FROM spool WHERE backup_id = ?", backupId);
}

/** Backups that have parts in the spool. */
export function spooledBackups(sql: SqlStorage): string[] {
  const rows = sql.exec<{ backup_id: string }>("SELECT DISTINCT backup_id FROM spool");
  return [...rows].map((row) => row.backup_id);
}

export function writeReceipt(sql: SqlStorage, backupId: string, receipt: BackupReceipt): void {
  sql.exec(
    "INSERT INTO receipts (backup_id, receipt) VALUES (?, ?)",
    backupId,
    JSON.stringify(receipt),
  );
  sql.exec(
    "DELETE FROM receipts WHERE sequence <= (SELECT max(sequence) FROM receipts) - ?",
    KEPT_RECEIPTS,
  );
}

export function readReceipt(sql: SqlStorage, backupId: string): BackupReceipt | null {
  const rows = sql.exec<{ receipt: string }>(
    "SELECT receipt FROM receipts WHERE backup_id = ?",
    backupId,
  );
  const row = [...rows][0];
  return row === undefined ? null : JSON.parse(row.receipt);
}
