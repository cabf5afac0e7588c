/** Recovery keys as age writes them, and its key files. KIT.md §3. */
import { execFileSync, spawnSync } from "node:child_process";
import { bech32 } from "@scure/base";
import {
  generateHybridIdentity,
  generateX25519Identity,
  identityToRecipient,
} from "age-encryption";
import { describe, expect, it } from "vitest";
import {
  AgeKeyError,
  encodeAgePublicKey,
  encodeAgeSecretKey,
  MAX_KEY_FILE_BYTES,
  parseAgeKeyFile,
  parseAgePublicKey,
  parseAgeSecretKey,
} from "../../../src/backup/format/age-keys.ts";
import { hybridPublicKey } from "../../../src/backup/seal/hybrid-kem.ts";
import { encodeHex } from "../../../src/crypto/base-encodings.ts";
import { SecretKey } from "../../../src/crypto/secret-key.ts";

const SEED = Uint8Array.from({ length: 32 }, (_, i) => i);
const SECRET_TEXT = "AGE-SECRET-KEY-PQ-1";
const secret = encodeAgeSecretKey(new SecretKey(SEED.slice()));
const publicBytes = await hybridPublicKey(new SecretKey(SEED.slice()));
const publicText = encodeAgePublicKey(publicBytes);
const x25519 = await generateX25519Identity();
const x25519Recipient = await identityToRecipient(x25519);

function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** `AgeKeyError` of what `parse` refuses; fails if it takes it, or quotes it. */
function refusal(parse: () => unknown, text = ""): { reason: string; line: number | null } {
  try {
    parse();
  } catch (error) {
    if (!(error instanceof AgeKeyError)) throw error;
    if (text.length > 6) expect(error.message).not.toContain(text.slice(-6));
    return { reason: error.reason, line: error.line };
  }
  throw new Error("taken");
}

/** With the character at `at` replaced by another of the alphabet. */
function changed(text: string, at: number): string {
  const letter = text[at] === "q" ? "p" : text[at] === "Q" ? "P" : text[at]! < "a" ? "Q" : "q";
  return text.slice(0, at) + letter + text.slice(at + 1);
}

function ofBytes(prefix: string, bytes: Uint8Array): string {
  return bech32.encode(prefix, bech32.toWords(bytes), false);
}

function hexOf(keys: readonly SecretKey[]): string[] {
  return keys.map((key) => key.use(encodeHex));
}

describe("a key of age's", () => {
  it("is the text that BIP 173 makes of it", () => {
    expect(secret).toBe(ofBytes("age-secret-key-pq-", SEED).toUpperCase());
    expect(secret).toHaveLength(77);
    expect(secret.startsWith(SECRET_TEXT)).toBe(true);
    expect(publicText).toBe(ofBytes("age1pq", publicBytes));
    expect(publicText).toHaveLength(1959);
    expect(hexOf([parseAgeSecretKey(secret)])).toEqual([encodeHex(SEED)]);
    expect(parseAgePublicKey(publicText)).toEqual(publicBytes);
  });

  it("made by typage is read, and gives the same public key", async () => {
    for (let i = 0; i < 3; i++) {
      const identity = await generateHybridIdentity();
      using seed = parseAgeSecretKey(identity);
      const publicKey = await hybridPublicKey(seed);
      expect(encodeAgeSecretKey(seed)).toBe(identity);
      const recipient = await identityToRecipient(identity);
      expect(encodeAgePublicKey(publicKey)).toBe(recipient);
      expect(parseAgePublicKey(recipient)).toEqual(publicKey);
    }
  });

  it("of ours is read by typage", async () => {
    expect(await identityToRecipient(secret)).toBe(publicText);
  });

  const hasAgeKeygen = spawnSync("age-keygen", ["-pq"]).status === 0;
  it.runIf(hasAgeKeygen)("file made by age-keygen -pq is read", async () => {
    const file = execFileSync("age-keygen", ["-pq"], { stdio: ["ignore", "pipe", "ignore"] });
    const [seed] = parseAgeKeyFile(file);
    const publicKey = encodeAgePublicKey(await hybridPublicKey(seed!));
    expect(file.toString()).toContain(publicKey);
  });

  const kelvin = secret.replace("K", "\u212a");
  it.each<[string, string, string]>([
    ["mixed case", secret.slice(0, 40) + secret.slice(40).toLowerCase(), "mixed_case"],
    ["one small letter", `${secret.slice(0, -1)}${secret.slice(-1).toLowerCase()}`, "mixed_case"],
    ["lower case", secret.toLowerCase(), "other_case"],
    ["a changed character", changed(secret, 30), "checksum"],
    ["a changed last character", changed(secret, 76), "checksum"],
    ["a character that Bech32 has not", `${secret.slice(0, 50)}B${secret.slice(51)}`, "checksum"],
    ["a 1 inside", `${secret.slice(0, 50)}1${secret.slice(51)}`, "checksum"],
    ["a sign that becomes a K in lower case", kelvin, "checksum"],
    ["a character less", secret.slice(0, -1), "length"],
    ["a character more", `${secret}Q`, "length"],
    ["a space behind", `${secret} `, "length"],
    ["a space before", ` ${secret}`, "not_a_key"],
    ["a key of 31 bytes", ofBytes("age-secret-key-pq-", SEED.subarray(1)).toUpperCase(), "length"],
    ["an X25519 key of age's", x25519, "not_post_quantum"],
    ["its recipient", x25519Recipient, "not_post_quantum"],
    ["a key of a plugin", "AGE-PLUGIN-YUBIKEY-1QQQQ", "not_a_key"],
    ["the public key", publicText, "other_half"],
    ["base64", Buffer.from(SEED).toString("base64"), "not_a_key"],
    ["nothing", "", "not_a_key"],
  ])("is refused as a private one: %s", (_, text, reason) => {
    expect(refusal(() => parseAgeSecretKey(text), text)).toEqual({ reason, line: null });
  });

  it("is refused where its last character has bits that belong to no byte", () => {
    const words = bech32.toWords(SEED);
    words[51]! |= 1;
    const text = bech32.encode("age-secret-key-pq-", words, false).toUpperCase();
    expect(refusal(() => parseAgeSecretKey(text), text).reason).toBe("checksum");
  });

  const highBit = publicBytes.slice();
  highBit[1215]! |= 0x80;
  const unreduced = publicBytes.slice();
  unreduced.fill(0xff, 0, 3);
  it.each<[string, string, string]>([
    ["mixed case", publicText.slice(0, 900) + publicText.slice(900).toUpperCase(), "mixed_case"],
    ["upper case", publicText.toUpperCase(), "other_case"],
    ["a changed character", changed(publicText, 1000), "checksum"],
    ["a character less", publicText.slice(0, -1), "length"],
    ["a character more", `${publicText}q`, "length"],
    ["a key of 1,215 bytes", ofBytes("age1pq", publicBytes.subarray(1)), "length"],
    ["an X25519 half that is not canonical", ofBytes("age1pq", highBit), "unsafe"],
    ["coefficients that are not reduced", ofBytes("age1pq", unreduced), "unsafe"],
    ["an X25519 recipient of age's", x25519Recipient, "not_post_quantum"],
    ["an X25519 private key of age's", x25519, "not_post_quantum"],
    ["the private key", secret, "other_half"],
    ["the private key in lower case", secret.toLowerCase(), "other_half"],
    ["another text", "ssh-ed25519 AAAA", "not_a_key"],
  ])("is refused as a public one: %s", (_, text, reason) => {
    expect(refusal(() => parseAgePublicKey(text), text)).toEqual({ reason, line: null });
  });

  it("is not written of another length", () => {
    expect(() => encodeAgePublicKey(publicBytes.subarray(1))).toThrow(RangeError);
    expect(() => encodeAgeSecretKey(new SecretKey(new Uint8Array(31)))).toThrow(RangeError);
  });
});

describe("a key file of age's", () => {
  const header = `# created: 2026-01-31T12:00:00Z\n# public key: ${publicText}\n`;
  const other = encodeAgeSecretKey(new SecretKey(new Uint8Array(32).fill(9)));
  const [ours, theirs] = [encodeHex(SEED), "09".repeat(32)];

  it.each<[string, string, string[]]>([
    ["with comments, as age-keygen writes it", `${header}${secret}\n`, [ours]],
    ["of one line without an end", secret, [ours]],
    ["of several keys and empty lines", `\n${other}\n\n# old\n${secret}\n\n`, [theirs, ours]],
    ["with CRLF", `${header}${secret}\n${other}\n`.replaceAll("\n", "\r\n"), [ours, theirs]],
    ["of eight keys", `${secret}\n`.repeat(8), Array.from({ length: 8 }, () => ours)],
    [
      "of as many bytes as it may have",
      `${"#".repeat(MAX_KEY_FILE_BYTES - 78)}\n${secret}`,
      [ours],
    ],
  ])("is read: %s", (_, text, seeds) => {
    expect(hexOf(parseAgeKeyFile(utf8(text)))).toEqual(seeds);
  });

  it.each<[string, Uint8Array, string, number | null]>([
    ["empty", utf8(""), "file_keys", null],
    ["of comments alone", utf8(header), "file_keys", null],
    ["of nine keys", utf8(`${secret}\n`.repeat(9)), "file_keys", null],
    [
      "of one byte too many",
      new Uint8Array(MAX_KEY_FILE_BYTES + 1).fill(35),
      "file_too_large",
      null,
    ],
    ["that is not UTF-8", Uint8Array.of(35, 0xff), "file_not_text", null],
    ["with a byte-order mark", utf8(`\ufeff${secret}`), "not_a_key", 1],
    ["with a space behind a key", utf8(`${header}${secret} \n`), "length", 3],
    ["with a line of spaces", utf8(`${secret}\n  \n`), "not_a_key", 2],
    ["with CR alone", utf8(`# a\r${secret}\r`), "file_keys", null],
    ["with a second CR", utf8(`${secret}\r\r\n`), "length", 1],
    ["with an X25519 key behind a good one", utf8(`${secret}\n${x25519}\n`), "not_post_quantum", 2],
    ["with a changed key", utf8(`#\n#\n${changed(secret, 40)}\n`), "checksum", 3],
    ["with a public key", utf8(`${publicText}\n`), "other_half", 1],
  ])("is refused: %s", (_, file, reason, line) => {
    expect(refusal(() => parseAgeKeyFile(file), secret)).toEqual({ reason, line });
  });

  it("names the line in its sentence, and what is wrong", () => {
    const refused = () => parseAgeKeyFile(utf8(`#\n${x25519}`));
    expect(refused).toThrow(/^line 2: this key of age's is not post-quantum/);
  });
});
