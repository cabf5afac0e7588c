/**
 * Keys leaving and entering the HSM wrapped under another of its keys: KW and KWP by the core.
 *
 * SP 800-38F §6.2, §6.3; docs/HSM.md §3.6. A key with `wrapWithTrusted` leaves only under a trusted
 * one.
 */
import { SecretKey } from "../../crypto/secret-key.ts";
import type { HsmContext } from "../access/context.ts";
import { authorize, type Caller } from "../access/permissions.ts";
import type { SessionToken } from "../access/sessions.ts";
import { hasFlag, KEY_TYPE_OF, type KeyFlag, type KeyType } from "../memory/key-record.ts";
import { RECORD_TYPE } from "../memory/record.ts";
import { HsmError } from "../rules/errors.ts";
import { MAX_PRIVATE_KEY_BYTES } from "../rules/limits.ts";
import type { NewKeyAttributes } from "./attribute-rules.ts";
import { addKey, prepareKey } from "./creation.ts";
import { verifyExtractable } from "./export.ts";
import { type FoundKey, requireOwned, requireUsable } from "./lookup.ts";
import { readMaterial } from "./material.ts";
import { unusable, verifyOperationLength } from "./signing.ts";
import type { KeyView } from "./views.ts";

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
  using kekKey = requireMaterial(context, wrappingHandle);
  using kek = core.kek(kekKey);
  if (mechanism === "aes-kwp") return secret.use((bytes) => kek.kwpWrap(bytes));
  // SP 800-38F §5.3.1: two semiblocks or more, whole ones.
  const isWhole = secret.length >= 16 && secret.length % 8 === 0;
  if (!isWhole) throw unusable(mechanism, `${secret.length} bytes are not 2 or more semiblocks`);
  return secret.use((bytes) => kek.kwWrap(bytes));
}

/** @throws HsmError `unwrap_failed`, `key_unreadable`, `key_usage`, …. */
export async function unwrapKey(
  context: HsmContext,
  token: SessionToken,
  unwrappingHandle: number,
  request: Unwrapping,
): Promise<KeyView> {
  const { mechanism, type } = request;
  verifyOperationLength("wrapped", request.wrapped);
  const caller = authorize(context, token, "manage keys");
  requireAesKey(context, caller, unwrappingHandle, "unwrap");
  using secret = unwrapBytes(context, unwrappingHandle, mechanism, request.wrapped);
  const material = await readMaterial(
    context.subtle,
    type === "aes" || type === "generic-secret"
      ? { format: "raw", type, key: secret }
      : { format: "pkcs8", key: secret },
  );
  const prepared = await prepareKey(context, material, request.attributes ?? {}, false);
  return addKey(context, token, prepared);
}

function unwrapBytes(
  context: HsmContext,
  handle: number,
  mechanism: WrapMechanism,
  wrapped: Uint8Array,
): SecretKey {
  using kekKey = requireMaterial(context, handle);
  using kek = context.core.kek(kekKey);
  const plain = mechanism === "aes-kw" ? kek.kwUnwrap(wrapped) : kek.kwpUnwrap(wrapped);
  if (plain === null) throw new HsmError({ code: "unwrap_failed", mechanism });
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

function verifyTrust(found: FoundKey, wrapping: FoundKey): void {
  const asksTrust = hasFlag(found.key.flags, "wrapWithTrusted");
  if (!asksTrust || hasFlag(wrapping.key.flags, "trusted")) return;
  const why = `it is wrapped only under a trusted key, and key ${wrapping.handle} is not trusted`;
  throw new HsmError({ code: "key_not_extractable", handle: found.handle, why });
}
