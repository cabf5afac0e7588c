/**
 * Real keys and certificates, by the tools a machine has: openssl, ssh-keygen, else Node.
 *
 * A tool that is absent, fails, or is another of that name is passed over. Private keys that a tool
 * must see as files lie in a fresh folder of the owner's, gone afterwards.
 */
import { spawnSync } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { rootCertificates } from "node:tls";

/** Where operating systems keep the authorities they trust, as one PEM file. */
const CA_BUNDLES = [
  "/etc/ssl/certs/ca-certificates.crt",
  "/etc/pki/tls/certs/ca-bundle.crt",
  "/etc/ssl/cert.pem",
];

export interface MadeKey {
  /** PKCS#8, PEM. */
  readonly pem: string;
  readonly madeBy: string;
}

/** The folder is gone when `work` has ended. */
export function inFreshFolder<T>(work: (folder: string) => T): T {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-"));
  try {
    return work(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** What the tool prints, or null where there is none or it fails. */
function run(tool: string, args: readonly string[]): string | null {
  const { status, stdout } = spawnSync(tool, args, {
    stdio: ["ignore", "pipe", "ignore"],
    encoding: "utf8",
  });
  return status === 0 ? stdout : null;
}

/** What it prints, or null where there is no openssl or it fails. */
export function openssl(...args: string[]): string | null {
  return run("openssl", args);
}

// Not "PRIVATE KEY" anywhere: RSA, EC and OpenSSH have forms of their own.
function isPkcs8(pem: string | null): pem is string {
  return pem?.includes("-----BEGIN PRIVATE KEY-----") === true;
}

/** A fresh RSA-2048 private key. */
export function rsaKey(): MadeKey {
  const pem = openssl("genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048");
  if (isPkcs8(pem)) return { pem, madeBy: "openssl genpkey" };
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  return { pem: privateKey.export({ type: "pkcs8", format: "pem" }) as string, madeBy: "Node" };
}

/** A fresh P-256 private key. */
export function ecKey(): MadeKey {
  const pem = inFreshFolder((folder) => {
    const file = join(folder, "key");
    const form = ["-t", "ecdsa", "-b", "256", "-m", "PKCS8"];
    const made = run("ssh-keygen", ["-q", ...form, "-N", "", "-C", "", "-f", file]);
    return made === null || !existsSync(file) ? null : readFileSync(file, "utf8");
  });
  // Builds of ssh-keygen without PKCS#8 support write their own format instead.
  if (isPkcs8(pem)) return { pem, madeBy: "ssh-keygen" };
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
