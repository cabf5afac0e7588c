/**
 * A customer's certificate authority, which claims a cluster: by openssl where
 * there is one, else by WebCrypto. RFC 5280.
 */
import "reflect-metadata";
import { randomBytes } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as x509 from "@peculiar/x509";
import { inFreshFolder, openssl } from "./tools.ts";

export const RSA_SHA256 = { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" };
const PUBLIC_EXPONENT = new Uint8Array([1, 0, 1]);
const YEARS = 10;
const DAYS = String(YEARS * 365);

export interface Authority {
  /** PEM, self-signed, RSA-2048: what InitializeCluster takes as the trust anchor. */
  readonly pem: string;
  readonly madeBy: string;
  /** Signs a PEM request; the PEM certificate. */
  sign(csr: string): Promise<string>;
}

/** What is to differ in a certificate from what the request asks for and `Authority` gives. */
export interface CertificateChanges {
  readonly publicKey?: CryptoKey;
  readonly notAfter?: Date;
}

export interface WebCryptoAuthority extends Authority {
  sign(csr: string, changes?: CertificateChanges): Promise<string>;
}

/** What is to differ in the trust anchor. */
export interface AnchorChanges {
  readonly notAfter?: Date;
  readonly extensions?: x509.Extension[];
}

/** An authority of the customer's own, whose key lives no longer than this object. */
export async function customerAuthority(): Promise<Authority> {
  const byOpenssl = opensslAuthority();
  if (byOpenssl !== null) return byOpenssl;
  const algorithm = { ...RSA_SHA256, modulusLength: 2048, publicExponent: PUBLIC_EXPONENT };
  const keys = await crypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  return await webcryptoAuthority(keys, RSA_SHA256);
}

interface AuthorityFiles {
  readonly key: string;
  readonly certificate: string;
  /** A request of the authority itself, to try whether this openssl signs. */
  readonly request: string;
}

/** Null where there is no openssl, or one that lacks what this takes. */
function opensslAuthority(): Authority | null {
  const files = inFreshFolder(opensslFiles);
  if (files === null || opensslSigned(files, files.request) === null) return null;
  return {
    pem: files.certificate,
    madeBy: "openssl",
    sign: async (csr) => {
      const certificate = opensslSigned(files, csr);
      if (certificate === null) throw new Error("openssl did not sign the request of the HSM");
      return certificate;
    },
  };
}

function opensslFiles(folder: string): AuthorityFiles | null {
  const keyFile = join(folder, "ca.key");
  const out = join(folder, "ca.crt");
  const subject = ["-subj", "/O=Holdfast story/CN=Customer CA"];
  const made = openssl(
    ...["req", "-x509", "-new", "-newkey", "rsa:2048", "-nodes", "-keyout", keyFile],
    ...[...subject, "-days", DAYS, "-sha256", "-out", out],
  );
  const request = openssl("req", "-new", "-key", keyFile, ...subject);
  if (made === null || request === null || !existsSync(out)) return null;
  return { key: readFileSync(keyFile, "utf8"), certificate: readFileSync(out, "utf8"), request };
}

/** The certificate for a PEM request; null where openssl fails. */
function opensslSigned({ key, certificate }: AuthorityFiles, csr: string): string | null {
  return inFreshFolder((folder) => {
    const files = { "ca.key": key, "ca.crt": certificate, "hsm.csr": csr };
    for (const [name, text] of Object.entries(files)) {
      writeFileSync(join(folder, name), text, { mode: 0o600 });
    }
    const serial = `0x${randomBytes(8).toString("hex")}`;
    const printed = openssl(
      ...["x509", "-req", "-in", join(folder, "hsm.csr"), "-CA", join(folder, "ca.crt")],
      ...["-CAkey", join(folder, "ca.key"), "-set_serial", serial, "-days", DAYS, "-sha256"],
    );
    return printed?.includes("-----BEGIN CERTIFICATE-----") === true ? printed : null;
  });
}

/** Self-signed with these keys, for ten years, unless `changes` want it otherwise. */
export async function webcryptoAuthority(
  keys: CryptoKeyPair,
  algorithm: Algorithm | EcdsaParams,
  changes: AnchorChanges = {},
): Promise<WebCryptoAuthority> {
  const anchor = await x509.X509CertificateGenerator.createSelfSigned({
    name: "CN=Customer CA, O=Holdfast story",
    ...issuance(changes.notAfter),
    keys,
    signingAlgorithm: algorithm,
    extensions: changes.extensions ?? [new x509.BasicConstraintsExtension(true, undefined, true)],
  });
  return {
    pem: anchor.toString("pem"),
    madeBy: "@peculiar/x509",
    sign: async (csr, other = {}) => {
      const request = new x509.Pkcs10CertificateRequest(csr);
      const certificate = await x509.X509CertificateGenerator.create({
        subject: request.subject,
        issuer: anchor.subject,
        ...issuance(other.notAfter),
        publicKey: other.publicKey ?? request.publicKey,
        signingKey: keys.privateKey,
        signingAlgorithm: algorithm,
      });
      return certificate.toString("pem");
    },
  };
}

/** Serial number and validity; a clock elsewhere may be a little behind. */
function issuance(notAfter: Date | undefined) {
  const now = new Date();
  const end = new Date(now);
  end.setUTCFullYear(now.getUTCFullYear() + YEARS);
  return {
    serialNumber: `01${randomBytes(8).toString("hex")}`,
    notBefore: new Date(now.getTime() - 60_000),
    notAfter: notAfter ?? end,
  };
}
