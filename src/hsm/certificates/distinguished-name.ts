/**
 * Names of certificates as text, one way for every engine: the text is part of a record.
 *
 * RFC 4514 §2; RFC 5280 §4.1.2.4. Written only, never read back: names are compared as DER.
 */
import { encodeHex } from "../../crypto/base-encodings.ts";
import { DER_TAG, DerReader, type DerValue, readSequence } from "../../crypto/der.ts";

/**
 * By contents of the object identifier: RFC 4514 §3, and what certificates have besides, as OpenSSL
 * names it.
 */
const SHORT_NAMES: Readonly<Record<string, string>> = {
  "550403": "CN",
  "550404": "SN",
  "550405": "serialNumber",
  "550406": "C",
  "550407": "L",
  "550408": "ST",
  "550409": "STREET",
  "55040a": "O",
  "55040b": "OU",
  "55040c": "title",
  "55040f": "businessCategory",
  "550411": "postalCode",
  "55042a": "GN",
  "55042e": "dnQualifier",
  "550461": "organizationIdentifier",
  "0992268993f22c640101": "UID",
  "0992268993f22c640119": "DC",
  "2a864886f70d010901": "emailAddress",
  "2b0601040182373c020101": "jurisdictionL",
  "2b0601040182373c020102": "jurisdictionST",
  "2b0601040182373c020103": "jurisdictionC",
};

/**
 * What is written as its bytes, so that a name looks like what it is: control characters, marks of
 * direction and characters without width. A list, as what Unicode calls such differs by platform and this
 * text is stored; what is only shown goes by Unicode itself (rules/plain-text.ts).
 */
const UNSEEN =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are the question.
  /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\u{e0000}-\u{e007f}]/gu;

const strictUtf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * The text of a Name: its relative names last first.
 *
 * @param name - the RDNSequence, DER. @throws DerError
 */
export function nameText(name: Uint8Array): string {
  const sequence = readSequence(name);
  const relative: string[] = [];
  while (!sequence.isAtEnd)
    relative.unshift(relativeText(new DerReader(sequence.take(DER_TAG.set))));
  return relative.join(",");
}

function relativeText(set: DerReader): string {
  const parts: string[] = [];
  do {
    const attribute = set.sequence();
    const type = attribute.objectId();
    const value = attribute.any();
    attribute.end();
    const name = SHORT_NAMES[type];
    // RFC 4514 §2.4: what has no short name here is shown as its encoding.
    const text = name === undefined ? null : stringOf(value);
    parts.push(
      `${name ?? dotted(type)}=${text === null ? `#${encodeHex(value.bytes)}` : escaped(text)}`,
    );
  } while (!set.isAtEnd);
  return parts.join("+");
}

/** A string of characters; null for what is none, or is not what its type says. */
function stringOf({ tag, contents }: DerValue): string | null {
  switch (tag) {
    case DER_TAG.utf8String:
      return utf8Text(contents);
    case DER_TAG.printableString:
    case DER_TAG.ia5String:
    case DER_TAG.numericString:
    case DER_TAG.visibleString:
      return contents.every((byte) => byte < 0x80) ? utf8Text(contents) : null;
    case DER_TAG.teletexString:
      // In practice Latin-1, whatever T.61 says.
      return text(contents, 1);
    case DER_TAG.bmpString:
      return text(contents, 2);
    case DER_TAG.universalString:
      return text(contents, 4);
    default:
      return null;
  }
}

function utf8Text(bytes: Uint8Array): string | null {
  try {
    return strictUtf8.decode(bytes);
  } catch {
    return null;
  }
}

/** Characters of `width` bytes each, big-endian. */
function text(bytes: Uint8Array, width: number): string | null {
  if (bytes.length % width !== 0) return null;
  let result = "";
  for (let at = 0; at < bytes.length; at += width) {
    const point = bytes.subarray(at, at + width).reduce((sum, byte) => sum * 256 + byte, 0);
    const isSurrogate = point >= 0xd800 && point < 0xe000;
    if (isSurrogate || point > 0x10ffff) return null;
    result += String.fromCodePoint(point);
  }
  return result;
}

/** RFC 4514 §2.4. */
function escaped(value: string): string {
  return value
    .replace(/["+,;<>\\]|^[ #]| $/g, "\\$&")
    .replace(UNSEEN, (character) =>
      encodeHex(new TextEncoder().encode(character)).toUpperCase().replace(/../g, "\\$&"),
    );
}

/** An object identifier in decimals (X.690 §8.19). @param contents - hexadecimal. */
function dotted(contents: string): string {
  const arcs: bigint[] = [];
  let arc = 0n;
  for (const pair of contents.match(/../g) ?? []) {
    const octet = BigInt(`0x${pair}`);
    arc = (arc << 7n) | (octet & 0x7fn);
    if (octet >= 0x80n) continue;
    if (arcs.length === 0) {
      const top = arc < 80n ? arc / 40n : 2n;
      arcs.push(top);
      arc -= 40n * top;
    }
    arcs.push(arc);
    arc = 0n;
  }
  return arcs.join(".");
}

/**
 * `name` within `maxBytes` of UTF-8: cut behind a whole character or escape, with `…` in its place.
 */
export function shortenedName(name: string, maxBytes: number): string {
  const utf8 = new TextEncoder();
  if (utf8.encode(name).length <= maxBytes) return name;
  let kept = "";
  let room = maxBytes - utf8.encode("…").length;
  for (const [token] of name.matchAll(/\\[0-9A-F]{2}|\\.|[^\\]/gu)) {
    room -= utf8.encode(token).length;
    if (room < 0) break;
    kept += token;
  }
  return `${kept}…`;
}
