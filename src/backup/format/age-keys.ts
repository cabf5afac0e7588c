/**
 * Keys of MLKEM768-X25519 as the texts that `age-keygen -pq` writes, and its key files.
 *
 * Spec: KIT.md §3 (Bech32, BIP 173, without its limit of length). Faults quote nothing: a text
 * in the wrong place may be a private key. Text cannot be wiped; seeds leave here as `SecretKey`.
 */
import { bech32 } from "@scure/base";
import { SecretKey } from "../../crypto/secret-key.ts";
import { HYBRID_PUBLIC_KEY_BYTES, HYBRID_SEED_BYTES, isHybridPublicKey } from "./hybrid-key.ts";

/** One of the two forms; `start` tells it, in lower case, from every other text. */
interface Form {
  readonly prefix: string;
  readonly start: string;
  readonly inCase: (text: string) => string;
  readonly bytes: number;
  readonly characters: number;
}

const PUBLIC: Form = form("age1pq", HYBRID_PUBLIC_KEY_BYTES, (text) => text.toLowerCase());
const SECRET: Form = form("age-secret-key-pq-", HYBRID_SEED_BYTES, (text) => text.toUpperCase());
/** How every key of age's begins, those of X25519 and of plugins among them. */
const ANY_PUBLIC = "age1";
const ANY_SECRET = "age-secret-key-";

export const MAX_KEY_FILE_BYTES: number = 64 * 1024;
const MAX_KEYS_PER_FILE = 8;

/** What is wrong with a text; the last three are about a key file as a whole. */
export type AgeKeyReason =
  | "not_a_key"
  | "other_half"
  | "not_post_quantum"
  | "mixed_case"
  | "other_case"
  | "length"
  | "checksum"
  | "unsafe"
  | "file_too_large"
  | "file_not_text"
  | "file_keys";

const REASONS: Readonly<Record<AgeKeyReason, string>> = {
  not_a_key: "this is not a key of age's",
  other_half: "this is the other half: a public key where a private one belongs, or the reverse",
  not_post_quantum: "this key of age's is not post-quantum; make one with age-keygen -pq",
  mixed_case: "upper and lower case are mixed: characters were changed",
  other_case: "a public key is written in lower case, a private one in upper case",
  length: "it has not the length of such a key: characters are missing or too many",
  checksum: "its checksum does not hold: a character was changed",
  unsafe: "nobody could open what is sealed for this public key",
  file_too_large: `a key file has at most ${MAX_KEY_FILE_BYTES} bytes`,
  file_not_text: "this file is not text in UTF-8",
  file_keys: `a key file holds 1 to ${MAX_KEYS_PER_FILE} keys`,
};

/** A text is not the key that was expected. */
export class AgeKeyError extends Error {
  readonly reason: AgeKeyReason;
  /** Of a key file, from 1; null for a text by itself and for the file as a whole. */
  readonly line: number | null;

  constructor(reason: AgeKeyReason, line: number | null = null) {
    super(line === null ? `${REASONS[reason]}.` : `line ${line}: ${REASONS[reason]}.`);
    this.name = "AgeKeyError";
    this.reason = reason;
    this.line = line;
  }
}

/** `age1pq1…`, 1,959 characters. @param publicKey - 1,216 bytes. */
export function encodeAgePublicKey(publicKey: Uint8Array): string {
  return encode(PUBLIC, publicKey);
}

/** The inverse: 1,216 fresh bytes that `isHybridPublicKey` takes. @throws AgeKeyError. */
export function parseAgePublicKey(text: string): Uint8Array {
  const bytes = parse(text, PUBLIC, SECRET);
  if (!isHybridPublicKey(bytes)) throw new AgeKeyError("unsafe");
  return bytes;
}

/** `AGE-SECRET-KEY-PQ-1…`, 77 characters, secret. @param seed - 32 bytes, borrowed. */
export function encodeAgeSecretKey(seed: SecretKey): string {
  return seed.use((bytes) => encode(SECRET, bytes));
}

/** The inverse: a fresh seed of 32 bytes. @throws AgeKeyError. */
export function parseAgeSecretKey(text: string): SecretKey {
  return new SecretKey(parse(text, SECRET, PUBLIC));
}

/**
 * The private keys of a key file, in its order: lines that end in LF or CRLF, those that are empty
 * or begin with `#` passed over.
 *
 * @returns 1 to 8 seeds, disposed of by the caller. @throws AgeKeyError, naming the line.
 */
export function parseAgeKeyFile(bytes: Uint8Array): SecretKey[] {
  const keys: SecretKey[] = [];
  let holds = false;
  try {
    for (const [index, line] of textOf(bytes).split("\n").entries()) {
      const text = line.endsWith("\r") ? line.slice(0, -1) : line;
      if (text === "" || text.startsWith("#")) continue;
      keys.push(parseLine(text, index + 1));
      if (keys.length > MAX_KEYS_PER_FILE) throw new AgeKeyError("file_keys");
    }
    if (keys.length === 0) throw new AgeKeyError("file_keys");
    holds = true;
    return keys;
  } finally {
    if (!holds) for (const key of keys) key[Symbol.dispose]();
  }
}

function textOf(bytes: Uint8Array): string {
  if (bytes.length > MAX_KEY_FILE_BYTES) throw new AgeKeyError("file_too_large");
  try {
    // A byte-order mark is kept, and so refused as the beginning of a line.
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new AgeKeyError("file_not_text");
  }
}

function parseLine(text: string, line: number): SecretKey {
  try {
    return parseAgeSecretKey(text);
  } catch (error) {
    throw error instanceof AgeKeyError ? new AgeKeyError(error.reason, line) : error;
  }
}

function form(prefix: string, bytes: number, inCase: Form["inCase"]): Form {
  const start = `${prefix}1`;
  const characters = start.length + Math.ceil((bytes * 8) / 5) + 6;
  return { prefix, start, inCase, bytes, characters };
}

function encode({ prefix, bytes: length, inCase }: Form, bytes: Uint8Array): string {
  if (bytes.length !== length) throw new RangeError(`key: expected ${length} bytes`);
  const words = bech32.toWords(bytes);
  const text = inCase(bech32.encode(prefix, words, false));
  words.fill(0);
  return text;
}

/** Fresh bytes of a text in the form `wanted`; `other` is that of the other half. */
function parse(text: string, wanted: Form, other: Form): Uint8Array<ArrayBuffer> {
  const lower = text.toLowerCase();
  if (!lower.startsWith(wanted.start)) throw new AgeKeyError(reasonFor(lower, other));
  if (text !== lower && text !== text.toUpperCase()) throw new AgeKeyError("mixed_case");
  if (text !== wanted.inCase(text)) throw new AgeKeyError("other_case");
  if (text.length !== wanted.characters) throw new AgeKeyError("length");
  const words = wordsOf(text, wanted.prefix);
  const bytes = words === null ? undefined : bech32.fromWordsUnsafe(words);
  words?.fill(0);
  if (bytes === undefined) throw new AgeKeyError("checksum");
  return bytes as Uint8Array<ArrayBuffer>;
}

function reasonFor(lower: string, other: Form): AgeKeyReason {
  if (lower.startsWith(other.start)) return "other_half";
  const isOfAge = lower.startsWith(ANY_PUBLIC) || lower.startsWith(ANY_SECRET);
  return isOfAge ? "not_post_quantum" : "not_a_key";
}

/** Groups of five bits; null if a character or the checksum is wrong. */
function wordsOf(text: string, prefix: string): number[] | null {
  const decoded = bech32.decodeUnsafe(text, false);
  return decoded?.prefix === prefix ? decoded.words : null;
}
