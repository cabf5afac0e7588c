/**
 * Records of a memory for tests: copied out of a snapshot, restored, changed behind the rules.
 */
import { type KeyAttributes, keyCodec } from "../../../src/hsm/memory/key-record.ts";
import { MemoryStore } from "../../../src/hsm/memory/memory-store.ts";
import { RECORD_TYPE, type SnapshotRecord } from "../../../src/hsm/memory/record.ts";
import { restoreRecord } from "../../../src/hsm/memory/snapshot.ts";
import type { HsmStore } from "../../../src/hsm/memory/store.ts";

export function copyOf(records: Iterable<SnapshotRecord>): SnapshotRecord[] {
  return Array.from(records, (record) => ({ ...record, bytes: record.bytes.slice() }));
}

export function restored(
  records: Iterable<SnapshotRecord>,
  store = new MemoryStore(),
): MemoryStore {
  store.transaction(() => {
    for (const record of records) restoreRecord(store, record);
  });
  return store;
}

export function changeKey(store: HsmStore, id: number, change: Partial<KeyAttributes>): void {
  const row = store.get(RECORD_TYPE.key, id);
  const key = keyCodec.decode(row!.attributes) as KeyAttributes;
  const attributes = keyCodec.encode({ ...key, ...change });
  store.transaction(() =>
    store.put({ type: RECORD_TYPE.key, id, attributes, secret: null }, key.label, true),
  );
}
