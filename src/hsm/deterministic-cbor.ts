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
const ARRAY = 4;
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
  const short = first & 31;
  if (short < 24) {
    head.argument = short;
    head.end = at + 1;
  } else if (short === 24) {
    const next = bytes[at + 1] ?? 0;
    if (next < 24) return;
    head.argument = next;
    head.end = at + 2;
  } else if (short < 28) {
    readLongHead(bytes, at, 2 ** (short - 24), head);
  }
}

/** The rest of `readHead` for an argument of `width` bytes: 2, 4 or 8. */
function readLongHead(bytes: Uint8Array, at: number, width: number, head: Head): void {
  if (at + 1 + width > bytes.length) return;
  const argument =
    width === 8
      ? uint(bytes, at + 1, 4) * 2 ** 32 + uint(bytes, at + 5, 4)
      : uint(bytes, at + 1, width);
  if (argument < 2 ** (4 * width) || argument > Number.MAX_SAFE_INTEGER) return;
  head.argument = argument;
  head.end = at + 1 + width;
}

/** The big-endian number of `width` bytes, at most 4, at `at`. */
function uint(bytes: Uint8Array, at: number, width: number): number {
  let value = 0;
  for (let i = 0; i < width; i++) value = (value << 8) | (bytes[at + i] ?? 0);
  return value >>> 0;
}
