/**
 * Points and private numbers of the NIST curves: whether they are any, before a platform is asked.
 *
 * SP 800-186 §3.2.1; SEC 1 §2.3.3, §2.3.4. Points are public, so BigInt will do; private numbers
 * are compared byte by byte, without a branch.
 */
import { decodeHex, encodeHex, requireHex } from "../../crypto/base-encodings.ts";
import { type CurveName, fieldBytes } from "./algorithms.ts";

interface Curve {
  /** The prime of the field, ≡ 3 mod 4. */
  readonly p: bigint;
  /** y² = x³ − 3x + b. */
  readonly b: bigint;
  /** Of the base point, big-endian, as long as the field. */
  readonly order: Uint8Array;
}

const CURVES: Readonly<Record<CurveName, Curve>> = {
  "P-256": {
    p: 2n ** 256n - 2n ** 224n + 2n ** 192n + 2n ** 96n - 1n,
    b: 0x5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604bn,
    order: requireHex("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551"),
  },
  "P-384": {
    p: 2n ** 384n - 2n ** 128n - 2n ** 96n + 2n ** 32n - 1n,
    b: BigInt(
      "0xb3312fa7e23ee7e4988e056be3f82d19181d9c6efe8141120314088f5013875a" +
        "c656398d8a2ed19d2a85c8edd3ec2aef",
    ),
    order: requireHex(
      "ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf" +
        "581a0db248b0a77aecec196accc52973",
    ),
  },
  "P-521": {
    p: 2n ** 521n - 1n,
    b: BigInt(
      "0x51953eb9618e1c9a1f929a21a0b68540eea2da725b99b315f3b8b489918ef109" +
        "e156193951ec7e937b1652c0bd3bb1bf073573df883d2c34f1ef451fd46b503f00",
    ),
    order: requireHex(
      "01ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff" +
        "fffa51868783bf2f966b7fcc0148f709a5d03bb5c9b8899c47aebb6fb71e91386409",
    ),
  },
};

const UNCOMPRESSED = 0x04;
const COMPRESSED_EVEN = 0x02;
const COMPRESSED_ODD = 0x03;

/**
 * The point as 04 ‖ x ‖ y, fresh; null if there is none such on the curve.
 *
 * @param point - uncompressed or compressed; borrowed.
 */
export function uncompressedPoint(curve: CurveName, point: Uint8Array): Uint8Array | null {
  const bytes = fieldBytes(curve);
  const x = point.subarray(1, 1 + bytes);
  if (point[0] === UNCOMPRESSED && point.length === 1 + 2 * bytes) {
    const y = numberOf(point.subarray(1 + bytes));
    return isOnCurve(curve, numberOf(x), y) ? point.slice() : null;
  }
  const isCompressed = point[0] === COMPRESSED_EVEN || point[0] === COMPRESSED_ODD;
  if (!isCompressed || point.length !== 1 + bytes) return null;
  const y = yOf(curve, numberOf(x), point[0] === COMPRESSED_ODD);
  if (!isOnCurve(curve, numberOf(x), y)) return null;
  const digits = decodeHex(y.toString(16).padStart(2 * bytes, "0")) ?? new Uint8Array(0);
  return Uint8Array.of(UNCOMPRESSED, ...x, ...digits);
}

/**
 * Whether 1 ≤ d < order. @param d - big-endian, without leading zeros, secret; borrowed.
 */
export function isPrivateNumber(curve: CurveName, d: Uint8Array): boolean {
  const { order } = CURVES[curve];
  if (d.length > order.length) return false;
  // d − order borrows if and only if it is smaller: the whole is always gone through.
  let borrow = 0;
  let bits = 0;
  for (let i = 1; i <= order.length; i++) {
    const digit = d[d.length - i] ?? 0;
    borrow = ((digit - (order[order.length - i] ?? 0) - borrow) >> 8) & 1;
    bits |= digit;
  }
  return borrow === 1 && bits !== 0;
}

function isOnCurve(curve: CurveName, x: bigint, y: bigint): boolean {
  const { p } = CURVES[curve];
  return x < p && y < p && (y * y) % p === squareOfY(curve, x);
}

function squareOfY(curve: CurveName, x: bigint): bigint {
  const { p, b } = CURVES[curve];
  return (((x * x * x - 3n * x + b) % p) + p) % p;
}

/** SEC 1 §2.3.4: a root where there is one, since p ≡ 3 mod 4; else some other number. */
function yOf(curve: CurveName, x: bigint, isOdd: boolean): bigint {
  const { p } = CURVES[curve];
  const square = squareOfY(curve, x);
  let root = 1n;
  for (const bit of ((p + 1n) / 4n).toString(2)) {
    root = (root * root) % p;
    if (bit === "1") root = (root * square) % p;
  }
  return (root & 1n) === (isOdd ? 1n : 0n) ? root : p - root;
}

function numberOf(bytes: Uint8Array): bigint {
  return BigInt(`0x${encodeHex(bytes)}`);
}
