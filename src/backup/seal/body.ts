/**
 * The body: a container sealed in segments under the body key, and opened again.
 *
 * Spec: FORMAT.md §7.2 (AES-256-GCM by WebCrypto). What passes through is wrapped already; each
 * byte out of `open` is authentic as part of its segment, not yet of its container.
 */

import { concatBytes, equalBytes, viewOf } from "../../crypto/bytes.ts";
import type { Core } from "../../crypto/core.ts";
import type { SecretKey } from "../../crypto/secret-key.ts";
import type { PlatformKey, Subtle } from "../../crypto/web-crypto.ts";
import { BackupError } from "../format/errors.ts";
import { LABEL, labelBytes, NONCE_BYTES, SEGMENT_BYTES, TAG_BYTES } from "../format/layout.ts";
import { verifyLength } from "../format/magic.ts";
import { type GcmParameters, importGcmKey, openGcm, sealGcm } from "./aes-gcm.ts";

/** Pieces of any size, from memory or from a stream. */
export type Pieces = Iterable<Uint8Array> | AsyncIterable<Uint8Array>;

/** What an envelope says of a body. */
export interface SealedBody {
  readonly bodyBytes: number;
  /** SHA-256 of the body, 32 bytes. */
  readonly bodyDigest: Uint8Array;
}

/** The key of a body and the seal it belongs to. */
export interface BodyKeys {
  /** 32 bytes. */
  readonly bodyKey: SecretKey;
  /** 16 bytes. */
  readonly sealId: Uint8Array;
  /** 32 bytes, of the container. */
  readonly containerDigest: Uint8Array;
}

const SEALED_SEGMENT_BYTES: number = SEGMENT_BYTES + TAG_BYTES;

/** Length of the body of a container of `containerBytes`, 1 or more. */
export function sealedBodyBytes(containerBytes: number): number {
  return containerBytes + TAG_BYTES * Math.ceil(containerBytes / SEGMENT_BYTES);
}

/**
 * The inverse: length of the container in a body of `bodyBytes`; null if no container gives that.
 */
export function openedBodyBytes(bodyBytes: number): number | null {
  const segments = Math.ceil(bodyBytes / SEALED_SEGMENT_BYTES);
  const containerBytes = bodyBytes - TAG_BYTES * segments;
  const isPossible = containerBytes >= 1 && sealedBodyBytes(containerBytes) === bodyBytes;
  return isPossible ? containerBytes : null;
}

/** Seals one container once, and only that of the digest that its keys are of. */
export class BodySealer {
  /** Exact length of what `seal` yields. */
  readonly byteLength: number;
  readonly #core: Core;
  readonly #segments: SegmentCipher;
  readonly #containerDigest: Uint8Array;
  #digest: Uint8Array | null = null;

  /** @param keys - borrowed until `seal` has ended. */
  constructor(core: Core, subtle: Subtle, keys: BodyKeys, containerBytes: number) {
    this.byteLength = sealedBodyBytes(containerBytes);
    this.#core = core;
    this.#segments = new SegmentCipher(subtle, keys, this.byteLength);
    this.#containerDigest = keys.containerDigest;
  }

  /** Length and digest of the body. @throws TypeError before `seal` has ended. */
  sealed(): SealedBody {
    if (this.#digest === null) throw new TypeError("sealed: the body is not written");
    return { bodyBytes: this.byteLength, bodyDigest: this.#digest };
  }

  /**
   * The body, in fresh pieces of one segment each.
   * @param container - pieces that are together as long as announced, else RangeError.
   * @throws BackupError `verification_failed`, before the last segment, if this is another container
   *   than the keys are of: the seal is to be given up, as its body key must meet one plaintext only.
   */
  async *seal(container: Pieces): AsyncGenerator<Uint8Array<ArrayBuffer>> {
    using digest = this.#core.sha256Stream();
    using containerDigest = this.#core.sha256Stream();
    let index = 0;
    let given = 0;
    for await (const segment of cut(container, SEGMENT_BYTES)) {
      given += segment.length + TAG_BYTES;
      if (given > this.byteLength) break;
      containerDigest.update(segment);
      if (given === this.byteLength) this.#verifyContainer(containerDigest.digest());
      const sealed = await this.#segments.seal(index, segment);
      digest.update(sealed);
      index += 1;
      yield sealed;
    }
    if (given !== this.byteLength) {
      throw new RangeError(`container: expected ${this.byteLength} sealed bytes, got ${given}`);
    }
    this.#digest = digest.digest();
  }

  /** @throws BackupError `verification_failed`. */
  #verifyContainer(digest: Uint8Array): void {
    if (equalBytes(digest, this.#containerDigest)) return;
    const why = "other bytes came to be sealed than were read back";
    throw new BackupError({ code: "verification_failed", why });
  }
}

/** Opens one body. */
export class BodyOpener {
  readonly #core: Core;
  readonly #segments: SegmentCipher;
  readonly #body: SealedBody;

  /** @param keys - borrowed until `open` has ended. @param body - what the envelope says of it. */
  constructor(core: Core, subtle: Subtle, keys: BodyKeys, body: SealedBody) {
    this.#core = core;
    this.#body = body;
    this.#segments = new SegmentCipher(subtle, keys, body.bodyBytes);
  }

  /**
   * The container, in fresh pieces of one segment each; the digest is checked after the last.
   * @throws BackupError `body_damaged`, `truncated`, `trailing_data`, `body_digest_mismatch`.
   */
  async *open(body: Pieces): AsyncGenerator<Uint8Array<ArrayBuffer>> {
    const { bodyBytes, bodyDigest } = this.#body;
    using digest = this.#core.sha256Stream();
    let index = 0;
    let taken = 0;
    for await (const sealed of cut(body, SEALED_SEGMENT_BYTES)) {
      taken += sealed.length;
      if (taken > bodyBytes) verifyLength(bodyBytes, taken, "body");
      if (sealed.length < SEALED_SEGMENT_BYTES && taken < bodyBytes) break;
      digest.update(sealed);
      yield await this.#segments.open(index, sealed);
      index += 1;
    }
    verifyLength(bodyBytes, taken, "body");
    if (!equalBytes(digest.digest(), bodyDigest)) {
      throw new BackupError({ code: "body_digest_mismatch" });
    }
  }
}

/** AES-256-GCM of the segments of one body. */
class SegmentCipher {
  readonly #subtle: Subtle;
  readonly #bodyKey: SecretKey;
  readonly #additionalData: Uint8Array;
  readonly #lastIndex: number;
  #imported: Promise<PlatformKey> | null = null;

  constructor(subtle: Subtle, keys: BodyKeys, bodyBytes: number) {
    this.#subtle = subtle;
    this.#bodyKey = keys.bodyKey;
    this.#additionalData = concatBytes(labelBytes(LABEL.sealBody), keys.sealId);
    this.#lastIndex = Math.ceil(bodyBytes / SEALED_SEGMENT_BYTES) - 1;
  }

  async seal(index: number, segment: Uint8Array): Promise<Uint8Array<ArrayBuffer>> {
    return await sealGcm(this.#subtle, await this.#key(), this.#parameters(index), segment);
  }

  async open(index: number, sealed: Uint8Array): Promise<Uint8Array<ArrayBuffer>> {
    const segment = await openGcm(this.#subtle, await this.#key(), this.#parameters(index), sealed);
    if (segment !== null) return segment;
    throw new BackupError({ code: "body_damaged", segment: index });
  }

  #key(): Promise<PlatformKey> {
    this.#imported ??= importGcmKey(this.#subtle, this.#bodyKey);
    return this.#imported;
  }

  /** nonce = 7 zero bytes ‖ index u32 ‖ last u8. */
  #parameters(index: number): GcmParameters {
    const nonce = new Uint8Array(NONCE_BYTES);
    viewOf(nonce).setUint32(7, index);
    nonce[11] = index === this.#lastIndex ? 1 : 0;
    return { nonce, additionalData: this.#additionalData };
  }
}

/** The same bytes in fresh pieces of `pieceBytes`, the last one shorter unless it fits. */
async function* cut(pieces: Pieces, pieceBytes: number): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  let piece = new Uint8Array(pieceBytes);
  let filled = 0;
  for await (const bytes of pieces) {
    for (let at = 0; at < bytes.length; ) {
      const taken = bytes.subarray(at, at + pieceBytes - filled);
      piece.set(taken, filled);
      filled += taken.length;
      at += taken.length;
      if (filled < pieceBytes) continue;
      yield piece;
      piece = new Uint8Array(pieceBytes);
      filled = 0;
    }
  }
  if (filled > 0) yield piece.subarray(0, filled);
}
