/**
 * Prologue and header of a container: where and how a backup was made.
 *
 * Spec: FORMAT.md §3.4. Nothing here is authenticated: the container reader does that, and only
 * then believes what these functions have decoded.
 */

import { concatBytes, viewOf } from "../../crypto/bytes.ts";
import type { HsmMode } from "../../hsm/memory/configuration-record.ts";
import { CborMapReader, encodeCbor, MalformedCbor } from "../format/cbor.ts";
import { BackupError } from "../format/errors.ts";
import {
  CHUNK_STEP_BYTES,
  CHUNKS_PER_BATCH,
  CONTAINER_MAGIC,
  DIGEST_BYTES,
  FORMAT_VERSION,
  FRAME_PREFIX_BYTES,
  MAC_BYTES,
  MAX_CHUNK_BYTES,
  MAX_HEADER_BYTES,
  MAX_HEADER_TEXT_BYTES,
  MAX_PAYLOAD_BYTES,
  MIN_CHUNK_BYTES,
  MIN_PAYLOAD_BYTES,
  PROLOGUE,
  PROLOGUE_BYTES,
} from "../format/layout.ts";
import { verifyFront } from "../format/magic.ts";

/** What a backup says of its own making. */
export interface Origin {
  readonly backupId: string;
  readonly clusterId: string;
  readonly lineageId: string;
  readonly hsmType: string;
  readonly mode: HsmMode;
  readonly region: string;
  readonly createdAtMs: number;
  /** 1 or more. */
  readonly chainNumber: number;
  /** Container digest of the backup before it: 32 bytes, or none for the first of a lineage. */
  readonly previousDigest: Uint8Array;
}

/** The header: the origin, whose hardware, and how the payload is cut. */
export interface Header extends Origin {
  readonly manufacturer: string;
  readonly chunkBytes: number;
  readonly payloadBytes: number;
}

const ALGORITHMS = ["AES-256-KWP", "HMAC-SHA-256", "SHA-256"] as const;
const FIELDS = 13;

/** Prologue and header, fresh. @throws RangeError if a field is outside its limits. */
export function encodeHeader(header: Header): Uint8Array<ArrayBuffer> {
  const body = encodeCbor(
    new Map<number, number | string | Uint8Array | readonly string[]>([
      [1, header.backupId],
      [2, header.clusterId],
      [3, header.lineageId],
      [4, header.hsmType],
      [5, header.mode],
      [6, header.manufacturer],
      [7, header.region],
      [8, header.createdAtMs],
      [9, header.chainNumber],
      [10, header.previousDigest],
      [11, [...ALGORITHMS]],
      [12, header.chunkBytes],
      [13, header.payloadBytes],
    ]),
  );
  const prologue = new Uint8Array(PROLOGUE_BYTES);
  prologue.set(CONTAINER_MAGIC, PROLOGUE.magic);
  viewOf(prologue).setUint16(PROLOGUE.version, FORMAT_VERSION);
  viewOf(prologue).setUint32(PROLOGUE.headerBytes, body.length);
  verifyWritable(body);
  return concatBytes(prologue, body);
}

/**
 * The inverse: the header's fields from its bytes without the prologue.
 * @throws BackupError `header_invalid`: the caller has already checked the bytes' authenticity.
 */
export function decodeHeader(body: Uint8Array): Header {
  try {
    const map = new CborMapReader(body, FIELDS);
    const text = (key: number) => map.field(key).text(MAX_HEADER_TEXT_BYTES);
    const origin = {
      backupId: text(1),
      clusterId: text(2),
      lineageId: text(3),
      hsmType: text(4),
      mode: decodeMode(text(5)),
      manufacturer: text(6),
      region: text(7),
      createdAtMs: map.field(8).integer(0, Number.MAX_SAFE_INTEGER),
      chainNumber: map.field(9).integer(1, Number.MAX_SAFE_INTEGER),
      previousDigest: decodeDigest(map.field(10)),
    };
    verifyAlgorithms(map.field(11));
    const chunkBytes = decodeChunkBytes(map.field(12));
    const payloadBytes = map.field(13).integer(MIN_PAYLOAD_BYTES, MAX_PAYLOAD_BYTES);
    map.end();
    return { ...origin, chunkBytes, payloadBytes };
  } catch (error) {
    if (!(error instanceof MalformedCbor)) throw error;
    throw new BackupError({ code: "header_invalid", why: error.message });
  }
}

/** The header as a hint, before anything of it is authentic: null if it cannot be read. */
export function peekHeader(body: Uint8Array): Header | null {
  try {
    return decodeHeader(body);
  } catch (error) {
    if (error instanceof BackupError) return null;
    throw error;
  }
}

/**
 * Length of the header, from a prologue of 16 bytes or fewer.
 * @throws BackupError `not_ours`, `newer_version`, `truncated`, `header_damaged`.
 */
export function decodePrologue(prologue: Uint8Array): number {
  verifyFront(prologue, CONTAINER_MAGIC, "container");
  if (prologue.length < PROLOGUE_BYTES) {
    const gotBytes = prologue.length;
    throw new BackupError({ code: "truncated", part: "container", expectedBytes: null, gotBytes });
  }
  const view = viewOf(prologue);
  const headerBytes = view.getUint32(PROLOGUE.headerBytes);
  const isAllowed = headerBytes >= 1 && headerBytes <= MAX_HEADER_BYTES;
  if (view.getUint16(PROLOGUE.reserved) !== 0 || !isAllowed) {
    throw new BackupError({ code: "header_damaged" });
  }
  return headerBytes;
}

/** How a payload is cut into frames, and what length that gives the container. */
export interface FramePlan {
  readonly chunkBytes: number;
  readonly frameCount: number;
  /** Bytes of a full frame, and of the last one, as they stand in the container. */
  readonly frameBytes: number;
  readonly lastFrameBytes: number;
  /** Payload bytes of the last frame. */
  readonly lastPayloadBytes: number;
}

/** @param payloadBytes - 1 or more. */
export function planFrames(chunkBytes: number, payloadBytes: number): FramePlan {
  const frameCount = Math.ceil(payloadBytes / chunkBytes);
  const lastPayloadBytes = payloadBytes - (frameCount - 1) * chunkBytes;
  return {
    chunkBytes,
    frameCount,
    frameBytes: wrappedFrameBytes(chunkBytes),
    lastFrameBytes: wrappedFrameBytes(lastPayloadBytes),
    lastPayloadBytes,
  };
}

/** Length of a container in bytes. @param headerBytes - without the prologue. */
export function containerLength(headerBytes: number, plan: FramePlan): number {
  const frames = (plan.frameCount - 1) * plan.frameBytes + plan.lastFrameBytes;
  return PROLOGUE_BYTES + headerBytes + MAC_BYTES + frames + MAC_BYTES;
}

/** A thirty-second part of the payload, rounded up to the step and brought inside the limits. */
export function chooseChunkBytes(payloadBytes: number): number {
  const part = Math.ceil(payloadBytes / CHUNKS_PER_BATCH / CHUNK_STEP_BYTES) * CHUNK_STEP_BYTES;
  return Math.min(Math.max(part, MIN_CHUNK_BYTES), MAX_CHUNK_BYTES);
}

/** KWP of the frame's prefix and `payloadBytes`: 8 bytes more, padded to a multiple of 8. */
function wrappedFrameBytes(payloadBytes: number): number {
  return 8 + FRAME_PREFIX_BYTES + 8 * Math.ceil(payloadBytes / 8);
}

function decodeMode(text: string): HsmMode {
  if (text === "FIPS" || text === "NON_FIPS") return text;
  throw new MalformedCbor("unknown mode");
}

function decodeDigest(field: CborMapReader): Uint8Array {
  const digest = field.bytes(0, DIGEST_BYTES);
  if (digest.length === 0 || digest.length === DIGEST_BYTES) return digest;
  throw new MalformedCbor("field 10: expected 0 or 32 bytes");
}

function decodeChunkBytes(field: CborMapReader): number {
  const chunkBytes = field.integer(MIN_CHUNK_BYTES, MAX_CHUNK_BYTES);
  if (chunkBytes % CHUNK_STEP_BYTES === 0) return chunkBytes;
  throw new MalformedCbor(`field 12: expected a multiple of ${CHUNK_STEP_BYTES}`);
}

function verifyAlgorithms(field: CborMapReader): void {
  field.array(ALGORITHMS.length, ALGORITHMS.length);
  for (const name of ALGORITHMS) {
    if (field.text(MAX_HEADER_TEXT_BYTES) !== name) throw new MalformedCbor("unknown algorithm");
  }
}

/** The caller's mistake, not a bad file: what would not be read back is not written. */
function verifyWritable(body: Uint8Array): void {
  if (body.length > MAX_HEADER_BYTES) {
    throw new RangeError(`header: expected at most ${MAX_HEADER_BYTES} bytes, got ${body.length}`);
  }
  try {
    decodeHeader(body);
  } catch (error) {
    if (!(error instanceof BackupError)) throw error;
    throw new RangeError(`header: ${error.message}`, { cause: error });
  }
}
