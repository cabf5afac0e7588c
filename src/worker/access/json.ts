/**
 * A body as JSON, read so that nobody else reads something different in it.
 *
 * RFC 8259 §8: UTF-8 without exception (a replaced byte would let one password in for another) and
 * strings without lone surrogates. `__proto__` is no name of anything here, and dangerous in many places.
 * What is said of a malformed body names the place and shows nothing of what stands there.
 */
import { type ParseError, parse } from "jsonc-parser";
import { type Result, refusal, success } from "../contracts/result.ts";

/** Deeper than any request of either wire. */
const MAX_DEPTH = 16;
/** Items of the longest lists, with every member that they may have, many times over. */
const MAX_VALUES = 100_000;

const [QUOTE, BACKSLASH, COMMA] = [0x22, 0x5c, 0x2c];
/** What the brackets of lists and objects do to the depth. */
const NESTING = new Map([
  [0x5b, 1],
  [0x5d, -1],
  [0x7b, 1],
  [0x7d, -1],
]);

/** What may need a look at the strings themselves: escapes, or the name. */
const SUSPICIOUS = /\\u|__proto__/;
const REPLACEMENT = "\uFFFD";
const REPLACEMENT_BYTES = 3;
/** The place is looked for in so many characters; whoever sends more has to do without. */
const MAX_SEARCHED_CHARACTERS = 1024 * 1024;

export function parseJson(body: Uint8Array): Result<unknown> {
  const excess = excessOf(body);
  if (excess !== null) return malformed(excess);
  const text = decodeUtf8(body);
  if (text === null) return malformed(`byte ${invalidByte(body)}: not UTF-8`);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return malformed(`${placeIn(text)}: not JSON`); // The engine's own words would quote the body.
  }
  const fault = SUSPICIOUS.test(text) ? stringFault(value, []) : null;
  return fault === null ? success(value) : malformed(fault);
}

/**
 * One look at every byte, before anything is built of them: what is nested without end overflows whoever
 * follows it, and millions of empty values take hundreds of times the memory of their text.
 */
function excessOf(body: Uint8Array): string | null {
  let depth = 0;
  let values = 1;
  for (let at = 0; at < body.length; at++) {
    const byte = body[at] ?? 0;
    if (byte === QUOTE) at = endOfText(body, at);
    else if (byte === COMMA) values++;
    else depth += NESTING.get(byte) ?? 0;
    if (depth > MAX_DEPTH) return `byte ${at}: nested deeper than ${MAX_DEPTH}`;
    if (values > MAX_VALUES) return `byte ${at}: more than ${MAX_VALUES} values`;
  }
  return null;
}

/** Where the text that begins at `at` ends: at its quote, or with the body. */
function endOfText(body: Uint8Array, at: number): number {
  let end = at + 1;
  while (end < body.length && body[end] !== QUOTE) end += body[end] === BACKSLASH ? 2 : 1;
  return end;
}

function malformed(what: string): Result<never> {
  return refusal("invalid", "body_malformed", `The body is malformed: ${what}.`);
}

function decodeUtf8(body: Uint8Array): string | null {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: false }).decode(body);
  } catch {
    return null;
  }
}

/** Offset of the first byte that is not UTF-8, from 0. */
function invalidByte(body: Uint8Array): number {
  const encoder = new TextEncoder();
  const text = new TextDecoder("utf-8", { fatal: false, ignoreBOM: true }).decode(body);
  let bytes = 0;
  let from = 0;
  for (;;) {
    const at = text.indexOf(REPLACEMENT, from);
    bytes += encoder.encode(text.slice(from, at)).length;
    const isMeant = body[bytes] === 0xef && body[bytes + 1] === 0xbf && body[bytes + 2] === 0xbd;
    if (!isMeant) return bytes;
    bytes += REPLACEMENT_BYTES;
    from = at + 1;
  }
}

/** Line and column of the first fault, from 1. */
function placeIn(text: string): string {
  if (text.trim() === "") return "it is empty";
  const errors: ParseError[] = [];
  const searched = text.slice(0, MAX_SEARCHED_CHARACTERS);
  parse(searched, errors, { disallowComments: true, allowTrailingComma: false });
  const [first] = errors;
  if (first === undefined) return "somewhere";
  const before = searched.slice(0, first.offset).split("\n");
  return `line ${before.length}, column ${(before.at(-1) ?? "").length + 1}`;
}

/** A sentence about the first string or name that nothing may be called; null if there is none. */
function stringFault(value: unknown, path: readonly string[]): string | null {
  if (typeof value === "string") {
    return value.isWellFormed() ? null : `${path.join(".") || "it"}: a lone surrogate`;
  }
  if (typeof value !== "object" || value === null) return null;
  for (const [name, member] of Object.entries(value)) {
    const where = path.join(".") || "it";
    if (!name.isWellFormed()) return `${where}: a name with a lone surrogate`;
    if (name === "__proto__") return `${where}: a member may not be called __proto__`;
    const fault = stringFault(member, [...path, name]);
    if (fault !== null) return fault;
  }
  return null;
}
