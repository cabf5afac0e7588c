/**
 * The key check value: three bytes by which two holders see that they hold the same key.
 *
 * PKCS#11 §4.10.2. AES: of the encrypted zero block. RSA and EC: of SHA-1 of the public key, which
 * is no secret, so SHA-1's weakness does not matter. Generic secrets have none: a short one could
 * be guessed from it.
 */
import type { HsmContext } from "../access/context.ts";
import { CHECK_VALUE_BYTES } from "../memory/key-record.ts";
import type { ReadMaterial } from "./material.ts";

/** `CHECK_VALUE_BYTES`, fresh; zeros for a generic secret. */
export async function checkValue(context: HsmContext, material: ReadMaterial): Promise<Uint8Array> {
  if (material.type === "generic-secret") return new Uint8Array(CHECK_VALUE_BYTES);
  if (material.type === "aes" && material.secret !== null) {
    return context.core.encryptZeroBlock(material.secret).slice(0, CHECK_VALUE_BYTES);
  }
  const digest = await context.subtle.digest({ name: "SHA-1" }, material.publicKey);
  return new Uint8Array(digest).slice(0, CHECK_VALUE_BYTES);
}
