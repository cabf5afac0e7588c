/**
 * The owner's claim on a cluster: its certificate, signed by the owner's trust anchor.
 *
 * Spec: RFC 5280; the CloudHSM rules for InitializeCluster. The anchor is self-signed RSA of 2048
 * or 4096 bits and signed the certificate itself; the certificate holds the key of the request.
 */
import "reflect-metadata";
import * as x509 from "@peculiar/x509";
import { equalBytes } from "../../crypto/bytes.ts";
import {
  contextTag,
  DER_TAG,
  DerError,
  DerReader,
  readDerTime,
  verifyDer,
} from "../../crypto/der.ts";
import { countPemBlocks, parsePem } from "../../crypto/pem.ts";
import { type Result, refusal, success } from "../contracts/result.ts";

/** PEM, all three. */
interface ClusterClaim {
  readonly clusterCsr: string;
  readonly signedCertificate: string;
  readonly trustAnchor: string;
}

/** One of the two, with its dates as strict reading has them. */
interface ClaimedCertificate {
  readonly x509: x509.X509Certificate;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
}

const ANCHOR_BITS = [2048, 4096];

/** Checks a claim at the time `nowMs`; the refusal says which certificate is wrong, and how. */
export async function verifyClusterClaim(
  claim: ClusterClaim,
  nowMs: number,
): Promise<Result<null>> {
  const anchor = readCertificate("TrustAnchor", claim.trustAnchor);
  if (!anchor.ok) return anchor;
  const certificate = readCertificate("SignedCert", claim.signedCertificate);
  if (!certificate.ok) return certificate;
  const reason =
    (await anchorFault(anchor.value, nowMs)) ??
    (await certificateFault(certificate.value, anchor.value, claim, nowMs));
  return reason === null ? success(null) : rejected(reason);
}

function rejected(message: string): Result<never> {
  return refusal("invalid", "certificate_rejected", message);
}

/**
 * Exactly one certificate: a chain would leave open which of them is meant. Text around it is
 * passed over (RFC 7468 §2); its DER is held to the framing, so that all who read it
 * read the same.
 */
function readCertificate(name: string, pem: string): Result<ClaimedCertificate> {
  const sentence = `${name} is not one X.509 certificate in PEM`;
  const [block] = parsePem(pem);
  if (countPemBlocks(pem) !== 1 || block?.label !== "CERTIFICATE" || block.bytes === null) {
    return rejected(`${sentence}.`);
  }
  try {
    verifyDer(block.bytes);
    const dates = readValidity(block.bytes);
    return success({ x509: new x509.X509Certificate(block.bytes), ...dates });
  } catch (error) {
    // Whatever else the library objects to, the sentence is the same.
    return rejected(error instanceof DerError ? `${sentence}: ${error.why}.` : `${sentence}.`);
  }
}

/** RFC 5280 §4.1: the library takes dates that are none for others. */
function readValidity(der: Uint8Array): Omit<ClaimedCertificate, "x509"> {
  const body = new DerReader(der).sequence().sequence();
  body.optional(contextTag(0)); // version
  body.take(DER_TAG.integer); // serialNumber
  body.take(DER_TAG.sequence); // signature
  body.take(DER_TAG.sequence); // issuer
  const validity = body.sequence();
  const notBeforeMs = readDerTime("notBefore", validity.any());
  const notAfterMs = readDerTime("notAfter", validity.any());
  return { notBeforeMs, notAfterMs };
}

async function anchorFault(claimed: ClaimedCertificate, nowMs: number): Promise<string | null> {
  const anchor = claimed.x509;
  if (!isRsaOfAllowedLength(anchor)) {
    return `TrustAnchor must hold an RSA key of ${ANCHOR_BITS.join(" or ")} bits.`;
  }
  if (anchor.subject !== anchor.issuer || !(await isSignedBy(anchor, anchor))) {
    return "TrustAnchor is not self-signed: give the root certificate of the issuing authority.";
  }
  if (!isValidAt(claimed, nowMs)) return "TrustAnchor is not valid at this time.";
  if (anchor.extensions.length === 0) return null;
  const constraints = anchor.getExtension(x509.BasicConstraintsExtension);
  if (constraints === null) {
    return "TrustAnchor uses version 3 extensions and must have BasicConstraints among them.";
  }
  if (!constraints.ca) return "TrustAnchor is not a certificate authority (BasicConstraints).";
  const usage = anchor.getExtension(x509.KeyUsagesExtension);
  if (usage !== null && (usage.usages & x509.KeyUsageFlags.keyCertSign) === 0) {
    return "TrustAnchor may not sign certificates (KeyUsage), which contradicts BasicConstraints.";
  }
  return null;
}

async function certificateFault(
  claimed: ClaimedCertificate,
  { x509: anchor }: ClaimedCertificate,
  claim: ClusterClaim,
  nowMs: number,
): Promise<string | null> {
  const certificate = claimed.x509;
  const request = new x509.Pkcs10CertificateRequest(claim.clusterCsr);
  const [certified, requested] = [certificate.publicKey.rawData, request.publicKey.rawData];
  if (!equalBytes(new Uint8Array(certified), new Uint8Array(requested))) {
    return (
      "SignedCert does not hold the public key of this cluster's certificate signing request. " +
      "Sign the ClusterCsr that DescribeClusters shows now."
    );
  }
  if (certificate.issuer !== anchor.subject || !(await isSignedBy(certificate, anchor))) {
    return "SignedCert is not signed directly by the key of TrustAnchor.";
  }
  return isValidAt(claimed, nowMs) ? null : "SignedCert is not valid at this time.";
}

function isRsaOfAllowedLength(certificate: x509.X509Certificate): boolean {
  const algorithm = certificate.publicKey.algorithm;
  return (
    algorithm.name.startsWith("RSA") &&
    "modulusLength" in algorithm &&
    ANCHOR_BITS.includes(Number(algorithm.modulusLength))
  );
}

async function isSignedBy(
  certificate: x509.X509Certificate,
  issuer: x509.X509Certificate,
): Promise<boolean> {
  try {
    return await certificate.verify({ publicKey: issuer.publicKey, signatureOnly: true });
  } catch {
    return false; // An algorithm that WebCrypto does not know is no signature for us.
  }
}

function isValidAt({ notBeforeMs, notAfterMs }: ClaimedCertificate, nowMs: number): boolean {
  return notBeforeMs <= nowMs && nowMs <= notAfterMs;
}
