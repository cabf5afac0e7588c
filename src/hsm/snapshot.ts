/**
 * The snapshot: every record of an HSM in canonical order, as bytes, and back; and its digest.
 *
 * Spec: FORMAT.md §4. Secrets pass through in plaintext: this runs inside the HSM only, and every
 * array that holds one is wiped by its owner.
 */
import type { Core } from "../crypto/core.ts";
import { SecretKey } from "../crypto/secret-key.ts";
import { type DecodedAttributes, RefusedAttributes } from "./attributes.ts";
import { certificateCodec } from "./certificate-record.ts";
import { CONFIGURATION_ID, configurationCodec } from "./configuration-record.ts";
import { HsmError } from "./errors.ts";
import { hasFittingMaterial, keyCodec } from "./key-record.ts";
import { POLICY_ID, policyCodec } from "./policy-record.ts";
import {
  type HsmRecord,
  MAX_RECORD_BYTES,
  RECORD_TYPE,
  type RecordType,
  type SnapshotEntry,
  type SnapshotRecord,
  type SnapshotSource,
} from "./record.ts";
import { encodeHex } from "./record-access.ts";
import type { HsmStore, StoredRecord } from "./store.ts";
import { hasFittingVerifier, userCodec } from "./user-record.ts";

/** CBOR: an array of two items; the major type of byte strings (RFC 8949 §3.1). */
const ARRAY_OF_TWO = 0x82;
const BYTE_STRING = 0x40;

/** `"holdfast/v1/state-digest" ‖ 00`. */
const STATE_DIGEST_LABEL = new TextEncoder().encode("holdfast/v1/state-digest\0");

/** One entry of a manifest: type u8 ‖ id u64 ‖ SHA-256 of the record. */
export const MANIFEST_ENTRY_BYTES = 41;

/** Everything `store` holds, in canonical order. It must not be written to while this is read. */
export function snapshotSource(store: HsmStore): SnapshotSource {
  return {
    *entries(): Generator<SnapshotEntry> {
      for (const row of store.all()) {
        yield { type: row.type, id: row.id, byteLength: encodedBytes(row) };
      }
    },
    *records(): Generator<SnapshotRecord> {
      for (const row of store.all()) {
        const bytes = encodeRecord(row, store.secret(row.type, row.id));
        try {
          yield { type: row.type, id: row.id, bytes };
        } finally {
          bytes.fill(0);
        }
      }
    },
  };
}

/** Length of `encodeRecord` of the row, known without its secret. */
function encodedBytes(row: StoredRecord): number {
  return 1 + row.attributes.length + headBytes(row.secretBytes) + row.secretBytes;
}

/**
 * `82 ‖ attributes ‖ head ‖ secret`: a CBOR array of the attributes and the secret as a byte
 * string.
 * @param secret - taken: disposed of here. @returns a fresh array with the secret in it.
 */
export function encodeRecord(row: StoredRecord, secret: SecretKey | null): Uint8Array {
  const length = secret === null ? 0 : secret.length;
  const head = encodeHead(length);
  const bytes = new Uint8Array(1 + row.attributes.length + head.length + length);
  bytes[0] = ARRAY_OF_TWO;
  bytes.set(row.attributes, 1);
  bytes.set(head, 1 + row.attributes.length);
  secret?.use((held) => bytes.set(held, bytes.length - length));
  secret?.[Symbol.dispose]();
  return bytes;
}

/** A record on its way in, and the text the store looks it up by. */
export interface DecodedRecord {
  /** Fresh; the caller disposes of its secret. */
  readonly record: HsmRecord;
  readonly index: string;
}

/**
 * The inverse of `encodeRecord`, with everything checked that a record of its type must be.
 * @param encoded - `bytes` are borrowed. @throws HsmError `record_invalid`.
 */
export function decodeRecord(encoded: SnapshotRecord): DecodedRecord {
  const { type, id, bytes } = encoded;
  if (bytes.length > MAX_RECORD_BYTES) refuse(type, `more than ${MAX_RECORD_BYTES} bytes`);
  if (bytes[0] !== ARRAY_OF_TWO) refuse(type, "not an array of two items");
  if (!Number.isSafeInteger(id) || id < 0) refuse(type, "its id is out of range");
  const judged = judgeAttributes(type, id, bytes.subarray(1));
  const attributes = bytes.slice(1, 1 + judged.byteLength);
  const rest = bytes.subarray(1 + judged.byteLength);
  const secretBytes = decodeHead(type, rest);
  if (!judged.isFittingSecret(secretBytes)) refuse(type, "its secret part does not fit");
  const secret = secretBytes === 0 ? null : SecretKey.copyOf(rest.subarray(headBytes(secretBytes)));
  return { record: { type, id, attributes, secret }, index: judged.index };
}

/**
 * Takes one record into `store`, inside a transaction of the caller.
 * @param encoded - `bytes` are borrowed. @throws HsmError `record_invalid`.
 */
export function restoreRecord(store: HsmStore, encoded: SnapshotRecord): void {
  const { record, index } = decodeRecord(encoded);
  try {
    store.put(record, index);
  } finally {
    record.secret?.[Symbol.dispose]();
  }
}

/**
 * The digest of cluster state: equal contents give equal digests, on whatever HSM. 32 bytes, fresh.
 */
export function stateDigest(store: HsmStore, core: Core): Uint8Array {
  const stream = core.sha256Stream();
  try {
    stream.update(STATE_DIGEST_LABEL);
    for (const record of snapshotSource(store).records()) {
      stream.update(manifestEntry(core, record));
    }
    return stream.digest();
  } finally {
    stream[Symbol.dispose]();
  }
}

/** type u8 ‖ id u64 ‖ SHA-256 of the record's bytes: `MANIFEST_ENTRY_BYTES`, fresh. */
function manifestEntry(core: Core, record: SnapshotRecord): Uint8Array {
  const entry = new Uint8Array(MANIFEST_ENTRY_BYTES);
  entry[0] = record.type;
  new DataView(entry.buffer).setBigUint64(1, BigInt(record.id));
  entry.set(core.sha256(record.bytes), 9);
  return entry;
}

/** What attributes say of their record: where they end, its index, which secret goes with them. */
interface JudgedAttributes {
  readonly byteLength: number;
  /** A user's name, a key's label, a certificate's fingerprint; "" for what there is one of. */
  readonly index: string;
  readonly isFittingSecret: (secretBytes: number) => boolean;
}

/** @param bytes - begin with the attributes. @throws HsmError `record_invalid`. */
function judgeAttributes(type: RecordType, id: number, bytes: Uint8Array): JudgedAttributes {
  const isFittingSecret = (secretBytes: number): boolean => secretBytes === 0;
  switch (type) {
    case RECORD_TYPE.configuration: {
      const { byteLength } = accept(type, configurationCodec.decodeFirst(bytes));
      if (id !== CONFIGURATION_ID) refuse(type, "there is one configuration");
      return { byteLength, index: "", isFittingSecret };
    }
    case RECORD_TYPE.policy: {
      const { byteLength } = accept(type, policyCodec.decodeFirst(bytes));
      if (id !== POLICY_ID) refuse(type, "there is one policy");
      return { byteLength, index: "", isFittingSecret };
    }
    case RECORD_TYPE.user: {
      verifyNumbered(type, id);
      const { value, byteLength } = accept(type, userCodec.decodeFirst(bytes));
      const isFitting = (secretBytes: number): boolean => hasFittingVerifier(value, secretBytes);
      return { byteLength, index: value.username, isFittingSecret: isFitting };
    }
    case RECORD_TYPE.certificate: {
      verifyNumbered(type, id);
      const { value, byteLength } = accept(type, certificateCodec.decodeFirst(bytes));
      return { byteLength, index: encodeHex(value.fingerprint), isFittingSecret };
    }
    case RECORD_TYPE.key: {
      verifyNumbered(type, id);
      const { value, byteLength } = accept(type, keyCodec.decodeFirst(bytes));
      const isFitting = (secretBytes: number): boolean => hasFittingMaterial(value, secretBytes);
      return { byteLength, index: value.label, isFittingSecret: isFitting };
    }
  }
}

/** Records of which there are many are numbered from 1. */
function verifyNumbered(type: RecordType, id: number): void {
  if (id < 1) refuse(type, "its id is out of range");
}

function accept<T>(
  type: RecordType,
  decoded: DecodedAttributes<T> | RefusedAttributes,
): DecodedAttributes<T> {
  if (decoded instanceof RefusedAttributes) return refuse(type, decoded.why);
  return decoded;
}

function refuse(type: RecordType, why: string): never {
  throw new HsmError({ code: "record_invalid", type, why });
}

/** Shortest head of a byte string (RFC 8949 §4.2.1); lengths below 2^16 here. */
function headBytes(length: number): number {
  if (length < 24) return 1;
  return length < 0x100 ? 2 : 3;
}

function encodeHead(length: number): Uint8Array {
  if (length < 24) return Uint8Array.of(BYTE_STRING | length);
  if (length < 0x100) return Uint8Array.of(BYTE_STRING | 24, length);
  return Uint8Array.of(BYTE_STRING | 25, length >>> 8, length & 0xff);
}

/** Length of the one byte string that `bytes` must be. */
function decodeHead(type: RecordType, bytes: Uint8Array): number {
  const [first = 0, second = 0, third = 0] = bytes;
  const short = first - BYTE_STRING;
  const length = short < 24 ? short : short === 24 ? second : (second << 8) | third;
  const isHead = short >= 0 && short <= 25 && headBytes(length) === 1 + Math.max(0, short - 23);
  if (!isHead) return refuse(type, "its secret part is not a byte string");
  if (bytes.length !== headBytes(length) + length) return refuse(type, "its length is wrong");
  return length;
}
