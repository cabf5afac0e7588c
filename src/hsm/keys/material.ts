/**
 * Key material as people hold it, read into what the HSM holds: PEM, PKCS#8, SPKI, JWK, raw bytes.
 *
 * docs/HSM.md §3.1; RFC 7468, RFC 7517. Text cannot be wiped; bytes made here are, or pass on as
 * `SecretKey`.
 */
import { equalBytes } from "../../crypto/bytes.ts";
import { type PemBlock, parsePem } from "../../crypto/pem.ts";
import { SecretKey } from "../../crypto/secret-key.ts";
import type { JsonWebKey, Subtle } from "../../crypto/web-crypto.ts";
import type { KeyClass, KeyType } from "../memory/key-record.ts";
import { HsmError } from "../rules/errors.ts";
import {
  MAX_GENERIC_SECRET_BYTES,
  MAX_KEY_PEM_CHARACTERS,
  MAX_PRIVATE_KEY_BYTES,
  MIN_GENERIC_SECRET_BYTES,
} from "../rules/limits.ts";
import { checkPrivateKey, checkPublicKey } from "./asymmetric.ts";
import { isPrivateJwk, readOctJwk, readPublicJwk, withPrivateJwk } from "./jwk.ts";
import { type PrivateNumbers, readPkcs1, readPkcs8, readSec1 } from "./private-key.ts";
import {
  encodeSpki,
  kindOf,
  type PublicNumbers,
  readRsaPublicKey,
  readSpki,
} from "./public-key.ts";
import { unreadable } from "./refusals.ts";

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

/** Whether it takes the platform to read it, which holds the thread for milliseconds. */
export function isAsymmetric(material: KeyMaterial): boolean {
  return material.format === "jwk" ? material.jwk.kty !== "oct" : material.format !== "raw";
}

/** What its length alone tells. @throws HsmError `key_unreadable`, `key_unsupported`. */
export function verifyBounds(material: KeyMaterial): void {
  if (material.format === "pem") verifyPem(material.pem);
  if (material.format === "pkcs8") verifyPrivateBytes("PKCS#8", material.key.length);
  if (material.format === "raw") verifySecretBytes(material.type, material.key.length);
}

function verifyPem(pem: string): void {
  if (pem.length <= MAX_KEY_PEM_CHARACTERS) return;
  throw unreadable("PEM", `it is longer than ${MAX_KEY_PEM_CHARACTERS} characters`);
}

function verifyPrivateBytes(format: string, length: number): void {
  if (length <= MAX_PRIVATE_KEY_BYTES) return;
  throw unreadable(format, `it is longer than ${MAX_PRIVATE_KEY_BYTES} bytes`);
}

/** @throws HsmError `key_unreadable`, `key_unsupported`. */
export async function readMaterial(subtle: Subtle, material: KeyMaterial): Promise<ReadMaterial> {
  switch (material.format) {
    case "pem":
      return await readPem(subtle, material.pem);
    case "pkcs8":
      return await material.key.use((bytes) => takePrivate(subtle, "PKCS#8", bytes, readPkcs8));
    case "spki":
      return await takePublic(subtle, readSpki(material.bytes));
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

/** @param bytes - borrowed. */
async function takePrivate(
  subtle: Subtle,
  format: string,
  bytes: Uint8Array,
  read: (bytes: Uint8Array) => PrivateNumbers,
): Promise<ReadMaterial> {
  verifyPrivateBytes(format, bytes.length);
  return await takeNumbers(subtle, format, read(bytes));
}

async function takeNumbers(
  subtle: Subtle,
  format: string,
  numbers: PrivateNumbers,
): Promise<ReadMaterial> {
  const { kind, pkcs8, publicKey } = await checkPrivateKey(subtle, format, numbers);
  const { type, sizeBits } = kind;
  return { class: "private", type, sizeBits, secret: pkcs8, publicKey };
}

async function takePublic(subtle: Subtle, numbers: PublicNumbers): Promise<ReadMaterial> {
  const publicKey = await checkPublicKey(subtle, numbers);
  const { type, sizeBits } = kindOf(numbers);
  return { class: "public", type, sizeBits, secret: null, publicKey };
}

async function readPem(subtle: Subtle, pem: string): Promise<ReadMaterial> {
  verifyPem(pem);
  const blocks = Array.from(parsePem(pem));
  try {
    // What else tools write beside a key, its chain above all, is passed over.
    const keys = blocks.filter(({ label }) => IS_KEY.test(label));
    const halves = keys.filter(({ label }) => IS_PUBLIC.test(label));
    const wholes = keys.filter((key) => !halves.includes(key));
    if (wholes.length > 1 || halves.length > 1) {
      throw unreadable("PEM", "there is more than one key in it");
    }
    const [block] = [...wholes, ...halves, ...blocks];
    if (block === undefined) throw unreadable("PEM", "there is no PEM block in it");
    const [half] = halves;
    if (half === undefined || half === block) return await readPemBlock(subtle, block);
    return await readPemPair(subtle, block, half);
  } finally {
    for (const { bytes } of blocks) bytes?.fill(0);
  }
}

/** The label of a block that holds a key of any kind; not that of parameters or certificates. */
const IS_KEY = /\bKEY\b/;
const IS_PUBLIC = /\bPUBLIC KEY\b/;

/** A private key beside which stands a public one, which must be its own (as RFC 5958 §2 has it inside). */
async function readPemPair(subtle: Subtle, block: PemBlock, half: PemBlock): Promise<ReadMaterial> {
  const beside = encodeSpki(readPublicBlock(half));
  const material = await readPemBlock(subtle, block);
  if (equalBytes(material.publicKey, beside)) return material;
  material.secret?.[Symbol.dispose]();
  throw unreadable("PEM", "the public key beside it is not that of its private one");
}

async function readPemBlock(subtle: Subtle, block: PemBlock): Promise<ReadMaterial> {
  switch (block.label) {
    case "PRIVATE KEY":
      return await takePrivate(subtle, "PKCS#8", bytesOf(block), readPkcs8);
    case "RSA PRIVATE KEY":
      return await takePrivate(subtle, "PKCS#1", bytesOf(block), readPkcs1);
    case "EC PRIVATE KEY":
      return await takePrivate(subtle, "SEC 1", bytesOf(block), (bytes) => readSec1(bytes, null));
    default:
      return await takePublic(subtle, readPublicBlock(block));
  }
}

/** @throws HsmError `key_unreadable` also for a block that is no key. */
function readPublicBlock(block: PemBlock): PublicNumbers {
  const { label } = block;
  const advice = PEM_ADVICE[label];
  if (advice !== undefined) throw unreadable("PEM", advice);
  if (label === "PUBLIC KEY") return readSpki(bytesOf(block));
  if (label === "RSA PUBLIC KEY") return readRsaPublicKey(bytesOf(block));
  throw unreadable("PEM", `a block "${label}" is not a key this HSM reads`);
}

function bytesOf({ bytes }: PemBlock): Uint8Array {
  if (bytes !== null) return bytes;
  throw unreadable("PEM", "it is encrypted or damaged; decrypt it with `openssl pkey` first");
}

const PEM_ADVICE: Readonly<Record<string, string>> = {
  "ENCRYPTED PRIVATE KEY": "it is encrypted; decrypt it with `openssl pkey` first",
  "OPENSSH PRIVATE KEY":
    "it is in OpenSSH's format; convert it with `ssh-keygen -p -m PKCS8` first",
  CERTIFICATE: "it is a certificate; import it among the certificates",
};

async function readJwk(
  subtle: Subtle,
  jwk: JsonWebKey,
  type: SecretKeyType,
): Promise<ReadMaterial> {
  if (jwk.kty === "oct") return readSecret(type, new SecretKey(readOctJwk(jwk)));
  if (!isPrivateJwk(jwk)) return await takePublic(subtle, readPublicJwk(jwk));
  return await withPrivateJwk(jwk, (numbers) => takeNumbers(subtle, "JWK", numbers));
}
