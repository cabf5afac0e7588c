/**
 * RSA and EC keys in the platform's hands: checked on the way in, made, lent for one operation.
 *
 * WebCrypto Level 2; docs/HSM.md §3. A private key is taken only when it signs and its public half
 * verifies. Material lives in `SecretKey`; arrays of it made here are wiped.
 */
import { SecretKey } from "../../crypto/secret-key.ts";
import {
  exportKeyBytes,
  type PlatformKey,
  type PlatformKeyPair,
  type PlatformKeyUsage,
  type Subtle,
  type SubtleAlgorithm,
} from "../../crypto/web-crypto.ts";
import { unreadable } from "./refusals.ts";
import { type AsymmetricKind, parsePkcs8, parseSpki } from "./structures.ts";

/** A private key that has been checked. Dispose of `pkcs8`. */
export interface CheckedPrivateKey {
  readonly kind: AsymmetricKind;
  readonly pkcs8: SecretKey;
  /** Fresh SPKI. */
  readonly publicKey: Uint8Array;
}

const PROBE = new TextEncoder().encode("holdfast key pair check");

/** What WebCrypto signs with, by the type of key. */
function signAlgorithm(kind: AsymmetricKind): SubtleAlgorithm {
  if (kind.type === "rsa") return { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" };
  return { name: "ECDSA", namedCurve: kind.curve, hash: "SHA-256" };
}

/**
 * Takes a private key in: its structure, its size, and that its halves belong together.
 * @param pkcs8 - borrowed. @throws HsmError `key_unreadable`, `key_unsupported`.
 */
export async function checkPrivateKey(
  subtle: Subtle,
  pkcs8: Uint8Array,
): Promise<CheckedPrivateKey> {
  const parsed = parsePkcs8(pkcs8);
  const algorithm = signAlgorithm(parsed.kind);
  // An EC key may come without its public point (RFC 5915 §3): the platform computes it.
  const isComplete = parsed.publicKey !== null;
  const key = await importOrRefuse("PKCS#8", () =>
    subtle.importKey("pkcs8", pkcs8, algorithm, !isComplete, ["sign"]),
  );
  const material = isComplete ? pkcs8.slice() : await completePkcs8(subtle, key, algorithm);
  const held = new SecretKey(material);
  try {
    const publicKey = parsed.publicKey ?? parsePkcs8(material).publicKey;
    if (publicKey === null) throw unreadable("PKCS#8", "it lacks its public point");
    await verifyPair(subtle, algorithm, key, publicKey);
    return { kind: parsed.kind, pkcs8: held, publicKey };
  } catch (error) {
    held[Symbol.dispose]();
    throw error;
  }
}

/** PKCS#8 with its public point. Platforms leave it out where it was left out, but a JWK has it. */
async function completePkcs8(
  subtle: Subtle,
  key: PlatformKey,
  algorithm: SubtleAlgorithm,
): Promise<Uint8Array<ArrayBuffer>> {
  const exported = await subtle.exportKey("jwk", key);
  if (exported instanceof ArrayBuffer) throw new Error("unreachable: a JWK came as bytes");
  const jwk = { ...exported, kty: "EC" };
  const complete = await subtle.importKey("jwk", jwk, algorithm, true, ["sign"]);
  return await exportKeyBytes(subtle, "pkcs8", complete);
}

/** Takes a public key in. @param spki - borrowed. @throws HsmError as above. */
export async function checkPublicKey(subtle: Subtle, spki: Uint8Array): Promise<AsymmetricKind> {
  const kind = parseSpki(spki);
  const algorithm = signAlgorithm(kind);
  await importOrRefuse("SPKI", () => subtle.importKey("spki", spki, algorithm, true, ["verify"]));
  return kind;
}

/** A fresh key pair. Dispose of `pkcs8`. */
export async function generatePair(
  subtle: Subtle,
  kind: AsymmetricKind,
): Promise<CheckedPrivateKey> {
  const size = { modulusLength: kind.sizeBits, publicExponent: Uint8Array.of(1, 0, 1) };
  const algorithm = kind.type === "rsa" ? { ...signAlgorithm(kind), ...size } : signAlgorithm(kind);
  const pair = await subtle.generateKey(algorithm, true, ["sign", "verify"]);
  if (!isPair(pair)) throw new Error("unreachable: the platform generated a single key");
  const publicKey = await exportKeyBytes(subtle, "spki", pair.publicKey);
  const pkcs8 = new SecretKey(await exportKeyBytes(subtle, "pkcs8", pair.privateKey));
  return { kind, pkcs8, publicKey };
}

/** A platform key over `pkcs8` for one operation, not to be exported again. */
export async function lendPrivateKey(
  subtle: Subtle,
  pkcs8: SecretKey,
  algorithm: SubtleAlgorithm,
  usage: PlatformKeyUsage,
): Promise<PlatformKey> {
  return await pkcs8.use((bytes) => subtle.importKey("pkcs8", bytes, algorithm, false, [usage]));
}

export async function lendPublicKey(
  subtle: Subtle,
  spki: Uint8Array,
  algorithm: SubtleAlgorithm,
  usage: PlatformKeyUsage,
): Promise<PlatformKey> {
  return await subtle.importKey("spki", spki, algorithm, false, [usage]);
}

async function verifyPair(
  subtle: Subtle,
  algorithm: SubtleAlgorithm,
  key: PlatformKey,
  publicKey: Uint8Array,
): Promise<void> {
  const lent = await importOrRefuse("PKCS#8", () =>
    subtle.importKey("spki", publicKey, algorithm, false, ["verify"]),
  );
  const isPairKept = await importOrRefuse("PKCS#8", async () => {
    const signature = await subtle.sign(algorithm, key, PROBE);
    return await subtle.verify(algorithm, lent, signature, PROBE);
  });
  if (!isPairKept) throw unreadable("PKCS#8", "its private and public halves do not match");
}

/**
 * The platform says no more than that it refuses, and may quote the material: its text is dropped.
 */
async function importOrRefuse<T>(format: string, f: () => Promise<T>): Promise<T> {
  try {
    return await f();
  } catch {
    throw unreadable(format, "the platform does not accept it as a valid key");
  }
}

function isPair(generated: PlatformKey | PlatformKeyPair): generated is PlatformKeyPair {
  return "privateKey" in generated;
}
