/**
 * The bytes of format 1 as constants: limits, offsets, magic numbers, labels.
 *
 * Spec: FORMAT.md §2, §3, §5.3; a test reads its tables and compares. Nothing is computed here.
 */

export const FORMAT_VERSION = 1;
export const SUITE = 1;

export const MAGIC_BYTES = 8;
export const KEY_BLOCK_MAGIC: Uint8Array = Uint8Array.of(0x89, 72, 70, 75, 13, 10, 26, 10);
export const CONTAINER_MAGIC: Uint8Array = Uint8Array.of(0x89, 72, 70, 67, 13, 10, 26, 10);
export const ENVELOPE_MAGIC: Uint8Array = Uint8Array.of(0x89, 72, 70, 69, 13, 10, 26, 10);

/** Offsets, in bytes, of the fields of each structure. */
export const KEY_BLOCK = {
  magic: 0,
  version: 8,
  suite: 10,
  reserved: 12,
  mkbkId: 16,
  mkbkVersion: 32,
  akbkVersion: 36,
  akbkId: 40,
  pbkId: 56,
  wrappedKeys: 72,
} as const;
export const PROLOGUE = { magic: 0, version: 8, reserved: 10, headerBytes: 12 } as const;
export const ENVELOPE = { magic: 0, version: 8, reserved: 10, clearBytes: 12, clear: 16 } as const;
export const FRAME = { index: 0, last: 4, reserved: 5, payload: 8 } as const;
export const RECORD_FRAME = { recordBytes: 0, type: 4, id: 5, record: 13 } as const;
export const FOOTER = { counts: 0, manifestOffset: 20, stateDigest: 28 } as const;

export const KEY_BYTES = 32;
export const DIGEST_BYTES = 32;
export const MAC_BYTES = 32;
export const KEY_ID_BYTES = 16;
export const SEAL_ID_BYTES = 16;

export const KEY_BLOCK_BYTES = 176;
export const PROLOGUE_BYTES = 16;
export const FRAME_PREFIX_BYTES = 8;
export const RECORD_PREFIX_BYTES = 13;
export const END_MARK_BYTES = 4;
export const FOOTER_BYTES = 60;

export const MAX_HEADER_BYTES = 4096;
export const MAX_HEADER_TEXT_BYTES = 128;
export const MIN_CHUNK_BYTES = 512;
export const MAX_CHUNK_BYTES: number = 16 * 1024;
export const CHUNK_STEP_BYTES = 16;
/** A writer aims at this many chunks, and both sides wrap this many per call. */
export const CHUNKS_PER_BATCH = 32;
export const MIN_RECORD_BYTES = 3;
export const MAX_RECORDS = 65_536;
export const MIN_PAYLOAD_BYTES: number = END_MARK_BYTES + FOOTER_BYTES;
export const MAX_PAYLOAD_BYTES: number = 2 * 1024 * 1024 * 1024;

export const MAX_CLEAR_BYTES: number = 32 * 1024;
export const MAX_ENVELOPE_TEXT_BYTES = 2048;
export const MAX_RECIPIENTS = 8;
/** Kinds that a reader does not know are passed over. */
export const MAX_RECIPIENT_KIND = 0xffff;
/** Of an envelope, and a random nonce each: SP 800-38D §8.3. */
export const MAX_ENVELOPE_NUMBER = 0xffff_ffff;
export const COMMITMENT_BYTES = 32;
export const CHALLENGE_FORMAT = "holdfast-recovery-challenge/1";
export const CHALLENGE_ID_BYTES = 16;
export const ANSWER_BYTES = 16;
export const MAX_WRAPPED_DATA_KEY_BYTES = 6144;
/** RSA-OAEP under a modulus of 3,072 bits. */
export const RSA_WRAP_BYTES = 384;
/** Encapsulation 1,120 ‖ data key 32 ‖ tag 16. */
export const HYBRID_WRAP_BYTES = 1168;
export const NONCE_BYTES = 12;
export const TAG_BYTES = 16;
export const SEALED_KEY_BLOCK_BYTES: number = KEY_BLOCK_BYTES + TAG_BYTES;
export const SEGMENT_BYTES = 65_536;
/**
 * Of the shortest and of the longest container: the longest header, and the longest payload in the
 * shortest chunks.
 */
export const MIN_BODY_BYTES = 177;
export const MAX_BODY_BYTES = 2_215_137_376;
export const MAX_ENVELOPE_BYTES: number =
  ENVELOPE.clear + MAX_CLEAR_BYTES + NONCE_BYTES + SEALED_KEY_BLOCK_BYTES;

/** That of the state digest is in src/hsm/memory/state-digest.ts. */
export const LABEL = {
  mkbkComponent: "holdfast/v1/mkbk-component",
  pbk: "holdfast/v1/pbk",
  pbkId: "holdfast/v1/pbk-id",
  headerMac: "holdfast/v1/header-mac",
  trailerMac: "holdfast/v1/trailer-mac",
  sealBody: "holdfast/v1/seal-body",
  sealEnvelope: "holdfast/v1/seal-envelope",
  sealCommitment: "holdfast/v1/seal-commitment",
  recovery: "holdfast/v1/recovery",
  recoveryHpke: "holdfast/v1/recovery-hpke",
  recoveryCoins: "holdfast/v1/recovery-coins",
  recoveryChallenge: "holdfast/v1/recovery-challenge",
  recoveryAnswer: "holdfast/v1/recovery-answer",
  localKms: "holdfast/v1/local-kms",
} as const;

/** `LABEL(x)` of the specification: the label and one zero byte. Fresh. */
export function labelBytes(label: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(`${label}\0`);
}
