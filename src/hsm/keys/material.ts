/**
 * Key material as people hold it, read into what the HSM holds: PEM, PKCS#8, SPKI, JWK, raw bytes.
 *
 * docs/HSM.md §3.1; RFC 7468, RFC 7517. Text cannot be wiped; bytes made here are, or pass on as
 * `SecretKey`.
 */
import { decodeBase64Url } from "../../crypto/base-encodings.ts";
import { type PemBlock, parsePem } from "../../crypto/pem.ts";
import { SecretKey } from "../../crypto/secret-key.ts";
import {
  exportKeyBytes,
  type JsonWebKey,
  type Subtle,
  type SubtleAlgorithm,
} from "../../crypto/web-crypto.ts";
import type { KeyClass, KeyType } from "../memory/key-record.ts";
import { HsmError } from "../rules/errors.ts";
import {
  MAX_GENERIC_SECRET_BYTES,
  MAX_KEY_PEM_CHARACTERS,
  MAX_PRIVATE_KEY_BYTES,
  MIN_GENERIC_SECRET_BYTES,
} from "../rules/limits.ts";
import { checkPrivateKey, checkPublicKey } from "./asymmetric.ts";
import { unreadable } from "./refusals.ts";
import { curveNamed, pkcs8FromPkcs1, pkcs8FromSec1, spkiFromPkcs1 } from "./structures.ts";

const AES_KEY_BYTES: readonly number[] = [16, 24, 32];

export type SecretKeyType = "aes" | "generic-secret";

/** Bytes given as `SecretKey` are borrowed: the caller disposes of them. */
export type KeyMaterial =
  /** `PRIVATE KEY`, `RSA PRIVATE KEY`, `EC PRIVATE KEY`, `PUBLIC KEY` or `RSA PUBLIC KEY`. */
  | { readonly format: "pem"; readonly pem: string }
  | { readonly format: "pkcs8"; readonly key: SecretKey }
  | { readonly format: "spki"; readonly bytes: Uint8Array }
  /** `kty` RSA, EC or oct; an oct key is AES unless `type` says otherwise. */
  | { readonly format: "jwk"; readonly jwk: JsonWebKey; readonly type?: SecretKeyType }
  | { readonly format: "raw"; readonly type: SecretKeyType; readonly key: SecretKey };

/** Material that has been read and checked. Dispose of `secret`. */
export interface ReadMaterial {
  readonly class: KeyClass;
  readonly type: KeyType;
  readonly sizeBits: number;
  readonly secret: SecretKey | null;
  /** SPKI; empty for a secret key. */
  readonly publicKey: Uint8Array;
}

/** @throws HsmError `key_unreadable`, `key_unsupported`. */
export async function readMaterial(subtle: Subtle, material: KeyMaterial): Promise<ReadMaterial> {
  switch (material.format) {
    case "pem":
      return await readPem(subtle, material.pem);
    case "pkcs8":
      return await material.key.use((bytes) => readPrivate(subtle, bytes));
    case "spki":
      return await readPublic(subtle, material.bytes);
    case "jwk":
      return await readJwk(subtle, material.jwk, material.type ?? "aes");
    case "raw":
      return readSecret(material.type, material.key.clone());
  }
}

/** @param secret - taken. */
export function readSecret(type: SecretKeyType, secret: SecretKey): ReadMaterial {
  const bytes = secret.length;
  try {
    verifySecretBytes(type, bytes);
  } catch (error) {
    secret[Symbol.dispose]();
    throw error;
  }
  return { class: "secret", type, sizeBits: 8 * bytes, secret, publicKey: new Uint8Array(0) };
}

/** @throws HsmError `key_unsupported` for a size that is not held. */
export function verifySecretBytes(type: SecretKeyType, bytes: number): void {
  const isGeneric =
    Number.isInteger(bytes) &&
    bytes >= MIN_GENERIC_SECRET_BYTES &&
    bytes <= MAX_GENERIC_SECRET_BYTES;
  if (type === "aes" ? AES_KEY_BYTES.includes(bytes) : isGeneric) return;
  throw new HsmError({
    code: "key_unsupported",
    what: `${type === "aes" ? "An AES key" : "A generic secret"} of ${bytes} bytes`,
    supported:
      "AES of 16, 24 or 32 bytes, generic secrets of " +
      `${MIN_GENERIC_SECRET_BYTES} to ${MAX_GENERIC_SECRET_BYTES} bytes`,
  });
}

async function readPrivate(subtle: Subtle, pkcs8: Uint8Array): Promise<ReadMaterial> {
  if (pkcs8.length > MAX_PRIVATE_KEY_BYTES) {
    throw unreadable("PKCS#8", `it is longer than ${MAX_PRIVATE_KEY_BYTES} bytes`);
  }
  const checked = await checkPrivateKey(subtle, pkcs8);
  const { type, sizeBits } = checked.kind;
  return {
    class: "private",
    type,
    sizeBits,
    secret: checked.pkcs8,
    publicKey: checked.publicKey,
  };
}

async function readPublic(subtle: Subtle, spki: Uint8Array): Promise<ReadMaterial> {
  const { type, sizeBits } = await checkPublicKey(subtle, spki);
  return { class: "public", type, sizeBits, secret: null, publicKey: spki.slice() };
}

async function readPem(subtle: Subtle, pem: string): Promise<ReadMaterial> {
  if (pem.length > MAX_KEY_PEM_CHARACTERS) {
    throw unreadable("PEM", `it is longer than ${MAX_KEY_PEM_CHARACTERS} characters`);
  }
  // `openssl ecparam -genkey` puts the parameters in a block of their own, before the key.
  const blocks = Array.from(parsePem(pem)).filter((block) => block.label !== "EC PARAMETERS");
  const [block] = blocks;
  if (block === undefined) throw unreadable("PEM", "there is no PEM block in it");
  try {
    if (blocks.length > 1) throw unreadable("PEM", "there is more than one key in it");
    return await readPemBlock(subtle, block);
  } finally {
    for (const { bytes } of blocks) bytes?.fill(0);
  }
}

async function readPemBlock(subtle: Subtle, block: PemBlock): Promise<ReadMaterial> {
  const { label } = block;
  const advice = PEM_ADVICE[label];
  if (advice !== undefined) throw unreadable("PEM", advice);
  if (block.bytes === null) {
    throw unreadable("PEM", "it is encrypted or damaged; decrypt it with `openssl pkey` first");
  }
  switch (label) {
    case "PRIVATE KEY":
      return await readPrivate(subtle, block.bytes);
    case "RSA PRIVATE KEY":
      return await readConverted(subtle, pkcs8FromPkcs1(block.bytes));
    case "EC PRIVATE KEY":
      return await readConverted(subtle, pkcs8FromSec1(block.bytes));
    case "PUBLIC KEY":
      return await readPublic(subtle, block.bytes);
    case "RSA PUBLIC KEY":
      return await readPublic(subtle, spkiFromPkcs1(block.bytes));
    default:
      throw unreadable("PEM", `a block "${label}" is not a key this HSM reads`);
  }
}

const PEM_ADVICE: Readonly<Record<string, string>> = {
  "ENCRYPTED PRIVATE KEY": "it is encrypted; decrypt it with `openssl pkey` first",
  "OPENSSH PRIVATE KEY":
    "it is in OpenSSH's format; convert it with `ssh-keygen -p -m PKCS8` first",
  CERTIFICATE: "it is a certificate; import it among the certificates",
};

/** @param pkcs8 - taken: wiped. */
async function readConverted(subtle: Subtle, pkcs8: Uint8Array): Promise<ReadMaterial> {
  try {
    return await readPrivate(subtle, pkcs8);
  } finally {
    pkcs8.fill(0);
  }
}

async function readJwk(
  subtle: Subtle,
  jwk: JsonWebKey,
  type: SecretKeyType,
): Promise<ReadMaterial> {
  if (jwk.kty === "oct") return readOctJwk(jwk, type);
  if (jwk.kty !== "RSA" && jwk.kty !== "EC") {
    throw unreadable("JWK", "its kty is not RSA, EC or oct");
  }
  const isPrivate = jwk.d !== undefined;
  const format = isPrivate ? "pkcs8" : "spki";
  const bytes = await exportJwk(subtle, jwk, format);
  try {
    return isPrivate ? await readPrivate(subtle, bytes) : await readPublic(subtle, bytes);
  } finally {
    bytes.fill(0);
  }
}

function readOctJwk(jwk: JsonWebKey, type: SecretKeyType): ReadMaterial {
  const bytes = decodeBase64Url(jwk.k ?? "");
  if (bytes === null || bytes.length === 0) throw unreadable("JWK", "its k is not base64url");
  return readSecret(type, new SecretKey(bytes));
}

/**
 * The platform reads the JWK. What a JWK says of its use is left to the attributes: dropped here.
 */
async function exportJwk(
  subtle: Subtle,
  jwk: JsonWebKey,
  format: "pkcs8" | "spki",
): Promise<Uint8Array> {
  const algorithm: SubtleAlgorithm =
    jwk.kty === "EC"
      ? { name: "ECDSA", namedCurve: curveNamed(jwk.crv ?? "") }
      : { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" };
  const { alg, ext, key_ops, use, ...numbers } = jwk;
  try {
    const usage = format === "pkcs8" ? "sign" : "verify";
    const key = await subtle.importKey("jwk", numbers, algorithm, true, [usage]);
    return await exportKeyBytes(subtle, format, key);
  } catch {
    // The platform's message may quote the key.
    throw unreadable(
      "JWK",
      "the platform does not accept its numbers; an RSA key needs all of n, e, d, p, q, dp, dq, qi",
    );
  }
}
