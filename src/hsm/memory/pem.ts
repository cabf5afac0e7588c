/**
 * PEM: text blocks to bytes and back.
 *
 * RFC 7468, read as leniently as its §2 asks: text around and between blocks is skipped. A secret
 * in PEM is text already and cannot be wiped; its bytes can.
 */
import { decodeBase64, encodeBase64 } from "../../crypto/base-encodings.ts";

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
      blocks.push({ label, bytes: decodeBody(text.slice(body + DASHES.length, end)) });
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

/** With any white space; null if it is empty or anything else than Base64. */
function decodeBody(text: string): Uint8Array<ArrayBuffer> | null {
  const base64 = text.replace(/\s+/g, "");
  return base64 === "" ? null : decodeBase64(base64);
}
