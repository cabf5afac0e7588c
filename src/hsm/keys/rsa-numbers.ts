/**
 * Whether the numbers of an RSA key belong together, and whether a modulus can be one.
 *
 * RFC 8017 §3.2; SP 800-89 §5.3.3 in part. Platforms differ: some take a key whose CRT numbers are
 * wrong and sign with it, none says which number it is. Private numbers are computed with as limbs
 * in arrays that are wiped, in a time that depends on their lengths alone; a BigInt can neither be
 * wiped nor does it take the same time for all values. It serves for the public ones.
 */
import { encodeHex } from "../../crypto/base-encodings.ts";

/** Magnitudes, big-endian, without leading zeros. */
export interface RsaPublicNumbers {
  readonly n: Uint8Array;
  readonly e: Uint8Array;
}

export interface RsaPrivateNumbers extends RsaPublicNumbers {
  readonly d: Uint8Array;
  readonly p: Uint8Array;
  readonly q: Uint8Array;
  readonly dp: Uint8Array;
  readonly dq: Uint8Array;
  readonly qi: Uint8Array;
}

/** SP 800-89 §5.3.3: a modulus has no factor below this. */
const MIN_FACTOR = 752n;
const LIMB_BITS = 16;
const LIMB_MASK = 0xffff;

/**
 * What is wrong with a public key, as half a sentence; null if nothing is.
 *
 * A modulus that was damaged nearly always has a small factor. Whether it is composite is not
 * tried (docs/decisions/0026-keys-are-read-here.md).
 */
export function rsaPublicFault({ n, e }: RsaPublicNumbers): string | null {
  if (e.length === 1 && e[0] === 1) return "its public exponent e is 1";
  if (((e.at(-1) ?? 0) & 1) === 0) return "its public exponent e is even";
  const modulus = BigInt(`0x${encodeHex(n)}`);
  for (let factor = 2n; factor < MIN_FACTOR; factor += factor === 2n ? 1n : 2n) {
    if (modulus % factor === 0n) return `its modulus n has the factor ${factor}`;
  }
  return isSquare(modulus) ? "its modulus n is a square" : null;
}

/** Newton's method, from above. */
function isSquare(n: bigint): boolean {
  let root = 1n << BigInt(Math.ceil(n.toString(16).length / 2) * 4);
  for (;;) {
    const next = (root + n / root) >> 1n;
    if (next >= root) return root * root === n;
    root = next;
  }
}

/**
 * Which private number does not fit the others, as half a sentence; null if all do.
 *
 * @param numbers - borrowed, secret; of a public key that has no fault.
 */
export function rsaPrivateFault(numbers: RsaPrivateNumbers): string | null {
  const limbs = new Limbs();
  try {
    const { n, e, d, p, q, dp, dq, qi } = limbs.readAll(numbers);
    if (!equal(limbs.remainder(d, n), d)) return "its number d is not below n";
    if (isOne(numbers.p) || isOne(numbers.q)) return "its prime p or q is 1";
    if (!equal(limbs.product(p, q), n)) return "its p and q do not make its n";
    const fault = (prime: Uint32Array, given: Uint32Array, name: string): string | null => {
      // p is odd, as n is: p − 1 is p without its last bit.
      const phi = limbs.copy(prime);
      phi[0] = (phi[0] ?? 0) & ~1;
      const reduced = limbs.remainder(d, phi);
      const product = limbs.remainder(limbs.product(reduced, e), phi);
      if (!equal(product, ONE)) return "its number d is not the inverse of e";
      return equal(reduced, given) ? null : `its number ${name} does not follow from d`;
    };
    const crtFault = fault(p, dp, "dp") ?? fault(q, dq, "dq");
    if (crtFault !== null) return crtFault;
    const isInverse = equal(limbs.remainder(limbs.product(qi, q), p), ONE);
    return isInverse && equal(limbs.remainder(qi, p), qi)
      ? null
      : "its number qi is not that of p and q";
  } finally {
    limbs.wipe();
  }
}

function isOne(magnitude: Uint8Array): boolean {
  return magnitude.length === 1 && magnitude[0] === 1;
}

const ONE = Uint32Array.of(1);

/** Of any two lengths; without a branch on the contents. */
function equal(a: Uint32Array, b: Uint32Array): boolean {
  let difference = 0;
  for (let i = 0; i < Math.max(a.length, b.length); i++) difference |= (a[i] ?? 0) ^ (b[i] ?? 0);
  return difference === 0;
}

/**
 * Numbers as limbs of 16 bits, the lowest first. A product of two limbs and two more stays below
 * 2^32: (2^16 − 1)² + 2 (2^16 − 1) = 2^32 − 1.
 */
class Limbs {
  readonly #held: Uint32Array[] = [];

  wipe(): void {
    for (const limbs of this.#held) limbs.fill(0);
  }

  #hold(limbs: Uint32Array): Uint32Array {
    this.#held.push(limbs);
    return limbs;
  }

  copy(limbs: Uint32Array): Uint32Array {
    return this.#hold(limbs.slice());
  }

  readAll(numbers: RsaPrivateNumbers): Record<keyof RsaPrivateNumbers, Uint32Array> {
    const { n, e, d, p, q, dp, dq, qi } = numbers;
    return {
      ...{ n: this.#read(n), e: this.#read(e), d: this.#read(d), p: this.#read(p) },
      ...{ q: this.#read(q), dp: this.#read(dp), dq: this.#read(dq), qi: this.#read(qi) },
    };
  }

  #read(magnitude: Uint8Array): Uint32Array {
    const limbs = this.#hold(new Uint32Array(Math.ceil(magnitude.length / 2)));
    for (let i = 0; i < magnitude.length; i++) {
      const byte = magnitude[magnitude.length - 1 - i] ?? 0;
      limbs[i >> 1] = (limbs[i >> 1] ?? 0) | (byte << (8 * (i & 1)));
    }
    return limbs;
  }

  product(a: Uint32Array, b: Uint32Array): Uint32Array {
    const result = this.#hold(new Uint32Array(a.length + b.length));
    for (const [i, digit] of a.entries()) {
      let carry = 0;
      for (let j = 0; j < b.length; j++) {
        const sum = digit * (b[j] ?? 0) + (result[i + j] ?? 0) + carry;
        result[i + j] = sum & LIMB_MASK;
        carry = sum >>> LIMB_BITS;
      }
      result[i + b.length] = carry;
    }
    return result;
  }

  /**
   * a mod b, as long as b: Knuth's algorithm D (TAOCP 4.3.1), with both corrections always made,
   * under a mask. @param b - not zero; its highest limb is not.
   */
  remainder(a: Uint32Array, b: Uint32Array): Uint32Array {
    const length = b.length;
    const shift = Math.clz32(b.at(-1) ?? 0) - LIMB_BITS;
    const divisor = this.#shifted(b, shift).subarray(0, length);
    const rest = this.#shifted(a, shift);
    for (let at = rest.length - length - 1; at >= 0; at--) {
      subtractMultiple(rest.subarray(at, at + length + 1), divisor);
    }
    const result = this.#hold(new Uint32Array(length));
    for (let i = 0; i < length; i++) {
      const high = (rest[i + 1] ?? 0) << LIMB_BITS;
      result[i] = ((high | (rest[i] ?? 0)) >>> shift) & LIMB_MASK;
    }
    return result;
  }

  /** To the left by less than a limb, in one limb more. */
  #shifted(limbs: Uint32Array, bits: number): Uint32Array {
    const result = this.#hold(new Uint32Array(limbs.length + 1));
    let carry = 0;
    for (const [i, limb] of limbs.entries()) {
      const wide = (limb << bits) | carry;
      result[i] = wide & LIMB_MASK;
      carry = wide >>> LIMB_BITS;
    }
    result[limbs.length] = carry;
    return result;
  }
}

/**
 * `rest` less the largest multiple of `divisor`, in place: one step of the division.
 *
 * @param rest - one limb longer; less than 2^16 times the divisor.
 * @param divisor - with the highest bit set, so that the estimate is too large by 2 at most.
 */
function subtractMultiple(rest: Uint32Array, divisor: Uint32Array): void {
  const top = divisor.length;
  const estimate =
    ((rest[top] ?? 0) * 2 ** LIMB_BITS + (rest[top - 1] ?? 0)) / (divisor[top - 1] ?? 1);
  const digit = Math.min(Math.floor(estimate), LIMB_MASK);
  let carry = 0;
  let borrow = 0;
  for (let i = 0; i < top; i++) {
    const multiple = digit * (divisor[i] ?? 0) + carry;
    carry = multiple >>> LIMB_BITS;
    const difference = (rest[i] ?? 0) - (multiple & LIMB_MASK) - borrow;
    rest[i] = difference & LIMB_MASK;
    borrow = (difference >> 31) & 1;
  }
  const highest = (rest[top] ?? 0) - carry - borrow;
  rest[top] = highest & LIMB_MASK;
  let negative = (highest >> 31) & 1;
  for (let correction = 0; correction < 2; correction++) {
    let added = 0;
    for (let i = 0; i < top; i++) {
      const sum: number = (rest[i] ?? 0) + ((divisor[i] ?? 0) & -negative) + added;
      rest[i] = sum & LIMB_MASK;
      added = sum >>> LIMB_BITS;
    }
    const last: number = (rest[top] ?? 0) + added;
    rest[top] = last & LIMB_MASK;
    negative &= ~(last >>> LIMB_BITS);
  }
}
