/**
 * Reading records by type: decoded, and all of a type in slices.
 *
 * FORMAT.md §4.1. No rule is decided here. A record the store holds has been checked on its way in.
 */
import { type AttributesCodec, RefusedAttributes } from "./attributes-codec.ts";
import type { RecordType } from "./record.ts";
import type { HsmStore, StoredRecord } from "./store.ts";

const SLICE = 500;

/**
 * The records of one type with ids above `after`, ascending. A slice is read before its rows are
 * given out.
 */
export function* rowsOf(store: HsmStore, type: RecordType, after = -1): Generator<StoredRecord> {
  let afterId = after;
  for (;;) {
    const rows = store.list(type, afterId, SLICE);
    yield* rows;
    const last = rows.at(-1);
    if (last === undefined || rows.length < SLICE) return;
    afterId = last.id;
  }
}

/** The attributes of a record this HSM holds. */
export function readAttributes<T>(codec: AttributesCodec<T>, row: StoredRecord): T {
  const decoded = codec.decode(row.attributes);
  if (decoded instanceof RefusedAttributes) {
    throw new Error(`unreachable: record ${row.type}/${row.id} in store: ${decoded.why}`);
  }
  return decoded;
}
