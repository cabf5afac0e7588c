/**
 * WebCrypto with its own chance taken out: RSA-OAEP seeds and new key pairs come from a seed.
 *
 * For the generator of the vectors alone, so that what the engine writes is the same every time.
 * All else is the platform's.
 */
import {
  constants,
  createECDH,
  createHash,
  createPrivateKey,
  createPublicKey,
  type KeyObject,
  publicEncrypt,
} from "node:crypto";
import type { RandomBytes, Subtle, SubtleAlgorithm } from "../../../src/crypto/web-crypto.ts";
import { rsaKey } from "../../lib/rsa-keys.ts";
import { subtle } from "../fixtures.ts";

/** OpenSSL's names of the curves, and the bytes of a scalar. */
const CURVES: Readonly<Record<string, readonly [name: string, bytes: number]>> = {
  "P-256": ["prime256v1", 32],
  "P-384": ["secp384r1", 48],
  "P-521": ["secp521r1", 66],
};

const SEED_BYTES = 32;

export function fixedSubtle(random: RandomBytes): Subtle {
  const publicKeys = new WeakMap<object, Uint8Array>();
  const rsaMade = new Map<number, number>();

  function newKey({ modulusLength, namedCurve = "" }: SubtleAlgorithm): KeyObject {
    if (modulusLength === undefined) return ecKey(namedCurve, random);
    const place = rsaMade.get(modulusLength) ?? 0;
    rsaMade.set(modulusLength, place + 1);
    return rsaKey(modulusLength as 2048 | 3072 | 4096, place);
  }

  return {
    importKey: async (format, data, ...rest) => {
      const key = await subtle.importKey(format, data, ...rest);
      if (format === "spki" && data instanceof Uint8Array) publicKeys.set(key, data.slice());
      return key;
    },
    encrypt: async (algorithm, key, data) => {
      if (algorithm.name !== "RSA-OAEP") return await subtle.encrypt(algorithm, key, data);
      const spki = publicKeys.get(key);
      if (spki === undefined || !(data instanceof Uint8Array)) throw new TypeError("encrypt");
      const label = algorithm.label as Uint8Array;
      return rsaOaep(spki, data, label, random(SEED_BYTES)).buffer;
    },
    generateKey: async (algorithm, extractable) => {
      const key = newKey(algorithm);
      const pkcs8 = Uint8Array.from(key.export({ type: "pkcs8", format: "der" }));
      const spki = Uint8Array.from(createPublicKey(key).export({ type: "spki", format: "der" }));
      return {
        privateKey: await subtle.importKey("pkcs8", pkcs8, algorithm, extractable, ["sign"]),
        publicKey: await subtle.importKey("spki", spki, algorithm, true, ["verify"]),
      };
    },
    exportKey: subtle.exportKey.bind(subtle),
    decrypt: subtle.decrypt.bind(subtle),
    sign: subtle.sign.bind(subtle),
    verify: subtle.verify.bind(subtle),
    digest: subtle.digest.bind(subtle),
    deriveBits: subtle.deriveBits.bind(subtle),
  };
}

function ecKey(curve: string, random: RandomBytes): KeyObject {
  const [name, bytes] = CURVES[curve] ?? ["", 0];
  const scalar = random(bytes);
  // Below the order of the curve: its top byte is 01 for P-521 and FF for the others.
  scalar[0] = curve === "P-521" ? 0 : (scalar[0] ?? 0) & 0x7f;
  const ecdh = createECDH(name);
  ecdh.setPrivateKey(scalar);
  const point = ecdh.getPublicKey();
  const base64url = (part: Uint8Array) => Buffer.from(part).toString("base64url");
  const jwk = {
    kty: "EC",
    crv: curve,
    d: base64url(scalar),
    x: base64url(point.subarray(1, 1 + bytes)),
    y: base64url(point.subarray(1 + bytes)),
  };
  return createPrivateKey({ key: jwk, format: "jwk" });
}

/** RSA-OAEP with SHA-256 (RFC 8017 §7.1.1) under a key of 3,072 bits, and a seed of 32 bytes. */
export function rsaOaep(
  spki: Uint8Array,
  message: Uint8Array,
  label: Uint8Array,
  seed: Uint8Array,
): Uint8Array<ArrayBuffer> {
  const key = createPublicKey({ key: Buffer.from(spki), format: "der", type: "spki" });
  const modulusBytes = 384;
  const zeros = new Uint8Array(modulusBytes - message.length - 2 * SEED_BYTES - 2);
  const block = Buffer.concat([sha256(label), zeros, Uint8Array.of(1), message]);
  const maskedBlock = xor(block, mgf1(seed, block.length));
  const maskedSeed = xor(seed, mgf1(maskedBlock, SEED_BYTES));
  const encoded = Buffer.concat([Uint8Array.of(0), maskedSeed, maskedBlock]);
  return Uint8Array.from(publicEncrypt({ key, padding: constants.RSA_NO_PADDING }, encoded));
}

function sha256(...parts: Uint8Array[]): Uint8Array {
  return createHash("sha256").update(Buffer.concat(parts)).digest();
}

function mgf1(seed: Uint8Array, length: number): Uint8Array {
  const blocks = Array.from({ length: Math.ceil(length / 32) }, (_, i) => {
    const counter = Buffer.alloc(4);
    counter.writeUInt32BE(i);
    return sha256(seed, counter);
  });
  return Buffer.concat(blocks).subarray(0, length);
}

function xor(a: Uint8Array, b: Uint8Array): Uint8Array {
  return Uint8Array.from(a, (byte, i) => byte ^ (b[i] ?? 0));
}
