/**
 * Public keys as they come: SPKI and PKCS#1, read and checked; and the SPKI that is kept.
 *
 * RFC 5280 §4.1, RFC 8017 appendix A.1.1, RFC 5480 §2.2. All of it is public. Numbers are read out
 * and written anew, so that one key has one SPKI.
 */
import {
  DER_TAG,
  encodeDer,
  encodeDerBits,
  encodeDerInteger,
  readSequence,
} from "../../crypto/der.ts";
import {
  type AsymmetricKind,
  bitsOf,
  type CurveName,
  ecKind,
  encodeAlgorithm,
  readAlgorithm,
  verifyRsaExponent,
  verifyRsaSize,
} from "./algorithms.ts";
import { uncompressedPoint } from "./curve-points.ts";
import { readAs, unreadable } from "./refusals.ts";
import { type RsaPublicNumbers, rsaPublicFault } from "./rsa-numbers.ts";

/** A public key that has been checked: such a one exists. */
export type PublicNumbers =
  | ({ readonly type: "rsa" } & RsaPublicNumbers)
  /** `point`: 04 ‖ x ‖ y. */
  | { readonly type: "ec"; readonly curve: CurveName; readonly point: Uint8Array };

export function kindOf(
  numbers: { type: "rsa"; n: Uint8Array } | { type: "ec"; curve: CurveName },
): AsymmetricKind {
  if (numbers.type === "ec") return ecKind(numbers.curve);
  return { type: "rsa", sizeBits: bitsOf(numbers.n) };
}

/** @param spki - borrowed. @throws HsmError `key_unreadable`, `key_unsupported`. */
export function readSpki(spki: Uint8Array): PublicNumbers {
  return readAs("SPKI", () => {
    const info = readSequence(spki);
    const algorithm = readAlgorithm(info.sequence());
    const bits = info.bits();
    info.end();
    if (algorithm === "rsa") return readRsaPublicKey(bits);
    return { type: "ec", curve: algorithm, point: verifiedPoint("SPKI", algorithm, bits) };
  });
}

/** PKCS#1 RSAPublicKey. @param pkcs1 - borrowed. @throws HsmError as above. */
export function readRsaPublicKey(pkcs1: Uint8Array): PublicNumbers {
  return readAs("PKCS#1", () => {
    const key = readSequence(pkcs1);
    const numbers = { n: key.integer(), e: key.integer() };
    key.end();
    verifyRsaPublic("PKCS#1", numbers);
    return { type: "rsa", ...numbers };
  });
}

/** @throws HsmError `key_unreadable`, `key_unsupported`. */
export function verifyRsaPublic(format: string, numbers: RsaPublicNumbers): void {
  verifyRsaSize(bitsOf(numbers.n));
  const fault = rsaPublicFault(numbers);
  if (fault !== null) throw unreadable(format, fault);
  verifyRsaExponent(numbers.e);
}

/**
 * The point as 04 ‖ x ‖ y, fresh. @param point - uncompressed or compressed; borrowed.
 * @throws HsmError `key_unreadable`.
 */
export function verifiedPoint(format: string, curve: CurveName, point: Uint8Array): Uint8Array {
  const whole = uncompressedPoint(curve, point);
  if (whole === null) throw unreadable(format, `its public point is no point of ${curve}`);
  return whole;
}

/** Fresh SPKI. */
export function encodeSpki(numbers: PublicNumbers): Uint8Array {
  const { type } = numbers;
  const algorithm = encodeAlgorithm(type === "rsa" ? type : numbers.curve);
  const key = type === "rsa" ? encodeRsaPublicKey(numbers) : numbers.point;
  return encodeDer(DER_TAG.sequence, algorithm, encodeDerBits(key));
}

function encodeRsaPublicKey({ n, e }: RsaPublicNumbers): Uint8Array {
  return encodeDer(DER_TAG.sequence, encodeDerInteger(n), encodeDerInteger(e));
}
