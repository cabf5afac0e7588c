/**
 * Which RSA and EC keys are held, and the AlgorithmIdentifiers that name them.
 *
 * RFC 8017 appendix A.1, RFC 5480 §2; docs/HSM.md §3.
 */
import { encodeHex } from "../../crypto/base-encodings.ts";
import { DER_TAG, type DerReader, encodeDer, encodeDerObjectId } from "../../crypto/der.ts";
import { HsmError } from "../rules/errors.ts";
import {
  MAX_RSA_MODULUS_BITS,
  MIN_RSA_MODULUS_BITS,
  RSA_MODULUS_STEP_BITS,
  RSA_PUBLIC_EXPONENTS,
} from "../rules/limits.ts";

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
  "2b656f": "X448",
  "2a8648ce380401": "DSA",
};
const OTHER_CURVES: Readonly<Record<string, string>> = {
  "2b81040021": "Curve P-224",
  "2b8104000a": "Curve secp256k1",
};
const SUPPORTED =
  `RSA of ${MIN_RSA_MODULUS_BITS} to ${MAX_RSA_MODULUS_BITS} bits in steps of ` +
  `${RSA_MODULUS_STEP_BITS} with a public exponent of ${RSA_PUBLIC_EXPONENTS.join(", ")}, ` +
  "EC on P-256, P-384 and P-521";

/** An AlgorithmIdentifier: RSA, or the curve of an EC key. @throws HsmError, DerError */
export function readAlgorithm(identifier: DerReader): "rsa" | CurveName {
  const oid = identifier.objectId();
  if (oid === OID_RSA) {
    // RFC 8017 appendix A.1 wants NULL; some write nothing.
    identifier.optional(DER_TAG.nullValue);
    identifier.end();
    return "rsa";
  }
  if (oid === OID_EC) return readCurve(identifier);
  return unsupported(OTHER_ALGORITHMS[oid] ?? "This key algorithm");
}

/** ECParameters, the last in `reader`. @throws HsmError, DerError */
export function readCurve(reader: DerReader): CurveName {
  const oid = reader.optional(DER_TAG.objectId);
  if (oid === null) return unsupported("An EC key with explicit curve parameters");
  reader.end();
  const text = encodeHex(oid);
  const curve = CURVES.find((known) => known.oid === text);
  return curve === undefined ? unsupported(OTHER_CURVES[text] ?? "This curve") : curve.name;
}

export function encodeAlgorithm(algorithm: "rsa" | CurveName): Uint8Array {
  if (algorithm === "rsa") {
    const parameters = encodeDer(DER_TAG.nullValue);
    return encodeDer(DER_TAG.sequence, encodeDerObjectId(OID_RSA), parameters);
  }
  const { oid } = requireCurve(({ name }) => name === algorithm);
  return encodeDer(DER_TAG.sequence, encodeDerObjectId(OID_EC), encodeDerObjectId(oid));
}

/** @param magnitude - big-endian, without leading zeros. */
export function bitsOf(magnitude: Uint8Array): number {
  return magnitude.length * 8 - Math.clz32(magnitude[0] ?? 0) + 24;
}

/** @throws HsmError `key_unsupported`. */
export function verifyRsaSize(sizeBits: number): void {
  const isStep = sizeBits % RSA_MODULUS_STEP_BITS === 0;
  if (isStep && sizeBits >= MIN_RSA_MODULUS_BITS && sizeBits <= MAX_RSA_MODULUS_BITS) return;
  unsupported(`RSA of ${sizeBits} bits`);
}

/** @param e - big-endian, without leading zeros. @throws HsmError `key_unsupported`. */
export function verifyRsaExponent(e: Uint8Array): void {
  const bits = bitsOf(e);
  const value = e.reduce((sum, byte) => sum * 256 + byte, 0);
  if (RSA_PUBLIC_EXPONENTS.includes(value)) return;
  const what = bits > 32 ? `a public exponent of ${bits} bits` : `the public exponent ${value}`;
  unsupported(`RSA with ${what}`);
}

export function ecKind(curve: CurveName): AsymmetricKind {
  return { type: "ec", curve, sizeBits: requireCurve(({ name }) => name === curve).bits };
}

/** The curve of an EC key of this size. */
export function curveOfBits(bits: number): CurveName {
  return requireCurve((known) => known.bits === bits).name;
}

/** Bytes of a coordinate, and of a private number (RFC 5915 §3). */
export function fieldBytes(curve: CurveName): number {
  return Math.ceil(ecKind(curve).sizeBits / 8);
}

function requireCurve(isWanted: (curve: (typeof CURVES)[number]) => boolean) {
  const curve = CURVES.find(isWanted);
  if (curve === undefined) throw new Error("unreachable: a curve that is not held");
  return curve;
}

/** @throws HsmError `key_unsupported`. */
export function curveNamed(name: string): CurveName {
  const curve = CURVES.find((known) => known.name === name);
  return curve === undefined ? unsupported(`Curve ${name}`) : curve.name;
}

/** @throws HsmError `key_unsupported`. */
export function unsupported(what: string): never {
  throw new HsmError({ code: "key_unsupported", what, supported: SUPPORTED });
}
