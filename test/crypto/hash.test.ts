import { createHash, createHmac } from "node:crypto";
import { describe, expect, it } from "vitest";
import type { HashName } from "../../src/crypto/core.ts";
import { SecretKey } from "../../src/crypto/secret-key.ts";
import { loadCore } from "../lib/core.ts";
import * as reference from "../reference/sha2.ts";
import { ascii, fromHex, hexOf, sample } from "./sample.ts";

const core = await loadCore();
const HASHES: HashName[] = ["SHA-224", "SHA-256", "SHA-384", "SHA-512"];
const nodeName = (hash: HashName): string => hash.toLowerCase().replace("-", "");
const nodeHash = (hash: HashName, data: Uint8Array): Uint8Array =>
  new Uint8Array(createHash(nodeName(hash)).update(data).digest());
const nodeHmac = (hash: HashName, key: Uint8Array, data: Uint8Array): Uint8Array =>
  new Uint8Array(createHmac(nodeName(hash), key).update(data).digest());
function coreHmac(hash: HashName, key: Uint8Array, data: Uint8Array): Uint8Array {
  using secret = SecretKey.copyOf(key);
  return core.hmac(hash, secret, data);
}

describe.each(HASHES)("%s", (hash) => {
  it("agrees with OpenSSL and the reference on every length to 300 bytes", () => {
    for (let length = 0; length <= 300; length++) {
      const data = sample(length, length);
      const digest = nodeHash(hash, data);
      expect(core.hash(hash, data)).toEqual(digest);
      if (length % 37 === 0) expect(reference.hash(hash, data)).toEqual(digest);
    }
  });

  it("agrees with OpenSSL on more than one piece of DATA", () => {
    const data = sample("long", 2 * 1024 * 1024 + 77);
    expect(hexOf(core.hash(hash, data))).toBe(hexOf(nodeHash(hash, data)));
  });

  it("takes its input in pieces of any size", () => {
    const data = sample("pieces", 1000);
    const expected = nodeHash(hash, data);
    for (const size of [1, 3, 63, 64, 65, 127, 128, 129, 999]) {
      const stream = core.hashStream(hash);
      for (let at = 0; at < data.length; at += size) stream.update(data.subarray(at, at + size));
      expect(stream.digest()).toEqual(expected);
    }
  });

  it("says what it has taken so far, and goes on", () => {
    const data = sample("peek", 300);
    const stream = core.hashStream(hash);
    for (let taken = 0; taken < data.length; taken++) {
      if (taken % 7 === 0) expect(stream.peek()).toEqual(nodeHash(hash, data.subarray(0, taken)));
      stream.update(data.subarray(taken, taken + 1));
    }
    expect(stream.peek()).toEqual(nodeHash(hash, data));
    expect(stream.digest()).toEqual(nodeHash(hash, data));
    expect(() => stream.peek()).toThrow(TypeError);
  });

  it("keeps many streams apart", () => {
    const count = 60;
    const streams = Array.from({ length: count }, () => core.hashStream(hash));
    for (let round = 0; round < 5; round++) {
      for (const [i, stream] of streams.entries()) stream.update(sample(`${i}/${round}`, 17 + i));
    }
    streams.forEach((stream, i) => {
      const whole = Buffer.concat([0, 1, 2, 3, 4].map((round) => sample(`${i}/${round}`, 17 + i)));
      expect(hexOf(stream.digest())).toBe(hexOf(nodeHash(hash, whole)));
    });
  });

  it("makes an HMAC that agrees with OpenSSL and the reference at every length of key", () => {
    for (let keyBytes = 1; keyBytes <= 300; keyBytes++) {
      const key = sample("key", keyBytes);
      const data = sample(keyBytes, keyBytes % 140);
      const tag = hexOf(nodeHmac(hash, key, data));
      expect(hexOf(coreHmac(hash, key, data))).toBe(tag);
      if (keyBytes % 64 <= 1) expect(hexOf(reference.hmac(hash, key, data))).toBe(tag);
    }
  });

  it("verifies a whole and a cut tag, and refuses any flipped bit", () => {
    using key = new SecretKey(sample("key", 32));
    const data = sample("data", 50);
    const tag = core.hmac(hash, key, data);
    expect(core.hmacVerify(hash, key, tag, data)).toBe(true);
    expect(core.hmacVerify(hash, key, tag.subarray(0, 8), data)).toBe(true);
    for (let bit = 0; bit < tag.length * 8; bit++) {
      const flipped = tag.map((x, i) => (i === bit >> 3 ? x ^ (1 << (bit & 7)) : x));
      expect(core.hmacVerify(hash, key, flipped, data)).toBe(false);
    }
    for (const length of [0, 7, tag.length + 1]) {
      const cut = new Uint8Array(length);
      expect(() => core.hmacVerify(hash, key, cut, data)).toThrow(RangeError);
    }
  });
});

/** RFC 4231 §4.2, §4.3 and §4.7: key, data, tags of SHA-224, 256, 384 and 512. */
const RFC_4231: [Uint8Array, Uint8Array, string[]][] = [
  [
    new Uint8Array(20).fill(0x0b),
    ascii("Hi There"),
    [
      "896fb1128abbdf196832107cd49df33f47b4b1169912ba4f53684b22",
      "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
      "afd03944d84895626b0825f4ab46907f15f9dadbe4101ec682aa034c7cebc59cfaea9ea9076ede7f4af152e8b2fa9cb6",
      "87aa7cdea5ef619d4ff0b4241a1d6cb02379f4e2ce4ec2787ad0b30545e17cdedaa833b7d6b8a702038b274eaea3f4e4be9d914eeb61f1702e696c203a126854",
    ],
  ],
  [
    ascii("Jefe"),
    ascii("what do ya want for nothing?"),
    [
      "a30e01098bc6dbbf45690f3a7e9e6d0f8bbea2a39e6148008fd05e44",
      "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
      "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e8e2240ca5e69e2c78b3239ecfab21649",
      "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737",
    ],
  ],
  [
    new Uint8Array(131).fill(0xaa),
    ascii("Test Using Larger Than Block-Size Key - Hash Key First"),
    [
      "95e9a0db962095adaebe9b2d6f0dbce2d499f112f2d2b7273fa6870e",
      "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
      "4ece084485813e9088d2c63a041bc5b44f9ef1012a2b588f3cd11f05033ac4c60c2ef6ab4030fe8296248df163f44952",
      "80b24263c7c1a3ebb71493c1dd7be8b49b46d1f41b4aeec1121b013783f8f3526b56d037e05f2598bd0fd2215d6a1e5295e64f73f63f0aec8b915a985d786598",
    ],
  ],
];

describe.each(RFC_4231)("RFC 4231", (key, data, tags) => {
  it.each(HASHES.map((hash, i) => [hash, tags[i]!] as const))("%s", (hash, tag) => {
    expect(coreHmac(hash, key, data)).toEqual(fromHex(tag));
  });
});

describe("a stream", () => {
  it("is over after its digest, and after disposal", () => {
    const stream = core.sha256Stream();
    stream.digest();
    expect(() => stream.update(new Uint8Array(1))).toThrow(TypeError);
    expect(() => stream.digest()).toThrow(TypeError);
    const given = core.sha256Stream();
    given[Symbol.dispose]();
    given[Symbol.dispose]();
    expect(() => given.digest()).toThrow(TypeError);
  });

  it("is refused beyond 64 at once, and its slot comes back", async () => {
    using own = await loadCore();
    const streams = Array.from({ length: 64 }, () => own.sha256Stream());
    expect(() => own.sha256Stream()).toThrow(/no free hash slot/);
    streams[7]![Symbol.dispose]();
    expect(own.sha256()).toEqual(nodeHash("SHA-256", new Uint8Array(0)));
  });
});
