/**
 * The owner's claim on a cluster: its certificate, signed by the owner's trust anchor.
 *
 * Spec: RFC 5280; the CloudHSM rules for InitializeCluster. The anchor is self-signed RSA of 2048
 * or 4096 bits and signed the certificate itself; the certificate holds the key of the request.
 */
import "reflect-metadata";
import * as x509 from "@peculiar/x509";
import { equalBytes } from "../../backup/format/bytes.ts";
import { type Result, refusal, success } from "../contracts/result.ts";

/** PEM, all three. */
interface ClusterClaim {
  readonly clusterCsr: string;
  readonly signedCertificate: string;
  readonly trustAnchor: string;
}

const ANCHOR_BITS = [2048, 4096];

/** Checks a claim at the time `nowMs`; the refusal says which certificate is wrong, and how. */
export async function verifyClusterClaim(
  claim: ClusterClaim,
  nowMs: number,
): Promise<Result<null>> {
  const anchor = parseCertificate(claim.trustAnchor);
  if (anchor === null) return rejected("TrustAnchor is not one X.509 certificate in PEM.");
  const certificate = parseCertificate(claim.signedCertificate);
  if (certificate === null) return rejected("SignedCert is not one X.509 certificate in PEM.");
  const reason =
    (await anchorFault(anchor, nowMs)) ??
    (await certificateFault(certificate, anchor, claim, nowMs));
  return reason === null ? success(null) : rejected(reason);
}

function rejected(message: string): Result<never> {
  return refusal("invalid", "certificate_rejected", message);
}

/** Exactly one certificate: a chain would leave open which of them is meant. */
function parseCertificate(pem: string): x509.X509Certificate | null {
  try {
    const blocks = x509.PemConverter.decodeWithHeaders(pem);
    const [block] = blocks;
    if (blocks.length !== 1 || block === undefined || block.type !== "CERTIFICATE") return null;
    return new x509.X509Certificate(block.rawData);
  } catch {
    return null; // Whatever the parser objects to, the sentence is the same.
  }
}

async function anchorFault(anchor: x509.X509Certificate, nowMs: number): Promise<string | null> {
  if (!isRsaOfAllowedLength(anchor)) {
    return `TrustAnchor must hold an RSA key of ${ANCHOR_BITS.join(" or ")} bits.`;
  }
  if (anchor.subject !== anchor.issuer || !(await isSignedBy(anchor, anchor))) {
    return "TrustAnchor is not self-signed: give the root certificate of the issuing authority.";
  }
  if (!isValidAt(anchor, nowMs)) return "TrustAnchor is not valid at this time.";
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
  certificate: x509.X509Certificate,
  anchor: x509.X509Certificate,
  claim: ClusterClaim,
  nowMs: number,
): Promise<string | null> {
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
  return isValidAt(certificate, nowMs) ? null : "SignedCert is not valid at this time.";
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

function isValidAt(certificate: x509.X509Certificate, nowMs: number): boolean {
  return certificate.notBefore.getTime() <= nowMs && nowMs <= certificate.notAfter.getTime();
}
