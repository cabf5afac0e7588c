/**
 * The form of one record: an array of an attributes map and a byte string, in deterministic CBOR.
 *
 * Spec: FORMAT.md §3.1, §4.1. Walks the bytes without building values: 65,536 records pass here.
 * What the attributes mean is the HSM's matter; that text is valid UTF-8 too.
 */

const RECORD_HEAD = 0x82;
const MAX_DEPTH = 8;
/** Major types of RFC 8949 §3.1. */
const UNSIGNED_INTEGER = 0;
const NEGATIVE_INTEGER = 1;
const BYTE_STRING = 2;
const TEXT = 3;
const ARRAY = 4;
const MAP = 5;
const SIMPLE = 7;
const FALSE_TRUE_NULL: readonly number[] = [20, 21, 22];

/** Where a head ends and what it says; `end` is −1 if it is not a shortest-form head. */
interface Head {
  major: number;
  argument: number;
  end: number;
}

/** What is wrong with the record in `bytes`, or null. */
export function recordFlaw(bytes: Uint8Array): string | null {
  if (bytes[0] !== RECORD_HEAD) return "not an array of two items";
  const head: Head = { major: 0, argument: 0, end: -1 };
  readHead(bytes, 1, head);
  if (!isHeadOf(head, MAP)) return "its attributes are not a map";
  const secretAt = skipItem(bytes, 1, head, 0);
  if (secretAt < 0) return "its attributes are not deterministic CBOR";
  readHead(bytes, secretAt, head);
  if (!isHeadOf(head, BYTE_STRING)) return "its secret part is not a byte string";
  if (head.end + head.argument !== bytes.length) return "its length is wrong";
  return null;
}

/** Offset after the item at `at`, or −1 if there is none in deterministic form. */
function skipItem(bytes: Uint8Array, at: number, head: Head, depth: number): number {
  readHead(bytes, at, head);
  if (head.end < 0 || depth > MAX_DEPTH) return -1;
  const { major, argument, end } = head;
  switch (major) {
    case BYTE_STRING:
    case TEXT:
      return end + argument <= bytes.length ? end + argument : -1;
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

function isHeadOf(head: Head, major: number): boolean {
  return head.end >= 0 && head.major === major;
}

/** Reads the head at `at` into `head`: shortest form only, arguments below 2^53. */
function readHead(bytes: Uint8Array, at: number, head: Head): void {
  head.end = -1;
  const first = bytes[at];
  if (first === undefined) return;
  head.major = first >> 5;
  const short = first & 31;
  if (short < 24) {
    head.argument = short;
    head.end = at + 1;
    return;
  }
  if (short > 27) return;
  const width = 2 ** (short - 24);
  if (at + 1 + width > bytes.length) return;
  let argument = 0;
  for (let i = 0; i < width; i++) argument = argument * 256 + (bytes[at + 1 + i] ?? 0);
  const leastAllowed = width === 1 ? 24 : 2 ** (4 * width);
  if (argument < leastAllowed || argument > Number.MAX_SAFE_INTEGER) return;
  head.argument = argument;
  head.end = at + 1 + width;
}
