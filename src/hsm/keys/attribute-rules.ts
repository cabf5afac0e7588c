/**
 * The rules of key attributes: what a new key may have, what may be changed later, and by whom.
 *
 * docs/HSM.md §3.3 shows the same tables. Pure functions; nothing is read or written here.
 */

import { decodeHex } from "../../crypto/base-encodings.ts";
import type { KeyClass, KeyFlag, KeyFlags, KeyType } from "../memory/key-record.ts";
import { HsmError } from "../rules/errors.ts";
import { MAX_KEY_ID_BYTES, MAX_LABEL_BYTES } from "../rules/limits.ts";
import { isPlainText } from "../rules/plain-text.ts";

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
  verifyTracked(asked);
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

/**
 * What is refused to a new key of any kind: asked before the work that tells the kind.
 * @throws HsmError `attribute_refused`.
 */
export function verifyAsked(asked: NewKeyAttributes): void {
  verifyTracked(asked);
  verifyLabel(asked.label ?? "");
  decodeKeyId(asked.id ?? "");
}

function verifyTracked(asked: NewKeyAttributes): void {
  if (asked.trusted === true) refuse("trusted", "only an admin (CO) sets it, on an existing key");
  if (asked.token === false) refuse("token", "this HSM holds token keys only");
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
  verifyFrozenUsages(before, change);
  verifyOneWay(before, change, "sensitive");
  verifyOneWay(before, change, "wrapWithTrusted");
  if (isHomeGrown(before, kind)) verifyOneWay(before, change, "decrypt");
  if (kind.class === "public") verifyPublic(change);
  const next: Record<KeyFlag, boolean> = { ...before };
  for (const flag of [...USAGE_FLAGS, "sensitive", "wrapWithTrusted"] as const) {
    next[flag] = change[flag] ?? before[flag];
  }
  return next;
}

/**
 * The flags after an admin's change: `trusted` and nothing else. With it the owner's changes end,
 * also when it is taken back. @throws as above.
 */
export function trustedFlags(
  before: KeyFlags,
  change: KeyAttributesChange,
  kind: KeyKind,
): KeyFlags {
  for (const name of Object.keys(change)) {
    if (name !== "trusted") refuse(name, "an admin (CO) sets trusted and nothing else");
  }
  if (change.trusted === undefined) refuse("trusted", "expected true or false");
  if (!change.trusted) return { ...before, trusted: false };
  if (!isTrustworthy(before, kind)) refuse("trusted", `a trusted key is ${TRUSTWORTHY}`);
  return { ...before, trusted: true, modifiable: false };
}

/** What a key must be to wrap what asks for a trusted key, as a sentence goes on. */
export const TRUSTWORTHY = "an AES key generated here, never extractable, that never had decrypt";

/**
 * Whether what is wrapped under the key can be had in no other way than by unwrapping it in an HSM.
 * Asked when the key is made trusted, and again at every use: a key that was restored or replicated
 * has passed no such check here. @param flags - `decrypt` false is its history as well, since it
 * never becomes false again.
 */
export function isTrustworthy(flags: KeyFlags, kind: KeyKind): boolean {
  return isHomeGrown(flags, kind) && !flags.decrypt;
}

/** An AES key whose bytes nobody has seen: there is no second one of its value, but by a restore. */
function isHomeGrown(flags: KeyFlags, kind: KeyKind): boolean {
  const neverLeft = flags.local && flags.neverExtractable && !flags.extractable;
  return kind.type === "aes" && neverLeft;
}

/**
 * What is asked for a key that a trusted key unwraps: sensitive, and out again only under a trusted
 * one. Like CKA_UNWRAP_TEMPLATE of PKCS#11: merged in, and a contradiction is refused.
 * @throws HsmError `attribute_refused`.
 */
export function underTrust(asked: NewKeyAttributes): NewKeyAttributes {
  for (const flag of ["sensitive", "wrapWithTrusted"] as const) {
    if (asked[flag] === false) refuse(flag, "it is true for what a trusted key unwraps");
  }
  return { ...asked, sensitive: true, wrapWithTrusted: true };
}

/** Of a new label: marks of direction are taken, and shown as such. @throws HsmError `attribute_refused`. */
export function verifyLabel(label: string): string {
  if (!isPlainText(label)) refuse("label", "expected one line of text without control characters");
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

/** A key that came trusted by a restore may still be modifiable. */
function verifyFrozenUsages(before: KeyFlags, change: KeyAttributesChange): void {
  if (!before.trusted) return;
  for (const flag of USAGE_FLAGS) {
    const next = change[flag];
    if (next !== undefined && next !== before[flag]) refuse(flag, "the key is trusted");
  }
}

/** Set once, it stays set. */
function verifyOneWay(
  before: KeyFlags,
  change: KeyAttributesChange,
  flag: "sensitive" | "wrapWithTrusted" | "decrypt",
): void {
  if (before[flag] && change[flag] === false) refuse(flag, "once true, it stays true");
}

function refuse(attribute: string, why: string): never {
  throw new HsmError({ code: "attribute_refused", attribute, why });
}
