/**
 * What one HSM's memory has that a peer's lacks: the rows changed
 * since a number, and their taking over.
 *
 * Spec: docs/STORAGE.md, "Peers". A delta is state, not history: each row as it is now, so that any
 * number of missed changes is one delta. Secrets in it are wrapped under the cluster's sync key.
 */
import type { Kek } from "../../crypto/core.ts";
import type { SecretKey } from "../../crypto/secret-key.ts";
import type { RecordType } from "../../hsm/memory/record.ts";
import type { ChangedRow } from "../contracts/peer-api.ts";
import { Refused } from "../contracts/result.ts";
import { insertRow, keepLastChange, PAGE_ROWS, recordType, removeRow } from "./rows.ts";
import { MemoryChanged, unwrapSecret, wrapSecret } from "./storage-key.ts";

type SlotRow = { type: number; id: number; change: number; gone: number };
type ContentRow = { name: string; attributes: ArrayBuffer; wrapped: ArrayBuffer | null };

/** The keys a delta passes between: `storage` of this HSM, `sync` of its cluster. Borrowed. */
export interface DeltaKeks {
  readonly storage: Kek;
  readonly sync: Kek;
}

/** Rows changed after `change`, in canonical order; null if they are more than `limitBytes`. */
export function changesSince(
  sql: SqlStorage,
  keks: DeltaKeks,
  generation: number,
  change: number,
  limitBytes: number,
): ChangedRow[] | null {
  const rows: ChangedRow[] = [];
  let byteLength = 0;
  for (const slot of changedSlots(sql, generation, change)) {
    const row = changedRow(sql, keks, generation, slot);
    byteLength += (row.content?.attributes.length ?? 0) + (row.content?.wrapped?.length ?? 0);
    if (byteLength > limitBytes) return null;
    rows.push(row);
  }
  return rows;
}

/** Takes over a leader's rows with its numbers. To be called inside a transaction. */
export function applyChanges(
  sql: SqlStorage,
  keks: DeltaKeks,
  generation: number,
  rows: readonly ChangedRow[],
  lastChange: number,
): void {
  for (const { type, id, change, content } of rows) {
    if (content === null) {
      removeRow(sql, generation, type, id, change);
      continue;
    }
    const { name, attributes, wrapped } = content;
    using secret = wrapped === null ? null : unwrapSent(keks.sync, type, id, wrapped);
    insertRow(sql, keks.storage, generation, { type, id, name, attributes, secret, change });
  }
  keepLastChange(sql, generation, lastChange);
}

/** What was sent does not open: nothing of this HSM's own memory is wrong. */
function unwrapSent(sync: Kek, type: RecordType, id: number, wrapped: Uint8Array): SecretKey {
  try {
    return unwrapSecret(sync, type, id, wrapped);
  } catch (error) {
    if (!(error instanceof MemoryChanged)) throw error;
    const message = "A row of the delta does not open under the cluster's key.";
    throw new Refused({ kind: "conflict", code: "delta_damaged", message });
  }
}

function* changedSlots(sql: SqlStorage, generation: number, change: number): Generator<SlotRow> {
  let [type, id] = [0, -1];
  for (;;) {
    const page = [
      ...sql.exec<SlotRow>(
        `SELECT type, id, change, 0 AS gone FROM records
           WHERE generation = ?1 AND change > ?2 AND (type, id) > (?3, ?4)
         UNION ALL
         SELECT type, id, change, 1 AS gone FROM deletions
           WHERE generation = ?1 AND change > ?2 AND (type, id) > (?3, ?4)
         ORDER BY type, id LIMIT ?5`,
        generation,
        change,
        type,
        id,
        PAGE_ROWS,
      ),
    ];
    yield* page;
    const last = page.at(-1);
    if (last === undefined || page.length < PAGE_ROWS) return;
    [type, id] = [last.type, last.id];
  }
}

function changedRow(
  sql: SqlStorage,
  keks: DeltaKeks,
  generation: number,
  slot: SlotRow,
): ChangedRow {
  const type = recordType(slot.type);
  const { id, change } = slot;
  if (slot.gone === 1) return { type, id, change, content: null };
  const row = sql
    .exec<ContentRow>(
      "SELECT name, attributes, wrapped FROM records WHERE generation = ? AND type = ? AND id = ?",
      generation,
      type,
      id,
    )
    .one();
  const wrapped = row.wrapped === null ? null : rewrap(keks, type, id, new Uint8Array(row.wrapped));
  const content = { name: row.name, attributes: new Uint8Array(row.attributes), wrapped };
  return { type, id, change, content };
}

function rewrap(keks: DeltaKeks, type: RecordType, id: number, wrapped: Uint8Array): Uint8Array {
  using secret = unwrapSecret(keks.storage, type, id, wrapped);
  return wrapSecret(keks.sync, type, id, secret);
}
