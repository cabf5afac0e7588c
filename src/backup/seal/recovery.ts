/**
 * The recovery key: the second recipient of a data key, whose private half lies in recovery kits.
 *
 * Spec: FORMAT.md §7.4 (RFC 8017 §7.1, RSA-OAEP with SHA-256 under RSA-3072).
 */
import { encodeHex } from "../../crypto/base-encodings.ts";
import { concatBytes } from "../../crypto/bytes.ts";
import type { Core } from "../../crypto/core.ts";
import { SecretKey } from "../../crypto/secret-key.ts";
import type { PlatformKey, Subtle } from "../../crypto/web-crypto.ts";
import { encodeCbor } from "../format/cbor.ts";
import { keyMismatch } from "../format/errors.ts";
import { KEY_ID_BYTES, LABEL, labelBytes } from "../format/layout.ts";
import { isRecoverySpki } from "../format/recovery-spki.ts";
import { locationTexts, type SealLocation } from "./location.ts";

/** The private half, as a kit holds it. */
export interface RecoveryKey {
  /** 32 hex digits. */
  readonly id: string;
  /** DER. */
  readonly pkcs8: SecretKey;
}

const ALGORITHM = { name: "RSA-OAEP", hash: "SHA-256" };
const MODULUS_BITS = 3072;
const EXPONENT = "010001";

/** The first 16 bytes of SHA-256 of the SubjectPublicKeyInfo, in hexadecimal. */
export function recoveryKeyId(core: Core, spki: Uint8Array): string {
  return encodeHex(core.sha256(spki).subarray(0, KEY_ID_BYTES));
}

/**
 * RSA-OAEP of a data key (32 bytes, borrowed) for `spki` (DER): 384 fresh bytes.
 * @param id - of that key. @throws BackupError `key_mismatch` of a key of another form.
 */
export async function wrapForRecovery(
  subtle: Subtle,
  spki: Uint8Array,
  id: string,
  dataKey: SecretKey,
  location: SealLocation,
  sealId: Uint8Array,
): Promise<Uint8Array> {
  if (!isRecoverySpki(spki)) throw keyMismatch("recovery", id, "refused");
  const publicKey = await subtle.importKey("spki", spki, ALGORITHM, false, ["encrypt"]);
  const algorithm = { name: "RSA-OAEP", label: oaepLabel(location, sealId) };
  const wrapped = await dataKey.use((bytes) => subtle.encrypt(algorithm, publicKey, bytes));
  return new Uint8Array(wrapped);
}

/** The inverse: a fresh data key. @throws BackupError `key_mismatch` of the recovery key. */
export async function unwrapWithRecovery(
  subtle: Subtle,
  key: RecoveryKey,
  wrapped: Uint8Array,
  location: SealLocation,
  sealId: Uint8Array,
): Promise<SecretKey> {
  const privateKey = await importPrivate(subtle, key);
  const algorithm = { name: "RSA-OAEP", label: oaepLabel(location, sealId) };
  try {
    return new SecretKey(new Uint8Array(await subtle.decrypt(algorithm, privateKey, wrapped)));
  } catch {
    // WebCrypto has one error for all that can be wrong with a ciphertext.
    throw keyMismatch("recovery", key.id, "refused");
  }
}

async function importPrivate(subtle: Subtle, key: RecoveryKey): Promise<PlatformKey> {
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

/** LABEL(recovery) ‖ CBOR([the texts of the location, sealId]). */
function oaepLabel(location: SealLocation, sealId: Uint8Array): Uint8Array {
  return concatBytes(labelBytes(LABEL.recovery), encodeCbor([...locationTexts(location), sealId]));
}
