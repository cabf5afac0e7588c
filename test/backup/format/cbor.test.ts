/** One encoding for one map: FORMAT.md, "CBOR", RFC 8949 §4.2.1. */
import { describe, expect, it } from "vitest";
import { decodeCborMap, MalformedCbor } from "../../../src/backup/format/cbor.ts";
import { bytesOf } from "../fixtures.ts";

describe("a map in CBOR", () => {
  it("is read as it would be written", () => {
    const fields = decodeCborMap(bytesOf("a201050206"), 2);
    expect([fields.integer(1, 0, 9), fields.integer(2, 0, 9)]).toEqual([5, 6]);
  });

  it.each([
    ["keys in another order", "a202060105"],
    ["a number that is longer than it need be", "a20118050206"],
    ["a key that is longer than it need be", "a21801050206"],
    ["no length", "bf01050206ff"],
    ["a key twice", "a3010501050206"],
    ["a byte behind it", "a20105020600"],
    ["a key too few", "a10105"],
    ["a key too many", "a3010502060307"],
    ["no map", "820506"],
  ])("with %s is refused", (_, hex) => {
    expect(() => decodeCborMap(bytesOf(hex), 2)).toThrow(MalformedCbor);
  });
});
