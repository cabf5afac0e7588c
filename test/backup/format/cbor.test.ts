/** One encoding for one map, read by what must stand next: FORMAT.md, "CBOR", RFC 8949 §4.2.1. */
import { describe, expect, it } from "vitest";
import { CborMapReader, encodeCbor, MalformedCbor } from "../../../src/backup/format/cbor.ts";
import { bytesOf } from "../fixtures.ts";

function integers(bytes: Uint8Array): number[] {
  const map = new CborMapReader(bytes, 2);
  const read = [map.field(1).integer(0, 9), map.field(2).integer(0, 9)];
  map.end();
  return read;
}

function only<T>(hex: string, read: (field: CborMapReader) => T): T {
  const map = new CborMapReader(bytesOf(`a101${hex}`), 1);
  const value = read(map.field(1));
  map.end();
  return value;
}

describe("a map in CBOR", () => {
  it("is read as it would be written", () => {
    expect(integers(bytesOf("a201050206"))).toEqual([5, 6]);
  });

  it.each([
    ["keys in another order", "a202060105"],
    ["a number that is longer than it need be", "a20118050206"],
    ["a key that is longer than it need be", "a21801050206"],
    ["no length", "bf01050206ff"],
    ["a length that is longer than it need be", "b80201050206"],
    ["a key twice", "a3010501050206"],
    ["a key twice that makes up for another", "a201050105"],
    ["a byte behind it", "a20105020600"],
    ["a key too few", "a10105"],
    ["a key too many", "a3010502060307"],
    ["a key that is text", "a2613105613206"],
    ["no map", "820506"],
    ["nothing", ""],
    ["its end before its last value", "a2010502"],
    ["a tag", "c0a201050206"],
  ])("with %s is refused", (_, hex) => {
    expect(() => integers(bytesOf(hex))).toThrow(MalformedCbor);
  });

  it("that is read to less than its end is a mistake of the reader", () => {
    const map = new CborMapReader(bytesOf("a201050206"), 2);
    map.field(1).integer(0, 9);
    expect(() => map.end()).toThrow("unreachable");
  });
});

describe("a value in CBOR", () => {
  it.each([
    ["1b001fffffffffffff", Number.MAX_SAFE_INTEGER],
    ["00", 0],
  ])("%s is the integer %d", (hex, value) => {
    expect(only(hex, (field) => field.integer(0, Number.MAX_SAFE_INTEGER))).toBe(value);
  });

  it.each([
    ["2^53", "1b0020000000000000"],
    ["a negative one", "20"],
    ["a float", "f93c00"],
    ["text", "6131"],
    ["an array of one", "8101"],
    ["true", "f5"],
  ])("%s is no integer", (_, hex) => {
    const read = () => only(hex, (field) => field.integer(0, Number.MAX_SAFE_INTEGER));
    expect(read).toThrow(MalformedCbor);
  });

  it("has a byte order mark at its front as a character like any other", () => {
    const written = encodeCbor(new Map([[1, "\ufeffb"]]));
    const map = new CborMapReader(written, 1);
    expect(map.field(1).text(4)).toBe("\ufeffb");
    expect(() => only("64efbbbf62", (field) => field.text(3))).toThrow(MalformedCbor);
  });

  it.each([
    ["no text", "60"],
    ["more bytes than are allowed", "65c3a9c3a961"],
    ["invalid UTF-8", "61ff"],
    ["a surrogate", "63eda080"],
    ["pieces", "7f6161ff"],
    ["bytes", "4161"],
    ["an array of text", "816161"],
    ["a length that is announced and not there", "7b0000000100000000"],
    ["the longest length of all", "7bffffffffffffffff"],
  ])("that is %s is no text of 1 to 4 bytes", (_, hex) => {
    expect(() => only(hex, (field) => field.text(4))).toThrow(MalformedCbor);
  });

  it.each([
    ["too few", "4101"],
    ["too many", "43010203"],
    ["a length that is announced and not there", "5b001fffffffffffff"],
    ["text", "623132"],
  ])("of %s is not 2 bytes", (_, hex) => {
    expect(() => only(hex, (field) => field.bytes(2, 2))).toThrow(MalformedCbor);
  });

  it.each([
    ["too few", "80"],
    ["too many", "83010203"],
    ["more than there can be", "9b001fffffffffffff"],
    ["a map", "a10102"],
  ])("of %s is no array of 1 to 2", (_, hex) => {
    expect(() => only(hex, (field) => field.array(1, 2))).toThrow(MalformedCbor);
  });

  it("is fresh where it is bytes", () => {
    const bytes = bytesOf("a10142aabb");
    const read = new CborMapReader(bytes, 1).field(1).bytes(2, 2);
    bytes.fill(0);
    expect([...read]).toEqual([0xaa, 0xbb]);
  });
});
