/**
 * Reading X.509: the one place where the certificate library is loaded, and what it needs first.
 *
 * RFC 5280. Certificates are public; nothing secret passes through here.
 */
import "reflect-metadata";
import { X509Certificate } from "@peculiar/x509";

/** What is read of a certificate. */
export interface ReadCertificate {
  readonly der: Uint8Array;
  readonly subject: string;
  readonly issuer: string;
  readonly serialNumber: string;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  /** Subject public key info, DER. */
  readonly publicKey: Uint8Array;
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
    };
  } catch {
    // The library throws many kinds of errors for bytes that are no certificate.
    return null;
  }
}
