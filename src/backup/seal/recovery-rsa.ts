/**
 * A data key wrapped for a recovery key of the RSA kind.
 *
 * Spec: FORMAT.md §7.4 (RFC 8017 §7.1, RSA-OAEP with SHA-256 under RSA-3072). The label binds the wrap
 * to its place, and is the caller's.
 */
import { encodeHex } from "../../crypto/base-encodings.ts";
import { SecretKey } from "../../crypto/secret-key.ts";
import type { PlatformKey, Subtle } from "../../crypto/web-crypto.ts";
import { keyMismatch } from "../format/errors.ts";

/** The private half, as a kit holds it. */
export interface RsaRecoveryKey {
  readonly algorithm: "rsa";
  /** 32 hex digits. */
  readonly id: string;
  /** DER. */
  readonly pkcs8: SecretKey;
}

const ALGORITHM = { name: "RSA-OAEP", hash: "SHA-256" };
const MODULUS_BITS = 3072;
const EXPONENT = "010001";

/**
 * RSA-OAEP of a data key (32 bytes, borrowed): 384 fresh bytes.
 * @param spki - DER, that `isRecoverySpki` takes.
 */
export async function wrapForRsa(
  subtle: Subtle,
  spki: Uint8Array,
  dataKey: SecretKey,
  label: Uint8Array,
): Promise<Uint8Array> {
  const publicKey = await subtle.importKey("spki", spki, ALGORITHM, false, ["encrypt"]);
  const algorithm = { name: "RSA-OAEP", label };
  const wrapped = await dataKey.use((bytes) => subtle.encrypt(algorithm, publicKey, bytes));
  return new Uint8Array(wrapped);
}

/** The inverse: a fresh data key. @throws BackupError `key_mismatch` of the recovery key. */
export async function unwrapWithRsa(
  subtle: Subtle,
  key: RsaRecoveryKey,
  wrapped: Uint8Array,
  label: Uint8Array,
): Promise<SecretKey> {
  const privateKey = await importPrivate(subtle, key);
  const algorithm = { name: "RSA-OAEP", label };
  try {
    return new SecretKey(new Uint8Array(await subtle.decrypt(algorithm, privateKey, wrapped)));
  } catch {
    // WebCrypto has one error for all that can be wrong with a ciphertext.
    throw keyMismatch("recovery", key.id, "refused");
  }
}

async function importPrivate(subtle: Subtle, key: RsaRecoveryKey): Promise<PlatformKey> {
  const imported = await key.pkcs8
    .use((der) => subtle.importKey("pkcs8", der, ALGORITHM, false, ["decrypt"]))
    .catch(() => null);
  if (imported !== null && isOfFormat(imported)) return imported;
  // Not a private key at all, or one of another size: the kit's, not the file's fault, but the same
  // to whoever holds both.
  throw keyMismatch("recovery", key.id, "refused");
}

/** RSA with a modulus of 3,072 bits and the exponent 65,537: FORMAT.md §7.4. */
function isOfFormat({ algorithm }: PlatformKey): boolean {
  return (
    "modulusLength" in algorithm &&
    algorithm.modulusLength === MODULUS_BITS &&
    "publicExponent" in algorithm &&
    algorithm.publicExponent instanceof Uint8Array &&
    encodeHex(algorithm.publicExponent) === EXPONENT
  );
}
