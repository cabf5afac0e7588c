/**
 * Public keys of MLKEM768-X25519 as bytes: their lengths, and which of them may be wrapped for.
 *
 * Spec: FORMAT.md §7.4. Synchronous and without the KEM: what parses a key checks it. Nothing is
 * secret here.
 */

import { requireHex } from "../../crypto/base-encodings.ts";
import { equalBytes } from "../../crypto/bytes.ts";

/** The private key: the seed of both halves. */
export const HYBRID_SEED_BYTES = 32;
const ML_KEM_KEY_BYTES = 1184;
const X25519_KEY_BYTES = 32;
export const HYBRID_PUBLIC_KEY_BYTES: number = ML_KEM_KEY_BYTES + X25519_KEY_BYTES;

/** Behind the coefficients, which take 12 bits each, stands the seed of the matrix. */
const COEFFICIENT_BYTES: number = ML_KEM_KEY_BYTES - 32;
const ML_KEM_MODULUS = 3329;

/** 2²⁵⁵ − 19, little-endian as RFC 7748 §5 has it. */
const X25519_PRIME = requireHex("edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f");
/** The points of low order that are below the prime, those of the twist among them. */
const LOW_ORDER_POINTS = [
  "0000000000000000000000000000000000000000000000000000000000000000",
  "0100000000000000000000000000000000000000000000000000000000000000",
  "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
  "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
  "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
].map(requireHex);

/**
 * Whether what is wrapped for this key can be opened: 1,216 bytes, ML-KEM's modulus check (FIPS 203
 * §7.2), and an X25519 half that is canonical and not of low order.
 */
export function isHybridPublicKey(bytes: Uint8Array): boolean {
  if (bytes.length !== HYBRID_PUBLIC_KEY_BYTES) return false;
  return (
    hasReducedCoefficients(bytes.subarray(0, COEFFICIENT_BYTES)) &&
    isSafePoint(bytes.subarray(ML_KEM_KEY_BYTES))
  );
}

/** Two coefficients take three bytes (FIPS 203 algorithm 6). */
function hasReducedCoefficients(bytes: Uint8Array): boolean {
  for (let at = 0; at < bytes.length; at += 3) {
    const [low = 0, middle = 0, high = 0] = bytes.subarray(at, at + 3);
    if ((low | ((middle & 15) << 8)) >= ML_KEM_MODULUS) return false;
    if (((middle >> 4) | (high << 4)) >= ML_KEM_MODULUS) return false;
  }
  return true;
}

function isSafePoint(point: Uint8Array): boolean {
  return isBelow(point, X25519_PRIME) && !LOW_ORDER_POINTS.some((low) => equalBytes(point, low));
}

/** Of two numbers of one length, little-endian. */
function isBelow(a: Uint8Array, b: Uint8Array): boolean {
  for (let at = a.length - 1; at >= 0; at--) {
    const [digit = 0, bound = 0] = [a[at], b[at]];
    if (digit !== bound) return digit < bound;
  }
  return false;
}
