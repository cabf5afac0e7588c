/**
 * The key management service that holds CMKs, and the local provider of it.
 *
 * Spec: FORMAT.md §7.4. A data key comes out only with the encryption context it was wrapped in.
 */

import { concatBytes } from "../../crypto/bytes.ts";
import { SecretKey } from "../../crypto/secret-key.ts";
import type { RandomBytes, Subtle } from "../../crypto/web-crypto.ts";
import { encodeCbor } from "../format/cbor.ts";
import { BackupError, keyMismatch } from "../format/errors.ts";
import { KEY_BYTES, LABEL, labelBytes, NONCE_BYTES, TAG_BYTES } from "../format/layout.ts";
import { importGcmKey, openGcm, sealGcm } from "./aes-gcm.ts";
import type { EncryptionContext } from "./location.ts";

/** A fresh data key, disposed of by whoever asked for it, and its wrap under a CMK. */
export interface WrappedDataKey {
  /** Of the CMK. */
  readonly keyId: string;
  readonly dataKey: SecretKey;
  readonly wrapped: Uint8Array;
}

export interface Kms {
  /** Name of the CMK that wraps new data keys; null if none is active: then it only unwraps. */
  readonly keyId: string | null;
  /** A fresh 32-byte data key. @throws BackupError `key_inactive`. */
  generateDataKey(context: EncryptionContext): Promise<WrappedDataKey>;
  /**
   * An existing data key, borrowed, wrapped under `keyId`: 1 to 6,144 bytes.
   * @throws BackupError `key_inactive`.
   */
  wrap(dataKey: SecretKey, context: EncryptionContext): Promise<Uint8Array>;
  /** @returns a fresh key. @throws BackupError `key_mismatch` of the cmk. */
  unwrap(keyId: string, wrapped: Uint8Array, context: EncryptionContext): Promise<SecretKey>;
}

/** A CMK of the local provider. */
export interface CustomerKey {
  readonly id: string;
  readonly state: "active" | "retired" | "destroyed";
  /** 32 bytes; null once destroyed. */
  readonly key: SecretKey | null;
}

const WRAP_VERSION = 1;
const WRAPPED_BYTES: number = 1 + NONCE_BYTES + KEY_BYTES + TAG_BYTES;

/**
 * A KMS over CMKs held in memory: AES-256-GCM, random nonces.
 *
 * @param keys - borrowed for the life of the provider; the first active one wraps, all that are not
 * destroyed unwrap.
 */
export function localKms(subtle: Subtle, random: RandomBytes, keys: readonly CustomerKey[]): Kms {
  const active = keys.find(({ state, key }) => state === "active" && key !== null) ?? null;

  async function wrapUnder(
    { id }: CustomerKey,
    dataKey: SecretKey,
    context: EncryptionContext,
  ): Promise<Uint8Array> {
    const nonce = random(NONCE_BYTES);
    const parameters = { nonce, additionalData: associatedData(id, context) };
    const cmk = await importGcmKey(subtle, usable(keys, id));
    const sealed = await dataKey.use((bytes) => sealGcm(subtle, cmk, parameters, bytes));
    return concatBytes(Uint8Array.of(WRAP_VERSION), nonce, sealed);
  }

  return {
    keyId: active?.id ?? null,
    async wrap(dataKey: SecretKey, context: EncryptionContext): Promise<Uint8Array> {
      return await wrapUnder(requireActive(active), dataKey, context);
    },
    async generateDataKey(context: EncryptionContext): Promise<WrappedDataKey> {
      const cmk = requireActive(active);
      const dataKey = new SecretKey(random(KEY_BYTES));
      return { keyId: cmk.id, dataKey, wrapped: await wrapUnder(cmk, dataKey, context) };
    },
    async unwrap(id: string, wrapped: Uint8Array, context: EncryptionContext): Promise<SecretKey> {
      const cmk = await importGcmKey(subtle, usable(keys, id));
      if (wrapped.length !== WRAPPED_BYTES || wrapped[0] !== WRAP_VERSION)
        throw keyMismatch("cmk", id, "refused");
      const nonce = wrapped.subarray(1, 1 + NONCE_BYTES);
      const parameters = { nonce, additionalData: associatedData(id, context) };
      const dataKey = await openGcm(subtle, cmk, parameters, wrapped.subarray(1 + NONCE_BYTES));
      if (dataKey === null) throw keyMismatch("cmk", id, "refused");
      return new SecretKey(dataKey);
    },
  };
}

/** SP 800-57 part 1 §5.3.6: a key past its originator's use must not wrap. */
function requireActive(cmk: CustomerKey | null): CustomerKey {
  if (cmk === null) throw new BackupError({ code: "key_inactive", which: "cmk" });
  return cmk;
}

/** LABEL(local-kms) ‖ CBOR([key id, [[name, value], …]]). */
function associatedData(keyId: string, context: EncryptionContext): Uint8Array {
  return concatBytes(labelBytes(LABEL.localKms), encodeCbor([keyId, context]));
}

function usable(keys: readonly CustomerKey[], id: string): SecretKey {
  const found = keys.find((entry) => entry.id === id);
  if (found === undefined) {
    throw keyMismatch("cmk", id, "absent");
  }
  if (found.state === "destroyed" || found.key === null) {
    throw keyMismatch("cmk", id, "destroyed");
  }
  return found.key;
}
