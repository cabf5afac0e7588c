/**
 * A body as JSON, read so that nobody else reads something different in it.
 *
 * RFC 8259 §8: UTF-8 without exception (a replaced byte would let one password in for another) and
 * strings without lone surrogates; no byte-order mark before it, which some skip and some refuse; §4: no name twice in an object, since readers differ in which one counts.
 * `__proto__` is no name of anything here, and dangerous in many places. What is said of a malformed body
 * names the place and shows nothing of what stands there.
 */
import { type ParseError, parse, visit } from "jsonc-parser";
import { type Result, refusal, success } from "../contracts/result.ts";

/** Deeper than any request of either wire. */
const MAX_DEPTH = 16;
/** Items of the longest lists, with every member that they may have, many times over. */
const MAX_VALUES = 100_000;

const [QUOTE, BACKSLASH, COMMA, COLON] = [0x22, 0x5c, 0x2c, 0x3a];
/** What the brackets of lists and objects do to the depth. */
const NESTING = new Map([
  [0x5b, 1],
  [0x5d, -1],
  [0x7b, 1],
  [0x7d, -1],
]);

/** What may need a look at the strings themselves: escapes, or the name. */
const SUSPICIOUS = /\\u|__proto__/;
const BYTE_ORDER_MARK = "\uFEFF";
const REPLACEMENT = "\uFFFD";
const REPLACEMENT_BYTES = 3;
/** In which the first byte that is not UTF-8 is looked for, character by character. */
const PART_BYTES = 64 * 1024;
/** The place is looked for in so many characters; whoever sends more has to do without. */
const MAX_SEARCHED_CHARACTERS = 1024 * 1024;

export function parseJson(body: Uint8Array): Result<unknown> {
  const { excess, members } = lookOver(body);
  if (excess !== null) return malformed(excess);
  const text = decodeUtf8(body);
  if (text === null) return malformed(`byte ${invalidByte(body)}: not UTF-8`);
  if (text.startsWith(BYTE_ORDER_MARK)) return malformed("byte 0: a byte-order mark");
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return malformed(`${placeIn(text)}: not JSON`); // The engine's own words would quote the body.
  }
  if (membersOf(value) !== members)
    return malformed(`${repeatedPlace(text)}: a name that was there before`);
  const fault = SUSPICIOUS.test(text) ? stringFault(value, []) : null;
  return fault === null ? success(value) : malformed(fault);
}

/** What a look at the bytes alone tells: a sentence about what is too much, and the members of all objects. */
interface Overlook {
  readonly excess: string | null;
  readonly members: number;
}

/**
 * One look at every byte, before anything is built of them: what is nested without end overflows whoever
 * follows it, and millions of empty values take hundreds of times the memory of their text.
 */
function lookOver(body: Uint8Array): Overlook {
  let [depth, values, members] = [0, 1, 0];
  for (let at = 0; at < body.length; at++) {
    const byte = body[at] ?? 0;
    if (byte === QUOTE) at = endOfText(body, at);
    else if (byte === COMMA) values++;
    else if (byte === COLON) members++;
    else depth += NESTING.get(byte) ?? 0;
    if (depth > MAX_DEPTH)
      return { excess: `byte ${at}: nested deeper than ${MAX_DEPTH}`, members };
    if (values > MAX_VALUES)
      return { excess: `byte ${at}: more than ${MAX_VALUES} values`, members };
  }
  return { excess: null, members };
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
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(body);
  } catch {
    return null;
  }
}

/** Offset of the first byte that is not UTF-8, from 0: looked for in the one part that is not. */
function invalidByte(body: Uint8Array): number {
  let start = 0;
  let end = characterAt(body, PART_BYTES);
  while (end < body.length && decodeUtf8(body.subarray(start, end)) !== null) {
    start = end;
    end = characterAt(body, start + PART_BYTES);
  }
  return start + invalidByteOf(body.subarray(start, end));
}

/** Where the character begins that the byte at `at` is of; the body's end behind it. */
function characterAt(body: Uint8Array, at: number): number {
  if (at >= body.length) return body.length;
  let begin = at;
  while (begin > at - 3 && ((body[begin] ?? 0) & 0xc0) === 0x80) begin--;
  return begin;
}

/** @param part - in which there is such a byte; each character that is meant to be U+FFFD costs a call. */
function invalidByteOf(part: Uint8Array): number {
  const encoder = new TextEncoder();
  const text = new TextDecoder("utf-8", { fatal: false, ignoreBOM: true }).decode(part);
  let bytes = 0;
  let from = 0;
  for (;;) {
    const at = text.indexOf(REPLACEMENT, from);
    bytes += encoder.encode(text.slice(from, at)).length;
    const isMeant = part[bytes] === 0xef && part[bytes + 1] === 0xbf && part[bytes + 2] === 0xbd;
    if (!isMeant) return bytes;
    bytes += REPLACEMENT_BYTES;
    from = at + 1;
  }
}

/** Members that the objects in `value` have: fewer than were written if one had a name twice. */
function membersOf(value: unknown): number {
  if (typeof value !== "object" || value === null) return 0;
  const held = Object.values(value);
  let members = Array.isArray(value) ? 0 : held.length;
  for (const member of held) members += membersOf(member);
  return members;
}

/** Where the first name stands that its object has had before. */
function repeatedPlace(text: string): string {
  const open: Set<string>[] = [];
  let place: string | null = null;
  visit(text.slice(0, MAX_SEARCHED_CHARACTERS), {
    onObjectBegin: () => void open.push(new Set()),
    onObjectEnd: () => void open.pop(),
    onObjectProperty(name, _offset, _length, line, column) {
      const names = open.at(-1);
      if (names?.has(name)) place ??= placeOf(line + 1, column + 1);
      names?.add(name);
    },
  });
  return place ?? "somewhere";
}

function placeOf(line: number, column: number): string {
  return `line ${line}, column ${column}`;
}

/** Line and column of the first fault, from 1. */
function placeIn(text: string): string {
  if (/^[ \t\r\n]*$/.test(text)) return "it is empty";
  const errors: ParseError[] = [];
  const searched = text.slice(0, MAX_SEARCHED_CHARACTERS);
  parse(searched, errors, { disallowComments: true, allowTrailingComma: false });
  const [first] = errors;
  const isCut = searched.length < text.length; // Its end is no fault of the text.
  if (first === undefined || (isCut && first.offset >= searched.length)) return "somewhere";
  const before = searched.slice(0, first.offset).split("\n");
  return placeOf(before.length, (before.at(-1) ?? "").length + 1);
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
