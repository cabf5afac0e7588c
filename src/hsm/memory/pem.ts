/**
 * PEM: text blocks to bytes and back.
 *
 * RFC 7468, read as leniently as its §2 asks: text around and between blocks is skipped. A secret
 * in PEM is text already and cannot be wiped; its bytes can.
 */
export interface PemBlock {
  /** Between `-----BEGIN ` and `-----`. */
  readonly label: string;
  /** Fresh, possibly secret; null if the contents are not Base64, or carry headers (RFC 1421). */
  readonly bytes: Uint8Array<ArrayBuffer> | null;
}

const BEGIN = "-----BEGIN ";
const END = "-----END ";
const DASHES = "-----";
const LINE_CHARACTERS = 64;

/** Every block, in order. Takes time linear in the text, whatever it holds. */
export function parsePem(text: string): PemBlock[] {
  const blocks: PemBlock[] = [];
  let at = 0;
  for (;;) {
    const begin = text.indexOf(BEGIN, at);
    const body = begin < 0 ? -1 : text.indexOf(DASHES, begin + BEGIN.length);
    const end = body < 0 ? -1 : text.indexOf(END, body);
    if (end < 0) return blocks;
    const label = text.slice(begin + BEGIN.length, body);
    if (text.startsWith(`${label}${DASHES}`, end + END.length)) {
      blocks.push({ label, bytes: decodeBase64(text.slice(body + DASHES.length, end)) });
    }
    at = end + END.length;
  }
}

/** RFC 7468 §2, the strict form: lines of 64 characters. */
export function encodePem(label: string, bytes: Uint8Array): string {
  const base64 = encodeBase64(bytes);
  const lines = base64.match(new RegExp(`.{1,${LINE_CHARACTERS}}`, "g")) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join("\n")}\n-----END ${label}-----\n`;
}

export function encodeBase64(bytes: Uint8Array): string {
  let binary = "";
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return btoa(binary);
}

/** Base64 with any white space; null if it is anything else. Fresh. */
export function decodeBase64(text: string): Uint8Array<ArrayBuffer> | null {
  const compact = text.replace(/\s+/g, "");
  const isBase64 = compact.length % 4 === 0 && /^[A-Za-z0-9+/]+={0,2}$/.test(compact);
  if (!isBase64) return null;
  return Uint8Array.from(atob(compact), (character) => character.charCodeAt(0));
}

/** Base64url without padding (RFC 7515 §2); null if it is anything else. Fresh. */
export function decodeBase64Url(text: string): Uint8Array<ArrayBuffer> | null {
  if (!/^[A-Za-z0-9_-]+$/.test(text) || text.length % 4 === 1) return null;
  const base64 = text.replaceAll("-", "+").replaceAll("_", "/");
  return Uint8Array.from(atob(base64.padEnd(Math.ceil(text.length / 4) * 4, "=")), (character) =>
    character.charCodeAt(0),
  );
}

export function encodeBase64Url(bytes: Uint8Array): string {
  return encodeBase64(bytes).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}
