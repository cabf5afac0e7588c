/**
 * DER, as much of it as keys need: read strictly, written minimally.
 *
 * X.690 §8, §10. Key material passes through: a reader lends subarrays and copies nothing.
 */
import { encodeHex, requireHex } from "../../crypto/base-encodings.ts";
import { HsmError } from "../rules/errors.ts";

/** What to throw for key material that is not what its format says. It is never quoted. */
export function unreadable(format: string, why: string): HsmError {
  return new HsmError({ code: "key_unreadable", format, why });
}

export const DER_TAG = {
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  nullValue: 0x05,
  objectId: 0x06,
  sequence: 0x30,
} as const;

/** Context-specific, constructed: `[n] EXPLICIT`, or `[n] IMPLICIT SET` as PKCS#8 has it. */
export function contextTag(n: number): number {
  return 0xa0 | n;
}

/** Takes values off the front of `bytes`, which are borrowed. */
export class DerReader {
  readonly #bytes: Uint8Array;
  readonly #format: string;
  #offset = 0;

  /** @param format - what is being read, for messages. */
  constructor(bytes: Uint8Array, format: string) {
    this.#bytes = bytes;
    this.#format = format;
  }

  get isAtEnd(): boolean {
    return this.#offset === this.#bytes.length;
  }

  /** Contents of the next value, which must have this tag: a borrowed subarray. */
  take(tag: number): Uint8Array {
    if (this.#bytes[this.#offset] !== tag) this.#refuse("its structure is not the expected one");
    const start = this.#offset + 1;
    const [length, head] = this.#length(start);
    const from = start + head;
    if (from + length > this.#bytes.length) this.#refuse("it is cut off");
    this.#offset = from + length;
    return this.#bytes.subarray(from, from + length);
  }

  sequence(): DerReader {
    return new DerReader(this.take(DER_TAG.sequence), this.#format);
  }

  /** Magnitude of a positive integer without leading zeros: borrowed. */
  integer(): Uint8Array {
    const contents = this.take(DER_TAG.integer);
    const [first, second] = contents;
    if (first === undefined || first > 0x7f) this.#refuse("an integer in it is negative");
    // X.690 §8.3.2: no superfluous leading octet.
    const isPadded = first === 0 && contents.length > 1;
    if (isPadded && (second ?? 0) < 0x80) this.#refuse("an integer in it is padded");
    return isPadded ? contents.subarray(1) : contents;
  }

  /** An integer that fits in one octet. */
  smallInteger(): number {
    const magnitude = this.integer();
    if (magnitude.length > 1) this.#refuse("a version in it is too large");
    return magnitude[0] ?? 0;
  }

  /** Hexadecimal contents of an object identifier. */
  objectId(): string {
    return encodeHex(this.take(DER_TAG.objectId));
  }

  /** A bit string of whole octets: borrowed. */
  bits(): Uint8Array {
    const contents = this.take(DER_TAG.bitString);
    if (contents[0] !== 0) this.#refuse("a bit string in it has unused bits");
    return contents.subarray(1);
  }

  /** The next value, if it has this tag. */
  optional(tag: number): Uint8Array | null {
    return this.#bytes[this.#offset] === tag ? this.take(tag) : null;
  }

  end(): void {
    if (!this.isAtEnd) this.#refuse("it has trailing bytes");
  }

  /** Length and how many octets tell it: short form, or the shortest long form up to 2^24 − 1. */
  #length(at: number): [number, number] {
    const first = this.#bytes[at];
    if (first === undefined) return this.#refuse("it is cut off");
    if (first < 0x80) return [first, 1];
    const octets = first - 0x80;
    if (octets < 1 || octets > 3) this.#refuse("a length in it is not DER");
    let length = 0;
    for (let i = 1; i <= octets; i++) length = length * 256 + (this.#bytes[at + i] ?? 0);
    const isShortest = length >= 0x80 && length >= 256 ** (octets - 1);
    if (!isShortest) this.#refuse("a length in it is not DER");
    return [length, 1 + octets];
  }

  #refuse(why: string): never {
    throw unreadable(this.#format, why);
  }
}

/**
 * Tag, shortest length, contents: a fresh array. Parts are copied; secret ones remain the caller's.
 */
export function encodeDer(tag: number, ...parts: readonly Uint8Array[]): Uint8Array {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const head = [tag, ...lengthOctets(length)];
  const bytes = new Uint8Array(head.length + length);
  bytes.set(head);
  let offset = head.length;
  for (const part of parts) {
    bytes.set(part, offset);
    offset += part.length;
  }
  return bytes;
}

/** @param magnitude - big-endian, without leading zeros. */
export function encodeDerInteger(magnitude: Uint8Array): Uint8Array {
  const first = magnitude[0] ?? 0;
  const pad = new Uint8Array(first > 0x7f || magnitude.length === 0 ? 1 : 0);
  return encodeDer(DER_TAG.integer, pad, magnitude);
}

export function encodeDerBits(octets: Uint8Array): Uint8Array {
  return encodeDer(DER_TAG.bitString, new Uint8Array(1), octets);
}

/** @param contents - hexadecimal contents of an object identifier. */
export function encodeDerObjectId(contents: string): Uint8Array {
  return encodeDer(DER_TAG.objectId, requireHex(contents));
}

function lengthOctets(length: number): number[] {
  if (length < 0x80) return [length];
  const octets: number[] = [];
  for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) octets.unshift(rest & 0xff);
  return [0x80 | octets.length, ...octets];
}
