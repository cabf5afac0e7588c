/**
 * DER as keys, certificates and claims need it: read strictly, written minimally.
 *
 * X.690 §8, §10, §11. Key material passes through: a reader lends subarrays and copies nothing.
 * Of the rules of DER only the framing is held for all (`verifyDer`); what a value may contain is
 * for those to say who read it.
 */
import { encodeHex, requireHex } from "./base-encodings.ts";

/** The bytes are not DER, or not what was expected. Says why, and quotes nothing of them. */
export class DerError extends Error {
  override readonly name = "DerError";
  readonly why: string;

  /** @param why - half a sentence, for example "it is cut off". */
  constructor(why: string) {
    super(why);
    this.why = why;
  }
}

export const DER_TAG = {
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  nullValue: 0x05,
  objectId: 0x06,
  utf8String: 0x0c,
  numericString: 0x12,
  printableString: 0x13,
  teletexString: 0x14,
  ia5String: 0x16,
  utcTime: 0x17,
  generalizedTime: 0x18,
  visibleString: 0x1a,
  universalString: 0x1c,
  bmpString: 0x1e,
  sequence: 0x30,
  set: 0x31,
} as const;

const CONSTRUCTED = 0x20;
/** Of an octet for the tag: in all ones, the number follows in octets of its own. */
const TAG_NUMBER_BITS = 0x1f;
/** Of an octet for the tag: zero for the universal class. */
const TAG_CLASS_BITS = 0xc0;
/** Deeper than any certificate nests: ten, in those of the platforms' public roots. */
const MAX_DEPTH = 32;

/** Context-specific, constructed: `[n] EXPLICIT`, or `[n] IMPLICIT SET` as PKCS#8 has it. */
export function contextTag(n: number): number {
  return 0xa0 | n;
}

/** One value: both arrays are borrowed. */
export interface DerValue {
  readonly tag: number;
  readonly contents: Uint8Array;
  /** Tag and length included. */
  readonly bytes: Uint8Array;
}

/** The SEQUENCE that `bytes` are, with nothing behind it. @param bytes - borrowed. @throws DerError */
export function readSequence(bytes: Uint8Array): DerReader {
  const outer = new DerReader(bytes);
  const sequence = outer.sequence();
  outer.end();
  return sequence;
}

/** Takes values off the front of `bytes`, which are borrowed. Throws `DerError` alone. */
export class DerReader {
  readonly #bytes: Uint8Array;
  #offset = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get isAtEnd(): boolean {
    return this.#offset === this.#bytes.length;
  }

  /** The next value, whatever its tag. */
  any(): DerValue {
    const start = this.#offset;
    const tag = this.#bytes[start];
    if (tag === undefined) throw new DerError("it is cut off");
    if ((tag & TAG_NUMBER_BITS) === TAG_NUMBER_BITS) {
      throw new DerError("a tag in it is longer than an octet");
    }
    const [length, head] = this.#length(start + 1);
    const from = start + 1 + head;
    if (from + length > this.#bytes.length) throw new DerError("it is cut off");
    this.#offset = from + length;
    const bytes = this.#bytes.subarray(start, this.#offset);
    return { tag, contents: bytes.subarray(from - start), bytes };
  }

  /** Contents of the next value, which must have this tag: a borrowed subarray. */
  take(tag: number): Uint8Array {
    if (this.#bytes[this.#offset] !== tag) {
      throw new DerError("its structure is not the expected one");
    }
    return this.any().contents;
  }

  sequence(): DerReader {
    return new DerReader(this.take(DER_TAG.sequence));
  }

  /** Magnitude of a positive integer without leading zeros: borrowed. */
  integer(): Uint8Array {
    const contents = this.take(DER_TAG.integer);
    const [first, second] = contents;
    if (first === undefined || first > 0x7f) throw new DerError("an integer in it is negative");
    // X.690 §8.3.2: no superfluous leading octet.
    const isPadded = first === 0 && contents.length > 1;
    if (isPadded && (second ?? 0) < 0x80) throw new DerError("an integer in it is padded");
    return isPadded ? contents.subarray(1) : contents;
  }

  /** An integer that fits in one octet. */
  smallInteger(): number {
    const magnitude = this.integer();
    if (magnitude.length > 1) throw new DerError("a version in it is too large");
    return magnitude[0] ?? 0;
  }

  /** Hexadecimal contents of an object identifier. */
  objectId(): string {
    return encodeHex(this.take(DER_TAG.objectId));
  }

  /** A bit string of whole octets: borrowed. */
  bits(): Uint8Array {
    const contents = this.take(DER_TAG.bitString);
    if (contents[0] !== 0) throw new DerError("a bit string in it has unused bits");
    return contents.subarray(1);
  }

  /** The next value, if it has this tag. */
  optional(tag: number): Uint8Array | null {
    return this.#bytes[this.#offset] === tag ? this.take(tag) : null;
  }

  end(): void {
    if (!this.isAtEnd) throw new DerError("it has trailing bytes");
  }

  /** Length and how many octets tell it: short form, or the shortest long form up to 2^24 − 1. */
  #length(at: number): [number, number] {
    const first = this.#bytes[at];
    if (first === undefined) throw new DerError("it is cut off");
    if (first < 0x80) return [first, 1];
    const octets = first - 0x80;
    if (octets < 1 || octets > 3) throw new DerError("a length in it is not DER");
    let length = 0;
    for (let i = 1; i <= octets; i++) length = length * 256 + (this.#bytes[at + i] ?? 0);
    const isShortest = length >= 0x80 && length >= 256 ** (octets - 1);
    if (!isShortest) throw new DerError("a length in it is not DER");
    return [length, 1 + octets];
  }
}

/**
 * Whether `bytes` are one value in the framing of DER, all the way down: definite and shortest
 * lengths, values that fill what holds them and nothing behind, strings in one piece. What octet
 * and bit strings hold is not looked at, nor any other rule of DER: some public roots break that of
 * named bits.
 *
 * @throws DerError
 */
export function verifyDer(bytes: Uint8Array): void {
  const outer = new DerReader(bytes);
  verifyValue(outer.any(), 0);
  outer.end();
}

function verifyValue({ tag, contents }: DerValue, depth: number): void {
  const isConstructed = (tag & CONSTRUCTED) !== 0;
  if ((tag & TAG_CLASS_BITS) === 0) {
    const form = tag | CONSTRUCTED;
    const isCollection = form === DER_TAG.sequence || form === DER_TAG.set;
    if (tag === 0 || isConstructed !== isCollection) {
      throw new DerError("a value in it is in pieces, as BER allows and DER does not");
    }
  }
  if (!isConstructed) return;
  if (depth === MAX_DEPTH) throw new DerError(`it is nested more than ${MAX_DEPTH} deep`);
  const inner = new DerReader(contents);
  while (!inner.isAtEnd) verifyValue(inner.any(), depth + 1);
}

/**
 * A UTCTime (years 1950 to 2049) or GeneralizedTime as certificates write them: to the second, UTC.
 *
 * RFC 5280 §4.1.2.5. @param field - what it is, for the message.
 * @returns milliseconds since 1970, possibly negative. @throws DerError
 */
export function readDerTime(field: string, { tag, contents }: DerValue): number {
  const text = String.fromCharCode(...contents.subarray(0, 16));
  const isUtcTime = tag === DER_TAG.utcTime && /^\d{12}Z$/.test(text);
  const isGeneralizedTime = tag === DER_TAG.generalizedTime && /^\d{14}Z$/.test(text);
  if (!isUtcTime && !isGeneralizedTime) {
    throw new DerError(`its ${field} is not written as YYMMDDhhmmssZ or YYYYMMDDhhmmssZ`);
  }
  const century = text < "50" ? "20" : "19";
  const digits = isUtcTime ? century + text : text;
  const [, year, month, day, hour, minute, second] =
    digits.match(/(.{4})(..)(..)(..)(..)(..)Z/) ?? [];
  const date = `${year}-${month}-${day}`;
  const iso = `${date}T${hour}:${minute}:${second}.000Z`;
  const ms = Date.parse(iso);
  // A day or an hour too many is refused by some engines and carried over by others.
  if (Number.isNaN(ms) || new Date(ms).toISOString() !== iso) {
    throw new DerError(`its ${field}, ${date}, is no time of the calendar`);
  }
  return ms;
}

/**
 * Tag, shortest length, contents: a fresh array. Parts are copied; secret ones remain the caller's.
 */
export function encodeDer(tag: number, ...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
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
