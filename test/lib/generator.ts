/**
 * Contents for an HSM of any size, up to a full hsm2m.medium: import requests, users, certificates.
 *
 * The same seed gives the same names and keys; RSA keys are a few, the same for every seed. Worst cases
 * of every kind of record are among them.
 */
import "reflect-metadata";
import { createECDH, createHash } from "node:crypto";
import * as x509 from "@peculiar/x509";
import { SecretKey } from "../../src/crypto/secret-key.ts";
import {
  DEFAULT_PASSWORD_COST,
  deriveVerifier,
  type PasswordCost,
  type PasswordVerifier,
} from "../../src/hsm/access/passwords.ts";
import type { UserImport } from "../../src/hsm/access/user-import.ts";
import type { Hsm } from "../../src/hsm/hsm.ts";
import type { KeyImport } from "../../src/hsm/keys/import.ts";
import { MAX_IMPORT_BATCH, MAX_LABEL_BYTES } from "../../src/hsm/rules/limits.ts";
import { rsaKey } from "./rsa-keys.ts";

export interface ClusterSize {
  /** All keys, worst cases included: 16,666 for a full hsm2m.medium. */
  readonly keys: number;
  /** All users, with `admin` and `app_user` which are there already: 1,024 for a full HSM. */
  readonly users: number;
  readonly seed?: string;
  /** Default 600,000 rounds; must be at least what the HSM asks for. */
  readonly passwordCost?: PasswordCost;
}

export interface GeneratedCluster {
  /** Without `admin` and `app_user`. The first is `OWNER`, a CU. */
  readonly users: readonly UserImport[];
  /** To be imported by `OWNER`, in this order. */
  readonly keys: readonly KeyImport[];
  /** Place in `keys` of the key to be shared with every other CU. */
  readonly sharedKey: number;
  readonly certificatesPem: string;
}

/** Users share one real verifier, so this password opens every one of them. */
export const GENERATED_PASSWORD = "generated-passphrase";
export const OWNER = "crypto_user_0001";

/** Of 16,666: 13,333 AES, 3,233 P-256, 100 RSA. */
const FULL = { keys: 16_666, ec: 3_233, rsa: 100 };

export async function generateFullCluster(size: ClusterSize): Promise<GeneratedCluster> {
  const seed = size.seed ?? "holdfast";
  return {
    users: await generateUsers(size, seed),
    keys: generateKeys(size.keys, seed),
    sharedKey: 0,
    certificatesPem: await generateLargestCertificate(),
  };
}

/** Imports all of it into an activated HSM. @param adminToken - a session of a CO. */
export async function importFullCluster(
  hsm: Hsm,
  cluster: GeneratedCluster,
  adminToken: string,
): Promise<void> {
  for (const batch of batches(cluster.users)) hsm.importUsers(adminToken, batch);
  const { token } = await hsm.login(OWNER, GENERATED_PASSWORD);
  const handles: number[] = [];
  for (const batch of batches(cluster.keys)) handles.push(...(await hsm.importKeys(token, batch)));
  const shared = handles[cluster.sharedKey];
  for (const { username, role } of cluster.users.slice(1)) {
    if (shared !== undefined && role === "CU") hsm.shareKey(token, shared, username);
  }
  await hsm.importCertificates(token, cluster.certificatesPem);
  hsm.logout(token);
}

export function* batches<T>(items: readonly T[], size: number = MAX_IMPORT_BATCH): Generator<T[]> {
  for (let at = 0; at < items.length; at += size) yield items.slice(at, at + size);
}

/** One CO for every hundred users, the rest CUs; names as long as they may be for the last. */
async function generateUsers(size: ClusterSize, seed: string): Promise<UserImport[]> {
  const cost = size.passwordCost ?? DEFAULT_PASSWORD_COST;
  const salt = deterministicBytes(seed, "salt", 16);
  const digest = await deriveVerifier(globalThis.crypto.subtle, GENERATED_PASSWORD, salt, cost);
  const verifier: PasswordVerifier = { salt, cost, digest };
  const count = Math.max(1, size.users - 2);
  return Array.from({ length: count }, (_, i) => {
    const number = String(i + 1).padStart(4, "0");
    const role = (i + 1) % 100 === 0 ? "CO" : "CU";
    const name = role === "CO" ? `officer_${number}` : `crypto_user_${number}`;
    const isLast = i === count - 1 && i > 0;
    return { username: isLast ? name.padEnd(31, "x") : name, role, verifier };
  });
}

function generateKeys(count: number, seed: string): KeyImport[] {
  const rsa = Math.min(count, Math.ceil((count * FULL.rsa) / FULL.keys));
  const ec = Math.min(count - rsa, Math.round((count * FULL.ec) / FULL.keys));
  const aes = count - rsa - ec;
  return [
    ...Array.from({ length: aes }, (_, i) => aesKey(seed, i)),
    ...Array.from({ length: ec }, (_, i) => ecKey(seed, i)),
    ...Array.from({ length: rsa }, (_, i) => rsaImport(i, rsa)),
  ];
}

/** The first has the largest label and id, and is the one that is shared with everybody. */
function aesKey(seed: string, i: number): KeyImport {
  const sizes = [32, 32, 16, 24];
  const key = new SecretKey(deterministicBytes(seed, `aes ${i}`, sizes[i % 4] ?? 32));
  return {
    material: { format: "raw", type: "aes", key },
    attributes: {
      label: i === 0 ? "ü".repeat(MAX_LABEL_BYTES / 2) : `aes-${i}`,
      id: i === 0 ? "ab".repeat(128) : i.toString(16).padStart(8, "0"),
      encrypt: true,
      decrypt: true,
      extractable: i % 2 === 0,
    },
  };
}

function ecKey(seed: string, i: number): KeyImport {
  // A scalar below 2^255 is below the order of P-256, and never 0 here.
  const scalar = deterministicBytes(seed, `ec ${i}`, 32);
  scalar[0] = 0x40 | ((scalar[0] ?? 0) & 0x3f);
  return {
    material: { format: "pkcs8", key: new SecretKey(encodeP256(scalar)) },
    attributes: { label: `p256-${i}`, id: `ec${i.toString(16).padStart(6, "0")}`, sign: true },
  };
}

/** PKCS#8 of a P-256 key: constant but for scalar and point (RFC 5208, RFC 5915). */
function encodeP256(scalar: Uint8Array): Uint8Array {
  const ecdh = createECDH("prime256v1");
  ecdh.setPrivateKey(scalar);
  const head = "308187020100301306072a8648ce3d020106082a8648ce3d030107046d306b0201010420";
  const middle = "a144034200";
  return Uint8Array.from(
    Buffer.concat([
      Buffer.from(head, "hex"),
      scalar,
      Buffer.from(middle, "hex"),
      ecdh.getPublicKey(),
    ]),
  );
}

/** A few keys of 2,048 bits and, first, one of 4,096: PKCS#8. */
const POOL = [rsaKey(4096), rsaKey(2048, 1), rsaKey(2048, 2), rsaKey(2048, 3)].map((key) =>
  Uint8Array.from(key.export({ format: "der", type: "pkcs8" })),
);

function rsaImport(i: number, count: number): KeyImport {
  const keys = POOL.slice(0, count);
  // The largest once; the others in turn.
  const place = i === 0 ? 0 : 1 + (i % Math.max(1, keys.length - 1));
  const pkcs8 = keys[place] ?? keys[0];
  if (pkcs8 === undefined) throw new RangeError("keys: expected at least one key");
  return {
    material: { format: "pkcs8", key: SecretKey.copyOf(pkcs8) },
    attributes: { label: `rsa-${i}`, id: `0${i % 10}`, sign: true, verify: true, decrypt: true },
  };
}

/**
 * A self-signed certificate whose PEM text is as near to 20,000 characters as its length allows.
 */
async function generateLargestCertificate(): Promise<string> {
  const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
  const keys = await globalThis.crypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const make = async (padding: number): Promise<string> => {
    const certificate = await x509.X509CertificateGenerator.createSelfSigned(
      {
        serialNumber: "01",
        name: "CN=largest",
        notBefore: new Date("2026-01-01T00:00:00Z"),
        notAfter: new Date("2036-01-01T00:00:00Z"),
        signingAlgorithm: algorithm,
        keys,
        extensions: [new x509.Extension("1.3.6.1.4.1.99999.1", false, new Uint8Array(padding))],
      },
      globalThis.crypto,
    );
    return `${certificate.toString("pem")}\n`;
  };
  // 48 bytes of DER make a line of 65 characters; an ECDSA signature varies by a few bytes.
  return await make(14_300);
}

/** SHA-256 in counter mode: the generator's only source of bytes. */
function deterministicBytes(seed: string, purpose: string, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length; at += 32) {
    const digest = createHash("sha256").update(`${seed}\0${purpose}\0${at}`).digest();
    bytes.set(digest.subarray(0, Math.min(32, length - at)), at);
  }
  return bytes;
}
