/**
 * Makes backups that are wrong in one chosen place and right, keys and MACs too, everywhere else.
 *
 * Every step of FORMAT.md is spelt out, and each has a hook. Fixed inputs give fixed bytes.
 */
import { createCipheriv, createHash, createHmac } from "node:crypto";
import { encode, rfc8949EncodeOptions } from "cborg";
import type { Origin } from "../../../src/backup/container/header.ts";
import { ContainerKeys, wrapKeyBlock } from "../../../src/backup/container/key-block.ts";
import { activePbk, type Keyring } from "../../../src/backup/format/keys.ts";
import {
  CONTAINER_MAGIC,
  ENVELOPE_MAGIC,
  LABEL,
  labelBytes,
} from "../../../src/backup/format/layout.ts";
import {
  encryptionContext,
  isInDeployment,
  locationTexts,
  type SealLocation,
} from "../../../src/backup/seal/location.ts";
import { RECIPIENT, type Recipient } from "../../../src/backup/seal/recipient.ts";
import { wrapForHybrid } from "../../../src/backup/seal/recovery-hybrid.ts";
import type { Core } from "../../../src/crypto/core.ts";
import { SecretKey } from "../../../src/crypto/secret-key.ts";
import type { SnapshotRecord } from "../../../src/hsm/memory/record.ts";
import { STATE_DIGEST_LABEL } from "../../../src/hsm/memory/state-digest.ts";
import {
  counterRandom,
  LOCATION,
  ORIGIN,
  recoveryKey,
  recoveryPublicKey,
  subtle,
  testKms,
  testRing,
} from "../fixtures.ts";
import { rsaOaep } from "./fixed-subtle.ts";

type Change<T> = (value: T) => T | undefined;

/** The pieces of a payload, before they are joined. */
export interface PayloadPieces {
  frames: Uint8Array[];
  endMark: Uint8Array;
  manifest: Uint8Array[];
  footer: Uint8Array;
}

export interface Forgery {
  readonly records: readonly SnapshotRecord[];
  readonly seed?: string;
  readonly ring?: Keyring;
  readonly origin?: Partial<Origin>;
  readonly chunkBytes?: number;
  readonly payload?: Change<PayloadPieces>;
  readonly header?: Change<Map<number, unknown>>;
  /** CBOR of the header; the prologue's length follows it. */
  readonly headerBytes?: Change<Uint8Array>;
  /** Framed plaintexts, before they are wrapped. */
  readonly plainFrames?: Change<Uint8Array[]>;
  readonly frames?: Change<Uint8Array[]>;
}

export interface Forged {
  readonly keyBlock: Uint8Array;
  readonly container: Uint8Array;
  /** Prologue and header. */
  readonly front: Uint8Array;
  readonly payload: Uint8Array;
  /** How many it was made of. */
  readonly records: number;
  readonly plainFrames: readonly Uint8Array[];
  readonly ebk: Uint8Array;
  readonly macKey: Uint8Array;
}

export function u32(value: number): Uint8Array {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

export function u64(value: number): Uint8Array {
  return join(u32(Math.floor(value / 2 ** 32)), u32(value % 2 ** 32));
}

export function join(...parts: Uint8Array[]): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(Buffer.concat(parts));
}

function sha256(...parts: Uint8Array[]): Uint8Array {
  return createHash("sha256").update(Buffer.concat(parts)).digest();
}

export function manifestEntry({ type, id, bytes }: SnapshotRecord): Uint8Array {
  return join(Uint8Array.of(type), u64(id), sha256(bytes));
}

export function recordFrame({ type, id, bytes }: SnapshotRecord): Uint8Array {
  return join(u32(bytes.length), Uint8Array.of(type), u64(id), bytes);
}

function payloadPieces(records: readonly SnapshotRecord[]): PayloadPieces {
  const manifest = records.map(manifestEntry);
  const frames = records.map(recordFrame);
  const counts = [1, 2, 3, 4, 5].map((type) => records.filter((r) => r.type === type).length);
  const offset = frames.reduce((sum, frame) => sum + frame.length, 4);
  const stateDigest = sha256(labelBytes(STATE_DIGEST_LABEL), ...manifest);
  return {
    frames,
    endMark: u32(0),
    manifest,
    footer: join(...counts.map(u32), u64(offset), stateDigest),
  };
}

/** Key block and container by FORMAT.md §3 to §6, with the changes that are asked for. */
export function forge(core: Core, forgery: Forgery): Forged {
  const change = <T>(value: T, by: Change<T> | undefined): T => by?.(value) ?? value;
  const ring = forgery.ring ?? testRing();
  const random = counterRandom(forgery.seed ?? "forge");
  const ebk = random(32);
  const macKey = random(32);
  const pieces = change(payloadPieces(forgery.records), forgery.payload);
  const payload = join(...pieces.frames, pieces.endMark, ...pieces.manifest, pieces.footer);
  const chunkBytes = forgery.chunkBytes ?? 512;
  const origin = { ...ORIGIN, ...forgery.origin };
  const header = change(headerMap(origin, ring, chunkBytes, payload.length), forgery.header);
  const encoded = change(encode(header, rfc8949EncodeOptions), forgery.headerBytes);
  const front = join(CONTAINER_MAGIC, Uint8Array.of(0, 1, 0, 0), u32(encoded.length), encoded);
  const plainFrames = change(cutFrames(payload, chunkBytes), forgery.plainFrames);
  using keys = new ContainerKeys(SecretKey.copyOf(ebk), SecretKey.copyOf(macKey));
  using kek = core.kek(keys.ebk);
  const frames = change(
    plainFrames.map((frame) => kek.kwpWrap(frame)),
    forgery.frames,
  );
  const headerMac = core.hmacSha256(keys.macKey, labelBytes(LABEL.headerMac), front);
  const body = join(front, headerMac, ...frames);
  const trailerMac = core.hmacSha256(keys.macKey, labelBytes(LABEL.trailerMac), core.sha256(body));
  using pbk = activePbk(core, ring);
  const keyBlock = wrapKeyBlock(core, pbk, keys, sha256(front));
  const container = join(body, trailerMac);
  const records = forgery.records.length;
  return { keyBlock, container, front, payload, records, plainFrames, ebk, macKey };
}

function headerMap(origin: Origin, ring: Keyring, chunkBytes: number, payloadBytes: number) {
  return new Map<number, unknown>([
    [1, origin.backupId],
    [2, origin.clusterId],
    [3, origin.lineageId],
    [4, origin.hsmType],
    [5, origin.mode],
    [6, ring.manufacturer],
    [7, origin.region],
    [8, origin.createdAtMs],
    [9, origin.chainNumber],
    [10, origin.previousDigest],
    [11, ["AES-256-KWP", "HMAC-SHA-256", "SHA-256"]],
    [12, chunkBytes],
    [13, payloadBytes],
  ]);
}

function cutFrames(payload: Uint8Array, chunkBytes: number): Uint8Array[] {
  const count = Math.ceil(payload.length / chunkBytes);
  return Array.from({ length: count }, (_, i) => {
    const last = i === count - 1 ? 1 : 0;
    const slice = payload.subarray(i * chunkBytes, (i + 1) * chunkBytes);
    return join(u32(i), Uint8Array.of(last, 0, 0, 0), slice);
  });
}

/** A kind of recipient that version 1 does not have. */
export const UNKNOWN_KIND = 4;

export interface SealForgery {
  readonly seed?: string;
  /** For whom, by kind; by default for the KMS and the kit. */
  readonly recipients?: readonly number[];
  readonly location?: SealLocation;
  readonly envelopeNumber?: number;
  /** Id of the KMS key; the active one by default. */
  readonly cmk?: string;
  readonly dataKeyBytes?: number;
  /** What the seal is told of the container: keys and clear part follow it. */
  readonly containerDigest?: Change<Uint8Array>;
  readonly commitment?: Change<Uint8Array>;
  readonly bodyDigest?: Change<Uint8Array>;
  readonly recipient?: Change<Recipient[]>;
  /** The clear part, before it is encoded. */
  readonly clear?: Change<Map<number, unknown>>;
  /** CBOR of the clear part; the prologue's length follows it. */
  readonly clearBytes?: Change<Uint8Array>;
  /** The container, before it is cut into segments. */
  readonly container?: Change<Uint8Array>;
  readonly body?: Change<Uint8Array>;
}

export interface SealedForgery {
  readonly envelope: Uint8Array;
  readonly body: Uint8Array;
  readonly file: Uint8Array;
  readonly sealId: Uint8Array;
  readonly dataKey: Uint8Array;
}

/** What §7 derives from a data key. */
export function sealKeys(dataKey: Uint8Array, sealId: Uint8Array, containerDigest: Uint8Array) {
  const derive = (label: string) => kdf(dataKey, label, join(sealId, containerDigest));
  return {
    bodyKey: derive(LABEL.sealBody),
    envelopeKey: derive(LABEL.sealEnvelope),
    commitment: derive(LABEL.sealCommitment),
  };
}

/** Seals what `forge` made, by FORMAT.md §7, with the changes that are asked for. */
export async function forgeSeal(
  core: Core,
  { keyBlock, container: given }: Pick<Forged, "keyBlock" | "container">,
  forgery: SealForgery = {},
): Promise<SealedForgery> {
  const change = <T>(value: T, by: Change<T> | undefined): T => by?.(value) ?? value;
  const random = counterRandom(`${forgery.seed ?? "forge"}/seal`);
  const location = forgery.location ?? LOCATION;
  const sealId = random(16);
  const dataKey = random(forgery.dataKeyBytes ?? 32);
  const container = change(given, forgery.container);
  const containerDigest = change(sha256(given), forgery.containerDigest);
  const keys = sealKeys(dataKey, sealId, containerDigest);
  using held = SecretKey.copyOf(dataKey);
  const made: Recipient[] = [];
  for (const kind of forgery.recipients ?? [RECIPIENT.kms, RECIPIENT.recoveryHybrid]) {
    made.push(await wrapFor(core, kind, held, { location, sealId, cmk: forgery.cmk }, random));
  }
  const recipients = change(made, forgery.recipient);
  const sealed = sealSegments(keys.bodyKey, sealId, container);
  const clear = new Map<number, unknown>([
    [1, sealId],
    [2, sealed.length],
    [3, change(sha256(sealed), forgery.bodyDigest)],
    [4, containerDigest],
    [5, change(keys.commitment, forgery.commitment)],
    [6, forgery.envelopeNumber ?? 1],
    [7, locationTexts(location)],
    [8, recipients.map(({ kind, keyId, wrapped }) => [kind, keyId, wrapped])],
  ]);
  const encoded = encode(change(clear, forgery.clear), rfc8949EncodeOptions);
  const clearBytes = change(encoded, forgery.clearBytes);
  const version = Uint8Array.of(0, 1, 0, 0);
  const aad = join(ENVELOPE_MAGIC, version, u32(clearBytes.length), clearBytes);
  const nonce = random(12);
  const envelope = join(aad, nonce, gcm(keys.envelopeKey, nonce, aad, keyBlock));
  const body = change(sealed, forgery.body);
  return { envelope, body, file: join(envelope, body), sealId, dataKey };
}

function sealSegments(bodyKey: Uint8Array, sealId: Uint8Array, container: Uint8Array) {
  const count = Math.ceil(container.length / 65_536);
  const aad = join(labelBytes(LABEL.sealBody), sealId);
  const segments = Array.from({ length: count }, (_, i) => {
    const last = Uint8Array.of(i === count - 1 ? 1 : 0);
    const nonce = join(new Uint8Array(7), u32(i), last);
    return gcm(bodyKey, nonce, aad, container.subarray(i * 65_536, (i + 1) * 65_536));
  });
  return join(...segments);
}

/** SP 800-108r1 §4.1 for the 256 bits of one block. */
function kdf(key: Uint8Array, label: string, context: Uint8Array): Uint8Array {
  const input = join(u32(1), labelBytes(label), context, u32(256));
  return createHmac("sha256", key).update(input).digest();
}

/** Ciphertext and tag. */
function gcm(key: Uint8Array, nonce: Uint8Array, aad: Uint8Array, plain: Uint8Array): Uint8Array {
  const cipher = createCipheriv("aes-256-gcm", key, nonce).setAAD(aad);
  return join(cipher.update(plain), cipher.final(), cipher.getAuthTag());
}

/** With info and coins of FORMAT.md §7.4, spelt out. */
async function hybridWrap(
  core: Core,
  publicKey: Uint8Array,
  dataKey: SecretKey,
  location: SealLocation,
  sealId: Uint8Array,
): Promise<Uint8Array> {
  const texts = locationTexts(location);
  const context = encode([texts, sealId, sha256(publicKey)], rfc8949EncodeOptions);
  using coins = core.kdfCounter(dataKey, LABEL.recoveryCoins, context, 64);
  const bound = encode([...texts, sealId], rfc8949EncodeOptions);
  const info = join(labelBytes(LABEL.recoveryHpke), bound);
  return await wrapForHybrid({ core, subtle }, publicKey, dataKey, info, coins);
}

interface WrapFacts {
  readonly location: SealLocation;
  readonly sealId: Uint8Array;
  /** Id of the KMS key; undefined: the active one. */
  readonly cmk: string | undefined;
}

async function wrapFor(
  core: Core,
  kind: number,
  dataKey: SecretKey,
  { location, sealId, cmk }: WrapFacts,
  random: (length: number) => Uint8Array<ArrayBuffer>,
): Promise<Recipient> {
  switch (kind) {
    case RECIPIENT.kms: {
      const kms = testKms(random, cmk);
      const place = isInDeployment(location) ? location : LOCATION;
      const wrapped = await kms.wrap(dataKey, encryptionContext(place));
      return { kind, keyId: kms.keyId ?? "", wrapped };
    }
    case RECIPIENT.recoveryRsa: {
      const context = encode([...locationTexts(location), sealId], rfc8949EncodeOptions);
      const label = join(labelBytes(LABEL.recovery), context);
      const { bytes: spki } = recoveryPublicKey("rsa");
      const wrapped = dataKey.use((bytes) => rsaOaep(spki, bytes, label, random(32)));
      return { kind, keyId: recoveryKey("rsa").id, wrapped };
    }
    case RECIPIENT.recoveryHybrid: {
      const { bytes } = recoveryPublicKey("hybrid");
      const wrapped = await hybridWrap(core, bytes, dataKey, location, sealId);
      return { kind, keyId: recoveryKey("hybrid").id, wrapped };
    }
    default:
      return { kind, keyId: "a key of another kind", wrapped: random(40) };
  }
}
