/**
 * Owners' certificate authorities for tests: of any key and with any flaw, from keys that are there.
 */
import { createPublicKey } from "node:crypto";
import {
  type AnchorChanges,
  RSA_SHA256,
  type WebCryptoAuthority,
  webcryptoAuthority,
} from "../../scripts/customer/authority.ts";
import { rsaKey } from "./rsa-keys.ts";

export interface TestAuthorityOptions extends AnchorChanges {
  /** Default 2048. */
  readonly bits?: 2048 | 3072 | 4096;
  /** Which key of this length: authorities of one place have one key. Default 0. */
  readonly place?: number;
}

/** An authority with an RSA key: what a cluster takes, unless `options` want it otherwise. */
export async function testAuthority(
  options: TestAuthorityOptions = {},
): Promise<WebCryptoAuthority> {
  const key = rsaKey(options.bits ?? 2048, options.place);
  const pkcs8 = Uint8Array.from(key.export({ format: "der", type: "pkcs8" }));
  const spki = Uint8Array.from(createPublicKey(key).export({ format: "der", type: "spki" }));
  const { subtle } = crypto;
  const keys = {
    privateKey: await subtle.importKey("pkcs8", pkcs8, RSA_SHA256, true, ["sign"]),
    publicKey: await subtle.importKey("spki", spki, RSA_SHA256, true, ["verify"]),
  };
  return await webcryptoAuthority(keys, RSA_SHA256, options);
}

/** One with a key on P-256, which no cluster takes. */
export async function curveAuthority(): Promise<WebCryptoAuthority> {
  const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
  const keys = await crypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  return await webcryptoAuthority(keys, algorithm);
}
