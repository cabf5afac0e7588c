/**
 * Keys as people have them, and what becomes of each: for the engine and for the edge, whose
 * platforms differ. Found ones lie in cases/; others are made of good keys here.
 */
import { createPrivateKey, createPublicKey, type KeyObject } from "node:crypto";
import { readFileSync } from "node:fs";
import { DER_TAG, encodeDer, encodeDerBits, encodeDerInteger } from "../../../src/crypto/der.ts";
import { encodePem } from "../../../src/crypto/pem.ts";
import { SecretKey } from "../../../src/crypto/secret-key.ts";
import type { JsonWebKey } from "../../../src/crypto/web-crypto.ts";
import type { KeyMaterial } from "../../../src/hsm/keys/material.ts";
import { der, EC, jwk, pem, RSA } from "../../lib/key-material.ts";
import { rsaKey } from "../../lib/rsa-keys.ts";
import { derBytes, derTree } from "../certificates/der-tree.ts";

/** Material as a body of REST has it. */
export type CaseMaterial =
  | { readonly format: "pem"; readonly pem: string }
  | { readonly format: "pkcs8"; readonly der: string }
  | { readonly format: "spki"; readonly der: string }
  | { readonly format: "jwk"; readonly jwk: JsonWebKey; readonly type?: "aes" | "generic-secret" };

interface KeyCase {
  readonly name: string;
  readonly material: CaseMaterial;
  /** What is shown of one that is taken, SPKI in PEM among it, or code and part of the refusal. */
  readonly shown?: {
    readonly type: string;
    readonly publicKeyPem?: string;
    readonly sizeBits?: number;
  };
  readonly refused?: readonly [code: "key_unreadable" | "key_unsupported", why: string];
}

/** As the edge makes it of a body. Dispose of its key, if it has one. */
export function materialOf(material: CaseMaterial): KeyMaterial {
  if (material.format === "pkcs8") {
    return { format: "pkcs8", key: new SecretKey(bytesOf(material.der)) };
  }
  if (material.format === "spki") return { format: "spki", bytes: bytesOf(material.der) };
  return material;
}

function bytesOf(base64: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(Buffer.from(base64, "base64"));
}

function text(file: string): string {
  return readFileSync(new URL(`./cases/${file}`, import.meta.url), "utf8");
}

function foundPem(file: string): CaseMaterial {
  return { format: "pem", pem: text(file) };
}

function foundBody(file: string): CaseMaterial {
  return JSON.parse(text(file)).material;
}

const spkiPem = (key: KeyObject) => pem(key, "spki");
const shownOf = (key: KeyObject) => ({
  type: key.asymmetricKeyType ?? "",
  publicKeyPem: spkiPem(createPublicKey(key)),
});
const shownOfPem = (file: string) => shownOf(createPrivateKey(text(file).replaceAll("\\n", "\n")));

const CURVE_KEY = createPrivateKey({
  key: { ...(foundBody("j07-ec-padded.json") as { jwk: object }).jwk } as never,
  format: "jwk",
});
const CERTIFICATE = text("k10-key-then-cert.pem").slice(
  text("k10-key-then-cert.pem").indexOf("-----BEGIN CERT"),
);

const FOUND: readonly KeyCase[] = [
  {
    name: "k05-escaped-newlines.pem",
    material: foundPem("k05-escaped-newlines.pem"),
    shown: shownOfPem("k05-escaped-newlines.pem"),
  },
  ...[
    "k10-key-then-cert.pem",
    "k11-cert-then-key.pem",
    "k12-pkcs12-nodes-out.pem",
    "k13-key-with-text-chain.pem",
    "k36-rsa-no-null.pem",
  ].map((name) => ({ name, material: foundPem(name), shown: shownOfPem(name) })),
  {
    name: "k35-ec-v2-oneasymmetric.pem",
    material: foundPem("k35-ec-v2-oneasymmetric.pem"),
    shown: shownOf(CURVE_KEY),
  },
  {
    name: "k48-ec-wrong-public.pem",
    material: foundPem("k48-ec-wrong-public.pem"),
    refused: ["key_unreadable", "its public point is not that of its private number"],
  },
  {
    name: "k51-rsa-big-e.pem",
    material: foundPem("k51-rsa-big-e.pem"),
    refused: ["key_unsupported", "RSA with a public exponent of 33 bits"],
  },
  {
    name: "k57-rsa-crt-wrong-qi.pem",
    material: foundPem("k57-rsa-crt-wrong-qi.pem"),
    refused: ["key_unreadable", "its number qi is not that of p and q"],
  },
  ...["j07-ec-padded.json", "j08-ec-std-b64.json"].map((name) => ({
    name,
    material: foundBody(name),
    shown: shownOf(CURVE_KEY),
  })),
  {
    name: "j13-ec-d-mismatch.json",
    material: foundBody("j13-ec-d-mismatch.json"),
    refused: ["key_unreadable", "its public point is not that of its private number"],
  },
  {
    name: "j14-ec-off-curve.json",
    material: foundBody("j14-ec-off-curve.json"),
    refused: ["key_unreadable", "its x and y are no point of P-256"],
  },
  {
    name: "j16-oct-padded-b64.json",
    material: foundBody("j16-oct-padded-b64.json"),
    shown: { type: "generic-secret", sizeBits: 256 },
  },
  {
    name: "j19-okp.json",
    material: foundBody("j19-okp.json"),
    refused: ["key_unsupported", "Ed25519"],
  },
];

const RSA_JWK = jwk(RSA.privateKey);
const EC_JWK = jwk(CURVE_KEY);
const hex = (digits: string) => Uint8Array.from(Buffer.from(digits, "hex"));
const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString("base64");
const magnitude = (value: bigint) => {
  const digits = value.toString(16);
  return hex(digits.padStart(digits.length + (digits.length % 2), "0"));
};
const base64Url = (value: bigint) => Buffer.from(magnitude(value)).toString("base64url");
const numberIn = (member: string | undefined) =>
  BigInt(`0x${Buffer.from(member ?? "", "base64url").toString("hex")}`);

function rsaJwk(changed: Partial<JsonWebKey>): CaseMaterial {
  return { format: "jwk", jwk: { ...RSA_JWK, ...changed } };
}

/** Without the members that are changed to undefined. */
function ecJwk(changed: { readonly [name: string]: string | undefined }): CaseMaterial {
  return { format: "jwk", jwk: JSON.parse(JSON.stringify({ ...EC_JWK, ...changed })) };
}

/** The same bytes in another text: its last letter is the next one of the alphabet. */
function withSpareBit(text: string): string {
  const letters = text.replace(/=+$/, "");
  const last = String.fromCharCode(letters.charCodeAt(letters.length - 1) + 1);
  return letters.slice(0, -1) + last + text.slice(letters.length);
}

function rsaPublic(n: bigint, e = 65_537n): CaseMaterial {
  const numbers = [n, e].map((value) => encodeDerInteger(magnitude(value)));
  const key = encodeDer(DER_TAG.sequence, ...numbers);
  return { format: "pem", pem: encodePem("RSA PUBLIC KEY", key) };
}

/** PKCS#8 of an EC key, with `behind` at its end. */
function pkcs8With(key: KeyObject, version: number, ...behind: Uint8Array[]): CaseMaterial {
  const tree = derTree(der(key, "pkcs8"));
  const bytes = derBytes(tree, (node, contents) => {
    if (node === tree) return encodeDer(DER_TAG.sequence, contents, ...behind);
    return node === tree.children?.[0] ? encodeDerInteger(Uint8Array.of(version)) : null;
  });
  return { format: "pkcs8", der: base64(bytes) };
}

/** The same with its number and point as given, and parameters inside. */
function sec1(d: Uint8Array, rest?: Uint8Array): CaseMaterial {
  return { format: "pem", pem: sec1Pem(d, rest) };
}

function sec1Pem(d: Uint8Array, rest: Uint8Array = new Uint8Array(0)): string {
  const key = encodeDer(
    DER_TAG.sequence,
    hex("020101"),
    encodeDer(0x04, d),
    hex("a00a06082a8648ce3d030107"),
    rest,
  );
  return encodePem("EC PRIVATE KEY", key);
}

const POINT = der(createPublicKey(CURVE_KEY), "spki").slice(-65);
const OTHER_POINT = der(EC["P-256"]!.publicKey, "spki").slice(-65);
const COMPRESSED = Uint8Array.of(2 + ((POINT.at(-1) ?? 0) & 1), ...POINT.subarray(1, 33));
const SCALAR = Uint8Array.from(Buffer.from(EC_JWK.d ?? "", "base64url"));
const N = numberIn(RSA_JWK.n);
/** Two primes of 1,024 bits would take long to make: those of a key. */
const P = numberIn(RSA_JWK.p);
const SQUARE = P * P;

/** By Euclid, where there is one. */
function inverse(value: bigint, modulus: bigint): bigint {
  let [a, b, x, y] = [modulus, value % modulus, 0n, 1n];
  while (b > 0n) [a, b, x, y] = [b, a % b, y, x - (a / b) * y];
  return ((x % modulus) + modulus) % modulus;
}

/** With one of its bits changed, so that 3 divides it: a third of the bits do. */
function damaged(n: bigint): bigint {
  for (let bit = 1n; ; bit++) if ((n ^ (1n << bit)) % 3n === 0n) return n ^ (1n << bit);
}

function spkiBytes(point: Uint8Array): Uint8Array {
  const algorithm = hex("301306072a8648ce3d020106082a8648ce3d030107");
  return encodeDer(DER_TAG.sequence, algorithm, encodeDerBits(point));
}

function spkiOfPoint(point: Uint8Array): CaseMaterial {
  return { format: "spki", der: base64(spkiBytes(point)) };
}

function spkiPemOfPoint(point: Uint8Array): string {
  return encodePem("PUBLIC KEY", spkiBytes(point));
}

const RSA_PEM = pem(RSA.privateKey, "pkcs8");
const CHAIN = `subject=CN = leaf\n${CERTIFICATE}subject=CN = root\n${CERTIFICATE}`;
const CRL = "-----BEGIN X509 CRL-----\nMAA=\n-----END X509 CRL-----\n";

const CURVE_PUBLIC_PEM = spkiPem(createPublicKey(CURVE_KEY));
const PEM_WITHOUT_POINT = sec1Pem(SCALAR);
const EC_PARAMETERS = encodePem("EC PARAMETERS", hex("06082a8648ce3d030107"));
const TWICE = [spkiPem(RSA.publicKey), pem(RSA.publicKey, "pkcs1")] as const;
const CUT = spkiPem(RSA.publicKey).replace(/.\n-----END/, "\n-----END");
const OF_DSA = TWICE[0].replaceAll("PUBLIC", "DSA PUBLIC");
const ENCRYPTED = RSA_PEM.replaceAll("PRIVATE", "ENCRYPTED PRIVATE");

const MADE: readonly KeyCase[] = [
  ...[
    ["a key with its chain and its text", `Bag\n${RSA_PEM}${CHAIN}`],
    ["a chain, then a key, then a list of revoked ones", `${CHAIN}${RSA_PEM}${CRL}`],
    [
      "a trusted certificate and a key",
      `${CERTIFICATE.replaceAll("CERT", "TRUSTED CERT")}${RSA_PEM}`,
    ],
    ["line ends spelt twice", JSON.stringify({ key: JSON.stringify(RSA_PEM) })],
    ["line ends of Windows, spelt", RSA_PEM.replaceAll("\n", "\\r\\n")],
  ].map(([name = "", text = ""]) => ({
    name,
    material: { format: "pem" as const, pem: text },
    shown: shownOf(RSA.privateKey),
  })),
  ...(
    [
      ["behind it", [RSA_PEM, spkiPem(RSA.publicKey)], RSA.privateKey],
      ["before it, in PKCS#1", [pem(RSA.publicKey, "pkcs1"), RSA_PEM], RSA.privateKey],
      [
        "among its chain",
        [pem(RSA.privateKey, "pkcs1"), CHAIN, spkiPem(RSA.publicKey)],
        RSA.privateKey,
      ],
      ["of a curve", [pem(CURVE_KEY, "sec1"), CURVE_PUBLIC_PEM], CURVE_KEY],
      ["of a curve, which it lacks inside", [PEM_WITHOUT_POINT, CURVE_PUBLIC_PEM], CURVE_KEY],
      [
        "of a curve, with its parameters",
        [EC_PARAMETERS, pem(CURVE_KEY, "sec1"), spkiPemOfPoint(COMPRESSED)],
        CURVE_KEY,
      ],
    ] as const
  ).map(([name, parts, key]) => ({
    name: `a key and its public key ${name}`,
    material: { format: "pem" as const, pem: parts.join("") },
    shown: shownOf(key),
  })),
  ...(
    [
      ["of another of its kind", [RSA_PEM, spkiPem(createPublicKey(rsaKey(3072)))], "beside it"],
      ["of another curve's", [pem(CURVE_KEY, "pkcs8"), spkiPem(EC["P-384"]!.publicKey)], "beside"],
      ["of another on its curve", [PEM_WITHOUT_POINT, spkiPemOfPoint(OTHER_POINT)], "beside it"],
      ["of another kind", [spkiPem(RSA.publicKey), pem(CURVE_KEY, "pkcs8")], "beside it is not"],
    ] as const
  ).map(([name, parts, why]) => ({
    name: `a key and the public key ${name}`,
    material: { format: "pem" as const, pem: parts.join("") },
    refused: ["key_unreadable", why] as const,
  })),
  ...(
    [
      ["two public keys and the private one", [RSA_PEM, ...TWICE], "more than one key"],
      ["two public keys", TWICE, "more than one key"],
      ["one key twice", [RSA_PEM, RSA_PEM], "more than one key"],
      ["a key and a public key that is cut", [RSA_PEM, CUT], "encrypted or damaged"],
      ["a key and a public key of DSA", [RSA_PEM, OF_DSA], '"DSA PUBLIC KEY" is not a key'],
      ["a key that is encrypted, and a public one", [ENCRYPTED, TWICE[0]], "`openssl pkey` first"],
    ] as const
  ).map(([name, parts, why]) => ({
    name,
    material: { format: "pem" as const, pem: parts.join("") },
    refused: ["key_unreadable", why] as const,
  })),
  {
    name: "two keys with a certificate",
    material: { format: "pem", pem: `${RSA_PEM}${CERTIFICATE}${pem(CURVE_KEY, "pkcs8")}` },
    refused: ["key_unreadable", "more than one key"],
  },
  {
    name: "a certificate alone",
    material: { format: "pem", pem: CHAIN },
    refused: ["key_unreadable", "import it among the certificates"],
  },
  {
    name: "PKCS#8 with attributes",
    material: pkcs8With(CURVE_KEY, 0, hex("a00d300b0603551d0f310403020080")),
    shown: shownOf(CURVE_KEY),
  },
  {
    name: "PKCS#8, version 1, with the public key of another",
    material: pkcs8With(CURVE_KEY, 1, encodeDer(0x81, hex("00"), OTHER_POINT)),
    refused: ["key_unreadable", "the public key beside it is not that of its private one"],
  },
  {
    name: "PKCS#8, version 2",
    material: pkcs8With(CURVE_KEY, 2),
    refused: ["key_unreadable", "its version is not 0 or 1"],
  },
  {
    name: "PKCS#8 with something behind",
    material: pkcs8With(CURVE_KEY, 0, hex("0500")),
    refused: ["key_unreadable", "trailing bytes"],
  },
  {
    name: "PKCS#8, version 1, RSA with its public key",
    material: pkcs8With(
      RSA.privateKey,
      1,
      encodeDer(0x81, hex("00"), der(RSA.publicKey, "spki").slice(24)),
    ),
    shown: shownOf(RSA.privateKey),
  },
  {
    name: "SEC 1 without a point",
    material: sec1(SCALAR),
    shown: shownOf(CURVE_KEY),
  },
  {
    name: "SEC 1 with a compressed point",
    material: sec1(SCALAR, encodeDer(0xa1, encodeDerBits(COMPRESSED))),
    shown: shownOf(CURVE_KEY),
  },
  {
    name: "SEC 1 with a zero in front",
    material: sec1(Uint8Array.of(0, ...SCALAR)),
    shown: shownOf(CURVE_KEY),
  },
  {
    name: "SEC 1 with a point off the curve",
    material: sec1(
      SCALAR,
      encodeDer(0xa1, encodeDerBits(POINT.map((byte, i) => (i === 40 ? byte ^ 1 : byte)))),
    ),
    refused: ["key_unreadable", "its public point is no point of P-256"],
  },
  ...[
    ["nought", "00".repeat(32)],
    ["the order", "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551"],
    ["2^256 − 1", "ff".repeat(32)],
    ["33 bytes", `01${"00".repeat(32)}`],
  ].map(([name, digits = ""]) => ({
    name: `SEC 1 with a private number of ${name}`,
    material: sec1(hex(digits)),
    refused: ["key_unreadable", "its private number is not from 1 to the order of P-256"] as const,
  })),
  {
    name: "SPKI with a compressed point",
    material: spkiOfPoint(COMPRESSED),
    shown: { type: "ec", publicKeyPem: spkiPem(createPublicKey(CURVE_KEY)) },
  },
  ...[
    ["off the curve", POINT.map((byte, i) => (i === 64 ? byte ^ 1 : byte))],
    ["at infinity", hex("00")],
    ["with a byte less", POINT.subarray(0, 64)],
    ["of both forms", Uint8Array.of(6, ...POINT.subarray(1))],
    [
      "with an x beyond the field",
      Uint8Array.of(4, ...hex("ff".repeat(32)), ...POINT.subarray(33)),
    ],
  ].map(([name, point]) => ({
    name: `SPKI with a point ${name}`,
    material: spkiOfPoint(point as Uint8Array),
    refused: ["key_unreadable", "its public point is no point of P-256"] as const,
  })),
  {
    name: "SPKI of RSA without NULL",
    material: {
      format: "spki",
      der: base64(
        encodeDer(
          DER_TAG.sequence,
          hex("300b06092a864886f70d010101"),
          encodeDerBits(der(RSA.publicKey, "spki").slice(24)),
        ),
      ),
    },
    shown: { type: "rsa", publicKeyPem: spkiPem(RSA.publicKey) },
  },
  ...(
    [
      ["2^2047 + 1", 2n ** 2047n + 1n, "its modulus n has the factor 3"],
      ["3 · 2^2046 + 9", 3n * 2n ** 2046n + 9n, "its modulus n has the factor 3"],
      ["a modulus with one bit changed", damaged(N), "its modulus n has the factor 3"],
      ["an even modulus", N - 1n, "its modulus n has the factor 2"],
      ["a square", SQUARE, "its modulus n is a square"],
    ] as const
  ).map(([name, n, why]) => ({
    name: `RSA, public, ${name}`,
    material: rsaPublic(n),
    refused: ["key_unreadable", why] as const,
  })),
  ...(
    [
      [1n, "key_unreadable", "its public exponent e is 1"],
      [65_536n, "key_unreadable", "its public exponent e is even"],
      [5n, "key_unsupported", "RSA with the public exponent 5"],
      [2n ** 32n - 1n, "key_unsupported", "RSA with the public exponent 4294967295"],
      [2n ** 32n + 1n, "key_unsupported", "RSA with a public exponent of 33 bits"],
      [2n ** 64n + 1n, "key_unsupported", "RSA with a public exponent of 65 bits"],
    ] as const
  ).map(([e, code, why]) => ({
    name: `RSA, public, e = ${e}`,
    material: rsaPublic(N, e),
    refused: [code, why] as const,
  })),
  ...[3n, 17n, 37n, 65_537n].map((e) => ({
    name: `RSA, public, e = ${e}`,
    material: rsaPublic(N, e),
    shown: { type: "rsa", sizeBits: 2048 },
  })),
  ...(
    [
      ["d", { d: base64Url(numberIn(RSA_JWK.d) + 2n) }, "its number d is not the inverse of e"],
      ["d beyond n", { d: base64Url(numberIn(RSA_JWK.d) + N) }, "its number d is not below n"],
      ["e", { e: "Aw" }, "its number d is not the inverse of e"],
      ["p", { p: base64Url(P + 2n) }, "its p and q do not make its n"],
      ["p = n, q = 1", { p: RSA_JWK.n!, q: "AQ" }, "its prime p or q is 1"],
      ["p and q changed round", { p: RSA_JWK.q!, q: RSA_JWK.p! }, "does not follow from d"],
      ["dp", { dp: base64Url(numberIn(RSA_JWK.dp) + 2n) }, "its number dp does not follow from d"],
      [
        "dp beyond p",
        { dp: base64Url(numberIn(RSA_JWK.dp) + P - 1n) },
        "its number dp does not follow from d",
      ],
      ["dq", { dq: base64Url(numberIn(RSA_JWK.dq) - 1n) }, "its number dq does not follow from d"],
      ["qi", { qi: base64Url(numberIn(RSA_JWK.qi) + 1n) }, "its number qi is not that of p and q"],
      [
        "qi beyond p",
        { qi: base64Url(numberIn(RSA_JWK.qi) + P) },
        "its number qi is not that of p and q",
      ],
      ["n of another key", { n: base64Url(N + 2n * 3n * 5n * 7n) }, "its "],
      ["a third prime", { oth: [{ r: "AQ", d: "AQ", t: "AQ" }] }, "more than two primes"],
    ] as const
  ).map(([name, changed, why]) => ({
    name: `RSA JWK, wrong ${name}`,
    material: rsaJwk(changed),
    refused: ["key_unreadable", why] as const,
  })),
  ...(["n", "e", "d", "p", "q", "dp", "dq", "qi"] as const).map((name) => {
    const { [name]: _, ...rest } = RSA_JWK;
    return {
      name: `RSA JWK without ${name}`,
      material: { format: "jwk" as const, jwk: rest as JsonWebKey },
      refused: ["key_unreadable", `it lacks ${name}; such a key needs all of n, e, d, p`] as const,
    };
  }),
  {
    name: "RSA JWK with the smaller prime first",
    material: rsaJwk({
      ...{ p: RSA_JWK.q!, q: RSA_JWK.p!, dp: RSA_JWK.dq!, dq: RSA_JWK.dp! },
      qi: base64Url(inverse(P, numberIn(RSA_JWK.q))),
    }),
    shown: shownOf(RSA.privateKey),
  },
  {
    name: "RSA JWK with a zero before n",
    material: rsaJwk({ n: Buffer.from([0, ...magnitude(N)]).toString("base64url") }),
    shown: shownOf(RSA.privateKey),
  },
  ...(
    [
      ["without x", { x: undefined }, "it lacks x"],
      ["without crv", { crv: undefined }, "it lacks crv"],
      [
        "with a short x",
        { x: base64Url(numberIn(EC_JWK.x) >> 8n) },
        "its x has 31 bytes; on P-256 it has 32",
      ],
      [
        "with a long d",
        { d: Buffer.from([0, ...SCALAR]).toString("base64url") },
        "its d has 33 bytes",
      ],
      ["with a d of nought", { d: "A".repeat(43) }, "its private number is not from 1"],
      [
        "with both alphabets in one",
        { d: `-${"A".repeat(41)}/` },
        "its d is neither Base64url nor Base64",
      ],
      ["with white space", { y: ` ${EC_JWK.y}` }, "its y is neither Base64url nor Base64"],
      [
        "with padding enough for two",
        { y: `${EC_JWK.y}==` },
        "its y is neither Base64url nor Base64",
      ],
      ["with a curve of another", { crv: "P-384" }, "its x has 32 bytes; on P-384 it has 48"],
    ] as const
  ).map(([name, changed, why]) => ({
    name: `EC JWK ${name}`,
    material: ecJwk(changed),
    refused: ["key_unreadable", why] as const,
  })),
  // Of e the usual text ends with a whole byte.
  ...(["n", "e", "d", "p", "q", "dp", "dq", "qi"] as const).map((name) => ({
    name: `RSA JWK with bits behind the last byte of ${name}`,
    material: rsaJwk({ [name]: withSpareBit(name === "e" ? "AAEAAQ" : (RSA_JWK[name] ?? "")) }),
    refused: ["key_unreadable", `the last letter of its ${name} has bits that belong to`] as const,
  })),
  ...(["x", "y", "d"] as const).map((name) => ({
    name: `EC JWK with bits behind the last byte of ${name}`,
    material: ecJwk({ [name]: withSpareBit(EC_JWK[name] ?? "") }),
    refused: ["key_unreadable", `the last letter of its ${name} has bits that belong to`] as const,
  })),
  ...["AQ==", "AAE=", "-_-_-_8", "+/+/+/8="].map((k) => ({
    name: `oct JWK with bits behind the last byte of ${k}`,
    material: {
      format: "jwk" as const,
      jwk: { kty: "oct", k: withSpareBit(k) },
      type: "generic-secret" as const,
    },
    refused: ["key_unreadable", "the last letter of its k has bits that belong to"] as const,
  })),
  ...[
    ["of secp256k1", { kty: "EC", crv: "secp256k1", x: "AA", y: "AA" }, "Curve secp256k1"],
    ["of X25519", { kty: "OKP", crv: "X25519", x: "AA" }, "X25519"],
    ["of an unknown kty", { kty: "AKP", x: "AA" }, 'A JWK whose kty is "AKP"'],
  ].map(([name, key, why]) => ({
    name: `JWK ${name}`,
    material: { format: "jwk" as const, jwk: key as JsonWebKey },
    refused: ["key_unsupported", why as string] as const,
  })),
  ...(
    [
      ["Base64url", "-_--", true],
      ["Base64", "+/++", true],
      ["Base64url with padding", "-_-_-_8=", true],
      ["Base64 without padding", "+/+/+/8", true],
      ["both alphabets", "-_+/", false],
      ["a padding that is short", "-_-_-w=", false],
      ["a line end", "-_-\n_", false],
      ["nothing", "", false],
    ] as const
  ).map(([name, k, isTaken]) => ({
    name: `oct JWK in ${name}`,
    material: { format: "jwk" as const, jwk: { kty: "oct", k }, type: "generic-secret" as const },
    ...(isTaken
      ? { shown: { type: "generic-secret" } }
      : { refused: ["key_unreadable", "its k is neither Base64url nor Base64"] as const }),
  })),
];

export const KEY_CASES: readonly KeyCase[] = [...FOUND, ...MADE];
