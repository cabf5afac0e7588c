/**
 * Where new keys enter: imported, generated or unwrapped, they are prepared, then written together.
 *
 * docs/HSM.md §3. Everything the platform has to be waited for is done before the transaction.
 */
import { keyLimits } from "../access/configuration.ts";
import type { HsmContext } from "../access/context.ts";
import { authorize } from "../access/permissions.ts";
import type { SessionToken } from "../access/sessions.ts";
import { userNames } from "../access/user-directory.ts";
import {
  CHECK_VALUE_BYTES,
  encodeFlags,
  KEY_CLASS_NUMBER,
  KEY_TYPE_NUMBER,
  type KeyAttributes,
  keyCodec,
} from "../memory/key-record.ts";
import { RECORD_TYPE } from "../memory/record.ts";
import { HsmError } from "../rules/errors.ts";
import {
  decodeKeyId,
  initialFlags,
  type NewKeyAttributes,
  verifyLabel,
} from "./attribute-rules.ts";
import type { FoundKey } from "./lookup.ts";
import type { ReadMaterial } from "./material.ts";
import { type KeyView, keyView } from "./views.ts";

/** A key on its way in: all of its record but the owner. Dispose of `material.secret`. */
export interface PreparedKey {
  readonly material: ReadMaterial;
  readonly attributes: Omit<KeyAttributes, "owner">;
}

/**
 * Rules and check value. @param material - taken: disposed of if the rules refuse.
 * @param isLocal - made inside the HSM. @throws HsmError `attribute_refused`.
 */
export async function prepareKey(
  context: HsmContext,
  material: ReadMaterial,
  asked: NewKeyAttributes,
  isLocal: boolean,
): Promise<PreparedKey> {
  try {
    const flags = initialFlags(asked, material, isLocal);
    const attributes = {
      class: KEY_CLASS_NUMBER[material.class],
      type: KEY_TYPE_NUMBER[material.type],
      flags: encodeFlags(flags),
      label: verifyLabel(asked.label ?? ""),
      id: decodeKeyId(asked.id ?? ""),
      sharedWith: [],
      sizeBits: material.sizeBits,
      checkValue: await checkValue(context, material),
      publicKey: material.publicKey,
      createdAtMs: context.now(),
      manageQuorum: 0,
      useQuorum: 0,
    };
    return { material, attributes };
  } catch (error) {
    material.secret?.[Symbol.dispose]();
    throw error;
  }
}

/**
 * Writes a prepared key, owned by the caller. @param key - taken: disposed of.
 * @returns how it is shown. @throws HsmError `key_limit`, `asymmetric_key_limit`, ….
 */
export function addKey(context: HsmContext, token: SessionToken, key: PreparedKey): KeyView {
  const [added] = addKeys(context, token, [key]);
  if (added === undefined) throw new Error("unreachable: a key went in and none came out");
  return keyView(added, userNames(context.store));
}

/**
 * Writes prepared keys, all or none, owned by the caller. @param keys - taken: disposed of.
 * @returns them with their handles, in order.
 * @throws HsmError `key_limit`, `asymmetric_key_limit`, ….
 */
export function addKeys(
  context: HsmContext,
  token: SessionToken,
  keys: readonly PreparedKey[],
): FoundKey[] {
  try {
    return context.store.transaction(() => {
      const caller = authorize(context, token, "manage keys");
      verifyRoom(context, keys.length, keys.filter(isAsymmetric).length);
      const first = context.store.lastId(RECORD_TYPE.key) + 1;
      return keys.map(({ material: { secret }, attributes }, i) => {
        const key = { ...attributes, owner: caller.id };
        const encoded = keyCodec.encode(key);
        const record = { type: RECORD_TYPE.key, id: first + i, attributes: encoded, secret };
        context.store.put(record, key.label);
        return { handle: record.id, key };
      });
    });
  } finally {
    disposeOf(keys);
  }
}

export function disposeOf(keys: readonly PreparedKey[]): void {
  for (const { material } of keys) material.secret?.[Symbol.dispose]();
}

function isAsymmetric({ material }: PreparedKey): boolean {
  return material.class !== "secret";
}

/**
 * Whether as many keys, and as many RSA and EC keys among them, still fit on this hardware.
 * @throws HsmError `key_limit`, `asymmetric_key_limit`.
 */
export function verifyRoom(context: HsmContext, added: number, asymmetric: number): void {
  const limits = keyLimits(context);
  const held = context.store.count(RECORD_TYPE.key);
  if (held + added > limits.keys) {
    throw new HsmError({ code: "key_limit", limit: limits.keys });
  }
  // A store may have to count: while all keys together fit the smaller limit there is no need.
  if (asymmetric === 0 || held + asymmetric <= limits.asymmetricKeys) return;
  if (context.store.countAsymmetricKeys() + asymmetric > limits.asymmetricKeys) {
    throw new HsmError({ code: "asymmetric_key_limit", limit: limits.asymmetricKeys });
  }
}

/**
 * The key check value, by which two holders see that they hold the same key: `CHECK_VALUE_BYTES`,
 * fresh; zeros for a generic secret, as a short one could be guessed from it.
 *
 * PKCS#11 §4.10.2. AES: of the encrypted zero block. RSA and EC: of SHA-1 of the public key, which
 * is no secret, so SHA-1's weakness does not matter.
 */
async function checkValue(context: HsmContext, material: ReadMaterial): Promise<Uint8Array> {
  if (material.type === "generic-secret") return new Uint8Array(CHECK_VALUE_BYTES);
  if (material.type === "aes" && material.secret !== null) {
    return context.core.encryptZeroBlock(material.secret).slice(0, CHECK_VALUE_BYTES);
  }
  const digest = await context.subtle.digest({ name: "SHA-1" }, material.publicKey);
  return new Uint8Array(digest).slice(0, CHECK_VALUE_BYTES);
}
