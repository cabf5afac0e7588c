/**
 * Encrypting and decrypting with the keys of the HSM, through WebCrypto.
 *
 * SP 800-38A, SP 800-38D, RFC 8017 §7.1; docs/HSM.md §3.5. IVs are made here, never taken: 96
 * random bits for GCM, so one key encrypts at most 2^32 messages.
 */
import type { SecretKey } from "../../crypto/secret-key.ts";
import type { PlatformKey, PlatformKeyUsage, SubtleAlgorithm } from "../../crypto/web-crypto.ts";
import type { HsmContext } from "../access/context.ts";
import { authorize } from "../access/permissions.ts";
import type { SessionToken } from "../access/sessions.ts";
import { hasFlag, KEY_TYPE_OF, type KeyFlag, type KeyType } from "../memory/key-record.ts";
import { RECORD_TYPE } from "../memory/record.ts";
import { HsmError } from "../rules/errors.ts";
import { lendPrivateKey, lendPublicKey } from "./asymmetric.ts";
import { type FoundKey, requireUsable } from "./lookup.ts";
import { unusable, verifyOperationLength } from "./signing.ts";

export const CIPHER_MECHANISMS = [
  "aes-gcm",
  "aes-cbc",
  "aes-ctr",
  "rsa-oaep-sha256",
  "rsa-oaep-sha384",
  "rsa-oaep-sha512",
] as const;
export type CipherMechanism = (typeof CIPHER_MECHANISMS)[number];

const GCM_IV_BYTES = 12;
const BLOCK_BYTES = 16;
const GCM_TAG_BITS = 128;
/** Bits of the counter block that count: the rest is the nonce. */
const COUNTER_BITS = 64;

export interface Encryption {
  readonly mechanism: CipherMechanism;
  readonly data: Uint8Array;
  /** Authenticated with AES-GCM; refused with the others. */
  readonly aad?: Uint8Array;
}

export interface Encrypted {
  /** 12 bytes for GCM, 16 for CBC and CTR, null for RSA. */
  readonly iv: Uint8Array | null;
  /** GCM: with the 16-byte tag at its end. CBC: padded (PKCS #7). */
  readonly ciphertext: Uint8Array;
}

export interface Decryption {
  readonly mechanism: CipherMechanism;
  readonly iv: Uint8Array | null;
  readonly ciphertext: Uint8Array;
  readonly aad?: Uint8Array;
}

/** @throws HsmError `key_usage`, `mechanism_unsupported`, `data_length`, `parameter_invalid`. */
export async function encrypt(
  context: HsmContext,
  token: SessionToken,
  handle: number,
  request: Encryption,
): Promise<Encrypted> {
  const { mechanism, data } = request;
  const found = requireCipherKey(context, token, handle, mechanism, "encrypt");
  verifyOperationLength("data", data);
  verifyAad(mechanism, request.aad);
  if (isRsa(mechanism)) return await encryptRsa(context, found, mechanism, data);
  const iv = context.random(ivBytes(mechanism));
  using secret = requireSecret(context, handle);
  const key = await lendAesKey(context, secret, mechanism, "encrypt");
  const algorithm = aesAlgorithm(mechanism, iv, request.aad);
  return { iv, ciphertext: new Uint8Array(await context.subtle.encrypt(algorithm, key, data)) };
}

/** @returns fresh plaintext, the caller's to wipe. @throws HsmError `decryption_failed`, …. */
export async function decrypt(
  context: HsmContext,
  token: SessionToken,
  handle: number,
  request: Decryption,
): Promise<Uint8Array> {
  const { mechanism, ciphertext } = request;
  const found = requireCipherKey(context, token, handle, mechanism, "decrypt");
  verifyUntrusted(found);
  verifyOperationLength("ciphertext", ciphertext);
  verifyAad(mechanism, request.aad);
  const { subtle } = context;
  using secret = requireSecret(context, handle);
  if (isRsa(mechanism)) {
    // RFC 8017 §7.1.2 step 1.b: as long as the modulus. Some platforms take a shorter one.
    if (ciphertext.length !== found.key.sizeBits / 8) {
      throw new HsmError({ code: "decryption_failed" });
    }
    const algorithm = oaepAlgorithm(mechanism);
    const key = await lendPrivateKey(subtle, secret, algorithm, "decrypt");
    return await decryptOrRefuse(() => subtle.decrypt(algorithm, key, ciphertext));
  }
  const iv = verifyIv(mechanism, request.iv);
  const key = await lendAesKey(context, secret, mechanism, "decrypt");
  const algorithm = aesAlgorithm(mechanism, iv, request.aad);
  return await decryptOrRefuse(() => subtle.decrypt(algorithm, key, ciphertext));
}

function requireCipherKey(
  context: HsmContext,
  token: SessionToken,
  handle: number,
  mechanism: CipherMechanism,
  flag: KeyFlag,
): FoundKey {
  const caller = authorize(context, token, "encrypt and decrypt");
  const found = requireUsable(context.store, caller, handle, flag);
  const type = KEY_TYPE_OF[found.key.type];
  const wanted: KeyType = isRsa(mechanism) ? "rsa" : "aes";
  if (type !== wanted) throw unusable(mechanism, `key ${handle} is of type ${type}`);
  return found;
}

/**
 * What a trusted key wraps is opened by unwrapping alone. The rules of attributes let no key be
 * both; one that comes from a backup may be.
 */
function verifyUntrusted({ handle, key }: FoundKey): void {
  if (!hasFlag(key.flags, "trusted")) return;
  throw new HsmError({ code: "key_usage", handle, attribute: "decrypt" });
}

function requireSecret(context: HsmContext, handle: number): SecretKey {
  const secret = context.store.secret(RECORD_TYPE.key, handle);
  if (secret !== null) return secret;
  throw new HsmError({ code: "key_usage", handle, attribute: "decrypt" });
}

async function encryptRsa(
  context: HsmContext,
  found: FoundKey,
  mechanism: CipherMechanism,
  data: Uint8Array,
): Promise<Encrypted> {
  const { subtle } = context;
  const algorithm = oaepAlgorithm(mechanism);
  // RFC 8017 §7.1.1: mLen ≤ k − 2·hLen − 2.
  const max = found.key.sizeBits / 8 - (2 * hashBits(mechanism)) / 8 - 2;
  if (data.length > max) throw new HsmError({ code: "data_length", what: "data", max });
  const key = await lendPublicKey(subtle, found.key.publicKey, algorithm, "encrypt");
  return { iv: null, ciphertext: new Uint8Array(await subtle.encrypt(algorithm, key, data)) };
}

async function lendAesKey(
  context: HsmContext,
  secret: SecretKey,
  mechanism: CipherMechanism,
  usage: PlatformKeyUsage,
): Promise<PlatformKey> {
  const algorithm = { name: mechanism.toUpperCase() };
  try {
    return await secret.use((bytes) =>
      context.subtle.importKey("raw", bytes, algorithm, false, [usage]),
    );
  } catch {
    // Chromium has no AES-192; its message says nothing that ours does not.
    throw unusable(mechanism, `this platform has no AES of ${secret.length * 8} bits`);
  }
}

function aesAlgorithm(
  mechanism: CipherMechanism,
  iv: Uint8Array,
  aad: Uint8Array | undefined,
): SubtleAlgorithm {
  const name = mechanism.toUpperCase();
  if (mechanism === "aes-ctr") return { name, counter: iv, length: COUNTER_BITS };
  if (mechanism === "aes-cbc") return { name, iv };
  const additionalData = aad ?? new Uint8Array(0);
  return { name, iv, tagLength: GCM_TAG_BITS, additionalData };
}

function ivBytes(mechanism: CipherMechanism): number {
  return mechanism === "aes-gcm" ? GCM_IV_BYTES : BLOCK_BYTES;
}

function verifyIv(mechanism: CipherMechanism, iv: Uint8Array | null): Uint8Array {
  const expected = ivBytes(mechanism);
  if (iv !== null && iv.length === expected) return iv;
  const why = `expected the ${expected} bytes that encrypting gave`;
  throw new HsmError({ code: "parameter_invalid", parameter: "iv", why });
}

function verifyAad(mechanism: CipherMechanism, aad: Uint8Array | undefined): void {
  if (aad === undefined) return;
  verifyOperationLength("aad", aad);
  if (mechanism === "aes-gcm") return;
  const why = "only AES-GCM authenticates additional data";
  throw new HsmError({ code: "parameter_invalid", parameter: "aad", why });
}

/**
 * The platform tells no more than that it failed, and neither do we: no padding oracle in words.
 */
async function decryptOrRefuse(f: () => Promise<ArrayBuffer>): Promise<Uint8Array> {
  try {
    return new Uint8Array(await f());
  } catch {
    throw new HsmError({ code: "decryption_failed" });
  }
}

function isRsa(mechanism: CipherMechanism): boolean {
  return mechanism.startsWith("rsa-");
}

function hashBits(mechanism: CipherMechanism): number {
  return Number(mechanism.slice(-3));
}

function oaepAlgorithm(mechanism: CipherMechanism): SubtleAlgorithm {
  return { name: "RSA-OAEP", hash: `SHA-${hashBits(mechanism)}` };
}
