/**
 * The snapshot: every record of an HSM in canonical order, as bytes, and back; and its digest.
 *
 * Spec: FORMAT.md §4. Secrets pass through in plaintext: this runs inside the HSM only, and every
 * array that holds one is wiped by its owner.
 */
import { encodeHex } from "../../crypto/base-encodings.ts";
import type { Core } from "../../crypto/core.ts";
import { SecretKey } from "../../crypto/secret-key.ts";
import { HsmError } from "../rules/errors.ts";
import { type DecodedAttributes, RefusedAttributes } from "./attributes-codec.ts";
import { certificateCodec } from "./certificate-record.ts";
import { CONFIGURATION_ID, configurationCodec } from "./configuration-record.ts";
import { BYTE_STRING, isHeadOf, newHead, readHead } from "./deterministic-cbor.ts";
import { hasFittingMaterial, type KeyAttributes, keyCodec } from "./key-record.ts";
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
import { StateDigest } from "./state-digest.ts";
import type { HsmStore } from "./store.ts";
import { hasFittingVerifier, type UserAttributes, userCodec } from "./user-record.ts";

/** The head of a CBOR array of two items (RFC 8949 §3.1). */
const ARRAY_OF_TWO = 0x82;
/** Where the attributes begin in a record. */
const ATTRIBUTES_AT = 1;

/** Everything `store` holds, in canonical order. It must not be written to while this is read. */
export function snapshotSource(store: HsmStore): SnapshotSource {
  return {
    *entries(): Generator<SnapshotEntry> {
      for (const { type, id, attributeBytes, secretBytes } of store.sizes()) {
        yield { type, id, byteLength: encodedBytes(attributeBytes, secretBytes) };
      }
    },
    *records(): Generator<SnapshotRecord> {
      const room = new Uint8Array(MAX_RECORD_BYTES);
      for (const record of store.all()) {
        const bytes = encodeRecord(record, room);
        try {
          yield { type: record.type, id: record.id, bytes };
        } finally {
          bytes.fill(0);
        }
      }
    },
  };
}

/** Length of `encodeRecord` of a row, known without its secret. */
function encodedBytes(attributeBytes: number, secretBytes: number): number {
  return 1 + attributeBytes + headBytes(secretBytes) + secretBytes;
}

/**
 * `82 ‖ attributes ‖ head ‖ secret`: a CBOR array of the attributes and the secret as a byte
 * string.
 * @param record - borrowed. @param room - for records that fit.
 * @returns the beginning of `room`, or a fresh array, with the secret in it.
 */
function encodeRecord({ attributes, secret }: HsmRecord, room: Uint8Array): Uint8Array {
  const length = secret === null ? 0 : secret.length;
  const byteLength = encodedBytes(attributes.length, length);
  const bytes =
    byteLength > room.length ? new Uint8Array(byteLength) : room.subarray(0, byteLength);
  bytes[0] = ARRAY_OF_TWO;
  bytes.set(attributes, ATTRIBUTES_AT);
  encodeHead(length, bytes, ATTRIBUTES_AT + attributes.length);
  secret?.use((held) => bytes.set(held, bytes.length - length));
  return bytes;
}

/** A record on its way in, and the text the store looks it up by. */
export interface DecodedRecord {
  /** Attributes borrowed from the encoded record; secret fresh, disposed of by the caller. */
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
  const judged = judgeAttributes(type, id, bytes);
  const attributes = bytes.subarray(ATTRIBUTES_AT, judged.end);
  const secretBytes = decodeSecretLength(type, bytes, judged.end);
  if (!isFittingSecret(judged, secretBytes)) refuse(type, "its secret part does not fit");
  const secret = secretBytes === 0 ? null : SecretKey.copyOf(bytes.subarray(-secretBytes));
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
  using digest = new StateDigest(core);
  for (const { type, id, bytes } of snapshotSource(store).records()) {
    digest.add(type, id, core.sha256(bytes));
  }
  return digest.digest();
}

/** What attributes say of their record. */
interface JudgedAttributes {
  /** Offset behind them in the record. */
  readonly end: number;
  /** A user's name, a key's label, a certificate's fingerprint; "" for what there is one of. */
  readonly index: string;
  /** Null unless the record is one; the other types have no secret. */
  readonly user: UserAttributes | null;
  readonly key: KeyAttributes | null;
}

/** @param bytes - a record. @throws HsmError `record_invalid`. */
function judgeAttributes(type: RecordType, id: number, bytes: Uint8Array): JudgedAttributes {
  switch (type) {
    case RECORD_TYPE.configuration: {
      const { end } = accept(type, configurationCodec.decodeAt(bytes, ATTRIBUTES_AT));
      if (id !== CONFIGURATION_ID) refuse(type, "there is one configuration");
      return { end, index: "", user: null, key: null };
    }
    case RECORD_TYPE.policy: {
      const { end } = accept(type, policyCodec.decodeAt(bytes, ATTRIBUTES_AT));
      if (id !== POLICY_ID) refuse(type, "there is one policy");
      return { end, index: "", user: null, key: null };
    }
    case RECORD_TYPE.user: {
      verifyNumbered(type, id);
      const { value, end } = accept(type, userCodec.decodeAt(bytes, ATTRIBUTES_AT));
      return { end, index: value.username, user: value, key: null };
    }
    case RECORD_TYPE.certificate: {
      verifyNumbered(type, id);
      const { value, end } = accept(type, certificateCodec.decodeAt(bytes, ATTRIBUTES_AT));
      return { end, index: encodeHex(value.fingerprint), user: null, key: null };
    }
    case RECORD_TYPE.key: {
      verifyNumbered(type, id);
      const { value, end } = accept(type, keyCodec.decodeAt(bytes, ATTRIBUTES_AT));
      return { end, index: value.label, user: null, key: value };
    }
  }
}

/** Whether a secret part of that length goes with the attributes. */
function isFittingSecret({ user, key }: JudgedAttributes, secretBytes: number): boolean {
  if (key !== null) return hasFittingMaterial(key, secretBytes);
  if (user !== null) return hasFittingVerifier(user, secretBytes);
  return secretBytes === 0;
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

function encodeHead(length: number, target: Uint8Array, offset: number): void {
  const width = headBytes(length) - 1;
  target[offset] = (BYTE_STRING << 5) | (width === 0 ? length : 23 + width);
  if (width === 2) target[offset + 1] = length >>> 8;
  if (width > 0) target[offset + width] = length & 0xff;
}

/** Length of the one byte string that the record has from `at` on. */
function decodeSecretLength(type: RecordType, bytes: Uint8Array, at: number): number {
  const head = newHead();
  readHead(bytes, at, head);
  if (!isHeadOf(head, BYTE_STRING)) return refuse(type, "its secret part is not a byte string");
  if (head.end + head.argument !== bytes.length) return refuse(type, "its length is wrong");
  return head.argument;
}
