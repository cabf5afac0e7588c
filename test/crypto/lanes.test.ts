import { describe, expect, it } from "vitest";
import type { RefusedChunk } from "../../src/crypto/core.ts";
import { SecretKey } from "../../src/crypto/secret-key.ts";
import { loadCore } from "../lib/core.ts";
import * as reference from "../reference/key-wrap.ts";
import { hexOf, sample } from "./sample.ts";

/** More than two full batches of 32 lanes. */
const MOST = 70;
const LENGTHS = [1, 7, 8, 9, 15, 16, 17, 24, 33, 61];

const core = await loadCore();
const kekBytes = sample("kek", 32);
const kek = core.kek(SecretKey.copyOf(kekBytes));

interface Message {
  readonly plain: Uint8Array;
  /** By the plain reference. */
  readonly wrapped: Uint8Array;
}

const message = (length: number, i: number): Message => {
  const plain = sample(`${length}/${i}`, length);
  return { plain, wrapped: reference.kwpWrap(kekBytes, plain) };
};
const messages = new Map(
  LENGTHS.map((length) => [length, Array.from({ length: MOST }, (_, i) => message(length, i))]),
);
const of = (length: number, count: number): Message[] =>
  messages.get(length)?.slice(0, count) ?? [];

const joined = (parts: readonly Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(parts));
/** One bit of one byte changed; which, depends on where the message stands. */
const damaged = (wrapped: Uint8Array, i: number): Uint8Array =>
  wrapped.with((i * 5) % wrapped.length, (wrapped[(i * 5) % wrapped.length] ?? 0) ^ (1 << (i % 8)));

/** Unwraps both ways; the outcome of a list has to be that of the chunks. */
function outcomes(wrapped: readonly Uint8Array[]): (RefusedChunk | "all good")[] {
  const chunks = kek.kwpUnwrapChunks(joined(wrapped), wrapped[0]?.length ?? 0);
  const list = kek.unwrapMany(wrapped);
  return [
    chunks instanceof Uint8Array ? "all good" : chunks,
    Array.isArray(list) ? "all good" : list,
  ];
}

describe("lanes agree with the plain reference", () => {
  const counts = Array.from({ length: MOST }, (_, i) => i + 1);

  it.each(LENGTHS)("for every count of messages of %i bytes", (length) => {
    for (const count of counts) {
      const some = of(length, count);
      const plain = joined(some.map((one) => one.plain));
      const wrapped = joined(some.map((one) => one.wrapped));
      expect(Buffer.compare(kek.kwpWrapChunks(plain, length), wrapped)).toBe(0);
      const back = kek.kwpUnwrapChunks(wrapped, wrapped.length / count);
      expect(back instanceof Uint8Array && Buffer.compare(back, plain)).toBe(0);
    }
  });

  it("for every count of messages of mixed lengths", () => {
    for (const count of counts) {
      const mixed = Array.from({ length: count }, (_, i) => {
        const length = LENGTHS[(i * 7 + count) % LENGTHS.length] ?? 1;
        return of(length, i + 1).at(-1) as Message;
      });
      const plain = mixed.map((one) => one.plain);
      const wrapped = mixed.map((one) => one.wrapped);
      expect(kek.wrapMany(plain).map(hexOf)).toEqual(wrapped.map(hexOf));
      const back = kek.unwrapMany(wrapped);
      expect(Array.isArray(back) && back.map(hexOf)).toEqual(plain.map(hexOf));
    }
  });
});

describe("the first bad message of a batch is found, and found to be that one", () => {
  it.each(LENGTHS)("wherever it stands, of %i bytes", (length) => {
    for (const count of [1, 2, 3, 4, 5, 6, 7, 8, 9, 16, 31, 32, 33, 40, 64, MOST]) {
      const good = of(length, count).map(({ wrapped }) => wrapped);
      for (let bad = 0; bad < count; bad++) {
        const wrapped = good.with(bad, damaged(good[bad] as Uint8Array, bad));
        expect(outcomes(wrapped)).toEqual([{ refusedIndex: bad }, { refusedIndex: bad }]);
      }
    }
  });

  it("in every pattern of good and bad among up to ten", () => {
    for (let count = 1; count <= 10; count++) {
      const good = of(17, count).map(({ wrapped }) => wrapped);
      const bad = good.map(damaged);
      for (let pattern = 0; pattern < 2 ** count; pattern++) {
        const isBad = (i: number): boolean => ((pattern >> i) & 1) === 1;
        const wrapped = good.map((one, i) => (isBad(i) ? (bad[i] ?? one) : one));
        const first = good.findIndex((_, i) => isBad(i));
        const expected = first < 0 ? "all good" : { refusedIndex: first };
        expect(outcomes(wrapped)).toEqual([expected, expected]);
      }
    }
  });

  it("where it is good in itself, but of another length than the first", () => {
    for (const count of [2, 3, 4, 6, 8, 12, 32, 33]) {
      const good = of(17, count).map(({ wrapped }) => wrapped);
      for (let other = 1; other < count; other++) {
        // 17 and 24 bytes wrap to the same length.
        const wrapped = good.with(other, of(24, 1)[0]?.wrapped as Uint8Array);
        const chunks = kek.kwpUnwrapChunks(joined(wrapped), 32);
        expect(chunks).toEqual({ refusedIndex: other });
        expect(Array.isArray(kek.unwrapMany(wrapped))).toBe(true);
      }
    }
  });
});
