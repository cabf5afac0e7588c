/**
 * RSA and EC keys in the platform's hands: checked on the way in, made, lent for one operation.
 *
 * WebCrypto Level 2; docs/HSM.md §3. A private key is taken only when it signs and its public half
 * verifies. Material lives in `SecretKey`; arrays of it made here are wiped.
 */
import { decodeEitherBase64 } from "../../crypto/base-encodings.ts";
import { SecretKey } from "../../crypto/secret-key.ts";
import {
  exportKeyBytes,
  type PlatformKey,
  type PlatformKeyPair,
  type PlatformKeyUsage,
  type Subtle,
  type SubtleAlgorithm,
} from "../../crypto/web-crypto.ts";
import type { HsmError } from "../rules/errors.ts";
import type { AsymmetricKind } from "./algorithms.ts";
import { encodePkcs8, type PrivateNumbers, publicOf } from "./private-key.ts";
import { encodeSpki, kindOf, type PublicNumbers, verifiedPoint } from "./public-key.ts";
import { unreadable } from "./refusals.ts";

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
 * Takes a private key in, whose numbers have been checked: that its halves belong together, and
 * that the platform takes it.
 *
 * @param format - what it came in, for messages. @param numbers - borrowed.
 * @returns with the PKCS#8 and the SPKI that any such key has, whatever it came in.
 * @throws HsmError `key_unreadable`.
 */
export async function checkPrivateKey(
  subtle: Subtle,
  format: string,
  numbers: PrivateNumbers,
): Promise<CheckedPrivateKey> {
  const kind = kindOf(numbers);
  const algorithm = signAlgorithm(kind);
  const point = await pointOf(subtle, algorithm, format, numbers);
  const whole = numbers.type === "ec" ? { ...numbers, point } : numbers;
  const publicKey = encodeSpki(publicOf(whole));
  const pkcs8 = new SecretKey(encodePkcs8(whole));
  try {
    await verifyPair(subtle, algorithm, pkcs8, publicKey, refusal(format, kind));
    return { kind, pkcs8, publicKey };
  } catch (error) {
    pkcs8[Symbol.dispose]();
    throw error;
  }
}

/**
 * The point of an EC key, which may come without (RFC 5915 §3): the platform computes it. It tells
 * it in a JWK alone, and the private number with it, in text that cannot be wiped: so only here.
 */
async function pointOf(
  subtle: Subtle,
  algorithm: SubtleAlgorithm,
  format: string,
  numbers: PrivateNumbers,
): Promise<Uint8Array | null> {
  if (numbers.type === "rsa" || numbers.point !== null)
    return numbers.type === "rsa" ? null : numbers.point;
  using bare = new SecretKey(encodePkcs8(numbers));
  const exported = await platformOrRefuse(refusal(format, kindOf(numbers)), async () => {
    const key = await bare.use((bytes) =>
      subtle.importKey("pkcs8", bytes, algorithm, true, ["sign"]),
    );
    return await subtle.exportKey("jwk", key);
  });
  if (exported instanceof ArrayBuffer) throw new Error("unreachable: a JWK came as bytes");
  const [x, y] = [decodeEitherBase64(exported.x ?? ""), decodeEitherBase64(exported.y ?? "")];
  return verifiedPoint(format, numbers.curve, Uint8Array.of(4, ...(x ?? []), ...(y ?? [])));
}

/**
 * Takes a public key in, which has been checked. @returns its SPKI, fresh.
 * @throws HsmError `key_unreadable`.
 */
export async function checkPublicKey(subtle: Subtle, numbers: PublicNumbers): Promise<Uint8Array> {
  const spki = encodeSpki(numbers);
  const algorithm = signAlgorithm(kindOf(numbers));
  await platformOrRefuse(unreadable("SPKI", NOT_ACCEPTED), () =>
    subtle.importKey("spki", spki, algorithm, true, ["verify"]),
  );
  return spki;
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
  pkcs8: SecretKey,
  publicKey: Uint8Array,
  refused: HsmError,
): Promise<void> {
  const isPairKept = await platformOrRefuse(refused, async () => {
    const key = await lendPrivateKey(subtle, pkcs8, algorithm, "sign");
    const lent = await lendPublicKey(subtle, publicKey, algorithm, "verify");
    const signature = await subtle.sign(algorithm, key, PROBE);
    return await subtle.verify(algorithm, lent, signature, PROBE);
  });
  if (!isPairKept) throw refused;
}

const NOT_ACCEPTED = "the platform does not accept it as a valid key";

/** What is left to be wrong with a key whose numbers have been checked. */
function refusal(format: string, { type }: AsymmetricKind): HsmError {
  return unreadable(
    format,
    type === "ec" ? "its public point is not that of its private number" : NOT_ACCEPTED,
  );
}

/**
 * The platform says no more than that it refuses, and may quote the material: its text is dropped.
 */
async function platformOrRefuse<T>(refused: HsmError, f: () => Promise<T>): Promise<T> {
  try {
    return await f();
  } catch {
    throw refused;
  }
}

function isPair(generated: PlatformKey | PlatformKeyPair): generated is PlatformKeyPair {
  return "privateKey" in generated;
}
