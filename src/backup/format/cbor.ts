/**
 * Deterministic CBOR, both ways: written from values, read by what must stand next.
 *
 * Spec: FORMAT.md §3.1 (RFC 8949 §4.2.1). Bytes are bounded by the caller before they come here.
 */
import { encode, rfc8949EncodeOptions } from "cborg";
import {
  ARRAY,
  type Item,
  isHeadOf,
  MAP,
  newHead,
  readHead,
  readItem,
  UNSIGNED_INTEGER,
} from "../../hsm/memory/deterministic-cbor.ts";

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
 * A map that has exactly the keys 1 to `size`, read in this order. Whoever reads says what must come
 * next, so that nothing nests deeper than the reader asks for, and no value is built in vain.
 *
 * Every method throws MalformedCbor where the bytes are anything else, or not as `encodeCbor` would
 * write them.
 */
export class CborMapReader {
  readonly #bytes: Uint8Array;
  readonly #size: number;
  readonly #head = newHead();
  /** Where the next item begins. */
  #at = 0;
  #key = 0;

  /** @param bytes - borrowed. */
  constructor(bytes: Uint8Array, size: number) {
    this.#bytes = bytes;
    this.#size = size;
    this.#read();
    if (!isHeadOf(this.#head, MAP)) throw new MalformedCbor("not a map in deterministic CBOR");
    if (this.#head.argument !== size) throw new MalformedCbor(`not a map of ${size} keys`);
  }

  /** Goes on to the value of `key`: one more than the key before it. */
  field(key: number): this {
    this.#read();
    if (!isHeadOf(this.#head, UNSIGNED_INTEGER) || this.#head.argument !== key) {
      throw new MalformedCbor(`expected key ${key}`);
    }
    this.#key = key;
    return this;
  }

  integer(min: number, max: number): number {
    const value = this.#item();
    if (typeof value === "number" && value >= min && value <= max) return value;
    throw this.#malformed(`an integer from ${min} to ${max}`);
  }

  /** Text of 1 to `maxBytes` bytes of UTF-8. */
  text(maxBytes: number): string {
    const value = this.#item();
    const byteLength = this.#head.argument;
    if (typeof value === "string" && byteLength >= 1 && byteLength <= maxBytes) return value;
    throw this.#malformed(`text of 1 to ${maxBytes} bytes`);
  }

  /** Fresh. */
  bytes(min: number, max: number): Uint8Array {
    const value = this.#item();
    if (value instanceof Uint8Array && value.length >= min && value.length <= max) return value;
    throw this.#malformed(`${min} to ${max} bytes`);
  }

  /** Goes on to the items of an array; returns how many there are, `min` to `max`. */
  array(min: number, max: number): number {
    this.#read();
    const { argument } = this.#head;
    if (isHeadOf(this.#head, ARRAY) && argument >= min && argument <= max) return argument;
    throw this.#malformed(`an array of ${min} to ${max}`);
  }

  /** Nothing is left: all keys were read, and no byte is behind the map. */
  end(): void {
    if (this.#key !== this.#size) throw new Error("unreachable: not all keys were read");
    if (this.#at !== this.#bytes.length) throw new MalformedCbor("something follows the map");
  }

  #read(): void {
    readHead(this.#bytes, this.#at, this.#head);
    this.#at = this.#head.end;
  }

  /** Undefined if it is of no kind that is read as a whole, or not in the one form. */
  #item(): Item | undefined {
    const item = readItem(this.#bytes, this.#at, this.#head);
    this.#at = this.#head.end;
    return item;
  }

  #malformed(expected: string): MalformedCbor {
    return new MalformedCbor(`field ${this.#key}: expected ${expected}`);
  }
}
