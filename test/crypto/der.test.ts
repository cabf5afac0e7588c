import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  DerError,
  DerReader,
  encodeDer,
  encodeDerInteger,
  verifyDer,
} from "../../src/crypto/der.ts";

describe("DER", () => {
  it("reads what it writes, at every length", () => {
    for (const length of [0, 1, 127, 128, 255, 256, 65_535, 65_536]) {
      const contents = new Uint8Array(length).fill(5);
      const reader = new DerReader(encodeDer(0x04, contents));
      expect(Buffer.compare(reader.take(0x04), contents)).toBe(0);
      reader.end();
    }
  });

  it.each([
    ["a tag that is not expected", "0500"],
    ["a length in long form that fits the short", "04810100"],
    ["a length with a leading zero", "0482008000"],
    ["an indefinite length", "04800000"],
    ["contents cut off", "040201"],
    ["nothing", ""],
  ])("refuses %s", (_, hex) => {
    const bytes = Uint8Array.from(Buffer.from(hex, "hex"));
    expect(() => new DerReader(bytes).take(0x04)).toThrow(DerError);
  });

  it.each([
    ["negative", "020180"],
    ["padded", "02020001"],
    ["empty", "0200"],
  ])("refuses an integer that is %s", (_, hex) => {
    const bytes = Uint8Array.from(Buffer.from(hex, "hex"));
    expect(() => new DerReader(bytes).integer()).toThrow(DerError);
  });

  it("keeps the magnitude of an integer", () => {
    void fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 40 }), (bytes) => {
        const magnitude = bytes.slice(bytes.findIndex((byte) => byte !== 0));
        if (magnitude.every((byte) => byte === 0)) return;
        expect(new DerReader(encodeDerInteger(magnitude)).integer()).toEqual(magnitude);
      }),
    );
  });
});

describe("the framing of DER", () => {
  const bytesOf = (hex: string) => Uint8Array.from(Buffer.from(hex, "hex"));

  it.each([
    ["an empty sequence", "3000"],
    ["a string", "040130"],
    ["a sequence in a set in a sequence", "3006310430020500"],
    ["values of classes of their own", "3008a003020100810100"],
    ["bytes in a string that look like a broken value", "0402308f"],
  ])("takes %s", (_, hex) => {
    verifyDer(bytesOf(hex));
  });

  it.each([
    ["nothing", "", "it is cut off"],
    ["a tag alone", "30", "it is cut off"],
    ["a value cut off within another", "3003040201", "it is cut off"],
    ["bytes behind", "300000", "it has trailing bytes"],
    ["an indefinite length", "30800000", "a length in it is not DER"],
    ["an indefinite length within", "3006a0800201010000", "a length in it is not DER"],
    ["a long length for a short one", "308100", "a length in it is not DER"],
    ["a long length within", "300404810100", "a length in it is not DER"],
    ["a length with a zero in front", "3004048200800000", "a length in it is not DER"],
    [
      "a string in pieces",
      "2403040100",
      "a value in it is in pieces, as BER allows and DER does not",
    ],
    [
      "a sequence in one piece",
      "1000",
      "a value in it is in pieces, as BER allows and DER does not",
    ],
    [
      "an end of contents",
      "30020000",
      "a value in it is in pieces, as BER allows and DER does not",
    ],
    ["a tag of more than an octet", "30031f8100", "a tag in it is longer than an octet"],
  ])("refuses %s", (_, hex, why) => {
    expect(() => verifyDer(bytesOf(hex))).toThrow(expect.objectContaining({ why }));
  });

  it("refuses what is nested deeper than anything is", () => {
    const nested = (depth: number) =>
      Array.from({ length: depth }).reduce<Uint8Array>(
        (inner) => encodeDer(0x30, inner),
        new Uint8Array(0),
      );
    verifyDer(nested(32));
    expect(() => verifyDer(nested(33))).toThrow("nested more than 32 deep");
    expect(() => verifyDer(nested(5_000))).toThrow("nested more than 32 deep");
  });
});
