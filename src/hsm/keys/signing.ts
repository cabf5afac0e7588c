/**
 * Signing, verifying and digesting with the keys of the HSM.
 *
 * docs/HSM.md §3.5. WebCrypto does RSA, ECDSA and HMAC; the core does CMAC. Material is lent to one
 * call and wiped after it.
 */
import type { SubtleAlgorithm } from "../../crypto/web-crypto.ts";
import type { HsmContext } from "../access/context.ts";
import { authorize } from "../access/permissions.ts";
import type { SessionToken } from "../access/sessions.ts";
import { KEY_CLASS_OF, KEY_TYPE_OF, type KeyFlag, type KeyType } from "../memory/key-record.ts";
import { RECORD_TYPE } from "../memory/record.ts";
import { HsmError } from "../rules/errors.ts";
import { MAX_OPERATION_BYTES } from "../rules/limits.ts";
import { curveOfBits } from "./algorithms.ts";
import { lendPrivateKey, lendPublicKey } from "./asymmetric.ts";
import { type FoundKey, requireUsable } from "./lookup.ts";

/** RSA: PKCS #1 v1.5, or PSS with a salt as long as the hash. ECDSA signatures are r ‖ s. */
export const SIGN_MECHANISMS = [
  "rsa-pkcs-sha256",
  "rsa-pkcs-sha384",
  "rsa-pkcs-sha512",
  "rsa-pss-sha256",
  "rsa-pss-sha384",
  "rsa-pss-sha512",
  "ecdsa-sha256",
  "ecdsa-sha384",
  "ecdsa-sha512",
  "hmac-sha256",
  "hmac-sha384",
  "hmac-sha512",
  "aes-cmac",
] as const;
export type SignMechanism = (typeof SIGN_MECHANISMS)[number];

export const DIGEST_ALGORITHMS = ["sha256", "sha384", "sha512"] as const;
export type DigestAlgorithm = (typeof DIGEST_ALGORITHMS)[number];

/** @param data - at most `MAX_OPERATION_BYTES`. @returns a fresh signature or MAC. */
export async function sign(
  context: HsmContext,
  token: SessionToken,
  handle: number,
  mechanism: SignMechanism,
  data: Uint8Array,
): Promise<Uint8Array> {
  const found = requireSignKey(context, token, handle, mechanism, "sign");
  verifyOperationLength("data", data);
  using secret = context.store.secret(RECORD_TYPE.key, handle);
  if (secret === null) throw unusable(mechanism, "a public key does not sign");
  if (mechanism === "aes-cmac") return context.core.cmac(secret, data);
  const { subtle } = context;
  const algorithm = subtleAlgorithm(mechanism, found);
  const isHmac = algorithm.name === "HMAC";
  const key = isHmac
    ? await secret.use((bytes) => subtle.importKey("raw", bytes, algorithm, false, ["sign"]))
    : await lendPrivateKey(subtle, secret, algorithm, "sign");
  return new Uint8Array(await subtle.sign(algorithm, key, data));
}

export interface Verification {
  readonly mechanism: SignMechanism;
  readonly data: Uint8Array;
  readonly signature: Uint8Array;
}

/**
 * Whether `signature` is one of `data`. Of a pair, the public half verifies. RSA's are as long as
 * the modulus, ECDSA's twice as long as the field: other lengths verify nothing.
 */
export async function verify(
  context: HsmContext,
  token: SessionToken,
  handle: number,
  request: Verification,
): Promise<boolean> {
  const { mechanism, data, signature } = request;
  const found = requireSignKey(context, token, handle, mechanism, "verify");
  verifyOperationLength("data", data);
  verifyOperationLength("signature", signature);
  const { subtle } = context;
  if (KEY_CLASS_OF[found.key.class] !== "secret") {
    // RFC 8017 §8.1.2 step 1. Some platforms take a PSS signature without its leading zeros.
    if (signature.length !== signatureBytes(found)) return false;
    const algorithm = subtleAlgorithm(mechanism, found);
    const key = await lendPublicKey(subtle, found.key.publicKey, algorithm, "verify");
    return await subtle.verify(algorithm, key, signature, data);
  }
  using secret = context.store.secret(RECORD_TYPE.key, handle);
  if (secret === null) throw new Error("unreachable: a secret key without material");
  if (mechanism === "aes-cmac")
    return context.core.equal(context.core.cmac(secret, data), signature);
  const algorithm = subtleAlgorithm(mechanism, found);
  const key = await secret.use((bytes) =>
    subtle.importKey("raw", bytes, algorithm, false, ["verify"]),
  );
  return await subtle.verify(algorithm, key, signature, data);
}

/** @param data - at most `MAX_OPERATION_BYTES`. @returns a fresh digest. */
export async function digest(
  context: HsmContext,
  token: SessionToken,
  algorithm: DigestAlgorithm,
  data: Uint8Array,
): Promise<Uint8Array> {
  authorize(context, token, "digest");
  verifyOperationLength("data", data);
  return new Uint8Array(await context.subtle.digest({ name: HASH_OF[algorithm] }, data));
}

const HASH_OF: Readonly<Record<DigestAlgorithm, string>> = {
  sha256: "SHA-256",
  sha384: "SHA-384",
  sha512: "SHA-512",
};

/** @throws HsmError `data_length`. */
export function verifyOperationLength(what: string, data: Uint8Array): void {
  if (data.length > MAX_OPERATION_BYTES) {
    throw new HsmError({ code: "data_length", what, max: MAX_OPERATION_BYTES });
  }
}

/** Permission, visibility, the flag, and that mechanism and type go together. */
function requireSignKey(
  context: HsmContext,
  token: SessionToken,
  handle: number,
  mechanism: SignMechanism,
  flag: KeyFlag,
): FoundKey {
  const caller = authorize(context, token, "sign and verify");
  const found = requireUsable(context.store, caller, handle, flag);
  const type = KEY_TYPE_OF[found.key.type];
  if (type !== typeFor(mechanism)) throw unusable(mechanism, `key ${handle} is of type ${type}`);
  return found;
}

function typeFor(mechanism: SignMechanism): KeyType {
  if (mechanism === "aes-cmac") return "aes";
  if (mechanism.startsWith("hmac-")) return "generic-secret";
  return mechanism.startsWith("ecdsa-") ? "ec" : "rsa";
}

/** What a signature of an RSA or EC key takes. */
function signatureBytes({ key }: FoundKey): number {
  const bytes = Math.ceil(key.sizeBits / 8);
  return KEY_TYPE_OF[key.type] === "rsa" ? bytes : 2 * bytes;
}

function subtleAlgorithm(mechanism: SignMechanism, found: FoundKey): SubtleAlgorithm {
  const bits = Number(mechanism.slice(-3));
  const hash = `SHA-${bits}`;
  if (mechanism.startsWith("hmac-")) return { name: "HMAC", hash };
  if (mechanism.startsWith("rsa-pkcs-")) return { name: "RSASSA-PKCS1-v1_5", hash };
  if (mechanism.startsWith("rsa-pss-")) return { name: "RSA-PSS", hash, saltLength: bits / 8 };
  return { name: "ECDSA", hash, namedCurve: curveOfBits(found.key.sizeBits) };
}

export function unusable(mechanism: string, why: string): HsmError {
  return new HsmError({ code: "mechanism_unsupported", mechanism, why });
}
