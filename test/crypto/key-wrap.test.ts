import { describe, expect, it } from "vitest";
import { loadCore } from "../lib/core.ts";
import { w } from "../reference/key-wrap.ts";
import { coreEngine, laneEngine, opensslEngine, referenceEngine } from "./engines.ts";
import { fromHex, hexOf, sample } from "./sample.ts";

const loaded = await loadCore();
const core = coreEngine(loaded);
const engines = [core, referenceEngine, opensslEngine];
const laneEngines = [3, 4, 6, 8, 16, 29, 32].map((lanes) => laneEngine(loaded, lanes));

const KEY_DATA = "00112233445566778899aabbccddeeff0001020304050607 08090a0b0c0d0e0f";
const KEK = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
/** RFC 3394 §4.1 to §4.6: bytes of the kek, bytes of the key data, result. */
const RFC_3394: [number, number, string][] = [
  [16, 16, "1fa68b0a8112b447aef34bd8fb5a7b829d3e862371d2cfe5"],
  [24, 16, "96778b25ae6ca435f92b5b97c050aed2468ab8a17ad84e5d"],
  [32, 16, "64e8c3f9ce0f5ba263e9777905818a2a93c8191e7d6e8ae7"],
  [24, 24, "031d33264e15d33268f24ec260743edce1c6c7ddee725a936ba814915c6762d2"],
  [32, 24, "a8f9bc1612c68b3ff6e6f4fbe30e71e4769c8b80a32cb8958cd5d17d6b254da1"],
  [32, 32, "28c9f404c4b810f4cbccb35cfb87f8263f5786e2d80ed326cbc7f0e71a99f43bfb988b9b7a02dd21"],
];
const RFC_5649_KEK = "5840df6e29b02af1ab493b705bf16ea1ae8338f4dcc176a8";
const RFC_5649: [string, string][] = [
  [
    "c37b7e6492584340bed12207808941155068f738",
    "138bdeaa9b8fa7fc61f97742e72248ee5ae6ae5360d1ae6a5f54f373fa543b6a",
  ],
  ["466f7250617369", "afbeb0f07dfbf5419200f2ccb50bb24f"],
];

describe.each([...engines, ...laneEngines])("key wrap, $name", (engine) => {
  it.each(RFC_3394)("wraps as RFC 3394 §4: kek %i, data %i bytes", (kekBytes, bytes, answer) => {
    const kek = fromHex(KEK).subarray(0, kekBytes);
    const plain = fromHex(KEY_DATA).subarray(0, bytes);
    expect(engine.kwWrap(kek, plain)).toEqual(fromHex(answer));
    expect(engine.kwUnwrap(kek, fromHex(answer))).toEqual(plain);
  });

  it.each(RFC_5649)("wraps %s as RFC 5649 §6", (plain, answer) => {
    const kek = fromHex(RFC_5649_KEK);
    expect(engine.kwpWrap(kek, fromHex(plain))).toEqual(fromHex(answer));
    expect(engine.kwpUnwrap(kek, fromHex(answer))).toEqual(fromHex(plain));
  });

  it("refuses every flipped bit of a KW and of a KWP wrap", () => {
    const kek = sample("kek", 32);
    const kw = engine.kwWrap(kek, sample("plain", 24));
    const kwp = engine.kwpWrap(kek, sample("plain", 21));
    for (let bit = 0; bit < kw.length * 8; bit++) {
      const flip = (bytes: Uint8Array) =>
        bytes.map((x, i) => (i === bit >> 3 ? x ^ (1 << (bit & 7)) : x));
      expect(engine.kwUnwrap(kek, flip(kw))).toBeNull();
      expect(engine.kwpUnwrap(kek, flip(kwp))).toBeNull();
    }
  });

  // Forged: a block or message whose unwrapped form is chosen, so that ICV2 holds and one check fails.
  const forgeries: [string, string, boolean][] = [
    ["a length of 0", "a65959a600000000 0000000000000000", false],
    ["a length of 1", "a65959a600000001 aa00000000000000", true],
    ["a length of 8", "a65959a600000008 aaaaaaaaaaaaaaaa", true],
    ["a length of 9 in one semiblock", "a65959a600000009 aaaaaaaaaaaaaaaa", false],
    ["a length of 16 in one semiblock", "a65959a600000010 aaaaaaaaaaaaaaaa", false],
    ["a length of 2^31 - 1", "a65959a67fffffff aaaaaaaaaaaaaaaa", false],
    ["a length of 2^31 + 8", "a65959a680000008 aaaaaaaaaaaaaaaa", false],
    ["a length of 2^32 - 1", "a65959a6ffffffff aaaaaaaaaaaaaaaa", false],
    ["padding that begins with 1", "a65959a600000001 aa01000000000000", false],
    ["padding that ends with 1", "a65959a600000001 aa00000000000001", false],
    ["padding of 80", "a65959a600000007 aaaaaaaaaaaaaa80", false],
    ["another integrity value", "a65959a700000008 aaaaaaaaaaaaaaaa", false],
  ];
  it("judges KWP of three semiblocks by length and padding", () => {
    const kek = sample("kek", 32);
    const judged = (length: number, padding: string): boolean => {
      const body = `${"aa".repeat(24 - padding.length / 2)}${padding}`;
      const head = `a65959a6${length.toString(16).padStart(8, "0")}`;
      return engine.kwpUnwrap(kek, w(kek, fromHex(head + body))) !== null;
    };
    for (const length of [17, 20, 23, 24])
      expect(judged(length, "00".repeat(24 - length))).toBe(true);
    for (const length of [0, 1, 8, 15, 16, 25, 32, 2 ** 31 - 1, 2 ** 31 + 24, 2 ** 32 - 1]) {
      expect(judged(length, "00".repeat(7))).toBe(false);
    }
    for (let at = 0; at < 7; at++) {
      const padding = `${"00".repeat(at)}80${"00".repeat(6 - at)}`;
      expect(judged(17, padding)).toBe(false);
    }
  });

  it.each(forgeries)("judges KWP of one semiblock with %s", async (_, inner, accepted) => {
    const { encryptBlock } = await import("../reference/aes.ts");
    const kek = sample("kek", 32);
    const plain = engine.kwpUnwrap(kek, encryptBlock(kek, fromHex(inner)));
    expect(plain !== null).toBe(accepted);
  });
});

describe("the engines agree", () => {
  it("on every length to 80 bytes under every key length", () => {
    for (const kekBytes of [16, 24, 32]) {
      const kek = sample(`kek${kekBytes}`, kekBytes);
      for (let length = 1; length <= 80; length++) {
        const plain = sample(length, length);
        const wrapped = engines.map((engine) => engine.kwpWrap(kek, plain));
        const [expected, back] = [hexOf(wrapped[0]), hexOf(plain)];
        expect(hexOf(wrapped[1])).toBe(expected);
        expect(hexOf(wrapped[2])).toBe(expected);
        for (const engine of engines) expect(hexOf(engine.kwpUnwrap(kek, wrapped[0]!))).toBe(back);
        for (const engine of laneEngines) {
          expect(hexOf(engine.kwpWrap(kek, plain))).toBe(expected);
          expect(hexOf(engine.kwpUnwrap(kek, wrapped[0]!))).toBe(back);
        }
        if (length < 16 || length % 8 !== 0) continue;
        const kw = engines.map((engine) => engine.kwWrap(kek, plain));
        expect(hexOf(kw[1])).toBe(hexOf(kw[0]));
        expect(hexOf(kw[2])).toBe(hexOf(kw[0]));
        for (const engine of engines) expect(hexOf(engine.kwUnwrap(kek, kw[0]!))).toBe(back);
      }
    }
  });
});

describe("lengths", () => {
  const kek = sample("kek", 32);

  it.each([0, 1, 7, 8, 9, 15, 17, 23, 25, 1024 * 1024 + 1, 1024 * 1024 + 8])(
    "does not KW-wrap %i bytes",
    (length) => expect(() => core.kwWrap(kek, new Uint8Array(length))).toThrow(RangeError),
  );
  it.each([16, 24, 32, 1024 * 1024])("KW-wraps %i bytes", (length) =>
    expect(core.kwWrap(kek, new Uint8Array(length))).toHaveLength(length + 8),
  );
  it.each([0, 1024 * 1024 + 1])("does not KWP-wrap %i bytes", (length) =>
    expect(() => core.kwpWrap(kek, new Uint8Array(length))).toThrow(RangeError),
  );
  it.each([
    [1, 16],
    [7, 16],
    [8, 16],
    [9, 24],
    [15, 24],
    [16, 24],
    [17, 32],
    [1024 * 1024 - 1, 1024 * 1024 + 8],
    [1024 * 1024, 1024 * 1024 + 8],
  ])("KWP-wraps %i bytes to %i", (length, wrapped) =>
    expect(core.kwpWrap(kek, new Uint8Array(length))).toHaveLength(wrapped),
  );
  it.each([0, 1, 8, 15, 16, 17, 23, 25, 31, 1024 * 1024 + 9, 1024 * 1024 + 16])(
    "refuses %i bytes as a KW wrap",
    (length) => expect(core.kwUnwrap(kek, new Uint8Array(length))).toBeNull(),
  );
  it.each([0, 1, 8, 15, 17, 23, 25, 1024 * 1024 + 9, 1024 * 1024 + 16])(
    "refuses %i bytes as a KWP wrap",
    (length) => expect(core.kwpUnwrap(kek, new Uint8Array(length))).toBeNull(),
  );
  it.each([0, 1, 8, 15, 17, 31, 33, 64])("takes no kek of %i bytes", (length) =>
    expect(() => core.kwWrap(new Uint8Array(length), new Uint8Array(16))).toThrow(RangeError),
  );
});
