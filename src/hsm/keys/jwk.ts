/**
 * JSON Web Keys, read here and by no platform: they differ in what they take.
 *
 * RFC 7517 §4, RFC 7518 §6. What a JWK says of its use is left to the attributes. Its text cannot
 * be wiped; the numbers read from it are, by whoever asked.
 */
import { decodeEitherBase64, hasSpareBits } from "../../crypto/base-encodings.ts";
import type { JsonWebKey } from "../../crypto/web-crypto.ts";
import { type CurveName, curveNamed, fieldBytes, unsupported } from "./algorithms.ts";
import { uncompressedPoint } from "./curve-points.ts";
import { type PrivateNumbers, verifiedEc, verifiedRsa } from "./private-key.ts";
import { type PublicNumbers, verifyRsaPublic } from "./public-key.ts";
import { unreadable } from "./refusals.ts";

const RSA_PUBLIC = ["n", "e"] as const;
const RSA_PRIVATE = ["n", "e", "d", "p", "q", "dp", "dq", "qi"] as const;
const EC_PUBLIC = ["x", "y"] as const;
const EC_PRIVATE = ["x", "y", "d"] as const;
type Member = "k" | (typeof RSA_PRIVATE)[number] | (typeof EC_PRIVATE)[number];

/** Curves of RFC 8037, which are none of `kty` EC. */
const OKP_CURVES = ["Ed25519", "Ed448", "X25519", "X448"];

/** Whether it has any private number, be it complete or not. */
export function isPrivateJwk(jwk: JsonWebKey): boolean {
  const names = jwk.kty === "RSA" ? RSA_PRIVATE.slice(RSA_PUBLIC.length) : (["d"] as const);
  return names.some((name) => jwk[name] !== undefined);
}

/** The bytes of `k`: fresh, secret. @throws HsmError `key_unreadable`. */
export function readOctJwk(jwk: JsonWebKey): Uint8Array<ArrayBuffer> {
  const [k] = readMembers(jwk, ["k"]);
  return k ?? new Uint8Array(0);
}

/** Fresh numbers. @throws HsmError `key_unreadable`, `key_unsupported`. */
export function readPublicJwk(jwk: JsonWebKey): PublicNumbers {
  if (isEc(jwk)) {
    const curve = curveOf(jwk);
    return { type: "ec", curve, point: pointOf(curve, readMembers(jwk, EC_PUBLIC)) };
  }
  const [n, e] = readMembers(jwk, RSA_PUBLIC).map(magnitude);
  const numbers = { n: n ?? NOTHING, e: e ?? NOTHING };
  verifyRsaPublic("JWK", numbers);
  return { type: "rsa", ...numbers };
}

/**
 * What `use` makes of the numbers, which are wiped after it.
 * @throws HsmError `key_unreadable`, `key_unsupported`.
 */
export async function withPrivateJwk<T>(
  jwk: JsonWebKey,
  use: (numbers: PrivateNumbers) => Promise<T>,
): Promise<T> {
  const isOnCurve = isEc(jwk);
  if (jwk.oth !== undefined) throw unreadable("JWK", "it has more than two primes (oth)");
  const curve = isOnCurve ? curveOf(jwk) : null;
  const members = readMembers(jwk, isOnCurve ? EC_PRIVATE : RSA_PRIVATE);
  try {
    return await use(curve === null ? rsaNumbers(members) : ecNumbers(curve, members));
  } finally {
    for (const member of members) member.fill(0);
  }
}

function rsaNumbers(members: readonly Uint8Array[]): PrivateNumbers {
  const [n, e, d, p, q, dp, dq, qi] = members.map(magnitude);
  return verifiedRsa("JWK", {
    ...{ n: n ?? NOTHING, e: e ?? NOTHING, d: d ?? NOTHING, p: p ?? NOTHING },
    ...{ q: q ?? NOTHING, dp: dp ?? NOTHING, dq: dq ?? NOTHING, qi: qi ?? NOTHING },
  });
}

function ecNumbers(curve: CurveName, members: readonly Uint8Array[]): PrivateNumbers {
  const point = pointOf(curve, members);
  const d = members[2] ?? NOTHING;
  verifyLength("d", curve, d);
  return verifiedEc("JWK", curve, d, point);
}

const NOTHING = new Uint8Array(0);

/** RFC 7518 §2, Base64urlUInt, as lenient about zeros in front as those who write them. */
function magnitude(bytes: Uint8Array): Uint8Array {
  const first = bytes.findIndex((byte) => byte !== 0);
  return bytes.subarray(first < 0 ? bytes.length - 1 : first);
}

/** @throws HsmError `key_unsupported` for what is neither RSA nor EC. */
function isEc({ kty, crv }: JsonWebKey): boolean {
  if (kty === "EC" || kty === "RSA") return kty === "EC";
  if (kty === "OKP" && OKP_CURVES.includes(crv ?? "")) return unsupported(crv ?? "");
  return unsupported(`A JWK whose kty is ${JSON.stringify(kty)}`);
}

function curveOf({ crv }: JsonWebKey): CurveName {
  if (crv === undefined) throw unreadable("JWK", "it lacks crv, the name of its curve");
  return curveNamed(crv);
}

function pointOf(curve: CurveName, [x, y]: readonly Uint8Array[]): Uint8Array {
  verifyLength("x", curve, x ?? NOTHING);
  verifyLength("y", curve, y ?? NOTHING);
  const point = uncompressedPoint(curve, Uint8Array.of(4, ...(x ?? NOTHING), ...(y ?? NOTHING)));
  if (point === null) throw unreadable("JWK", `its x and y are no point of ${curve}`);
  return point;
}

/** RFC 7518 §6.2.1.2, §6.2.2.1: as long as the field. */
function verifyLength(name: Member, curve: CurveName, bytes: Uint8Array): void {
  const expected = fieldBytes(curve);
  if (bytes.length === expected) return;
  throw unreadable("JWK", `its ${name} has ${bytes.length} bytes; on ${curve} it has ${expected}`);
}

/**
 * Fresh bytes of each member, at least one, in the order of `names`. One rule for all: Base64url or
 * Base64, padded or not, in the one text that its alphabet has for these bytes.
 */
function readMembers(jwk: JsonWebKey, names: readonly Member[]): Uint8Array<ArrayBuffer>[] {
  const missing = names.filter((name) => jwk[name] === undefined);
  if (missing.length > 0) {
    const why = `it lacks ${missing.join(", ")}; such a key needs all of ${names.join(", ")}`;
    throw unreadable("JWK", names.length === 1 ? `it lacks ${names[0]}` : why);
  }
  const members: Uint8Array<ArrayBuffer>[] = [];
  try {
    for (const name of names) {
      const text = jwk[name] ?? "";
      const bytes = decodeEitherBase64(text);
      if (bytes === null || bytes.length === 0) {
        throw unreadable("JWK", `its ${name} is neither Base64url nor Base64`);
      }
      members.push(bytes);
      if (!hasSpareBits(text, bytes)) continue;
      throw unreadable("JWK", `the last letter of its ${name} has bits that belong to no byte`);
    }
    return members;
  } catch (error) {
    for (const member of members) member.fill(0);
    throw error;
  }
}
