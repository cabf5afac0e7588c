/**
 * Reading X.509: what a record keeps of a certificate besides its DER.
 *
 * RFC 5280 §4.1. The framing is held to DER, so that one certificate has one encoding and one
 * fingerprint; extensions and signatures are for those who use it. Certificates are public.
 */
import { encodeHex } from "../../crypto/base-encodings.ts";
import {
  contextTag,
  DER_TAG,
  DerError,
  DerReader,
  type DerValue,
  readDerTime,
  verifyDer,
} from "../../crypto/der.ts";
import { nameText } from "./distinguished-name.ts";

/** What is read of a certificate. */
export interface ReadCertificate {
  readonly der: Uint8Array;
  /** RFC 4514 text, of any length. */
  readonly subject: string;
  readonly issuer: string;
  /** Hexadecimal. */
  readonly serialNumber: string;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  /** Subject public key info, DER: borrowed from `der`. */
  readonly publicKey: Uint8Array;
}

/** `issuerUniqueID` and `subjectUniqueID`, `[1]` and `[2] IMPLICIT BIT STRING`. */
const UNIQUE_ID_TAGS = [0x81, 0x82];

/** @param der - taken. @throws DerError for what is no certificate, with a half sentence why. */
export function readCertificate(der: Uint8Array): ReadCertificate {
  verifyDer(der);
  const certificate = new DerReader(der).sequence();
  const body = certificate.sequence();
  certificate.take(DER_TAG.sequence); // signatureAlgorithm
  certificate.take(DER_TAG.bitString); // signatureValue
  certificate.end();
  readVersion(body.optional(contextTag(0)));
  const serialNumber = readSerialNumber(body);
  body.take(DER_TAG.sequence); // signature
  const issuer = nameText(body.any().bytes);
  const validity = body.sequence();
  const notBeforeMs = readTime("notBefore", validity.any());
  const notAfterMs = readTime("notAfter", validity.any());
  validity.end();
  const subject = nameText(body.any().bytes);
  const publicKey = readPublicKey(body.any());
  for (const tag of UNIQUE_ID_TAGS) body.optional(tag);
  readExtensions(body.optional(contextTag(3)));
  body.end();
  return { der, subject, issuer, serialNumber, notBeforeMs, notAfterMs, publicKey };
}

/** 1, where it is not told, to 3. */
function readVersion(contents: Uint8Array | null): void {
  if (contents === null) return;
  const version = new DerReader(contents);
  if (version.smallInteger() > 2) throw new DerError("its version is not 1, 2 or 3");
  version.end();
}

function readExtensions(contents: Uint8Array | null): void {
  if (contents === null) return;
  const extensions = new DerReader(contents);
  extensions.take(DER_TAG.sequence);
  extensions.end();
}

/** Of any sign and length: authorities have issued them negative, and of more than 20 octets. */
function readSerialNumber(body: DerReader): string {
  const contents = body.take(DER_TAG.integer);
  const [first, second] = contents;
  if (first === undefined) throw new DerError("its serial number is empty");
  const hasSignOctet = first === 0 && second !== undefined && second > 0x7f;
  return encodeHex(hasSignOctet ? contents.subarray(1) : contents);
}

function readPublicKey({ tag, contents, bytes }: DerValue): Uint8Array {
  if (tag !== DER_TAG.sequence) throw new DerError("its structure is not the expected one");
  const info = new DerReader(contents);
  info.take(DER_TAG.sequence);
  info.take(DER_TAG.bitString);
  info.end();
  return bytes;
}

/** RFC 5280 §4.1.2.5. */
function readTime(field: string, value: DerValue): number {
  const ms = readDerTime(field, value);
  if (ms >= 0) return ms;
  const date = new Date(ms).toISOString().slice(0, 10);
  throw new DerError(`its ${field}, ${date}, lies before 1970, which no HSM can hold`);
}
