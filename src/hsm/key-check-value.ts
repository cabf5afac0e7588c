/**
 * The key check value: three bytes by which two holders see that they hold the same key.
 *
 * PKCS#11 §4.10.2. AES: of the encrypted zero block. RSA and EC: of SHA-1 of the public key, which is
 * no secret, so SHA-1's weakness does not matter. Generic secrets have none: a short one could be
 * guessed from it.
 */
import type { Subtle } from "../crypto/web-crypto.ts";
import type { ReadMaterial } from "./key-material.ts";
import { CHECK_VALUE_BYTES } from "./key-record.ts";

const BLOCK_BYTES = 16;

/** `CHECK_VALUE_BYTES`, fresh; zeros for a generic secret. */
export async function checkValue(subtle: Subtle, material: ReadMaterial): Promise<Uint8Array> {
  if (material.type === "generic-secret") return new Uint8Array(CHECK_VALUE_BYTES);
  const { secret } = material;
  if (material.type !== "aes" || secret === null) {
    const digest = await subtle.digest({ name: "SHA-1" }, material.publicKey);
    return new Uint8Array(digest).slice(0, CHECK_VALUE_BYTES);
  }
  // Counter mode from a zero counter over a zero block gives the encrypted zero block itself.
  const key = await secret.use((bytes) =>
    subtle.importKey("raw", bytes, { name: "AES-CTR" }, false, ["encrypt"]),
  );
  const zeros = new Uint8Array(BLOCK_BYTES);
  const algorithm = { name: "AES-CTR", counter: zeros, length: 64 };
  const block = await subtle.encrypt(algorithm, key, zeros);
  return new Uint8Array(block).slice(0, CHECK_VALUE_BYTES);
}
