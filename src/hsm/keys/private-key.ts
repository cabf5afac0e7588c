/**
 * Private keys as they come: PKCS#8, PKCS#1 and SEC 1, taken apart; and the PKCS#8 that is kept.
 *
 * RFC 5958 §2 (and RFC 5208, its version 0), RFC 8017 appendix A.1.2, RFC 5915 §3. Numbers are read
 * out, checked and written anew: the same numbers make the same PKCS#8, whatever they came in. What
 * is read out is borrowed from what came in; what is written is fresh, and wiped but for the result.
 */
import { equalBytes } from "../../crypto/bytes.ts";
import {
  contextTag,
  DER_TAG,
  DerReader,
  encodeDer,
  encodeDerInteger,
  readSequence,
} from "../../crypto/der.ts";
import {
  type CurveName,
  encodeAlgorithm,
  fieldBytes,
  readAlgorithm,
  readCurve,
} from "./algorithms.ts";
import { isPrivateNumber } from "./curve-points.ts";
import {
  encodeSpki,
  type PublicNumbers,
  readRsaPublicKey,
  verifiedPoint,
  verifyRsaPublic,
} from "./public-key.ts";
import { readAs, unreadable } from "./refusals.ts";
import { type RsaPrivateNumbers, rsaPrivateFault } from "./rsa-numbers.ts";

/**
 * A private key whose numbers have been checked, but for whether `point` is that of `d`. All
 * secret; without leading zeros.
 */
export type PrivateNumbers =
  | ({ readonly type: "rsa" } & RsaPrivateNumbers)
  | {
      readonly type: "ec";
      readonly curve: CurveName;
      readonly d: Uint8Array;
      /** 04 ‖ x ‖ y; null where the key came without it (RFC 5915 §3). */
      readonly point: Uint8Array | null;
    };

/** `[1] IMPLICIT BIT STRING`: the public key of RFC 5958. */
const PUBLIC_KEY_TAG = 0x81;

/** @param pkcs8 - borrowed. @throws HsmError `key_unreadable`, `key_unsupported`. */
export function readPkcs8(pkcs8: Uint8Array): PrivateNumbers {
  return readAs("PKCS#8", () => {
    const info = readSequence(pkcs8);
    if (info.smallInteger() > 1) throw unreadable("PKCS#8", "its version is not 0 or 1");
    const algorithm = readAlgorithm(info.sequence());
    const octets = info.take(DER_TAG.octetString);
    info.optional(contextTag(0)); // Attributes: what the key is for is left to ours.
    const publicKey = info.optional(PUBLIC_KEY_TAG);
    info.end();
    const numbers = algorithm === "rsa" ? readPkcs1(octets) : readSec1(octets, algorithm);
    return publicKey === null ? numbers : withPublicKey(numbers, publicKey);
  });
}

/** PKCS#1 RSAPrivateKey. @param pkcs1 - borrowed. @throws HsmError as above. */
export function readPkcs1(pkcs1: Uint8Array): PrivateNumbers {
  return readAs("PKCS#1", () => {
    const key = readSequence(pkcs1);
    if (key.smallInteger() !== 0) throw unreadable("PKCS#1", "it has more than two primes");
    const [n, e, d, p] = [key.integer(), key.integer(), key.integer(), key.integer()];
    const [q, dp, dq, qi] = [key.integer(), key.integer(), key.integer(), key.integer()];
    key.end();
    return verifiedRsa("PKCS#1", { n, e, d, p, q, dp, dq, qi });
  });
}

/**
 * SEC 1 ECPrivateKey. @param sec1 - borrowed. @param named - the curve, where it is told outside.
 * @throws HsmError as above.
 */
export function readSec1(sec1: Uint8Array, named: CurveName | null): PrivateNumbers {
  return readAs("SEC 1", () => {
    const key = readSequence(sec1);
    if (key.smallInteger() !== 1) throw unreadable("SEC 1", "its version is not 1");
    const d = key.take(DER_TAG.octetString);
    const parameters = key.optional(contextTag(0));
    const curve = parameters === null ? named : readCurve(new DerReader(parameters));
    if (curve === null) throw unreadable("SEC 1", "it does not name its curve");
    if (named !== null && curve !== named) throw unreadable("SEC 1", "it names two curves");
    const bits = key.optional(contextTag(1));
    key.end();
    const point = bits === null ? null : readPoint(bits);
    return verifiedEc("SEC 1", curve, d, point);
  });
}

function readPoint(explicit: Uint8Array): Uint8Array {
  const reader = new DerReader(explicit);
  const point = reader.bits();
  reader.end();
  return point;
}

/** @param numbers - borrowed. @throws HsmError `key_unreadable`, `key_unsupported`. */
export function verifiedRsa(format: string, numbers: RsaPrivateNumbers): PrivateNumbers {
  verifyRsaPublic(format, numbers);
  const fault = rsaPrivateFault(numbers);
  if (fault !== null) throw unreadable(format, fault);
  return { type: "rsa", ...numbers };
}

/** @param d, point - borrowed. @throws HsmError `key_unreadable`. */
export function verifiedEc(
  format: string,
  curve: CurveName,
  d: Uint8Array,
  point: Uint8Array | null,
): PrivateNumbers {
  const first = d.findIndex((byte) => byte !== 0);
  const magnitude = d.subarray(first < 0 ? d.length : first);
  if (!isPrivateNumber(curve, magnitude)) {
    throw unreadable(format, `its private number is not from 1 to the order of ${curve}`);
  }
  const whole = point === null ? null : verifiedPoint(format, curve, point);
  return { type: "ec", curve, d: magnitude, point: whole };
}

/** RFC 5958 §2: the public key beside the private one must be its own. */
function withPublicKey(numbers: PrivateNumbers, publicKey: Uint8Array): PrivateNumbers {
  if (publicKey[0] !== 0) throw unreadable("PKCS#8", "its public key has unused bits");
  const bits = publicKey.subarray(1);
  if (numbers.type === "ec" && numbers.point === null) {
    return { ...numbers, point: verifiedPoint("PKCS#8", numbers.curve, bits) };
  }
  const beside: PublicNumbers =
    numbers.type === "rsa"
      ? readRsaPublicKey(bits)
      : { ...numbers, point: verifiedPoint("PKCS#8", numbers.curve, bits) };
  if (equalBytes(encodeSpki(beside), encodeSpki(publicOf(numbers)))) return numbers;
  throw unreadable("PKCS#8", "the public key beside it is not that of its private one");
}

/** The public half. @param numbers - an EC key with its point. */
export function publicOf(numbers: PrivateNumbers): PublicNumbers {
  if (numbers.type === "rsa") return { type: "rsa", n: numbers.n, e: numbers.e };
  const { curve, point } = numbers;
  if (point === null) throw new Error("unreachable: an EC key without its point");
  return { type: "ec", curve, point };
}

/**
 * PKCS#8, version 0, without attributes: fresh, secret. An EC key has no parameters inside, its
 * number as long as the field, and its point if it is there.
 */
export function encodePkcs8(numbers: PrivateNumbers): Uint8Array<ArrayBuffer> {
  const algorithm = encodeAlgorithm(numbers.type === "rsa" ? "rsa" : numbers.curve);
  const key = numbers.type === "rsa" ? encodePkcs1(numbers) : encodeSec1(numbers);
  const version = encodeDerInteger(Uint8Array.of(0));
  return enclose(DER_TAG.sequence, version, algorithm, enclose(DER_TAG.octetString, key));
}

function encodePkcs1({ n, e, d, p, q, dp, dq, qi }: RsaPrivateNumbers): Uint8Array {
  const numbers = [n, e, d, p, q, dp, dq, qi].map(encodeDerInteger);
  return enclose(DER_TAG.sequence, encodeDerInteger(Uint8Array.of(0)), ...numbers);
}

function encodeSec1({ curve, d, point }: PrivateNumbers & { type: "ec" }): Uint8Array {
  const version = encodeDerInteger(Uint8Array.of(1));
  const padding = new Uint8Array(fieldBytes(curve) - d.length);
  const octets = encodeDer(DER_TAG.octetString, padding, d);
  if (point === null) return enclose(DER_TAG.sequence, version, octets);
  const bits = encodeDer(DER_TAG.bitString, new Uint8Array(1), point);
  return enclose(DER_TAG.sequence, version, octets, encodeDer(contextTag(1), bits));
}

/** @param parts - taken: wiped. */
function enclose(tag: number, ...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const bytes = encodeDer(tag, ...parts);
  for (const part of parts) part.fill(0);
  return bytes;
}
