/**
 * The form of one record: an array of an attributes map and a byte string, in deterministic CBOR.
 *
 * Spec: FORMAT.md §3.1, §4.1. What the attributes mean is the HSM's matter.
 */
import {
  BYTE_STRING,
  isHeadOf,
  MAP,
  newHead,
  readHead,
  skipItem,
} from "../../hsm/memory/deterministic-cbor.ts";

const RECORD_HEAD = 0x82;

/** What is wrong with the record in `bytes`, or null. */
export function recordFlaw(bytes: Uint8Array): string | null {
  if (bytes[0] !== RECORD_HEAD) return "not an array of two items";
  const head = newHead();
  readHead(bytes, 1, head);
  if (!isHeadOf(head, MAP)) return "its attributes are not a map";
  const secretAt = skipItem(bytes, 1, head);
  if (secretAt < 0) return "its attributes are not deterministic CBOR";
  readHead(bytes, secretAt, head);
  if (!isHeadOf(head, BYTE_STRING)) return "its secret part is not a byte string";
  if (head.end + head.argument !== bytes.length) return "its length is wrong";
  return null;
}
