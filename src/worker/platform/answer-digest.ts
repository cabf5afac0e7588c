/**
 * What is kept of the answer to a challenge until it is given: it has 128 random bits, so its hash
 * tells nobody what it is.
 */
import { encodeHex } from "../../crypto/base-encodings.ts";

/** SHA-256 (FIPS 180-4) of challenge id ‖ 0 ‖ answer, as text: 64 hex digits. */
export async function answerDigest(challengeId: string, answer: string): Promise<string> {
  const text = new TextEncoder().encode(`${challengeId}\0${answer}`);
  return encodeHex(new Uint8Array(await crypto.subtle.digest("SHA-256", text)));
}
