import { decode, encode, rfc8949EncodeOptions } from "cborg";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { RefusedAttributes } from "../../../src/hsm/memory/attributes-codec.ts";
import {
  type Item,
  newHead,
  readItem,
  skipItem,
} from "../../../src/hsm/memory/deterministic-cbor.ts";
import { type KeyAttributes, keyCodec } from "../../../src/hsm/memory/key-record.ts";

const KEY: KeyAttributes = {
  class: 3,
  type: 0,
  owner: 300,
  flags: 0x1ffff,
  label: "clé de signature",
  id: Uint8Array.of(1, 2, 3),
  sharedWith: [2, 24, 256, 70_000],
  sizeBits: 2048,
  checkValue: Uint8Array.of(9, 8, 7),
  publicKey: new Uint8Array(30).fill(5),
  createdAtMs: 1_700_000_000_000,
  manageQuorum: 0,
  useQuorum: 2,
};

function itemOf(bytes: Uint8Array): Item | undefined {
  const head = newHead();
  const item = readItem(bytes, 0, head);
  return item !== undefined && head.end === bytes.length ? item : undefined;
}

const bytes = (hex: string): Uint8Array =>
  new Uint8Array(Buffer.from(hex.replaceAll(" ", ""), "hex"));

describe("an item", () => {
  const integer = fc.oneof(fc.nat(), fc.maxSafeNat());
  const anyItem = fc.oneof(
    integer,
    fc.string({ unit: "binary" }).map((text) => text.toWellFormed()),
    fc.uint8Array({ maxLength: 300 }),
    fc.array(integer, { maxLength: 40 }),
  );

  it("is read as another implementation writes it", () => {
    fc.assert(
      fc.property(anyItem, (item) => {
        const encoded = encode(item, rfc8949EncodeOptions);
        expect(itemOf(encoded)).toEqual(item);
        expect(skipItem(encoded, 0, newHead())).toBe(encoded.length);
      }),
    );
  });

  it("that is accepted has one encoding, whatever the bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 12 }), (noise) => {
        const item = itemOf(noise);
        if (item !== undefined) expect(encode(item, rfc8949EncodeOptions)).toEqual(noise);
      }),
      { numRuns: 20_000 },
    );
  });

  it.each([
    ["an integer in a longer form", "18 17"],
    ["two bytes for one", "19 00ff"],
    ["four bytes for two", "1a 0000ffff"],
    ["eight bytes for four", "1b 00000000ffffffff"],
    ["2^53", "1b 0020000000000000"],
    ["a length in a longer form", "58 01 00"],
    ["bytes that are not all there", "43 0102"],
    ["text that is not all there", "63 6162"],
    ["an indefinite length", "5f 41 00 ff"],
    ["a lone continuation byte", "61 80"],
    ["an overlong character", "62 c0af"],
    ["a surrogate", "63 eda080"],
    ["a character cut off", "62 61c3"],
    ["a negative integer", "20"],
    ["an integer in an array that is negative", "81 20"],
    ["an array in an array", "81 80"],
    ["a half float", "f9 3c00"],
    ["true", "f5"],
    ["a tag", "c0 00"],
    ["nothing", ""],
  ])("%s is refused", (_, hex) => {
    expect(itemOf(bytes(hex))).toBeUndefined();
  });
});

describe("attributes", () => {
  const encoded = keyCodec.encode(KEY);

  it("are read back, and as another implementation reads them", () => {
    expect(keyCodec.decode(encoded)).toEqual(KEY);
    const map = decode(encoded, { useMaps: true }) as Map<number, unknown>;
    expect([...map.values()]).toEqual(Object.values(KEY));
  });

  it("with a byte changed, cut or added are refused, or are another value's one encoding", () => {
    const isSecondEncoding = (changed: Uint8Array): boolean => {
      const value = keyCodec.decode(changed);
      if (value instanceof RefusedAttributes) return false;
      return Buffer.compare(keyCodec.encode(value), changed) !== 0;
    };
    for (let at = 0; at < encoded.length; at++) {
      const changed = Array.from({ length: 256 }, (_, byte) => encoded.with(at, byte));
      expect(changed.filter(isSecondEncoding)).toEqual([]);
      expect(keyCodec.decode(encoded.subarray(0, at))).toBeInstanceOf(RefusedAttributes);
    }
    expect(keyCodec.decode(Uint8Array.of(...encoded, 0))).toBeInstanceOf(RefusedAttributes);
  });

  it("out of order, twice, missing or unknown are refused", () => {
    const entries = [...(decode(encoded, { useMaps: true }) as Map<number, unknown>)];
    const pairs = entries.map((pair) =>
      pair.flatMap((item) => [...encode(item, rfc8949EncodeOptions)]),
    );
    const first = pairs[0] ?? [];
    const map = (...of: number[][]): Uint8Array => Uint8Array.of(0xa0 | of.length, ...of.flat());
    expect(keyCodec.decode(map(...pairs))).toEqual(KEY);
    for (const wrong of [
      map(...pairs.toReversed()),
      map(first, ...pairs.slice(0, -1)),
      map(...pairs.slice(1)),
      map(...pairs, [14, 0]),
    ]) {
      expect(keyCodec.decode(wrong)).toBeInstanceOf(RefusedAttributes);
    }
  });
});
