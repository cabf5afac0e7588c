/**
 * Bytes as text and back: hexadecimal, Base64 and Base64url, the only place where that is done.
 *
 * RFC 4648 §4, §5, §8. Reading never throws and quotes nothing. Canonical final bits are
 * not demanded (§3.5 leaves that open); who demands them asks `hasSpareBits`, or compares
 * with what would be written. Not constant time: text cannot be wiped either, so nothing
 * secret is text for longer than it must.
 */

/** Arguments of one call of `fromCharCode`: engines allow no fewer than 65,535. */
const CHUNK_BYTES = 8_192;
const HEX_PAIRS = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

/** Two lower-case digits a byte. */
export function encodeHex(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += HEX_PAIRS[byte];
  return text;
}

/** Fresh bytes; null unless `text` is pairs of digits, in either case. */
export function decodeHex(text: string): Uint8Array<ArrayBuffer> | null {
  if (text.length % 2 !== 0 || /[^0-9A-Fa-f]/.test(text)) return null;
  const bytes = new Uint8Array(text.length / 2);
  for (let i = 0; i < bytes.length; i++) {
    bytes[i] = Number.parseInt(text.slice(2 * i, 2 * i + 2), 16);
  }
  return bytes;
}

/** Padded to a multiple of four letters. */
export function encodeBase64(bytes: Uint8Array): string {
  let binary = "";
  for (let at = 0; at < bytes.length; at += CHUNK_BYTES) {
    binary += Reflect.apply(String.fromCharCode, null, bytes.subarray(at, at + CHUNK_BYTES));
  }
  return btoa(binary);
}

/** Fresh bytes; null unless `text` is Base64 with its padding and nothing else. */
export function decodeBase64(text: string): Uint8Array<ArrayBuffer> | null {
  if (text.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(text)) return null;
  const binary = atob(text);
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = binary.charCodeAt(i);
  return bytes;
}

/** Without padding, as in a JWK (RFC 7515 §2). */
export function encodeBase64Url(bytes: Uint8Array): string {
  return encodeBase64(bytes).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/**
 * Fresh bytes; null unless `text` is Base64 or Base64url and nothing else, with its padding or
 * without any. Letters that only one of the two has do not go together with the other's.
 */
export function decodeEitherBase64(text: string): Uint8Array<ArrayBuffer> | null {
  if (!/^([A-Za-z0-9_-]*|[A-Za-z0-9+/]*)={0,2}$/.test(text)) return null;
  if (text.endsWith("=")) return decodeBase64(standardLetters(text));
  return decodeBase64(standardLetters(text).padEnd(Math.ceil(text.length / 4) * 4, "="));
}

/**
 * Whether the last letter of `text` has bits behind those of the last byte that are not zero (RFC 4648
 * §3.5). @param bytes - what it was read as, in either alphabet.
 */
export function hasSpareBits(text: string, bytes: Uint8Array): boolean {
  const rest = bytes.length % 3;
  if (rest === 0) return false;
  const written = encodeBase64(bytes.subarray(-rest)).slice(0, rest + 1);
  return !standardLetters(text).replace(/=+$/, "").endsWith(written);
}

function standardLetters(text: string): string {
  return text.replaceAll("-", "+").replaceAll("_", "/");
}

/** As `decodeHex`, of text that we wrote: a constant, a row. @throws TypeError for any other. */
export function requireHex(text: string): Uint8Array<ArrayBuffer> {
  const bytes = decodeHex(text);
  if (bytes === null) throw new TypeError("text: expected hexadecimal");
  return bytes;
}

/**
 * As `decodeBase64`, of text that was checked or that we wrote. @throws TypeError for any other.
 */
export function requireBase64(text: string): Uint8Array<ArrayBuffer> {
  const bytes = decodeBase64(text);
  if (bytes === null) throw new TypeError("text: expected Base64");
  return bytes;
}
