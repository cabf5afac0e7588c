/**
 * Attributes of a record: a deterministic CBOR map with small unsigned keys, both ways from one
 * table.
 *
 * RFC 8949 §4.2.1; FORMAT.md §4, docs/HSM.md §9. Reading is strict: what would not be written so
 * is refused. No secret passes through here.
 */
import { encode, rfc8949EncodeOptions } from "cborg";
import {
  isHeadOf,
  MAP,
  newHead,
  readHead,
  readItem,
  UNSIGNED_INTEGER,
} from "./deterministic-cbor.ts";

export type AttributeValue = number | string | Uint8Array | number[];

/** One attribute: its number in the map and what it may hold. */
export interface AttributeField<V extends AttributeValue> {
  readonly key: number;
  /** What is expected, for the message. */
  readonly expected: string;
  readonly accepts: (value: unknown) => value is V;
}

/** The attributes of one record type, all present in every record. */
export interface AttributesCodec<T> {
  /** Name, number and bounds of each attribute, by ascending number. */
  readonly fields: readonly AttributeDescription[];
  /**
   * Deterministic CBOR, fresh. @throws TypeError naming a field with a value outside its bounds.
   */
  encode(value: T): Uint8Array;
  /** Refused where `bytes` are not exactly what `encode` would give. */
  decode(bytes: Uint8Array): T | RefusedAttributes;
  /** As `decode`, of the attributes that begin at `at`; what follows them is not looked at. */
  decodeAt(bytes: Uint8Array, at: number): DecodedAttributes<T> | RefusedAttributes;
}

export interface AttributeDescription {
  readonly name: string;
  readonly key: number;
  readonly expected: string;
}

export interface DecodedAttributes<T> {
  readonly value: T;
  /** Offset behind them. */
  readonly end: number;
}

export class RefusedAttributes {
  readonly why: string;

  constructor(why: string) {
    this.why = why;
  }
}

type Fields<T> = {
  readonly [K in keyof T]: T[K] extends AttributeValue ? AttributeField<T[K]> : never;
};

/** @param fields - in ascending order of `key`; the result's properties come in this order. */
export function attributesCodec<T extends { readonly [K in keyof T]: AttributeValue }>(
  fields: Fields<T>,
): AttributesCodec<T> {
  const entries: [string, AttributeField<AttributeValue>][] = Object.entries(fields);
  return {
    fields: entries.map(([name, { key, expected }]) => ({ name, key, expected })),
    encode(value: T): Uint8Array {
      const map = new Map<number, unknown>();
      const values = new Map(Object.entries(value));
      for (const [name, field] of entries) {
        const held = values.get(name);
        if (!field.accepts(held)) throw new TypeError(`${name}: expected ${field.expected}`);
        map.set(field.key, held);
      }
      return encode(map, rfc8949EncodeOptions);
    },
    decode(bytes: Uint8Array): T | RefusedAttributes {
      const first = decodeAs<T>(entries, bytes, 0);
      if (first instanceof RefusedAttributes) return first;
      if (first.end === bytes.length) return first.value;
      return new RefusedAttributes("bytes after the attributes");
    },
    decodeAt(bytes: Uint8Array, at: number): DecodedAttributes<T> | RefusedAttributes {
      return decodeAs<T>(entries, bytes, at);
    },
  };
}

/** One state, one encoding: bytes that `encode` would not give are refused. */
function decodeAs<T>(
  entries: readonly [string, AttributeField<AttributeValue>][],
  bytes: Uint8Array,
  at: number,
): DecodedAttributes<T> | RefusedAttributes {
  const head = newHead();
  readHead(bytes, at, head);
  if (!isHeadOf(head, MAP)) return new RefusedAttributes("not a CBOR map");
  if (head.argument !== entries.length) return unknownOrMissing();
  const result: Record<string, AttributeValue> = {};
  for (const [name, field] of entries) {
    readHead(bytes, head.end, head);
    if (!isHeadOf(head, UNSIGNED_INTEGER) || head.argument !== field.key) return unknownOrMissing();
    const held = readItem(bytes, head.end, head);
    if (!field.accepts(held)) {
      return new RefusedAttributes(`${name}: expected ${field.expected}, in deterministic CBOR`);
    }
    result[name] = held;
  }
  // Every field has passed the guard of its own type: the table and T agree by construction.
  return { value: result as T, end: head.end };
}

function unknownOrMissing(): RefusedAttributes {
  return new RefusedAttributes("attributes unknown, missing or out of order");
}

export function numberField(key: number, min: number, max: number): AttributeField<number> {
  return {
    key,
    expected: `a whole number from ${min} to ${max}`,
    accepts: (value): value is number =>
      typeof value === "number" && Number.isSafeInteger(value) && value >= min && value <= max,
  };
}

/** UTF-8 text of at most `maxBytes` bytes. */
export function textField(key: number, maxBytes: number): AttributeField<string> {
  return {
    key,
    expected: `text of at most ${maxBytes} bytes`,
    accepts: (value): value is string =>
      typeof value === "string" &&
      (value.length * 3 <= maxBytes || new TextEncoder().encode(value).length <= maxBytes),
  };
}

export function bytesField(key: number, min: number, max: number): AttributeField<Uint8Array> {
  return {
    key,
    expected: min === max ? `${min} bytes` : `${min} to ${max} bytes`,
    accepts: (value): value is Uint8Array =>
      value instanceof Uint8Array && value.length >= min && value.length <= max,
  };
}

/** Ascending numbers from 1, without repetition, at most `max` of them. */
export function idsField(key: number, max: number): AttributeField<number[]> {
  return {
    key,
    expected: `at most ${max} ascending ids`,
    accepts: (value): value is number[] => Array.isArray(value) && isAscendingIds(value, max),
  };
}

function isAscendingIds(value: unknown[], max: number): boolean {
  if (value.length > max) return false;
  let last = 0;
  for (const id of value) {
    if (typeof id !== "number" || !Number.isSafeInteger(id) || id <= last) return false;
    last = id;
  }
  return true;
}

export function choiceField<V extends number>(
  key: number,
  choices: readonly V[],
): AttributeField<V> {
  return {
    key,
    expected: `one of ${choices.join(", ")}`,
    accepts: (value): value is V => choices.some((choice) => choice === value),
  };
}
