/**
 * What a new HSM shows of itself: its request for a cluster certificate and the chains of its make.
 *
 * Both roots certify the same hardware key (manufacturer's and operator's word for it), that key
 * signs the HSM certificate, and the HSM certificate holds the key of the request. X.509, RFC 5280.
 */
import { encodeHex } from "../../crypto/base-encodings.ts";
import "reflect-metadata";
import * as x509 from "@peculiar/x509";
import type { HardwareIdentity, ManufactureOrder } from "../contracts/hsm-api.ts";
import type { Authority, Secrets } from "../opening/secrets.ts";

/** An HSM's identity; the private key is HSM-local, never in a backup. */
interface IssuedIdentity {
  readonly identity: HardwareIdentity;
  /** Fresh; PKCS#8, DER: the secret half of the key in the request. The caller wipes it. */
  readonly identityKey: Uint8Array;
}

const RSA_2048 = {
  name: "RSASSA-PKCS1-v1_5",
  modulusLength: 2048,
  publicExponent: new Uint8Array([1, 0, 1]),
  hash: "SHA-256",
};
const P_256 = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
const VALID_YEARS = 10;
const SERIAL_BYTES = 15;
/** Partition of a multi-tenant module; ours have one each. */
const PARTITION = 1;

/**
 * Generates an HSM's keys and issues its certificates under the deployment's two roots.
 *
 * @param random - serial numbers; the key pairs come from WebCrypto.
 */
export async function issueHardwareIdentity(
  secrets: Secrets,
  order: ManufactureOrder,
  nowMs: number,
  random: (length: number) => Uint8Array,
): Promise<IssuedIdentity> {
  const hardwareKeys = await crypto.subtle.generateKey(P_256, true, ["sign", "verify"]);
  const identityKeys = await crypto.subtle.generateKey(RSA_2048, true, ["sign", "verify"]);
  if (!isPair(hardwareKeys) || !isPair(identityKeys)) throw new Error("unreachable: not a pair");
  const maker = secrets.manufacturer.name;
  const { hsmId } = order.location;
  const issue = issuer(nowMs, random);
  const hardware = name(maker, order, `HSM:${hsmId}`);
  const partition = name(maker, order, partitionName(order));
  const { manufacturer, operator } = secrets.manufacturerCa;
  const request = await x509.Pkcs10CertificateRequestGenerator.create({
    name: partition,
    keys: identityKeys,
    signingAlgorithm: RSA_2048,
  });
  const hsmCertificate = await issue({
    subject: partition,
    publicKey: identityKeys.publicKey,
    issuer: hardware,
    signingKey: hardwareKeys.privateKey,
    isAuthority: false,
  });
  const hardwareCertificate = async (root: Authority) => {
    const { subject, key } = await openAuthority(root);
    const { publicKey } = hardwareKeys;
    return issue({
      subject: hardware,
      publicKey,
      issuer: subject,
      signingKey: key,
      isAuthority: true,
    });
  };
  const pkcs8 = await crypto.subtle.exportKey("pkcs8", identityKeys.privateKey);
  if (!(pkcs8 instanceof ArrayBuffer)) throw new Error("unreachable: PKCS#8 is bytes");
  return {
    identity: {
      clusterCsr: request.toString("pem"),
      hsmCertificate,
      awsHardwareCertificate: await hardwareCertificate(operator),
      manufacturerHardwareCertificate: await hardwareCertificate(manufacturer),
    },
    identityKey: new Uint8Array(pkcs8),
  };
}

/** The manner of the service's own requests: `HSM:<id>:PARTN:<n>, for FIPS mode`. */
function partitionName(order: ManufactureOrder): string {
  const mode = order.mode === "FIPS" ? "FIPS" : "non-FIPS";
  return `HSM:${order.location.hsmId}:PARTN:${PARTITION}, for ${mode} mode`;
}

function name(maker: string, order: ManufactureOrder, commonName: string): x509.JsonName {
  return [{ O: [maker] }, { OU: [order.hsmType] }, { CN: [commonName] }];
}

interface Issuance {
  readonly subject: x509.JsonName;
  readonly publicKey: CryptoKey;
  readonly issuer: x509.JsonName;
  readonly signingKey: CryptoKey;
  /** Whether the subject certifies others: the hardware does, the HSM does not. */
  readonly isAuthority: boolean;
}

/** Issues PEM certificates that are valid from `nowMs`, with random serial numbers. */
function issuer(nowMs: number, random: (length: number) => Uint8Array) {
  const notBefore = new Date(nowMs - 60_000); // A client's clock may be a little behind.
  const notAfter = new Date(nowMs);
  notAfter.setUTCFullYear(notAfter.getUTCFullYear() + VALID_YEARS);
  return async (issuance: Issuance): Promise<string> => {
    const usage = issuance.isAuthority
      ? x509.KeyUsageFlags.keyCertSign
      : x509.KeyUsageFlags.digitalSignature;
    const certificate = await x509.X509CertificateGenerator.create({
      serialNumber: `01${encodeHex(random(SERIAL_BYTES))}`,
      subject: new x509.Name(issuance.subject),
      issuer: new x509.Name(issuance.issuer),
      notBefore,
      notAfter,
      publicKey: issuance.publicKey,
      signingKey: issuance.signingKey,
      signingAlgorithm: { ...issuance.signingKey.algorithm, hash: "SHA-256" },
      extensions: [
        new x509.BasicConstraintsExtension(
          issuance.isAuthority,
          issuance.isAuthority ? 0 : undefined,
          true,
        ),
        new x509.KeyUsagesExtension(usage, true),
      ],
    });
    return certificate.toString("pem");
  };
}

/** The name and the signing key of a root: RSA or EC, whichever its certificate says. */
async function openAuthority(root: Authority): Promise<{ subject: x509.JsonName; key: CryptoKey }> {
  const certificate = new x509.X509Certificate(root.certificate);
  const algorithm = { hash: "SHA-256", ...certificate.publicKey.algorithm };
  const pkcs8 = x509.PemConverter.decodeFirst(root.key);
  const key = await crypto.subtle.importKey("pkcs8", pkcs8, algorithm, false, ["sign"]);
  return { subject: certificate.subjectName.toJSON(), key };
}

function isPair(keys: CryptoKey | CryptoKeyPair): keys is CryptoKeyPair {
  return "privateKey" in keys;
}
