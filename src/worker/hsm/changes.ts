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
import { currentGeneration } from "./generations.ts";
import type { HsmRows } from "./row-macs.ts";
import { type RecordRow, RecordRows } from "./rows.ts";
import { MemoryChanged, unwrapSecret, wrapSecret } from "./storage-key.ts";

/** The keys a delta passes between: `storage` of this HSM, `sync` of its cluster. Borrowed. */
export interface DeltaKeks {
  readonly storage: Kek;
  readonly sync: Kek;
}

/** Rows changed after `change`; null if they are more than `limitBytes`. */
export function changesSince(
  rows: HsmRows,
  keks: DeltaKeks,
  change: number,
  limitBytes: number,
): ChangedRow[] | null {
  const records = new RecordRows(rows, currentGeneration(rows), false);
  const changed: ChangedRow[] = [];
  let byteLength = 0;
  for (const slot of records.changedSince(change)) {
    byteLength += (slot.row?.attributes.length ?? 0) + (slot.row?.wrapped?.length ?? 0);
    if (byteLength > limitBytes) return null;
    const { type, id } = slot;
    changed.push({ type, id, change: slot.change, content: contentOf(keks, slot.row) });
  }
  return changed;
}

/** Takes over a leader's rows with its numbers. To be called inside a transaction. */
export function applyChanges(
  rows: HsmRows,
  keks: DeltaKeks,
  changed: readonly ChangedRow[],
  lastChange: number,
): void {
  const records = new RecordRows(rows, currentGeneration(rows), false);
  for (const { type, id, change, content } of changed) {
    if (content === null) {
      records.remove(type, id, change);
      continue;
    }
    const { name, attributes, wrapped } = content;
    using secret = wrapped === null ? null : unwrapSent(keks.sync, type, id, wrapped);
    records.insert(keks.storage, { type, id, name, attributes, secret, change });
  }
  records.keepChange(lastChange);
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

function contentOf(keks: DeltaKeks, row: RecordRow | null): ChangedRow["content"] {
  if (row === null) return null;
  const { type, id, name, attributes, wrapped } = row;
  return { name, attributes, wrapped: wrapped === null ? null : rewrap(keks, type, id, wrapped) };
}

function rewrap(keks: DeltaKeks, type: RecordType, id: number, wrapped: Uint8Array): Uint8Array {
  using secret = unwrapSecret(keks.storage, type, id, wrapped);
  return wrapSecret(keks.sync, type, id, secret);
}
