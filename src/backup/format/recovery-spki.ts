/**
 * The one form of a recovery public key: SubjectPublicKeyInfo, in DER, of an RSA key with a modulus of
 * 3,072 bits and the exponent 65,537.
 *
 * Spec: FORMAT.md §7.4 (RFC 3279 §2.3.1, RFC 8017). The form is fixed but for the modulus, so that no
 * parser is needed, and one key has one id.
 */
import { requireHex } from "../../crypto/base-encodings.ts";
import { equalBytes } from "../../crypto/bytes.ts";

/** Everything before the modulus: rsaEncryption with NULL, and two lengths. */
const PREFIX = requireHex("308201a2300d06092a864886f70d01010105000382018f003082018a0282018100");
const EXPONENT = requireHex("0203010001");
const MODULUS_BYTES = 384;
const EXPONENT_AT: number = PREFIX.length + MODULUS_BYTES;

/** Whether `spki` is such a key, as far as its form tells: the modulus has all its bits and is odd. */
export function isRecoverySpki(spki: Uint8Array): boolean {
  const [first = 0] = spki.subarray(PREFIX.length);
  const [last = 0] = spki.subarray(EXPONENT_AT - 1);
  return (
    equalBytes(spki.subarray(0, PREFIX.length), PREFIX) &&
    equalBytes(spki.subarray(EXPONENT_AT), EXPONENT) &&
    first >= 0x80 &&
    last % 2 === 1
  );
}
