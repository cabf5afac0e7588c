/**
 * What a user owns, and which keys name a user: looked for when a user is deleted.
 *
 * docs/HSM.md §2.4. Reads every key record: at most 16,666.
 */
import { certificateCodec } from "./certificate-record.ts";
import { keyCodec } from "./key-record.ts";
import { RECORD_TYPE } from "./record.ts";
import { type HsmStore, readAttributes, rowsOf } from "./store.ts";

export function countOwned(
  store: HsmStore,
  userId: number,
): { readonly keys: number; readonly certificates: number } {
  let keys = 0;
  let certificates = 0;
  for (const row of rowsOf(store, RECORD_TYPE.key)) {
    if (readAttributes(keyCodec, row).owner === userId) keys++;
  }
  for (const row of rowsOf(store, RECORD_TYPE.certificate)) {
    if (readAttributes(certificateCodec, row).owner === userId) certificates++;
  }
  return { keys, certificates };
}

/** Takes a user out of every key's sharing. */
export function stripShares(store: HsmStore, userId: number): void {
  for (const row of rowsOf(store, RECORD_TYPE.key)) {
    const key = readAttributes(keyCodec, row);
    if (!key.sharedWith.includes(userId)) continue;
    const sharedWith = key.sharedWith.filter((id) => id !== userId);
    const attributes = keyCodec.encode({ ...key, sharedWith });
    store.put({ type: RECORD_TYPE.key, id: row.id, attributes, secret: null }, key.label, true);
  }
}
