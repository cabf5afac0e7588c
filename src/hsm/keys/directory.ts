/**
 * Keys listed, described, changed, shared and deleted: everything but using them.
 *
 * docs/HSM.md §3.3, §3.4. No material is read here.
 */
import type { HsmContext } from "../access/context.ts";
import { authorize, type Caller } from "../access/permissions.ts";
import type { SessionToken } from "../access/sessions.ts";
import { requireUser, userNames } from "../access/user-directory.ts";
import {
  decodeFlags,
  encodeFlags,
  hasFlag,
  KEY_CLASS_OF,
  KEY_TYPE_OF,
  type KeyAttributes,
  type KeyClass,
  type KeyType,
  keyCodec,
  kindOf,
} from "../memory/key-record.ts";
import { RECORD_TYPE } from "../memory/record.ts";
import {
  type HsmStore,
  readAttributes,
  rowsNamed,
  rowsOf,
  type StoredRecord,
} from "../memory/store.ts";
import { ROLE_OF } from "../memory/user-record.ts";
import { HsmError } from "../rules/errors.ts";
import { MAX_PAGE } from "../rules/limits.ts";
import {
  changedFlags,
  decodeKeyId,
  type KeyAttributesChange,
  trustedFlags,
  verifyLabel,
} from "./attribute-rules.ts";
import { isVisible, requireOwned, requireVisible, updateKey } from "./lookup.ts";
import { type KeyView, keyView } from "./views.ts";

export interface KeyListing {
  /** Exact label; absent for all. */
  readonly label?: string;
  readonly class?: KeyClass;
  readonly type?: KeyType;
  /** Keys after this handle; 0 for the beginning. */
  readonly after?: number;
  /** 1 to `MAX_PAGE`, default 100. */
  readonly limit?: number;
}

export interface KeyPage {
  readonly keys: readonly KeyView[];
  /** What to give as `after` for the next page; null at the end. */
  readonly next: number | null;
}

const DEFAULT_PAGE = 100;

/** The keys the caller may see, by ascending handle. @throws HsmError `parameter_invalid`. */
export function listKeys(
  context: HsmContext,
  token: SessionToken,
  listing: KeyListing = {},
): KeyPage {
  const caller = authorize(context, token, "list keys");
  const limit = listing.limit ?? DEFAULT_PAGE;
  if (!Number.isInteger(limit) || limit < 1 || limit > MAX_PAGE) {
    const why = `expected 1 to ${MAX_PAGE}`;
    throw new HsmError({ code: "parameter_invalid", parameter: "limit", why });
  }
  const nameOf = userNames(context.store);
  const keys: KeyView[] = [];
  for (const row of listedRows(context.store, listing)) {
    const found = { handle: row.id, key: readAttributes(keyCodec, row) };
    if (!isVisible(caller, found.key) || !isListed(found.key, listing)) continue;
    if (keys.length === limit) return { keys, next: keys.at(-1)?.handle ?? null };
    keys.push(keyView(found, nameOf));
  }
  return { keys, next: null };
}

/** @throws HsmError `key_not_found`. */
export function describeKey(context: HsmContext, token: SessionToken, handle: number): KeyView {
  const caller = authorize(context, token, "list keys");
  return keyView(requireVisible(context.store, caller, handle), userNames(context.store));
}

/**
 * The owner changes attributes; an admin sets `trusted`. @throws HsmError `attribute_refused`, ….
 */
export function setAttributes(
  context: HsmContext,
  token: SessionToken,
  handle: number,
  change: KeyAttributesChange,
): KeyView {
  return context.store.transaction(() => {
    const asker = authorize(context, token, "list keys");
    const next =
      asker.role === "CO"
        ? changedByAdmin(context, token, handle, change)
        : changedByOwner(context, token, handle, change);
    updateKey(context.store, handle, next);
    return keyView({ handle, key: next }, userNames(context.store));
  });
}

/** @throws HsmError `key_not_owned`, `key_not_destroyable`. */
export function deleteKey(context: HsmContext, token: SessionToken, handle: number): void {
  context.store.transaction(() => {
    const caller = authorize(context, token, "manage keys");
    const { key } = requireOwned(context.store, caller, handle);
    if (!hasFlag(key.flags, "destroyable")) {
      throw new HsmError({ code: "key_not_destroyable", handle });
    }
    context.store.delete(RECORD_TYPE.key, handle);
  });
}

/**
 * Lets another CU use the key, and nothing else. Answers nothing: who else shares the key is not
 * looked up, so a call costs the same for the thousandth sharer as for the first.
 * @throws HsmError `share_refused`, ….
 */
export function shareKey(
  context: HsmContext,
  token: SessionToken,
  handle: number,
  username: string,
): void {
  changeSharing(context, token, handle, username, (ids, id) =>
    [...new Set([...ids, id])].sort((a, b) => a - b),
  );
}

/** Takes it back; a user who does not share the key changes nothing. */
export function unshareKey(
  context: HsmContext,
  token: SessionToken,
  handle: number,
  username: string,
): void {
  changeSharing(context, token, handle, username, (ids, id) =>
    ids.filter((shared) => shared !== id),
  );
}

function changedByAdmin(
  context: HsmContext,
  token: SessionToken,
  handle: number,
  change: KeyAttributesChange,
): KeyAttributes {
  const caller = authorize(context, token, "mark keys trusted");
  const { key } = requireVisible(context.store, caller, handle);
  return { ...key, flags: encodeFlags(trustedFlags(decodeFlags(key.flags), change, kindOf(key))) };
}

function changedByOwner(
  context: HsmContext,
  token: SessionToken,
  handle: number,
  change: KeyAttributesChange,
): KeyAttributes {
  const caller = authorize(context, token, "manage keys");
  const { key } = requireOwned(context.store, caller, handle);
  return {
    ...key,
    flags: encodeFlags(changedFlags(decodeFlags(key.flags), change, kindOf(key))),
    label: change.label === undefined ? key.label : verifyLabel(change.label),
    id: change.id === undefined ? key.id : decodeKeyId(change.id),
  };
}

function changeSharing(
  context: HsmContext,
  token: SessionToken,
  handle: number,
  username: string,
  next: (ids: readonly number[], id: number) => number[],
): void {
  context.store.transaction(() => {
    const caller = authorize(context, token, "manage keys");
    const { key } = requireOwned(context.store, caller, handle);
    const id = requireOtherCu(context, caller, username);
    updateKey(context.store, handle, { ...key, sharedWith: next(key.sharedWith, id) });
  });
}

function requireOtherCu(context: HsmContext, caller: Caller, username: string): number {
  const { id, user } = requireUser(context.store, username);
  if (ROLE_OF[user.role] !== "CU") {
    throw new HsmError({ code: "share_refused", username, why: "keys are shared among CUs" });
  }
  if (id === caller.id) {
    throw new HsmError({ code: "share_refused", username, why: "the owner has it already" });
  }
  return id;
}

/** A label leads to its keys; whatever else is asked for, every key may be one. */
function listedRows(store: HsmStore, { label, after = 0 }: KeyListing): Iterable<StoredRecord> {
  return label === undefined
    ? rowsOf(store, RECORD_TYPE.key, after)
    : rowsNamed(store, RECORD_TYPE.key, label, after);
}

function isListed(key: KeyAttributes, listing: KeyListing): boolean {
  if (listing.label !== undefined && key.label !== listing.label) return false;
  if (listing.class !== undefined && KEY_CLASS_OF[key.class] !== listing.class) return false;
  return listing.type === undefined || KEY_TYPE_OF[key.type] === listing.type;
}
