/**
 * The structures keys come in: PKCS#8, PKCS#1, SEC 1 and SPKI, taken apart and put together.
 *
 * RFC 5208, RFC 8017 appendix A.1, RFC 5915, RFC 5480. Bytes and arithmetic on lengths only:
 * whether a key is a good one is decided by the platform, in `asymmetric.ts`.
 */

import { encodeHex } from "../../crypto/base-encodings.ts";
import {
  contextTag,
  DER_TAG,
  DerReader,
  encodeDer,
  encodeDerBits,
  encodeDerInteger,
  encodeDerObjectId,
} from "../../crypto/der.ts";
import { HsmError } from "../rules/errors.ts";
import {
  MAX_RSA_MODULUS_BITS,
  MIN_RSA_MODULUS_BITS,
  RSA_MODULUS_STEP_BITS,
} from "../rules/limits.ts";
import { readAs, unreadable } from "./refusals.ts";

export type CurveName = "P-256" | "P-384" | "P-521";

/** What kind of asymmetric key, and how large. */
export type AsymmetricKind =
  | { readonly type: "rsa"; readonly sizeBits: number }
  | { readonly type: "ec"; readonly sizeBits: number; readonly curve: CurveName };

/** Contents of object identifiers, hexadecimal. */
const OID_RSA = "2a864886f70d010101";
const OID_EC = "2a8648ce3d0201";
const CURVES: readonly { readonly oid: string; readonly name: CurveName; readonly bits: number }[] =
  [
    { oid: "2a8648ce3d030107", name: "P-256", bits: 256 },
    { oid: "2b81040022", name: "P-384", bits: 384 },
    { oid: "2b81040023", name: "P-521", bits: 521 },
  ];
/** Named for a clear refusal. */
const OTHER_ALGORITHMS: Readonly<Record<string, string>> = {
  "2a864886f70d01010a": "An RSA key restricted to PSS (id-RSASSA-PSS)",
  "2b6570": "Ed25519",
  "2b6571": "Ed448",
  "2b656e": "X25519",
  "2a8648ce380401": "DSA",
};
const OTHER_CURVES: Readonly<Record<string, string>> = {
  "2b81040021": "Curve P-224",
  "2b8104000a": "Curve secp256k1",
};
const SUPPORTED =
  `RSA of ${MIN_RSA_MODULUS_BITS} to ${MAX_RSA_MODULUS_BITS} bits in steps of ` +
  `${RSA_MODULUS_STEP_BITS}, EC on P-256, P-384 and P-521`;

export interface ParsedPrivateKey {
  readonly kind: AsymmetricKind;
  /** Fresh SPKI; null for an EC key that does not carry its public point. */
  readonly publicKey: Uint8Array | null;
}

/** @param pkcs8 - borrowed. @throws HsmError `key_unreadable`, `key_unsupported`. */
export function parsePkcs8(pkcs8: Uint8Array): ParsedPrivateKey {
  return readAs("PKCS#8", () => decodeParsePkcs8(pkcs8));
}

function decodeParsePkcs8(pkcs8: Uint8Array): ParsedPrivateKey {
  const outer = new DerReader(pkcs8);
  const info = outer.sequence();
  outer.end();
  if (info.smallInteger() > 1) throw unreadable("PKCS#8", "its version is not 0 or 1");
  const algorithm = readAlgorithm(info.sequence());
  const privateKey = info.take(DER_TAG.octetString);
  if (algorithm === "rsa") return parseRsaPrivateKey(privateKey);
  const point = readEcPoint(privateKey);
  const publicKey = point === null ? null : encodeEcSpki(algorithm, point);
  return { kind: ecKind(algorithm), publicKey };
}

/** @param spki - borrowed. @throws HsmError `key_unreadable`, `key_unsupported`. */
export function parseSpki(spki: Uint8Array): AsymmetricKind {
  return readAs("SPKI", () => decodeParseSpki(spki));
}

function decodeParseSpki(spki: Uint8Array): AsymmetricKind {
  const outer = new DerReader(spki);
  const info = outer.sequence();
  outer.end();
  const algorithm = readAlgorithm(info.sequence());
  const bits = info.bits();
  info.end();
  if (algorithm !== "rsa") return ecKind(algorithm);
  const key = new DerReader(bits).sequence();
  return rsaKind(key.integer());
}

/** PKCS#1 RSAPrivateKey as PKCS#8: fresh, secret. @param pkcs1 - borrowed. */
export function pkcs8FromPkcs1(pkcs1: Uint8Array): Uint8Array {
  return encodePkcs8(encodeRsaAlgorithm(), pkcs1);
}

/** SEC 1 ECPrivateKey as PKCS#8: fresh, secret. @param sec1 - borrowed; names its curve. */
export function pkcs8FromSec1(sec1: Uint8Array): Uint8Array {
  return readAs("SEC 1", () => decodePkcs8FromSec1(sec1));
}

function decodePkcs8FromSec1(sec1: Uint8Array): Uint8Array {
  const outer = new DerReader(sec1);
  const key = outer.sequence();
  outer.end();
  if (key.smallInteger() !== 1) throw unreadable("SEC 1", "its version is not 1");
  key.take(DER_TAG.octetString);
  const parameters = key.optional(contextTag(0));
  if (parameters === null) throw unreadable("SEC 1", "it does not name its curve");
  const curve = readCurve(new DerReader(parameters));
  return encodePkcs8(encodeEcAlgorithm(curve), sec1);
}

/** PKCS#1 RSAPublicKey as SPKI: fresh. */
export function spkiFromPkcs1(pkcs1: Uint8Array): Uint8Array {
  return encodeDer(DER_TAG.sequence, encodeRsaAlgorithm(), encodeDerBits(pkcs1));
}

function parseRsaPrivateKey(bytes: Uint8Array): ParsedPrivateKey {
  return readAs("PKCS#1", () => decodeParseRsaPrivateKey(bytes));
}

function decodeParseRsaPrivateKey(bytes: Uint8Array): ParsedPrivateKey {
  const outer = new DerReader(bytes);
  const key = outer.sequence();
  outer.end();
  if (key.smallInteger() !== 0) throw unreadable("PKCS#1", "it has more than two primes");
  const modulus = key.integer();
  const publicExponent = key.integer();
  const pair = [encodeDerInteger(modulus), encodeDerInteger(publicExponent)];
  return {
    kind: rsaKind(modulus),
    publicKey: spkiFromPkcs1(encodeDer(DER_TAG.sequence, ...pair)),
  };
}

/** The public point inside an ECPrivateKey (RFC 5915 §3), if it is there: borrowed. */
function readEcPoint(bytes: Uint8Array): Uint8Array | null {
  return readAs("SEC 1", () => decodeReadEcPoint(bytes));
}

function decodeReadEcPoint(bytes: Uint8Array): Uint8Array | null {
  const outer = new DerReader(bytes);
  const key = outer.sequence();
  outer.end();
  if (key.smallInteger() !== 1) throw unreadable("SEC 1", "its version is not 1");
  key.take(DER_TAG.octetString);
  key.optional(contextTag(0));
  const point = key.optional(contextTag(1));
  return point === null ? null : new DerReader(point).bits();
}

/** An AlgorithmIdentifier: RSA, or the curve of an EC key. */
function readAlgorithm(identifier: DerReader): "rsa" | CurveName {
  const oid = identifier.objectId();
  if (oid === OID_RSA) return "rsa";
  if (oid === OID_EC) return readCurve(identifier);
  return unsupported(OTHER_ALGORITHMS[oid] ?? "This key algorithm");
}

function readCurve(reader: DerReader): CurveName {
  const oid = reader.optional(DER_TAG.objectId);
  if (oid === null) return unsupported("An EC key with explicit curve parameters");
  const text = encodeHex(oid);
  const curve = CURVES.find((known) => known.oid === text);
  return curve === undefined ? unsupported(OTHER_CURVES[text] ?? "This curve") : curve.name;
}

/** Bits of the modulus, whose first octet is not zero, and whether such a key is held. */
function rsaKind(modulus: Uint8Array): AsymmetricKind {
  const sizeBits = modulus.length * 8 - Math.clz32(modulus[0] ?? 0) + 24;
  verifyRsaSize(sizeBits);
  return { type: "rsa", sizeBits };
}

/** @throws HsmError `key_unsupported`. */
export function verifyRsaSize(sizeBits: number): void {
  const isStep = sizeBits % RSA_MODULUS_STEP_BITS === 0;
  if (isStep && sizeBits >= MIN_RSA_MODULUS_BITS && sizeBits <= MAX_RSA_MODULUS_BITS) return;
  unsupported(`RSA of ${sizeBits} bits`);
}

export function ecKind(curve: CurveName): AsymmetricKind {
  return { type: "ec", curve, sizeBits: curveBits(curve) };
}

function curveBits(name: CurveName): number {
  return CURVES.find((known) => known.name === name)?.bits ?? unreachableCurve(name);
}

/** The curve of an EC key of this size. */
export function curveOfBits(bits: number): CurveName {
  return CURVES.find((known) => known.bits === bits)?.name ?? unreachableCurve(String(bits));
}

function unreachableCurve(name: string): never {
  throw new Error(`unreachable: curve ${name}`);
}

/** @throws HsmError `key_unsupported`. */
export function curveNamed(name: string): CurveName {
  const curve = CURVES.find((known) => known.name === name);
  return curve === undefined ? unsupported(`Curve ${name}`) : curve.name;
}

function encodePkcs8(algorithm: Uint8Array, privateKey: Uint8Array): Uint8Array {
  const version = encodeDerInteger(Uint8Array.of(0));
  const octets = encodeDer(DER_TAG.octetString, privateKey);
  try {
    return encodeDer(DER_TAG.sequence, version, algorithm, octets);
  } finally {
    octets.fill(0);
  }
}

function encodeEcSpki(curve: CurveName, point: Uint8Array): Uint8Array {
  return encodeDer(DER_TAG.sequence, encodeEcAlgorithm(curve), encodeDerBits(point));
}

function encodeRsaAlgorithm(): Uint8Array {
  const parameters = encodeDer(DER_TAG.nullValue);
  return encodeDer(DER_TAG.sequence, encodeDerObjectId(OID_RSA), parameters);
}

function encodeEcAlgorithm(name: CurveName): Uint8Array {
  const curve = CURVES.find((known) => known.name === name);
  const oid = curve === undefined ? unreachableCurve(name) : curve.oid;
  return encodeDer(DER_TAG.sequence, encodeDerObjectId(OID_EC), encodeDerObjectId(oid));
}

function unsupported(what: string): never {
  throw new HsmError({ code: "key_unsupported", what, supported: SUPPORTED });
}
