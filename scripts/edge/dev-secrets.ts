/**
 * Development secrets: everything a deployment must be given before it can start, made on the spot.
 *
 * Fit for a laptop and for tests. A real deployment brings its own (docs/DEPLOY.md): there the two
 * key backup keys come from two parties, and one file that holds both would defeat the hierarchy.
 */
import "reflect-metadata";
import { createHash, randomBytes } from "node:crypto";
import * as x509 from "@peculiar/x509";
import { encodeAgePublicKey, encodeAgeSecretKey } from "../../src/backup/format/age-keys.ts";
import { HYBRID_SEED_BYTES } from "../../src/backup/format/hybrid-key.ts";
import { hybridPublicKey } from "../../src/backup/seal/hybrid-kem.ts";
import type { AccessRole } from "../../src/cluster/permissions.ts";
import { encodeBase64, encodeHex } from "../../src/crypto/base-encodings.ts";
import { SecretKey } from "../../src/crypto/secret-key.ts";
import type { RandomBytes } from "../../src/crypto/web-crypto.ts";

/** What `generateSecrets` hands out: the worker's variables, and the recovery kit for the safe. */
export interface DevelopmentSecrets {
  /** One JSON text per variable of the worker (docs/DEPLOY.md), ready for `.dev.vars`. */
  readonly bindings: Record<string, string>;
  /** A `kit/1` document (docs/KIT.md): together with a backup it gives away every key inside. */
  readonly kit: string;
}

/** One access key as the variable ACCESS_KEYS lists it. */
export interface DevelopmentAccessKey {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly account: string;
  readonly role: AccessRole;
}

const ACCOUNT = "123456789012";
const MANUFACTURER_NAME = "Holdfast Development Works";
const OPERATOR_NAME = "Holdfast development fleet";
const ROOT_YEARS = 20;
const BASE32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/**
 * A whole set of secrets for one deployment.
 *
 * @param random - source of every symmetric key, seed and id; the roots come from WebCrypto.
 */
export async function generateSecrets(
  random: RandomBytes = randomBytes,
): Promise<DevelopmentSecrets> {
  const mkbk = [keyVersion(random)];
  const akbk = [keyVersion(random)];
  const recovery = await recoveryKey(random);
  const accessKeys = (["owner", "operator", "auditor"] as const).map((role) =>
    accessKey(role, random),
  );
  const cmk = {
    id: `local/${encodeHex(random(8))}`,
    key: encodeBase64(random(32)),
    state: "active",
  };
  return {
    bindings: {
      ACCESS_KEYS: JSON.stringify(accessKeys),
      MANUFACTURER: JSON.stringify({ name: MANUFACTURER_NAME, mkbk }),
      OPERATOR: JSON.stringify({ name: OPERATOR_NAME, akbk }),
      LOCAL_KMS: JSON.stringify({ keys: [cmk] }),
      STORAGE_KEY: encodeBase64(random(32)),
      RECOVERY_PUBLIC_KEY: recovery.publicKey,
      MANUFACTURER_CA: JSON.stringify({
        manufacturer: await root("Holdfast Development Works Root", random),
        operator: await root("Holdfast Development Fleet Root", random),
      }),
    },
    kit: `${JSON.stringify(
      {
        format: "holdfast-recovery-kit/1",
        createdAt: new Date().toISOString(),
        manufacturer: MANUFACTURER_NAME,
        operator: OPERATOR_NAME,
        recoveryKeys: [{ kind: "hybrid", id: recovery.id, secretKey: recovery.secretKey }],
        mkbk,
        akbk,
        checkpoints: [],
        note: "Development kit. Whoever holds this file and a backup holds every key inside it.",
      },
      null,
      2,
    )}\n`,
  };
}

/** A 256-bit key with a random id, in the shape that keyrings and the kit share. */
function keyVersion(random: RandomBytes) {
  return { id: encodeHex(random(16)), version: 1, state: "active", key: encodeBase64(random(32)) };
}

function accessKey(role: DevelopmentAccessKey["role"], random: RandomBytes): DevelopmentAccessKey {
  const letters = [...random(16)].map((byte) => BASE32[byte % 32]).join("");
  return {
    accessKeyId: `HFDV${letters}`,
    secretAccessKey: encodeBase64(random(30)),
    account: ACCOUNT,
    role,
  };
}

/** A hybrid recovery key, as `age-keygen -pq` would make it (docs/KIT.md §3). */
async function recoveryKey(random: RandomBytes) {
  using seed = new SecretKey(random(HYBRID_SEED_BYTES));
  const publicKey = await hybridPublicKey(seed);
  return {
    id: createHash("sha256").update(publicKey).digest("hex").slice(0, 32),
    publicKey: encodeAgePublicKey(publicKey),
    secretKey: encodeAgeSecretKey(seed),
  };
}

/**
 * A self-signed root. P-256: two RSA roots would not fit the 5 KB that Workers allow a variable.
 */
async function root(commonName: string, random: RandomBytes) {
  const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
  const keys = await crypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const notBefore = new Date();
  const notAfter = new Date(notBefore);
  notAfter.setUTCFullYear(notAfter.getUTCFullYear() + ROOT_YEARS);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: `01${encodeHex(random(15))}`,
    name: `CN=${commonName}, O=${MANUFACTURER_NAME}`,
    notBefore,
    notAfter,
    keys,
    signingAlgorithm: algorithm,
    extensions: [
      new x509.BasicConstraintsExtension(true, 1, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  const pkcs8 = await crypto.subtle.exportKey("pkcs8", keys.privateKey);
  return {
    certificate: certificate.toString("pem"),
    key: x509.PemConverter.encode(pkcs8, x509.PemConverter.PrivateKeyTag),
  };
}
