/**
 * The rules of key attributes: what a new key may have, what may be changed later, and by whom.
 *
 * docs/HSM.md §3.3 shows the same tables. Pure functions; nothing is read or written here.
 */

import { decodeHex } from "../../crypto/base-encodings.ts";
import type { KeyClass, KeyFlag, KeyFlags, KeyType } from "../memory/key-record.ts";
import { HsmError } from "../rules/errors.ts";
import { MAX_KEY_ID_BYTES, MAX_LABEL_BYTES } from "../rules/limits.ts";

/** What a key does; each is false unless asked for. */
export const USAGE_FLAGS = [
  "encrypt",
  "decrypt",
  "sign",
  "verify",
  "wrap",
  "unwrap",
  "derive",
] as const;
export type UsageFlag = (typeof USAGE_FLAGS)[number];

/** What a creator may choose. The rest of the flags is the HSM's to track. */
export interface NewKeyAttributes {
  readonly label?: string;
  /** Hexadecimal, at most 128 bytes. */
  readonly id?: string;
  readonly encrypt?: boolean;
  readonly decrypt?: boolean;
  readonly sign?: boolean;
  readonly verify?: boolean;
  readonly wrap?: boolean;
  readonly unwrap?: boolean;
  readonly derive?: boolean;
  readonly sensitive?: boolean;
  readonly extractable?: boolean;
  readonly destroyable?: boolean;
  readonly modifiable?: boolean;
  readonly private?: boolean;
  readonly token?: boolean;
  readonly trusted?: boolean;
  readonly wrapWithTrusted?: boolean;
}

/** What may be changed later; `trusted` by an admin only, the rest by the owner. */
export interface KeyAttributesChange {
  readonly label?: string;
  readonly id?: string;
  readonly encrypt?: boolean;
  readonly decrypt?: boolean;
  readonly sign?: boolean;
  readonly verify?: boolean;
  readonly wrap?: boolean;
  readonly unwrap?: boolean;
  readonly derive?: boolean;
  readonly sensitive?: boolean;
  readonly token?: boolean;
  readonly trusted?: boolean;
  readonly wrapWithTrusted?: boolean;
}

export interface KeyKind {
  readonly class: KeyClass;
  readonly type: KeyType;
}

/** The usages that make sense for a kind; a pair's public half is used under the pair's flags. */
export function usagesOf(kind: KeyKind): readonly UsageFlag[] {
  switch (kind.type) {
    case "aes":
      return USAGE_FLAGS;
    case "generic-secret":
      return ["sign", "verify", "derive"];
    case "rsa":
      return kind.class === "public"
        ? ["encrypt", "verify", "wrap"]
        : ["encrypt", "decrypt", "sign", "verify", "wrap", "unwrap"];
    case "ec":
      return kind.class === "public" ? ["verify"] : ["sign", "verify", "derive"];
  }
}

/**
 * The flags of a new key.
 * @param isLocal - made inside the HSM, not imported. @throws HsmError `attribute_refused`.
 */
export function initialFlags(asked: NewKeyAttributes, kind: KeyKind, isLocal: boolean): KeyFlags {
  verifyUsages(asked, kind);
  if (asked.trusted === true) refuse("trusted", "only an admin (CO) sets it, on an existing key");
  if (asked.token === false) refuse("token", "this HSM holds token keys only");
  const isPublic = kind.class === "public";
  if (isPublic) verifyPublic(asked);
  const sensitive = asked.sensitive ?? !isPublic;
  const extractable = asked.extractable ?? true;
  const usages = USAGE_FLAGS.map((flag) => [flag, asked[flag] ?? false] as const);
  return {
    ...NO_USAGE,
    ...Object.fromEntries(usages),
    sensitive,
    extractable,
    local: isLocal,
    neverExtractable: isLocal && !extractable,
    alwaysSensitive: isLocal && sensitive,
    destroyable: asked.destroyable ?? true,
    modifiable: asked.modifiable ?? true,
    private: asked.private ?? !isPublic,
    token: true,
    trusted: false,
    wrapWithTrusted: asked.wrapWithTrusted ?? false,
  };
}

const NO_USAGE: Readonly<Record<UsageFlag, boolean>> = {
  encrypt: false,
  decrypt: false,
  sign: false,
  verify: false,
  wrap: false,
  unwrap: false,
  derive: false,
};

/**
 * The flags after the owner's change. @throws HsmError `attribute_refused`.
 */
export function changedFlags(
  before: KeyFlags,
  change: KeyAttributesChange,
  kind: KeyKind,
): KeyFlags {
  if (!before.modifiable) refuse("modifiable", "it is false: nothing of the key may be changed");
  if (change.trusted !== undefined) refuse("trusted", "only an admin (CO) sets it");
  if (change.token === false) refuse("token", "a token key does not become a session key");
  verifyUsages(change, kind);
  verifyOneWay(before, change, "sensitive");
  verifyOneWay(before, change, "wrapWithTrusted");
  if (kind.class === "public") verifyPublic(change);
  const next: Record<KeyFlag, boolean> = { ...before };
  for (const flag of [...USAGE_FLAGS, "sensitive", "wrapWithTrusted"] as const) {
    next[flag] = change[flag] ?? before[flag];
  }
  return next;
}

/** The flags after an admin's change: `trusted` and nothing else. @throws as above. */
export function trustedFlags(before: KeyFlags, change: KeyAttributesChange): KeyFlags {
  for (const name of Object.keys(change)) {
    if (name !== "trusted") refuse(name, "an admin (CO) sets trusted and nothing else");
  }
  if (change.trusted === undefined) refuse("trusted", "expected true or false");
  return { ...before, trusted: change.trusted };
}

/** @throws HsmError `attribute_refused`. */
export function verifyLabel(label: string): string {
  const bytes = new TextEncoder().encode(label).length;
  if (bytes > MAX_LABEL_BYTES) refuse("label", `expected at most ${MAX_LABEL_BYTES} bytes`);
  return label;
}

/** @param id - hexadecimal. @returns fresh bytes. @throws HsmError `attribute_refused`. */
export function decodeKeyId(id: string): Uint8Array {
  const bytes = id.length <= 2 * MAX_KEY_ID_BYTES ? decodeHex(id) : null;
  return bytes ?? refuse("id", `expected at most ${MAX_KEY_ID_BYTES} bytes in hexadecimal`);
}

function verifyUsages(asked: NewKeyAttributes, kind: KeyKind): void {
  const allowed = usagesOf(kind);
  for (const flag of USAGE_FLAGS) {
    if (asked[flag] === true && !allowed.includes(flag)) {
      refuse(flag, `a ${kind.class} ${kind.type} key cannot`);
    }
  }
}

function verifyPublic(asked: NewKeyAttributes): void {
  if (asked.sensitive === true) refuse("sensitive", "a public key is no secret");
  if (asked.wrapWithTrusted === true) refuse("wrapWithTrusted", "a public key is no secret");
  if (asked.extractable === false) refuse("extractable", "a public key is no secret");
}

/** Set once, it stays set. */
function verifyOneWay(
  before: KeyFlags,
  change: KeyAttributesChange,
  flag: "sensitive" | "wrapWithTrusted",
): void {
  if (before[flag] && change[flag] === false) refuse(flag, "once true, it stays true");
}

function refuse(attribute: string, why: string): never {
  throw new HsmError({ code: "attribute_refused", attribute, why });
}
