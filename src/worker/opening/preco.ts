/**
 * The first password of a cluster's PRECO user.
 *
 * Spec: docs/STORAGE.md, "Keys at rest". Derived, so that it is stored nowhere:
 * an HSM takes it in when it is made, a reader says it to those who may activate
 * the cluster, and both come to the same.
 */
import { lettersOf } from "../../cluster/ids.ts";
import type { SecretKey } from "../../crypto/secret-key.ts";

const LABEL = "holdfast/v1/preco-password";
const PASSWORD_LETTERS = 16;

/** Of one cluster. @param storageKey - of the deployment, 32 bytes; borrowed. */
export async function preCoPassword(storageKey: SecretKey, clusterId: string): Promise<string> {
  return passwordOf(await macKey(storageKey), clusterId);
}

/** Of several, by cluster id. */
export async function preCoPasswords(
  storageKey: SecretKey,
  clusterIds: readonly string[],
): Promise<Map<string, string>> {
  const key = await macKey(storageKey);
  const passwords = new Map<string, string>();
  for (const id of clusterIds) passwords.set(id, await passwordOf(key, id));
  return passwords;
}

function macKey(storageKey: SecretKey): Promise<CryptoKey> {
  const name = { name: "HMAC", hash: "SHA-256" };
  return storageKey.use((bytes) => crypto.subtle.importKey("raw", bytes, name, false, ["sign"]));
}

/** 16 letters, from the first bytes of HMAC-SHA-256 (RFC 2104) over label ‖ 0 ‖ id. */
async function passwordOf(key: CryptoKey, clusterId: string): Promise<string> {
  const message = new TextEncoder().encode(`${LABEL}\0${clusterId}`);
  const mac = new Uint8Array(await crypto.subtle.sign("HMAC", key, message));
  return lettersOf(mac.subarray(0, PASSWORD_LETTERS));
}
