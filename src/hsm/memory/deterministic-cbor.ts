/**
 * Deterministic CBOR, read strictly: items skipped without building values, or read one by one.
 *
 * RFC 8949 §4.2.1, as far as FORMAT.md §3.1 uses it. What the values mean is the caller's matter.
 * 65,536 records pass here, which is why no tree of values is built and encoded again to be
 * compared.
 */

const MAX_DEPTH = 8;
/** Major types of RFC 8949 §3.1. */
export const UNSIGNED_INTEGER = 0;
const NEGATIVE_INTEGER = 1;
export const BYTE_STRING = 2;
const TEXT = 3;
export const ARRAY = 4;
export const MAP = 5;
const SIMPLE = 7;
const FALSE_TRUE_NULL: readonly number[] = [20, 21, 22];

const strictUtf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Where a head ends and what it says; `end` is −1 if it is not a shortest-form head. */
export interface Head {
  major: number;
  argument: number;
  end: number;
}

/** A head to read into. */
export function newHead(): Head {
  return { major: 0, argument: 0, end: -1 };
}

/**
 * Offset after the item of deterministic CBOR at `at`, or −1 if there is none: shortest heads,
 * definite lengths, map keys unsigned and ascending, text valid UTF-8, no tags, floats or
 * `undefined`.
 */
export function skipItem(bytes: Uint8Array, at: number, head: Head, depth = 0): number {
  readHead(bytes, at, head);
  if (head.end < 0 || depth > MAX_DEPTH) return -1;
  const { major, argument, end } = head;
  switch (major) {
    case BYTE_STRING:
      return end + argument <= bytes.length ? end + argument : -1;
    case TEXT:
      return isText(bytes, end, end + argument) ? end + argument : -1;
    case ARRAY:
      return skipArray(bytes, end, argument, head, depth);
    case MAP:
      return skipMap(bytes, end, argument, head, depth);
    case SIMPLE:
      return end === at + 1 && FALSE_TRUE_NULL.includes(argument) ? end : -1;
    default:
      return major <= NEGATIVE_INTEGER ? end : -1;
  }
}

function skipArray(
  bytes: Uint8Array,
  start: number,
  items: number,
  head: Head,
  depth: number,
): number {
  let at = start;
  for (let i = 0; i < items && at >= 0; i++) at = skipItem(bytes, at, head, depth + 1);
  return at;
}

/** RFC 8949 §4.2.1: keys ascend by their encoded bytes. Here they are unsigned integers. */
function skipMap(
  bytes: Uint8Array,
  start: number,
  pairs: number,
  head: Head,
  depth: number,
): number {
  let at = start;
  let lastKey = -1;
  for (let i = 0; i < pairs; i++) {
    readHead(bytes, at, head);
    // Shortest-form unsigned integers sort by value as they sort by bytes.
    if (!isHeadOf(head, UNSIGNED_INTEGER) || head.argument <= lastKey) return -1;
    lastKey = head.argument;
    at = skipItem(bytes, head.end, head, depth + 1);
    if (at < 0) return -1;
  }
  return at;
}

/** RFC 3629. ASCII, which most text is, costs no decoder. */
function isText(bytes: Uint8Array, start: number, end: number): boolean {
  if (end > bytes.length) return false;
  let at = start;
  while (at < end && (bytes[at] ?? 0) < 0x80) at++;
  return at === end || decodeText(bytes, at, end) !== undefined;
}

function decodeText(bytes: Uint8Array, start: number, end: number): string | undefined {
  if (end > bytes.length) return undefined;
  try {
    return strictUtf8.decode(bytes.subarray(start, end));
  } catch {
    return undefined; // the decoder's only error: not UTF-8
  }
}

/** What `readItem` reads: unsigned integers, text, byte strings, arrays of unsigned integers. */
export type Item = number | string | Uint8Array | number[];

/**
 * The item at `at`, fresh; `head.end` is behind it. Undefined if there is none of those in this
 * form.
 */
export function readItem(bytes: Uint8Array, at: number, head: Head): Item | undefined {
  readHead(bytes, at, head);
  const { major, argument, end } = head;
  if (end < 0) return undefined;
  switch (major) {
    case UNSIGNED_INTEGER:
      return argument;
    case BYTE_STRING:
      head.end = end + argument;
      return head.end <= bytes.length ? bytes.slice(end, head.end) : undefined;
    case TEXT:
      head.end = end + argument;
      return decodeText(bytes, end, head.end);
    case ARRAY:
      return readIntegers(bytes, argument, head);
    default:
      return undefined;
  }
}

function readIntegers(bytes: Uint8Array, count: number, head: Head): number[] | undefined {
  const integers: number[] = [];
  for (let i = 0; i < count; i++) {
    readHead(bytes, head.end, head);
    if (!isHeadOf(head, UNSIGNED_INTEGER)) return undefined;
    integers.push(head.argument);
  }
  return integers;
}

export function isHeadOf(head: Head, major: number): boolean {
  return head.end >= 0 && head.major === major;
}

/** Reads the head at `at` into `head`: shortest form only, arguments below 2^53. */
export function readHead(bytes: Uint8Array, at: number, head: Head): void {
  head.end = -1;
  const first = bytes[at];
  if (first === undefined) return;
  head.major = first >> 5;
  // The argument, in how many bytes of its own, and the least that needs as many.
  let argument = first & 31;
  let width = 0;
  let least = 0;
  switch (argument) {
    case 24:
      argument = bytes[at + 1] ?? 0;
      width = 1;
      least = 24;
      break;
    case 25:
      argument = ((bytes[at + 1] ?? 0) << 8) | (bytes[at + 2] ?? 0);
      width = 2;
      least = 2 ** 8;
      break;
    case 26:
      argument = uint32At(bytes, at + 1);
      width = 4;
      least = 2 ** 16;
      break;
    case 27:
      argument = uint32At(bytes, at + 1) * 2 ** 32 + uint32At(bytes, at + 5);
      width = 8;
      least = 2 ** 32;
      break;
    default:
      if (argument > 27) return;
  }
  const end = at + 1 + width;
  if (end > bytes.length || argument < least || argument > Number.MAX_SAFE_INTEGER) return;
  head.argument = argument;
  head.end = end;
}

/** The big-endian u32 at `at`, without a view: for what is read once per record. */
export function uint32At(bytes: Uint8Array, at: number): number {
  const high = ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
  const low = ((bytes[at + 2] ?? 0) << 8) | (bytes[at + 3] ?? 0);
  return ((high << 16) | low) >>> 0;
}
