/**
 * Records of a memory for tests: copied out of a snapshot, restored, changed behind the rules.
 */
import { type FoundUser, requireUser } from "../../../src/hsm/access/user-directory.ts";
import { type KeyAttributes, keyCodec } from "../../../src/hsm/memory/key-record.ts";
import { MemoryStore } from "../../../src/hsm/memory/memory-store.ts";
import { RECORD_TYPE, type SnapshotRecord } from "../../../src/hsm/memory/record.ts";
import { restoreRecord } from "../../../src/hsm/memory/snapshot.ts";
import type { HsmStore } from "../../../src/hsm/memory/store.ts";
import { userCodec } from "../../../src/hsm/memory/user-record.ts";

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
    store.put(
      { type: RECORD_TYPE.key, id, attributes, secret: null },
      change.label ?? key.label,
      true,
    ),
  );
}

/** @returns the record's id, and its attributes with the new name. */
export function changeUsername(store: HsmStore, name: string, username: string): FoundUser {
  const found = requireUser(store, name);
  const user = { ...found.user, username };
  const attributes = userCodec.encode(user);
  store.transaction(() =>
    store.put({ type: RECORD_TYPE.user, id: found.id, attributes, secret: null }, username, true),
  );
  return { id: found.id, user };
}
