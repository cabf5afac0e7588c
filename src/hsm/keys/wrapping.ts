/**
 * Keys leaving and entering the HSM wrapped under another of its keys: KW and KWP by the core.
 *
 * SP 800-38F §6.2, §6.3; docs/HSM.md §3.6. A key with `wrapWithTrusted` leaves only under a trusted
 * one, wrapped under a key derived from it: so the bytes themselves say that what is inside asked for
 * trust, to every HSM that has the key, whatever it knows of that key's attributes.
 */
import { SecretKey } from "../../crypto/secret-key.ts";
import type { HsmContext } from "../access/context.ts";
import { authorize, type Caller } from "../access/permissions.ts";
import type { SessionToken } from "../access/sessions.ts";
import {
  decodeFlags,
  hasFlag,
  KEY_TYPE_OF,
  type KeyFlag,
  type KeyType,
  kindOf,
} from "../memory/key-record.ts";
import { RECORD_TYPE } from "../memory/record.ts";
import { HsmError } from "../rules/errors.ts";
import { MAX_PRIVATE_KEY_BYTES } from "../rules/limits.ts";
import {
  isTrustworthy,
  type NewKeyAttributes,
  TRUSTWORTHY,
  underTrust,
} from "./attribute-rules.ts";
import { addKey, type PreparedKey, prepareKey } from "./creation.ts";
import { verifyExtractable } from "./export.ts";
import { type FoundKey, requireOwned, requireUsable } from "./lookup.ts";
import { readMaterial } from "./material.ts";
import { unusable, verifyOperationLength } from "./signing.ts";
import type { KeyView } from "./views.ts";

const TRUSTED_WRAP_LABEL = "holdfast/v1/trusted-wrap";
const TRUSTED_KEY_BYTES = 32;

export type WrapMechanism = "aes-kw" | "aes-kwp";

export interface Unwrapping {
  readonly mechanism: WrapMechanism;
  /** At most 8 + `MAX_PRIVATE_KEY_BYTES` rounded up. */
  readonly wrapped: Uint8Array;
  /** What is inside: raw bytes for AES and generic secrets, PKCS#8 for the others. */
  readonly type: KeyType;
  readonly attributes?: NewKeyAttributes;
}

/**
 * Wraps the material of one key under another. @returns fresh wrapped bytes.
 * @throws HsmError `key_not_owned`, `key_not_extractable`, `key_usage`, `mechanism_unsupported`.
 */
export function wrapKey(
  context: HsmContext,
  token: SessionToken,
  handle: number,
  wrappingHandle: number,
  mechanism: WrapMechanism,
): Uint8Array {
  const { store, core } = context;
  const caller = authorize(context, token, "manage keys");
  const found = requireOwned(store, caller, handle);
  verifyExtractable(found);
  const wrapping = requireAesKey(context, caller, wrappingHandle, "wrap");
  verifyTrust(found, wrapping);
  using secret = store.secret(RECORD_TYPE.key, handle);
  if (secret === null) throw unusable(mechanism, "a public key is not wrapped");
  using kekKey = hasFlag(found.key.flags, "wrapWithTrusted")
    ? trustedKey(context, wrappingHandle)
    : requireMaterial(context, wrappingHandle);
  using kek = core.kek(kekKey);
  if (mechanism === "aes-kwp") return secret.use((bytes) => kek.kwpWrap(bytes));
  // SP 800-38F §5.3.1: two semiblocks or more, whole ones.
  const isWhole = secret.length >= 16 && secret.length % 8 === 0;
  if (!isWhole) throw unusable(mechanism, `${secret.length} bytes are not 2 or more semiblocks`);
  return secret.use((bytes) => kek.kwWrap(bytes));
}

/**
 * A key from its wrapped bytes, owned by the caller. What came out of an HSM under a trusted key, and
 * whatever a trusted key unwraps, is sensitive and has `wrapWithTrusted`.
 * @throws HsmError `unwrap_failed`, `key_unreadable`, `key_usage`, `attribute_refused`, ….
 */
export async function unwrapKey(
  context: HsmContext,
  token: SessionToken,
  unwrappingHandle: number,
  request: Unwrapping,
): Promise<KeyView> {
  verifyOperationLength("wrapped", request.wrapped);
  const caller = authorize(context, token, "manage keys");
  requireAesKey(context, caller, unwrappingHandle, "unwrap");
  // All of it in the turn: by then the key may be another's, or gone.
  const take = () => prepareUnwrapped(context, token, unwrappingHandle, request);
  const isSecret = request.type === "aes" || request.type === "generic-secret";
  const prepared = isSecret
    ? await take()
    : await context.turns.compute(caller.user.username, (turn) => turn(take));
  return addKey(context, token, prepared);
}

async function prepareUnwrapped(
  context: HsmContext,
  token: SessionToken,
  unwrappingHandle: number,
  request: Unwrapping,
): Promise<PreparedKey> {
  const { mechanism, type } = request;
  const caller = authorize(context, token, "manage keys");
  const { key } = requireAesKey(context, caller, unwrappingHandle, "unwrap");
  const { plain, isTrusted } = unwrapBytes(context, unwrappingHandle, mechanism, request.wrapped);
  using secret = plain;
  const asked = request.attributes ?? {};
  const attributes = isTrusted || hasFlag(key.flags, "trusted") ? underTrust(asked) : asked;
  const material = await readMaterial(
    context.subtle,
    type === "aes" || type === "generic-secret"
      ? { format: "raw", type, key: secret }
      : { format: "pkcs8", key: secret },
  );
  return await prepareKey(context, material, attributes, false);
}

/** @returns what was inside, fresh; and whether it was wrapped as what asks for a trusted key is. */
function unwrapBytes(
  context: HsmContext,
  handle: number,
  mechanism: WrapMechanism,
  wrapped: Uint8Array,
): { plain: SecretKey; isTrusted: boolean } {
  using derived = trustedKey(context, handle);
  const trusted = unwrapUnder(context, derived, mechanism, wrapped);
  if (trusted !== null) return { plain: trusted, isTrusted: true };
  using own = requireMaterial(context, handle);
  const plain = unwrapUnder(context, own, mechanism, wrapped);
  if (plain !== null) return { plain, isTrusted: false };
  throw new HsmError({ code: "unwrap_failed", mechanism });
}

/** @returns a fresh key; null if the bytes are not from under `kekKey`. @throws `data_length`. */
function unwrapUnder(
  context: HsmContext,
  kekKey: SecretKey,
  mechanism: WrapMechanism,
  wrapped: Uint8Array,
): SecretKey | null {
  using kek = context.core.kek(kekKey);
  const plain = mechanism === "aes-kw" ? kek.kwUnwrap(wrapped) : kek.kwpUnwrap(wrapped);
  if (plain === null) return null;
  const secret = new SecretKey(plain);
  if (plain.length <= MAX_PRIVATE_KEY_BYTES) return secret;
  secret[Symbol.dispose]();
  throw new HsmError({ code: "data_length", what: "wrapped key", max: MAX_PRIVATE_KEY_BYTES });
}

function requireAesKey(
  context: HsmContext,
  caller: Caller,
  handle: number,
  flag: KeyFlag,
): FoundKey {
  const found = requireUsable(context.store, caller, handle, flag);
  const type = KEY_TYPE_OF[found.key.type];
  if (type !== "aes") throw unusable("AES key wrap", `key ${handle} is of type ${type}`);
  return found;
}

function requireMaterial(context: HsmContext, handle: number): SecretKey {
  const material = context.store.secret(RECORD_TYPE.key, handle);
  if (material === null) throw new Error("unreachable: a secret key without material");
  return material;
}

/** The key under which a key wraps what asks for trust: 32 bytes, fresh. docs/HSM.md §3.6. */
function trustedKey(context: HsmContext, handle: number): SecretKey {
  using key = requireMaterial(context, handle);
  return context.core.kdfCounter(key, TRUSTED_WRAP_LABEL, new Uint8Array(0), TRUSTED_KEY_BYTES);
}

function verifyTrust(found: FoundKey, { handle, key }: FoundKey): void {
  const flags = decodeFlags(key.flags);
  if (!hasFlag(found.key.flags, "wrapWithTrusted")) return;
  if (flags.trusted && isTrustworthy(flags, kindOf(key))) return;
  const why = flags.trusted
    ? `key ${handle} is marked trusted and is not ${TRUSTWORTHY}`
    : `it is wrapped only under a trusted key, and key ${handle} is not trusted`;
  throw new HsmError({ code: "key_not_extractable", handle: found.handle, why });
}
