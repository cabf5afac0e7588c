/**
 * Deterministic CBOR, both ways, and the few checks of what was decoded.
 *
 * Spec: FORMAT.md §3.1 (RFC 8949 §4.2.1). Bytes are bounded by the caller before they come here.
 */
import { type DecodeOptions, decode, encode, rfc8949EncodeOptions } from "cborg";
import { equalBytes } from "../../crypto/bytes.ts";

const DECODE_OPTIONS: DecodeOptions = {
  useMaps: true,
  strict: true,
  rejectDuplicateMapKeys: true,
  allowIndefinite: false,
  allowUndefined: false,
  allowBigInt: false,
};

export type CborValue = number | string | boolean | null | Uint8Array | readonly CborValue[];

/** Bytes are not the CBOR that was expected. The caller turns it into the fault of its place. */
export class MalformedCbor extends Error {}

/** A map with unsigned integer keys, or an array: fresh bytes. */
export function encodeCbor(
  value: ReadonlyMap<number, CborValue> | readonly CborValue[],
): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(encode(value, rfc8949EncodeOptions));
}

/**
 * The inverse for a map that has exactly the keys 1 to `size`.
 * @throws MalformedCbor if the bytes are anything else, or not as `encodeCbor` would write them.
 */
export function decodeCborMap(bytes: Uint8Array, size: number): Fields {
  const { value: map, again } = decodeTwice(bytes);
  if (!(map instanceof Map)) throw new MalformedCbor("not a map");
  if (!equalBytes(again, bytes)) throw new MalformedCbor("not deterministic");
  for (let key = 1; key <= size; key++) {
    if (!map.has(key)) throw new MalformedCbor(`key ${key} is missing`);
  }
  if (map.size !== size) throw new MalformedCbor("unknown key");
  return new Fields((key) => map.get(key));
}

/** The value, and what a writer would have written for it. */
function decodeTwice(bytes: Uint8Array): { value: unknown; again: Uint8Array } {
  try {
    const value: unknown = decode(bytes, DECODE_OPTIONS);
    return { value, again: encode(value, rfc8949EncodeOptions) };
  } catch {
    // cborg throws plain errors for malformed input, their text may quote it, and deep nesting may
    // exhaust the stack on either way.
    throw new MalformedCbor("not CBOR");
  }
}

/** Values by number, each read as the type it must have. */
export class Fields {
  readonly #at: (key: number) => unknown;

  constructor(at: (key: number) => unknown) {
    this.#at = at;
  }

  integer(key: number, min: number, max: number): number {
    const value = this.#at(key);
    if (typeof value === "number" && Number.isSafeInteger(value) && value >= min && value <= max) {
      return value;
    }
    throw new MalformedCbor(`field ${key}: expected an integer from ${min} to ${max}`);
  }

  text(key: number, maxBytes: number): string {
    const value = this.#at(key);
    if (typeof value === "string" && value !== "") {
      const { length } = new TextEncoder().encode(value);
      if (length <= maxBytes) return value;
    }
    throw new MalformedCbor(`field ${key}: expected text of 1 to ${maxBytes} bytes`);
  }

  /** Fresh. */
  bytes(key: number, min: number, max: number): Uint8Array<ArrayBuffer> {
    const value = this.#at(key);
    if (value instanceof Uint8Array && value.length >= min && value.length <= max) {
      return Uint8Array.from(value);
    }
    throw new MalformedCbor(`field ${key}: expected ${min} to ${max} bytes`);
  }

  /** Items of an array, numbered from 0. */
  array(key: number, min: number, max: number): Fields[] {
    const value = this.#at(key);
    if (!Array.isArray(value) || value.length < min || value.length > max) {
      throw new MalformedCbor(`field ${key}: expected an array of ${min} to ${max}`);
    }
    return value.map((item: unknown) => {
      const items: readonly unknown[] = Array.isArray(item) ? item : [item];
      return new Fields((index) => items[index]);
    });
  }
}
