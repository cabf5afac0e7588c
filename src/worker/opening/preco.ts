/**
 * The first password of a cluster's PRECO user.
 *
 * Spec: docs/STORAGE.md, "Keys at rest". Derived, so that it is stored nowhere: an HSM takes it in when
 * it is made, a reader says it to those who may activate the cluster, and both come to the same.
 */
import type { SecretKey } from "../../crypto/secret-key.ts";

const LABEL = "holdfast/v1/preco-password";
const LETTERS = "abcdefghijklmnopqrstuvwxyz234567";
const PASSWORD_LETTERS = 16;

/**
 * 16 letters, from the first bytes of HMAC-SHA-256 (RFC 2104) over label ‖ 0 ‖ id.
 * @param storageKey - of the deployment, 32 bytes; borrowed.
 */
export async function preCoPassword(storageKey: SecretKey, clusterId: string): Promise<string> {
  const name = { name: "HMAC", hash: "SHA-256" };
  const key = await storageKey.use((bytes) =>
    crypto.subtle.importKey("raw", bytes, name, false, ["sign"]),
  );
  const message = new TextEncoder().encode(`${LABEL}\0${clusterId}`);
  const mac = new Uint8Array(await crypto.subtle.sign("HMAC", key, message));
  const letters = mac.subarray(0, PASSWORD_LETTERS);
  return Array.from(letters, (byte) => LETTERS.charAt(byte % LETTERS.length)).join("");
}
