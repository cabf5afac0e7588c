/**
 * Keys leaving the HSM in plaintext, by their owner, where their attributes allow it.
 *
 * docs/HSM.md §3.6. `extractable = false` means it; `wrapWithTrusted` leaves only wrapped.
 */
import { encodeBase64Url } from "../../crypto/base-encodings.ts";
import { encodePem } from "../../crypto/pem.ts";
import type { SecretKey } from "../../crypto/secret-key.ts";
import type { ExportedJwk, Subtle, SubtleAlgorithm } from "../../crypto/web-crypto.ts";
import type { HsmContext } from "../access/context.ts";
import { authorize } from "../access/permissions.ts";
import type { SessionToken } from "../access/sessions.ts";
import { hasFlag, KEY_TYPE_OF } from "../memory/key-record.ts";
import { RECORD_TYPE } from "../memory/record.ts";
import { HsmError } from "../rules/errors.ts";
import { curveOfBits } from "./algorithms.ts";
import { type FoundKey, requireOwned } from "./lookup.ts";

/** `raw` for AES and generic secrets; `pkcs8` and `pem` for private keys; `jwk` for all. */
export type ExportFormat = "raw" | "pkcs8" | "pem" | "jwk";

/** The key itself: dispose of `key`; text cannot be wiped. */
export type ExportedKey =
  | { readonly format: "raw" | "pkcs8"; readonly key: SecretKey }
  | { readonly format: "pem"; readonly pem: string }
  | { readonly format: "jwk"; readonly jwk: ExportedJwk };

/** @throws HsmError `key_not_owned`, `key_not_extractable`, `parameter_invalid`. */
export async function exportKey(
  context: HsmContext,
  token: SessionToken,
  handle: number,
  format: ExportFormat,
): Promise<ExportedKey> {
  const caller = authorize(context, token, "manage keys");
  const found = requireOwned(context.store, caller, handle);
  verifyExtractable(found);
  if (hasFlag(found.key.flags, "wrapWithTrusted")) {
    const why = "it has wrapWithTrusted = true, so it leaves only wrapped under a trusted key";
    throw new HsmError({ code: "key_not_extractable", handle, why });
  }
  const secret = context.store.secret(RECORD_TYPE.key, handle);
  if (secret === null) throw formatRefused("a public key is exported as a public key");
  const isSecretKey = found.key.publicKey.length === 0;
  if (format === (isSecretKey ? "raw" : "pkcs8")) return { format, key: secret };
  try {
    return isSecretKey
      ? exportSecret(secret, format)
      : await exportPrivate(context.subtle, found, secret, format);
  } finally {
    secret[Symbol.dispose]();
  }
}

/** @throws HsmError `key_not_extractable`. */
export function verifyExtractable(found: FoundKey): void {
  if (hasFlag(found.key.flags, "extractable")) return;
  const why = "it has extractable = false, for good";
  throw new HsmError({ code: "key_not_extractable", handle: found.handle, why });
}

function exportSecret(secret: SecretKey, format: ExportFormat): ExportedKey {
  if (format !== "jwk") throw formatRefused("a secret key is exported as raw or jwk");
  return { format, jwk: { kty: "oct", k: secret.use(encodeBase64Url) } };
}

async function exportPrivate(
  subtle: Subtle,
  found: FoundKey,
  secret: SecretKey,
  format: ExportFormat,
): Promise<ExportedKey> {
  if (format === "pem") {
    return { format, pem: secret.use((bytes) => encodePem("PRIVATE KEY", bytes)) };
  }
  if (format !== "jwk") throw formatRefused("a private key is exported as pkcs8, pem or jwk");
  const algorithm: SubtleAlgorithm =
    KEY_TYPE_OF[found.key.type] === "rsa"
      ? { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" }
      : { name: "ECDSA", namedCurve: curveOfBits(found.key.sizeBits) };
  const key = await secret.use((bytes) =>
    subtle.importKey("pkcs8", bytes, algorithm, true, ["sign"]),
  );
  const exported = await subtle.exportKey("jwk", key);
  if (exported instanceof ArrayBuffer) throw new Error("unreachable: a JWK came as bytes");
  const { alg, ext, key_ops, use, ...numbers } = exported;
  return { format, jwk: numbers };
}

function formatRefused(why: string): HsmError {
  return new HsmError({ code: "parameter_invalid", parameter: "format", why });
}
