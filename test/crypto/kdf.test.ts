import { createHmac } from "node:crypto";
import { describe, expect, it } from "vitest";
import type { CounterKdfRequest, HashName, PrfName } from "../../src/crypto/core.ts";
import { SecretKey } from "../../src/crypto/secret-key.ts";
import { loadCore } from "../lib/core.ts";
import * as reference from "../reference/sha2.ts";
import { ascii, fromHex, sample } from "./sample.ts";

const core = await loadCore();

/** The PRF by OpenSSL's HMAC or the reference's CMAC. */
function prfOf(prf: PrfName, key: Uint8Array): (message: Uint8Array) => Uint8Array {
  if (prf === "AES-CMAC") return (message) => reference.cmac(key, message);
  const name = (prf.slice(5) as HashName).toLowerCase().replace("-", "");
  return (message) => new Uint8Array(createHmac(name, key).update(message).digest());
}

function derive(key: Uint8Array, request: CounterKdfRequest): Uint8Array {
  using keyIn = SecretKey.copyOf(key);
  using derived = core.kdfCounterFixed(keyIn, request);
  return derived.use((bytes) => bytes.slice());
}

const PRFS: [PrfName, number][] = [
  ["HMAC-SHA-224", 28],
  ["HMAC-SHA-256", 32],
  ["HMAC-SHA-384", 48],
  ["HMAC-SHA-512", 64],
  ["AES-CMAC", 16],
];

describe.each(PRFS)("the counter KDF with %s", (prf, outputBytes) => {
  it.each([8, 16, 24, 32] as const)("puts a counter of %i bits anywhere", (counterBits) => {
    const key = sample("key", 32);
    for (const [before, after] of [
      [0, 40],
      [40, 0],
      [13, 27],
    ] as const) {
      for (const lengthBytes of [1, outputBytes - 1, outputBytes, outputBytes + 1, 200]) {
        const request: CounterKdfRequest = {
          prf,
          counterBits,
          before: sample("before", before),
          after: sample("after", after),
          lengthBytes,
        };
        const expected = reference.counterKdf(
          prfOf(prf, key),
          counterBits,
          request.before,
          request.after,
          lengthBytes,
        );
        expect(derive(key, request)).toEqual(expected);
      }
    }
  });

  it("gives 255 outputs with a counter of 8 bits, and refuses 256", () => {
    const key = sample("key", 16);
    const request: CounterKdfRequest = {
      prf,
      counterBits: 8,
      before: new Uint8Array(0),
      after: ascii("fixed"),
      lengthBytes: 255 * outputBytes,
    };
    const expected = reference.counterKdf(
      prfOf(prf, key),
      8,
      request.before,
      request.after,
      request.lengthBytes,
    );
    expect(derive(key, request)).toEqual(expected);
    const longer = { ...request, lengthBytes: request.lengthBytes + 1 };
    expect(() => derive(key, longer)).toThrow(RangeError);
  });

  it("counts past 255 with a counter of 16 bits", () => {
    const key = sample("key", 16);
    const request: CounterKdfRequest = {
      prf,
      counterBits: 16,
      before: ascii("in front"),
      after: new Uint8Array(0),
      lengthBytes: 300 * outputBytes,
    };
    const expected = reference.counterKdf(
      prfOf(prf, key),
      16,
      request.before,
      request.after,
      request.lengthBytes,
    );
    expect(derive(key, request)).toEqual(expected);
  });
});

describe("the counter KDF of the product", () => {
  it("takes label ‖ 00 ‖ context ‖ [L]32 behind a counter of 32 bits", () => {
    using keyIn = new SecretKey(sample("key", 32));
    const context = sample("context", 21);
    for (const lengthBytes of [16, 32, 33, 64, 100]) {
      const length = Buffer.alloc(4);
      length.writeUInt32BE(lengthBytes * 8);
      const after = Buffer.concat([ascii("holdfast/v1/test"), Buffer.alloc(1), context, length]);
      const expected = keyIn.use((key) =>
        reference.counterKdf(
          prfOf("HMAC-SHA-256", key),
          32,
          new Uint8Array(0),
          new Uint8Array(after),
          lengthBytes,
        ),
      );
      using derived = core.kdfCounter(keyIn, "holdfast/v1/test", context, lengthBytes);
      expect(derived.use((bytes) => bytes.slice())).toEqual(expected);
    }
  });

  it.each(["", "a\0b", "naïve", "line\n"])("refuses the label %j", (label) => {
    using keyIn = new SecretKey(sample("key", 32));
    expect(() => core.kdfCounter(keyIn, label, new Uint8Array(0), 32)).toThrow(TypeError);
  });

  it("refuses lengths out of bounds", () => {
    using keyIn = new SecretKey(sample("key", 32));
    using long = new SecretKey(new Uint8Array(129));
    const empty = new Uint8Array(0);
    expect(() => core.kdfCounter(keyIn, "l", empty, 0)).toThrow(RangeError);
    expect(() => core.kdfCounter(keyIn, "l", empty, 512 * 1024 + 1)).toThrow(RangeError);
    expect(() => core.kdfCounter(long, "l", empty, 32)).toThrow(RangeError);
    const huge = new Uint8Array(512 * 1024);
    expect(() => core.kdfCounter(keyIn, "l", huge, 32)).toThrow(RangeError);
  });

  it("extracts a key as HMAC-SHA-256 of the input under the salt", () => {
    using salt = new SecretKey(sample("salt", 32));
    using input = new SecretKey(sample("input", 70));
    using key = core.kdfHmacSha256(salt, input);
    const expected = createHmac("sha256", sample("salt", 32)).update(sample("input", 70)).digest();
    expect(key.use((bytes) => Buffer.compare(bytes, expected))).toBe(0);
  });
});

/** RFC 4493 §4: bytes of the message, tag. */
const RFC_4493: [number, string][] = [
  [0, "bb1d6929e95937287fa37d129b756746"],
  [16, "070a16b46b4d4144f79bdd9dd04a287c"],
  [40, "dfa66747de9ae63030ca32611497c827"],
  [64, "51f0bebf7e3b9d92fc49741779363cfe"],
];
const RFC_4493_MESSAGE =
  "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51" +
  "30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710";

describe("AES-CMAC", () => {
  it.each(RFC_4493)("of %i bytes as RFC 4493 §4", (length, tag) => {
    using key = new SecretKey(fromHex("2b7e151628aed2a6abf7158809cf4f3c"));
    const message = fromHex(RFC_4493_MESSAGE).subarray(0, length);
    expect(core.cmac(key, message)).toEqual(fromHex(tag));
    expect(core.cmacVerify(key, message, fromHex(tag))).toBe(true);
  });

  it("agrees with the reference on every length to 70 bytes under every key length", () => {
    for (const keyBytes of [16, 24, 32]) {
      using key = new SecretKey(sample("key", keyBytes));
      for (let length = 0; length <= 70; length++) {
        const message = sample(length, length);
        expect(core.cmac(key, message)).toEqual(key.use((k) => reference.cmac(k, message)));
      }
    }
  });

  it("refuses any flipped bit of a tag, and tags under 64 bits", () => {
    using key = new SecretKey(sample("key", 32));
    const message = sample("message", 33);
    const tag = core.cmac(key, message);
    for (let bit = 0; bit < 128; bit++) {
      const flipped = tag.map((x, i) => (i === bit >> 3 ? x ^ (1 << (bit & 7)) : x));
      expect(core.cmacVerify(key, message, flipped)).toBe(false);
    }
    expect(() => core.cmacVerify(key, message, tag.subarray(0, 7))).toThrow(RangeError);
  });
});

describe("equal", () => {
  it("tells equal from unequal bytes at every place, and lengths apart", () => {
    const a = sample("a", 67);
    expect(core.equal(a, a.slice())).toBe(true);
    expect(core.equal(new Uint8Array(0), new Uint8Array(0))).toBe(true);
    expect(core.equal(a, a.subarray(1))).toBe(false);
    for (let i = 0; i < a.length; i++) {
      for (const flip of [1, 0x80]) {
        expect(
          core.equal(
            a,
            a.map((x, j) => (j === i ? x ^ flip : x)),
          ),
        ).toBe(false);
      }
    }
  });
});
