/**
 * ECDSA signatures in the form that OpenSSL and X.509 use: a DER sequence of r and s.
 *
 * RFC 3279 §2.2.3, from the fixed-width r ‖ s of IEEE P1363. Public bytes only.
 */
const SEQUENCE = 0x30;
const INTEGER = 0x02;

/** @param signature - r ‖ s, each half of it, up to 132 bytes in all. @returns fresh DER. */
export function ecdsaDer(signature: Uint8Array): Uint8Array<ArrayBuffer> {
  const half = signature.length / 2;
  const r = derInteger(signature.subarray(0, half));
  const s = derInteger(signature.subarray(half));
  const length = r.length + s.length;
  // Two integers of P-521 take up to 138 bytes: the long form of one byte at most (X.690 §8.1.3).
  const head = length < 0x80 ? [SEQUENCE, length] : [SEQUENCE, 0x81, length];
  return Uint8Array.from([...head, ...r, ...s]);
}

/** The shortest encoding of an unsigned number: no leading zeros but one before a set high bit. */
function derInteger(number: Uint8Array): number[] {
  const digits = [...number];
  while (digits.length > 1 && digits[0] === 0) digits.shift();
  if ((digits[0] ?? 0) >= 0x80) digits.unshift(0);
  return [INTEGER, digits.length, ...digits];
}
