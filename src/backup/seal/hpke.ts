/**
 * HPKE in base mode for one message: the key schedule over a shared secret, then AES-256-GCM.
 *
 * RFC 9180 §5.1, §5.2, with KDF HKDF-SHA256 and AEAD AES-256-GCM; FORMAT.md §7.4. The KEM is the
 * caller's. No associated data, sequence number 0, no export.
 */
import { concatBytes } from "../../crypto/bytes.ts";
import type { Core } from "../../crypto/core.ts";
import { SecretKey } from "../../crypto/secret-key.ts";
import type { Subtle } from "../../crypto/web-crypto.ts";
import { KEY_BYTES, NONCE_BYTES } from "../format/layout.ts";
import { importGcmKey, openGcm, sealGcm } from "./aes-gcm.ts";

export interface HpkePlatform {
  readonly core: Core;
  readonly subtle: Subtle;
}

/** What one message is sealed with. Disposal wipes it. */
export interface HpkeKeys extends Disposable {
  /** 32 bytes. */
  readonly key: SecretKey;
  /** 12 bytes: RFC 9180 draws it from the shared secret, and treats it as one. */
  readonly baseNonce: SecretKey;
}

const MODE_BASE = 0;
const KDF_HKDF_SHA256 = 1;
const AEAD_AES_256_GCM = 2;

const VERSION = ascii("HPKE-v1");
const NOTHING = new Uint8Array(0);

/** `suite_id`: "HPKE" and the numbers of KEM, KDF and AEAD, two bytes each. */
export function suiteId(kem: number): Uint8Array {
  return concatBytes(ascii("HPKE"), ...[kem, KDF_HKDF_SHA256, AEAD_AES_256_GCM].map(twoBytes));
}

/** KeySchedule of RFC 9180 §5.1, mode base. @param sharedSecret - borrowed. */
export function keySchedule(
  core: Core,
  suite: Uint8Array,
  sharedSecret: SecretKey,
  info: Uint8Array,
): HpkeKeys {
  const labels = { core, suite };
  // No salt is that of 32 zero bytes (RFC 5869 §2.2), and the same key of HMAC.
  using noSalt = new SecretKey(new Uint8Array(KEY_BYTES));
  const context = concatBytes(
    Uint8Array.of(MODE_BASE),
    labeledExtract(labels, noSalt, "psk_id_hash", NOTHING),
    labeledExtract(labels, noSalt, "info_hash", info),
  );
  using secret = new SecretKey(labeledExtract(labels, sharedSecret, "secret", NOTHING));
  const key = labeledExpand(labels, secret, "key", context, KEY_BYTES);
  const baseNonce = labeledExpand(labels, secret, "base_nonce", context, NONCE_BYTES);
  return {
    key,
    baseNonce,
    [Symbol.dispose](): void {
      key[Symbol.dispose]();
      baseNonce[Symbol.dispose]();
    },
  };
}

/**
 * The one message of a shared secret: ciphertext and tag, fresh.
 * @param plaintext - borrowed.
 */
export async function sealMessage(
  { core, subtle }: HpkePlatform,
  suite: Uint8Array,
  sharedSecret: SecretKey,
  info: Uint8Array,
  plaintext: SecretKey,
): Promise<Uint8Array<ArrayBuffer>> {
  using keys = keySchedule(core, suite, sharedSecret, info);
  const key = await importGcmKey(subtle, keys.key);
  return await keys.baseNonce.use((nonce) =>
    plaintext.use((bytes) => sealGcm(subtle, key, { nonce, additionalData: NOTHING }, bytes)),
  );
}

/** The inverse: fresh plaintext, or null if the tag does not hold. */
export async function openMessage(
  { core, subtle }: HpkePlatform,
  suite: Uint8Array,
  sharedSecret: SecretKey,
  info: Uint8Array,
  sealed: Uint8Array,
): Promise<Uint8Array<ArrayBuffer> | null> {
  using keys = keySchedule(core, suite, sharedSecret, info);
  const key = await importGcmKey(subtle, keys.key);
  return await keys.baseNonce.use((nonce) =>
    openGcm(subtle, key, { nonce, additionalData: NOTHING }, sealed),
  );
}

interface Labels {
  readonly core: Core;
  readonly suite: Uint8Array;
}

/** LabeledExtract (RFC 9180 §4): 32 fresh bytes. */
function labeledExtract(
  { core, suite }: Labels,
  salt: SecretKey,
  label: string,
  input: Uint8Array,
): Uint8Array {
  return core.hmacSha256(salt, VERSION, suite, ascii(label), input);
}

/** LabeledExpand (RFC 9180 §4) of up to 32 bytes: the first block of RFC 5869 §2.3, cut. */
function labeledExpand(
  { core, suite }: Labels,
  secret: SecretKey,
  label: string,
  context: Uint8Array,
  length: number,
): SecretKey {
  const input = [twoBytes(length), VERSION, suite, ascii(label), context, Uint8Array.of(1)];
  const block = core.hmacSha256(secret, ...input);
  const cut = SecretKey.copyOf(block.subarray(0, length));
  block.fill(0);
  return cut;
}

function twoBytes(value: number): Uint8Array {
  return Uint8Array.of(value >> 8, value & 255);
}

function ascii(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
