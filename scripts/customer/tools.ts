/**
 * Real keys and certificates, made by the tools a machine has: openssl, ssh-keygen, else Node.
 *
 * Private keys that a tool must see as files lie in a fresh folder of the owner's, gone afterwards.
 */
import "reflect-metadata";
import { execFileSync, spawnSync } from "node:child_process";
import { generateKeyPairSync, randomBytes } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { rootCertificates } from "node:tls";
import * as x509 from "@peculiar/x509";

const YEARS = 10;
const DAYS = String(YEARS * 365);
const RSA_SHA256 = { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" };

/** Where operating systems keep the authorities they trust, as one PEM file. */
const CA_BUNDLES = [
  "/etc/ssl/certs/ca-certificates.crt",
  "/etc/pki/tls/certs/ca-bundle.crt",
  "/etc/ssl/cert.pem",
];

export interface CustomerAuthority {
  /** PEM, self-signed, RSA-2048: what InitializeCluster takes as the trust anchor. */
  readonly certificate: string;
  readonly madeBy: string;
  /** Signs a PEM request; returns the PEM certificate. */
  sign(csr: string): Promise<string>;
}

export interface MadeKey {
  /** PKCS#8, PEM. */
  readonly pem: string;
  readonly madeBy: string;
}

function has(tool: string, ...args: string[]): boolean {
  return spawnSync(tool, args, { stdio: "ignore" }).error === undefined;
}

const hasOpenssl = has("openssl", "version");
const hasSshKeygen = has("ssh-keygen", "-?");

function inFreshFolder<T>(work: (folder: string) => T): T {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-"));
  try {
    return work(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function openssl(...args: string[]): string {
  return execFileSync("openssl", args, { stdio: ["ignore", "pipe", "pipe"] }).toString();
}

/** An authority of the customer's own, whose key lives no longer than this object. */
export async function customerAuthority(): Promise<CustomerAuthority> {
  return hasOpenssl ? opensslAuthority() : await webcryptoAuthority();
}

function opensslAuthority(): CustomerAuthority {
  const subject = "/O=Holdfast story/CN=Customer CA";
  const { key, certificate } = inFreshFolder((folder) => {
    const keyFile = join(folder, "ca.key");
    const out = join(folder, "ca.crt");
    openssl(
      ...["req", "-x509", "-new", "-newkey", "rsa:2048", "-nodes", "-keyout", keyFile],
      ...["-subj", subject, "-days", DAYS, "-sha256", "-out", out],
    );
    return { key: readFileSync(keyFile, "utf8"), certificate: readFileSync(out, "utf8") };
  });
  return {
    certificate,
    madeBy: "openssl",
    sign: async (csr) =>
      inFreshFolder((folder) => {
        const files = { "ca.key": key, "ca.crt": certificate, "hsm.csr": csr };
        for (const [name, text] of Object.entries(files)) {
          writeFileSync(join(folder, name), text, { mode: 0o600 });
        }
        return openssl(
          ...["x509", "-req", "-in", join(folder, "hsm.csr"), "-CA", join(folder, "ca.crt")],
          ...[
            "-CAkey",
            join(folder, "ca.key"),
            "-set_serial",
            `0x${randomBytes(8).toString("hex")}`,
          ],
          ...["-days", DAYS, "-sha256"],
        );
      }),
  };
}

async function webcryptoAuthority(): Promise<CustomerAuthority> {
  const keys = await crypto.subtle.generateKey(
    { ...RSA_SHA256, modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]) },
    true,
    ["sign", "verify"],
  );
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: "CN=Customer CA, O=Holdfast story",
    ...validity(),
    keys,
    signingAlgorithm: RSA_SHA256,
    extensions: [new x509.BasicConstraintsExtension(true, undefined, true)],
  });
  return {
    certificate: certificate.toString("pem"),
    madeBy: "@peculiar/x509",
    sign: async (csr) => {
      const request = new x509.Pkcs10CertificateRequest(csr);
      const signed = await x509.X509CertificateGenerator.create({
        subject: request.subject,
        issuer: certificate.subject,
        ...validity(),
        publicKey: request.publicKey,
        signingKey: keys.privateKey,
        signingAlgorithm: RSA_SHA256,
      });
      return signed.toString("pem");
    },
  };
}

function validity(): { serialNumber: string; notBefore: Date; notAfter: Date } {
  const notBefore = new Date();
  const notAfter = new Date(notBefore);
  notAfter.setUTCFullYear(notAfter.getUTCFullYear() + YEARS);
  return { serialNumber: `01${randomBytes(8).toString("hex")}`, notBefore, notAfter };
}

/** A fresh RSA-2048 private key. */
export function rsaKey(): MadeKey {
  if (hasOpenssl) {
    const args = ["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"];
    return { pem: openssl(...args), madeBy: "openssl genpkey" };
  }
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  return { pem: privateKey.export({ type: "pkcs8", format: "pem" }) as string, madeBy: "Node" };
}

/** A fresh P-256 private key. */
export function ecKey(): MadeKey {
  if (hasSshKeygen) {
    const pem = inFreshFolder((folder) => {
      const file = join(folder, "key");
      execFileSync(
        "ssh-keygen",
        ["-q", "-t", "ecdsa", "-b", "256", "-m", "PKCS8", "-N", "", "-C", "", "-f", file],
        { stdio: "ignore" },
      );
      return readFileSync(file, "utf8");
    });
    // Builds of ssh-keygen without PKCS#8 support write their own format instead.
    if (pem.includes("BEGIN PRIVATE KEY")) return { pem, madeBy: "ssh-keygen" };
  }
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  return { pem: privateKey.export({ type: "pkcs8", format: "pem" }) as string, madeBy: "Node" };
}

/** The authorities this machine trusts, one PEM each, and where they were found. */
export function trustedAuthorities(): { certificates: readonly string[]; foundIn: string } {
  const file = CA_BUNDLES.find((path) => existsSync(path));
  if (file === undefined) return { certificates: rootCertificates, foundIn: "Node's own list" };
  const blocks = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g;
  return { certificates: readFileSync(file, "utf8").match(blocks) ?? [], foundIn: file };
}
