/**
 * The envelope: where a copy is held, the data key for its recipients, and the sealed key block.
 *
 * Spec: FORMAT.md §7.3. What `decodeEnvelope` returns is a hint until `openEnvelope` has succeeded.
 */

import { concatBytes, viewOf } from "../../crypto/bytes.ts";
import type { SecretKey } from "../../crypto/secret-key.ts";
import type { RandomBytes, Subtle } from "../../crypto/web-crypto.ts";
import { CborMapReader, encodeCbor, MalformedCbor } from "../format/cbor.ts";
import { BackupError } from "../format/errors.ts";
import {
  COMMITMENT_BYTES,
  DIGEST_BYTES,
  ENVELOPE,
  ENVELOPE_MAGIC,
  FORMAT_VERSION,
  HYBRID_WRAP_BYTES,
  KEY_BLOCK_BYTES,
  MAX_BODY_BYTES,
  MAX_CLEAR_BYTES,
  MAX_ENVELOPE_NUMBER,
  MAX_ENVELOPE_TEXT_BYTES,
  MAX_RECIPIENT_KIND,
  MAX_RECIPIENTS,
  MAX_WRAPPED_DATA_KEY_BYTES,
  MIN_BODY_BYTES,
  NONCE_BYTES,
  RSA_WRAP_BYTES,
  SEAL_ID_BYTES,
  SEALED_KEY_BLOCK_BYTES,
} from "../format/layout.ts";
import { verifyFront } from "../format/magic.ts";
import { importGcmKey, openGcm, sealGcm } from "./aes-gcm.ts";
import { openedBodyBytes, type SealedBody } from "./body.ts";
import { isInDeployment, locationTexts, type SealLocation } from "./location.ts";
import { RECIPIENT, type Recipient, type SealAddress } from "./recipient.ts";

/** The clear part. */
export interface EnvelopeClear extends SealAddress, SealedBody {}

/** An envelope cut into its parts. */
export interface DecodedEnvelope {
  readonly clear: EnvelopeClear;
  /** Length of the whole envelope: the body follows it in a sealed file. */
  readonly byteLength: number;
  /** Everything before the nonce, fresh: the associated data. */
  readonly authenticated: Uint8Array;
  readonly nonce: Uint8Array;
  readonly sealedKeyBlock: Uint8Array;
}

export interface EnvelopeKeys {
  /** 32 bytes. */
  readonly envelopeKey: SecretKey;
}

const FIELDS = 8;
/** How long a wrap is, where its kind says so. */
const WRAP_BYTES: ReadonlyMap<number, number> = new Map([
  [RECIPIENT.recoveryRsa, RSA_WRAP_BYTES],
  [RECIPIENT.recoveryHybrid, HYBRID_WRAP_BYTES],
]);

/**
 * Seals `keyBlock` (176 bytes) with `clear` as associated data: a fresh envelope.
 * @param keys - borrowed. @throws RangeError if a part is outside its limits.
 */
export async function sealEnvelope(
  subtle: Subtle,
  random: RandomBytes,
  keys: EnvelopeKeys,
  clear: EnvelopeClear,
  keyBlock: Uint8Array,
): Promise<Uint8Array<ArrayBuffer>> {
  if (keyBlock.length !== KEY_BLOCK_BYTES) {
    throw new RangeError(`keyBlock: expected ${KEY_BLOCK_BYTES} bytes, got ${keyBlock.length}`);
  }
  const authenticated = encodeAuthenticated(clear);
  const nonce = random(NONCE_BYTES);
  const key = await importGcmKey(subtle, keys.envelopeKey);
  const parameters = { nonce, additionalData: authenticated };
  return concatBytes(authenticated, nonce, await sealGcm(subtle, key, parameters, keyBlock));
}

/**
 * That an envelope can be made for a body of `bodyBytes`, whatever its digest will be: before the body is
 * sealed. @throws RangeError if a part is outside its limits.
 */
export function verifySealable(address: SealAddress, bodyBytes: number): void {
  encodeAuthenticated({ ...address, bodyBytes, bodyDigest: new Uint8Array(DIGEST_BYTES) });
}

/** The inverse: the key block, 176 fresh bytes. @throws BackupError `envelope_damaged`. */
export async function openEnvelope(
  subtle: Subtle,
  keys: EnvelopeKeys,
  envelope: DecodedEnvelope,
): Promise<Uint8Array<ArrayBuffer>> {
  const { authenticated, nonce, sealedKeyBlock } = envelope;
  const key = await importGcmKey(subtle, keys.envelopeKey);
  const parameters = { nonce, additionalData: authenticated };
  const keyBlock = await openGcm(subtle, key, parameters, sealedKeyBlock);
  if (keyBlock !== null) return keyBlock;
  throw new BackupError({ code: "envelope_damaged", why: "its authentication tag does not hold" });
}

/**
 * Length of an envelope, from its first 16 bytes or fewer.
 * @throws BackupError `not_ours`, `newer_version`, `truncated`, `envelope_damaged`.
 */
function envelopeLength(prologue: Uint8Array): number {
  verifyFront(prologue, ENVELOPE_MAGIC, "envelope");
  const view = viewOf(prologue);
  // FORMAT.md §3.5: E-02 holds or does not where its bytes are there, also if the next are cut.
  if (prologue.length >= ENVELOPE.clearBytes && view.getUint16(ENVELOPE.reserved) !== 0) {
    throw new BackupError({ code: "envelope_damaged", why: "reserved bytes are set" });
  }
  if (prologue.length < ENVELOPE.clear) throw cutEnvelope(null, prologue.length);
  const clearBytes = view.getUint32(ENVELOPE.clearBytes);
  if (clearBytes < 1 || clearBytes > MAX_CLEAR_BYTES) {
    throw new BackupError({
      code: "envelope_damaged",
      why: `its clear part has ${clearBytes} bytes`,
    });
  }
  return ENVELOPE.clear + clearBytes + NONCE_BYTES + SEALED_KEY_BLOCK_BYTES;
}

/**
 * The parts of the envelope at the front of `bytes`; what follows it is not looked at.
 * @throws BackupError `not_ours`, `newer_version`, `truncated`, `envelope_damaged`.
 */
export function decodeEnvelope(bytes: Uint8Array): DecodedEnvelope {
  return decodeParts(bytes, envelopeLength(bytes.subarray(0, ENVELOPE.clear)));
}

/** The same of an envelope by itself. @throws BackupError `trailing_data` besides. */
export function decodeStoredEnvelope(bytes: Uint8Array): DecodedEnvelope {
  const byteLength = envelopeLength(bytes.subarray(0, ENVELOPE.clear));
  if (bytes.length <= byteLength) return decodeParts(bytes, byteLength);
  throw new BackupError({ code: "trailing_data", part: "envelope", expectedBytes: byteLength });
}

function decodeParts(bytes: Uint8Array, byteLength: number): DecodedEnvelope {
  if (bytes.length < byteLength) throw cutEnvelope(byteLength, bytes.length);
  const sealedAt = byteLength - SEALED_KEY_BLOCK_BYTES;
  const nonceAt = sealedAt - NONCE_BYTES;
  return {
    clear: decodeClear(bytes.subarray(ENVELOPE.clear, nonceAt)),
    byteLength,
    authenticated: bytes.slice(0, nonceAt),
    nonce: bytes.slice(nonceAt, sealedAt),
    sealedKeyBlock: bytes.slice(sealedAt, byteLength),
  };
}

/** Prologue and clear part, fresh. */
function encodeAuthenticated(clear: EnvelopeClear): Uint8Array {
  const recipients = clear.recipients.map(
    ({ kind, keyId, wrapped }) => [kind, keyId, wrapped] as const,
  );
  const body = encodeCbor(
    new Map<number, number | Uint8Array | readonly string[] | typeof recipients>([
      [1, clear.sealId],
      [2, clear.bodyBytes],
      [3, clear.bodyDigest],
      [4, clear.containerDigest],
      [5, clear.commitment],
      [6, clear.envelopeNumber],
      [7, locationTexts(clear.location)],
      [8, recipients],
    ]),
  );
  const prologue = new Uint8Array(ENVELOPE.clear);
  prologue.set(ENVELOPE_MAGIC, ENVELOPE.magic);
  viewOf(prologue).setUint16(ENVELOPE.version, FORMAT_VERSION);
  viewOf(prologue).setUint32(ENVELOPE.clearBytes, body.length);
  verifyWritable(body);
  return concatBytes(prologue, body);
}

function decodeClear(body: Uint8Array): EnvelopeClear {
  try {
    const map = new CborMapReader(body, FIELDS);
    const clear = {
      sealId: map.field(1).bytes(SEAL_ID_BYTES, SEAL_ID_BYTES),
      bodyBytes: decodeBodyBytes(map.field(2)),
      bodyDigest: map.field(3).bytes(DIGEST_BYTES, DIGEST_BYTES),
      containerDigest: map.field(4).bytes(DIGEST_BYTES, DIGEST_BYTES),
      commitment: map.field(5).bytes(COMMITMENT_BYTES, COMMITMENT_BYTES),
      envelopeNumber: map.field(6).integer(1, MAX_ENVELOPE_NUMBER),
      location: decodeLocation(map.field(7)),
      recipients: decodeRecipients(map.field(8)),
    };
    map.end();
    verifyRecipients(clear);
    return clear;
  } catch (error) {
    if (!(error instanceof MalformedCbor)) throw error;
    throw new BackupError({ code: "envelope_damaged", why: error.message });
  }
}

function decodeBodyBytes(field: CborMapReader): number {
  const bodyBytes = field.integer(MIN_BODY_BYTES, MAX_BODY_BYTES);
  if (openedBodyBytes(bodyBytes) !== null) return bodyBytes;
  throw new MalformedCbor("no container gives a body of this length");
}

function decodeLocation(field: CborMapReader): SealLocation {
  const texts = field.array(2, 4);
  const text = () => field.text(MAX_ENVELOPE_TEXT_BYTES);
  if (texts === 2) return { clusterId: text(), backupId: text() };
  if (texts === 4) {
    return { account: text(), region: text(), clusterId: text(), backupId: text() };
  }
  throw new MalformedCbor("a location has two texts or four");
}

function decodeRecipients(field: CborMapReader): Recipient[] {
  const count = field.array(1, MAX_RECIPIENTS);
  return Array.from({ length: count }, () => decodeRecipient(field));
}

function decodeRecipient(field: CborMapReader): Recipient {
  field.array(3, 3);
  const kind = field.integer(1, MAX_RECIPIENT_KIND);
  const keyId = field.text(MAX_ENVELOPE_TEXT_BYTES);
  const wrapped = field.bytes(1, MAX_WRAPPED_DATA_KEY_BYTES);
  const wrapBytes = WRAP_BYTES.get(kind) ?? wrapped.length;
  if (wrapped.length !== wrapBytes) {
    throw new MalformedCbor(`a recipient of kind ${kind} has a wrap of ${wrapBytes} bytes`);
  }
  return { kind, keyId, wrapped };
}

/**
 * Of two wraps for one key only one can be right, and which is asked would be chance. Outside a
 * deployment there is no KMS.
 */
function verifyRecipients({ recipients, location }: SealAddress): void {
  const names = new Set(recipients.map(({ kind, keyId }) => `${kind} ${keyId}`));
  if (names.size !== recipients.length) throw new MalformedCbor("a recipient stands there twice");
  const isForKms = recipients.some(({ kind }) => kind === RECIPIENT.kms);
  if (isForKms && !isInDeployment(location)) {
    throw new MalformedCbor("a KMS as recipient outside a deployment");
  }
}

/** The caller's mistake, not a bad file: what would not be read back is not written. */
function verifyWritable(body: Uint8Array): void {
  if (body.length > MAX_CLEAR_BYTES) {
    throw new RangeError(`clear: expected at most ${MAX_CLEAR_BYTES} bytes, got ${body.length}`);
  }
  try {
    decodeClear(body);
  } catch (error) {
    if (!(error instanceof BackupError)) throw error;
    throw new RangeError(`clear: ${error.message}`, { cause: error });
  }
}

function cutEnvelope(expectedBytes: number | null, gotBytes: number): BackupError {
  return new BackupError({ code: "truncated", part: "envelope", expectedBytes, gotBytes });
}
