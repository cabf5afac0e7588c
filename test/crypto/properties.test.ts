import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { SecretKey } from "../../src/crypto/secret-key.ts";
import { loadCore } from "../lib/core.ts";
import { coreEngine, opensslEngine } from "./engines.ts";
import { hexOf } from "./sample.ts";

const core = await loadCore();
const engine = coreEngine(core);
const kek = fc
  .constantFrom(16, 24, 32)
  .chain((length) => fc.uint8Array({ minLength: length, maxLength: length }));
const message = fc.uint8Array({ minLength: 1, maxLength: 700 });

describe("for all keys and messages", () => {
  it("KWP agrees with OpenSSL and comes back", () => {
    fc.assert(
      fc.property(kek, message, (key, plain) => {
        const wrapped = engine.kwpWrap(key, plain);
        expect(hexOf(wrapped)).toBe(hexOf(opensslEngine.kwpWrap(key, plain)));
        expect(hexOf(engine.kwpUnwrap(key, wrapped))).toBe(hexOf(plain));
      }),
      { numRuns: 300 },
    );
  });

  it("what OpenSSL says of arbitrary bytes as a wrap, the core says too", () => {
    fc.assert(
      fc.property(kek, fc.uint8Array({ minLength: 2, maxLength: 20 }), (key, seed) => {
        const wrapped = new Uint8Array(seed.length * 8).map((_, i) => seed[i % seed.length]! + i);
        expect(hexOf(engine.kwpUnwrap(key, wrapped))).toBe(
          hexOf(opensslEngine.kwpUnwrap(key, wrapped)),
        );
        expect(hexOf(engine.kwUnwrap(key, wrapped))).toBe(
          hexOf(opensslEngine.kwUnwrap(key, wrapped)),
        );
      }),
      { numRuns: 200 },
    );
  });

  it("a changed wrap is refused", () => {
    fc.assert(
      fc.property(kek, message, fc.nat(), fc.integer({ min: 1, max: 255 }), (key, plain, at, x) => {
        const wrapped = engine.kwpWrap(key, plain);
        wrapped[at % wrapped.length]! ^= x;
        expect(engine.kwpUnwrap(key, wrapped)).toBeNull();
      }),
      { numRuns: 300 },
    );
  });

  it("chunks wrapped together are the chunks wrapped alone, and come back", () => {
    const chunks = fc.record({
      key: kek,
      count: fc.integer({ min: 1, max: 70 }),
      chunkBytes: fc.integer({ min: 1, max: 120 }),
      seed: fc.uint8Array({ minLength: 1, maxLength: 50 }),
    });
    fc.assert(
      fc.property(chunks, ({ key, count, chunkBytes, seed }) => {
        using secret = SecretKey.copyOf(key);
        using handle = core.kek(secret);
        const plain = new Uint8Array(count * chunkBytes).map(
          (_, i) => seed[i % seed.length]! + (i >> 3),
        );
        const wrapped = handle.kwpWrapChunks(plain, chunkBytes);
        const one = wrapped.length / count;
        for (let i = 0; i < count; i++) {
          const alone = handle.kwpWrap(plain.subarray(i * chunkBytes, (i + 1) * chunkBytes));
          expect(hexOf(wrapped.subarray(i * one, (i + 1) * one))).toBe(hexOf(alone));
        }
        expect(hexOf(handle.kwpUnwrapChunks(wrapped, one) as Uint8Array)).toBe(hexOf(plain));
      }),
      { numRuns: 150 },
    );
  });

  it("one changed chunk of many is found, and found to be that one", () => {
    const batch = fc.record({
      count: fc.integer({ min: 1, max: 70 }),
      which: fc.nat(),
      at: fc.nat(),
      chunkBytes: fc.integer({ min: 1, max: 60 }),
    });
    using secret = new SecretKey(new Uint8Array(32).fill(7));
    using handle = core.kek(secret);
    fc.assert(
      fc.property(batch, ({ count, which, at, chunkBytes }) => {
        const plain = new Uint8Array(count * chunkBytes).fill(0x5a);
        const wrapped = handle.kwpWrapChunks(plain, chunkBytes);
        const one = wrapped.length / count;
        const bad = which % count;
        wrapped[bad * one + (at % one)]! ^= 0x10;
        expect(handle.kwpUnwrapChunks(wrapped, one)).toEqual({ refusedIndex: bad });
      }),
      { numRuns: 200 },
    );
  });

  it("a list of any lengths is wrapped message by message, and the first bad one is found", () => {
    const list = fc.record({
      lengths: fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 60 }),
      bad: fc.array(fc.nat(), { maxLength: 3 }),
    });
    using secret = new SecretKey(new Uint8Array(24).fill(5));
    using handle = core.kek(secret);
    fc.assert(
      fc.property(list, ({ lengths, bad }) => {
        const plains = lengths.map((length, i) => new Uint8Array(length).fill(i + 1));
        const wrapped = handle.wrapMany(plains);
        expect(wrapped.map(hexOf)).toEqual(plains.map((plain) => hexOf(handle.kwpWrap(plain))));
        expect((handle.unwrapMany(wrapped) as Uint8Array[]).map(hexOf)).toEqual(plains.map(hexOf));
        const places = new Set(bad.map((place) => place % lengths.length));
        for (const place of places) wrapped[place]![place % 16]! ^= 1;
        const outcome = places.size === 0 ? plains : { refusedIndex: Math.min(...places) };
        expect(handle.unwrapMany(wrapped)).toEqual(outcome);
      }),
      { numRuns: 150 },
    );
  });

  it("a message with no allowed length in a list is refused in its place", () => {
    using secret = new SecretKey(new Uint8Array(24).fill(5));
    using handle = core.kek(secret);
    const wrapped = handle.wrapMany([1, 2, 3, 4].map((x) => new Uint8Array(20).fill(x)));
    expect(handle.unwrapMany([])).toEqual([]);
    for (const length of [0, 8, 15, 17, 1024 * 1024 + 16]) {
      const list = wrapped.with(2, new Uint8Array(length));
      expect(handle.unwrapMany(list)).toEqual({ refusedIndex: 2 });
    }
    expect(() => handle.wrapMany([new Uint8Array(0)])).toThrow(RangeError);
  });
});
