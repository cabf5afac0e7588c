/**
 * Keys by handle, and who may see, use or manage them: ownership and sharing.
 *
 * docs/HSM.md §3.4. Roles are asked before, in `permissions.ts`.
 */

import type { Caller } from "../access/permissions.ts";
import {
  hasFlag,
  KEY_CLASS_NUMBER,
  type KeyAttributes,
  type KeyFlag,
  keyCodec,
} from "../memory/key-record.ts";
import { RECORD_TYPE } from "../memory/record.ts";
import { type HsmStore, readAttributes } from "../memory/store.ts";
import { HsmError } from "../rules/errors.ts";

export interface FoundKey {
  readonly handle: number;
  readonly key: KeyAttributes;
}

/**
 * Admins and the appliance user see that a key is there; a CU sees their own, shared and public
 * ones.
 */
export function isVisible(caller: Caller, key: KeyAttributes): boolean {
  return caller.role !== "CU" || isUsable(caller, key);
}

/** @throws HsmError `key_not_found`: a key one may not see is as good as absent. */
export function requireVisible(store: HsmStore, caller: Caller, handle: number): FoundKey {
  const row = Number.isSafeInteger(handle) ? store.get(RECORD_TYPE.key, handle) : null;
  const key = row === null ? null : readAttributes(keyCodec, row);
  if (key === null || !isVisible(caller, key)) {
    throw new HsmError({ code: "key_not_found", handle });
  }
  return { handle, key };
}

/** @throws HsmError `key_not_found`, `key_not_owned`, `quorum_required`. */
export function requireOwned(store: HsmStore, caller: Caller, handle: number): FoundKey {
  const found = requireVisible(store, caller, handle);
  if (found.key.owner !== caller.id) throw new HsmError({ code: "key_not_owned", handle });
  verifyNoQuorum("key-management", found.key.manageQuorum);
  return found;
}

/** @throws HsmError `key_not_found`, `key_usage`, `quorum_required`. */
export function requireUsable(
  store: HsmStore,
  caller: Caller,
  handle: number,
  flag: KeyFlag,
): FoundKey {
  const found = requireVisible(store, caller, handle);
  if (!isUsable(caller, found.key)) throw new HsmError({ code: "key_not_found", handle });
  if (!hasFlag(found.key.flags, flag)) {
    throw new HsmError({ code: "key_usage", handle, attribute: flag });
  }
  verifyNoQuorum("key-usage", found.key.useQuorum);
  return found;
}

/** Owned, shared with, or public. */
function isUsable(caller: Caller, key: KeyAttributes): boolean {
  const isPublic = key.class === KEY_CLASS_NUMBER.public;
  return key.owner === caller.id || key.sharedWith.includes(caller.id) || isPublic;
}

/** A key that asks for approvals is closed to a single user. */
function verifyNoQuorum(service: string, approvals: number): void {
  if (approvals > 0) throw new HsmError({ code: "quorum_required", service, approvals });
}

/** Writes attributes back and keeps the material. */
export function updateKey(store: HsmStore, handle: number, key: KeyAttributes): void {
  const attributes = keyCodec.encode(key);
  store.put({ type: RECORD_TYPE.key, id: handle, attributes, secret: null }, key.label, true);
}
