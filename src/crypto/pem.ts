/**
 * PEM: text blocks to bytes and back.
 *
 * RFC 7468, read as leniently as its §2 asks: text around and between blocks is skipped. A secret
 * in PEM is text already and cannot be wiped; its bytes can.
 */
import { decodeBase64, encodeBase64 } from "./base-encodings.ts";

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

/**
 * How many blocks begin in the text, the broken ones counted: no fewer than `parsePem` finds.
 */
export function countPemBlocks(text: string): number {
  return text.split(BEGIN).length - 1;
}

/**
 * The blocks, in order, each decoded when it is asked for. Takes time linear in the text, whatever
 * it holds.
 */
export function* parsePem(text: string): Generator<PemBlock> {
  let at = 0;
  for (;;) {
    const begin = text.indexOf(BEGIN, at);
    const body = begin < 0 ? -1 : text.indexOf(DASHES, begin + BEGIN.length);
    const end = body < 0 ? -1 : text.indexOf(END, body);
    if (end < 0) return;
    const label = text.slice(begin + BEGIN.length, body);
    if (text.startsWith(`${label}${DASHES}`, end + END.length)) {
      yield { label, bytes: decodeBody(text.slice(body + DASHES.length, end)) };
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

/** Characters of what `encodePem` would write of so many bytes. */
export function pemCharacters(label: string, bytes: number): number {
  const base64 = 4 * Math.ceil(bytes / 3);
  const frame = BEGIN.length + END.length + 2 * (label.length + DASHES.length + 1);
  return frame + base64 + Math.max(1, Math.ceil(base64 / LINE_CHARACTERS));
}

/**
 * With any white space and line ends, also those that JSON, YAML or a shell's quotes left spelt as
 * `\n`: Base64 has no backslash. Null if it is empty or anything else than Base64.
 */
function decodeBody(text: string): Uint8Array<ArrayBuffer> | null {
  const base64 = text.replace(/\s+|\\+[nr]/g, "");
  return base64 === "" ? null : decodeBase64(base64);
}
