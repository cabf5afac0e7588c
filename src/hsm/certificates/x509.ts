/**
 * Reading X.509: the one place where the certificate library is loaded, and what it needs first.
 *
 * RFC 5280. Certificates are public; nothing secret passes through here.
 */
import "reflect-metadata";
import { BasicConstraintsExtension, X509Certificate } from "@peculiar/x509";
import type { Subtle } from "../../crypto/web-crypto.ts";

/** What is read of a certificate; `certificate` is the library's, for checking links. */
export interface ReadCertificate {
  readonly der: Uint8Array;
  readonly subject: string;
  readonly issuer: string;
  readonly serialNumber: string;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  /** Subject public key info, DER. */
  readonly publicKey: Uint8Array;
  readonly certificate: X509Certificate;
}

/** @param der - taken. @returns null if it is no certificate. */
export function readCertificate(der: Uint8Array<ArrayBuffer>): ReadCertificate | null {
  try {
    const certificate = new X509Certificate(der);
    return {
      der,
      subject: certificate.subject,
      issuer: certificate.issuer,
      serialNumber: certificate.serialNumber,
      notBeforeMs: certificate.notBefore.getTime(),
      notAfterMs: certificate.notAfter.getTime(),
      publicKey: new Uint8Array(certificate.publicKey.rawData),
      certificate,
    };
  } catch {
    // The library throws many kinds of errors for bytes that are no certificate.
    return null;
  }
}

/** Why `issuer` did not issue `subject`; null if it did. Validity in time is not looked at. */
export async function brokenLink(
  subtle: Subtle,
  subject: ReadCertificate,
  issuer: ReadCertificate,
): Promise<string | null> {
  if (subject.issuer !== issuer.subject) return "the next one's subject is not its issuer";
  const constraints = issuer.certificate.getExtension(BasicConstraintsExtension);
  if (constraints !== null && !constraints.ca) return "the next one is not a certificate authority";
  // The library asks for the platform's whole Crypto and uses nothing of it but `subtle`.
  const crypto = { subtle } as Parameters<X509Certificate["verify"]>[1];
  const publicKey = issuer.certificate.publicKey;
  const isSigned = await subject.certificate.verify({ publicKey, signatureOnly: true }, crypto);
  return isSigned ? null : "the next one's key did not sign it";
}
