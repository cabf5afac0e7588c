/**
 * Public recovery keys as the variables of a deployment hold them.
 *
 * Spec: docs/DEPLOY.md, the table of variables; FORMAT.md §7.4. Nothing is secret here, and a private key
 * that was put there by mistake is not repeated.
 */
import { AgeKeyError, parseAgePublicKey } from "../../backup/format/age-keys.ts";
import { MAX_RECIPIENTS } from "../../backup/format/layout.ts";
import { isRecoverySpki } from "../../backup/format/recovery-spki.ts";
import type { RecoveryPublicKey } from "../../backup/seal/recovery-keys.ts";
import { decodeBase64, encodeBase64 } from "../../crypto/base-encodings.ts";

/** Beside the KMS, as many recipients as an envelope has. */
export const MAX_RECOVERY_KEYS: number = MAX_RECIPIENTS - 1;
export const MAX_RETIRED_RECOVERY_KEYS = 64;

/**
 * Keys with white space between: as age writes them, or SPKI in base64. Nobody could open what another
 * form of key had wrapped.
 * @param text - the variable `name`; undefined or empty: none. @throws Error naming the variable.
 */
export function publicKeysOf(
  name: string,
  text: string | undefined,
  max: number,
): RecoveryPublicKey[] {
  const refused = (why: string) => new Error(`variable ${name}: ${why}`);
  const words = (text ?? "").split(/\s+/).filter((word) => word !== "");
  if (words.length > max) throw refused(`more than ${max} keys`);
  const keys = words.map((word) => publicKeyOf(word, refused));
  const names = new Set(keys.map(({ bytes }) => encodeBase64(bytes)));
  if (names.size !== keys.length) throw refused("one key twice");
  return keys;
}

function publicKeyOf(word: string, refused: (why: string) => Error): RecoveryPublicKey {
  const spki = decodeBase64(word);
  if (spki !== null && isRecoverySpki(spki)) return { algorithm: "rsa", bytes: spki };
  try {
    return { algorithm: "hybrid", bytes: parseAgePublicKey(word) };
  } catch (error) {
    if (!(error instanceof AgeKeyError)) throw error;
    const rsa = "nor is it the SPKI of an RSA key of 3,072 bits with exponent 65,537";
    throw refused(`${error.message.slice(0, -1)}; ${rsa}`);
  }
}
