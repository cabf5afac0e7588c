/**
 * Bytes for tests that look random and are the same every time.
 */
import { createHash } from "node:crypto";

/** `length` bytes that depend on `seed` alone. */
export function sample(seed: string | number, length: number): Uint8Array {
  const out = new Uint8Array(length);
  for (let at = 0; at < length; at += 64) {
    const block = createHash("sha512").update(`${seed}/${at}`).digest();
    out.set(block.subarray(0, Math.min(64, length - at)), at);
  }
  return out;
}

export const fromHex = (hex: string): Uint8Array =>
  new Uint8Array(Buffer.from(hex.replace(/\s+/g, ""), "hex"));
export const ascii = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, "latin1"));

/**
 * Bytes as text, for comparing many of them: on an array of bytes `toEqual` looks at every member as at
 * a property. A refusal, null, is no text of bytes.
 */
export const hexOf = (bytes: Uint8Array | null | undefined): string =>
  bytes ? Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("hex") : "refused";
