/** MLKEM768-X25519 against published answers, and which public keys are refused. FORMAT.md §7.4. */
import { createPrivateKey, createPublicKey, diffieHellman } from "node:crypto";
import { describe, expect, it } from "vitest";
import { isHybridPublicKey } from "../../../src/backup/format/hybrid-key.ts";
import {
  decapsulate,
  encapsulate,
  HYBRID_ENC_BYTES,
  hybridPublicKey,
} from "../../../src/backup/seal/hybrid-kem.ts";
import { encodeHex, requireHex } from "../../../src/crypto/base-encodings.ts";
import { SecretKey } from "../../../src/crypto/secret-key.ts";
import { KEM_VECTORS } from "./published-vectors.ts";

const X25519_AT = 1184;
const P_MINUS_1 = `ec${"ff".repeat(30)}7f`;
/** Canonical points of small order (RFC 7748 has none; the list of Bernstein's Curve25519 page). */
const LOW_ORDER = [
  "00".repeat(32),
  `01${"00".repeat(31)}`,
  "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
  "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
  P_MINUS_1,
];

function secret(hex: string): SecretKey {
  return new SecretKey(requireHex(hex));
}

function shown(key: SecretKey | null): string | null {
  return key?.use(encodeHex) ?? null;
}

function ends(bytes: Uint8Array): [string, string] {
  return [encodeHex(bytes.subarray(0, 20)), encodeHex(bytes.subarray(-20))];
}

const SEED = secret("5a".repeat(32));
const COINS = secret("c0".repeat(64));
const PUBLIC_KEY = await hybridPublicKey(SEED);

function with25519(hex: string): Uint8Array {
  const key = PUBLIC_KEY.slice();
  key.set(requireHex(hex), X25519_AT);
  return key;
}

/** What OpenSSL says of a Diffie-Hellman with this point. */
function opensslTakes(point: string): boolean {
  const privateKey = createPrivateKey({
    key: Buffer.from(`302e020100300506032b656e04220420${"77".repeat(32)}`, "hex"),
    format: "der",
    type: "pkcs8",
  });
  const publicKey = createPublicKey({
    key: Buffer.from(`302a300506032b656e032100${point}`, "hex"),
    format: "der",
    type: "spki",
  });
  try {
    return diffieHellman({ privateKey, publicKey }).length === 32;
  } catch {
    return false;
  }
}

describe("the hybrid KEM", () => {
  it.each(KEM_VECTORS)("answers as published: $source", async (vector) => {
    const publicKey = await hybridPublicKey(secret(vector.seed));
    expect(publicKey).toHaveLength(1216);
    expect(ends(publicKey)).toEqual(vector.publicKey);
    expect(isHybridPublicKey(publicKey)).toBe(true);
    const made = await encapsulate(publicKey, secret(vector.coins));
    expect(made?.enc).toHaveLength(HYBRID_ENC_BYTES);
    expect(ends(made!.enc)).toEqual(vector.enc);
    expect(shown(made!.sharedSecret)).toBe(vector.sharedSecret);
    expect(shown(await decapsulate(secret(vector.seed), made!.enc))).toBe(vector.sharedSecret);
  });

  it("gives another secret for an encapsulation with one bit changed, and for another seed", async () => {
    const { enc, sharedSecret } = (await encapsulate(PUBLIC_KEY, COINS))!;
    for (const at of [0, 1087, 1088, 1119]) {
      for (const bit of [1, 0x80]) {
        const changed = enc.slice();
        changed[at]! ^= bit;
        const got = shown(await decapsulate(SEED, changed));
        expect(got).not.toBeNull();
        expect(got).not.toBe(shown(sharedSecret));
      }
    }
    const other = shown(await decapsulate(secret("5b".repeat(32)), enc));
    expect(other).not.toBeNull();
    expect(other).not.toBe(shown(sharedSecret));
  });

  it("refuses an encapsulation of another length", async () => {
    const { enc } = (await encapsulate(PUBLIC_KEY, COINS))!;
    expect(await decapsulate(SEED, enc.subarray(1))).toBeNull();
    expect(await decapsulate(SEED, Uint8Array.of(...enc, 0))).toBeNull();
    expect(await decapsulate(SEED, new Uint8Array(0))).toBeNull();
  });

  it.each(LOW_ORDER)("refuses the point of low order %s, in either place", async (point) => {
    const { enc } = (await encapsulate(PUBLIC_KEY, COINS))!;
    const changed = enc.slice();
    changed.set(requireHex(point), 1088);
    expect(await decapsulate(SEED, changed)).toBeNull();
    expect(isHybridPublicKey(with25519(point))).toBe(false);
    expect(await encapsulate(with25519(point), COINS)).toBeNull();
    expect(opensslTakes(point)).toBe(false);
  });

  it("refuses a public key whose X25519 half is not below the prime", async () => {
    for (const hex of ["ed", "ee", "ff"].map((low) => `${low}${"ff".repeat(30)}7f`)) {
      expect(isHybridPublicKey(with25519(hex))).toBe(false);
    }
    const highBit = PUBLIC_KEY.slice();
    highBit[1215]! |= 0x80;
    expect(isHybridPublicKey(highBit)).toBe(false);
    expect(await encapsulate(highBit, COINS)).toBeNull();
  });

  it("takes the points next to those that it refuses", () => {
    for (const hex of [`02${"00".repeat(31)}`, `eb${"ff".repeat(30)}7f`]) {
      expect(isHybridPublicKey(with25519(hex))).toBe(true);
      expect(opensslTakes(hex)).toBe(true);
    }
  });

  it("refuses a public key with a coefficient of 3,329 or more, wherever it stands", async () => {
    const withCoefficient = (index: number, value: number): Uint8Array => {
      const key = PUBLIC_KEY.slice();
      const at = 3 * (index >> 1);
      if (index % 2 === 0) {
        key[at] = value & 255;
        key[at + 1] = (key[at + 1]! & 0xf0) | (value >> 8);
      } else {
        key[at + 1] = (key[at + 1]! & 0x0f) | ((value & 15) << 4);
        key[at + 2] = value >> 4;
      }
      return key;
    };
    for (const index of [0, 1, 2, 383, 766, 767]) {
      expect(isHybridPublicKey(withCoefficient(index, 3328))).toBe(true);
      expect(isHybridPublicKey(withCoefficient(index, 3329))).toBe(false);
      expect(isHybridPublicKey(withCoefficient(index, 4095))).toBe(false);
    }
    expect(await encapsulate(withCoefficient(767, 3328), COINS)).not.toBeNull();
    expect(await encapsulate(withCoefficient(767, 3329), COINS)).toBeNull();
  });

  it("refuses a public key of another length", async () => {
    for (const key of [
      PUBLIC_KEY.subarray(1),
      Uint8Array.of(...PUBLIC_KEY, 0),
      new Uint8Array(0),
    ]) {
      expect(isHybridPublicKey(key)).toBe(false);
      expect(await encapsulate(key, COINS)).toBeNull();
    }
  });

  it("takes no seed and no coins of another length, of which a library might make its own", async () => {
    const short = secret("00".repeat(31));
    await expect(hybridPublicKey(short)).rejects.toThrow(RangeError);
    await expect(encapsulate(PUBLIC_KEY, short)).rejects.toThrow(RangeError);
    await expect(decapsulate(short, new Uint8Array(HYBRID_ENC_BYTES))).rejects.toThrow(RangeError);
  });

  it("leaves seed and coins as they were", () => {
    expect(shown(SEED)).toBe("5a".repeat(32));
    expect(shown(COINS)).toBe("c0".repeat(64));
  });
});
