/**
 * AES-256-GCM under a key of ours, as every layer of a seal uses it: envelope, body, local CMK.
 *
 * Spec: FORMAT.md §7.2, §7.3, §7.4 (SP 800-38D by WebCrypto). Callers keep nonces apart.
 */
import type { SecretKey } from "../../crypto/secret-key.ts";
import type { PlatformKey, Subtle, SubtleAlgorithm } from "../../crypto/web-crypto.ts";
import { TAG_BYTES } from "../format/layout.ts";

/** What one message is sealed with, besides its key. */
export interface GcmParameters {
  /** 12 bytes, never used twice under one key. */
  readonly nonce: Uint8Array;
  readonly additionalData: Uint8Array;
}

/** @param key - borrowed, 32 bytes. @returns the platform's copy, which cannot be exported. */
export function importGcmKey(subtle: Subtle, key: SecretKey): Promise<PlatformKey> {
  return key.use((bytes) =>
    subtle.importKey("raw", bytes, { name: "AES-GCM" }, false, ["encrypt", "decrypt"]),
  );
}

/** The ciphertext and behind it the tag, 16 bytes: fresh. */
export async function sealGcm(
  subtle: Subtle,
  key: PlatformKey,
  parameters: GcmParameters,
  plaintext: Uint8Array,
): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await subtle.encrypt(algorithmOf(parameters), key, plaintext));
}

/** The inverse: fresh plaintext, or null if the tag does not hold. */
export async function openGcm(
  subtle: Subtle,
  key: PlatformKey,
  parameters: GcmParameters,
  sealed: Uint8Array,
): Promise<Uint8Array<ArrayBuffer> | null> {
  try {
    return new Uint8Array(await subtle.decrypt(algorithmOf(parameters), key, sealed));
  } catch {
    // WebCrypto has one error for a tag that does not hold and for fewer bytes than a tag has.
    return null;
  }
}

function algorithmOf({ nonce, additionalData }: GcmParameters): SubtleAlgorithm {
  return { name: "AES-GCM", iv: nonce, additionalData, tagLength: 8 * TAG_BYTES };
}
