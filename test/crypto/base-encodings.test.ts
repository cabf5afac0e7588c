/** What is taken as hexadecimal and Base64 and what is not, and that Node's own codec agrees. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  decodeBase64,
  decodeEitherBase64,
  decodeHex,
  encodeBase64,
  encodeBase64Url,
  encodeHex,
  hasSpareBits,
  requireBase64,
  requireHex,
} from "../../src/crypto/base-encodings.ts";

const ANY_BYTES = fc.uint8Array({ maxLength: 100 });

describe("hexadecimal", () => {
  it("is what Node writes, and reads back in either case", () => {
    fc.assert(
      fc.property(ANY_BYTES, (bytes) => {
        const text = encodeHex(bytes);
        expect(text).toBe(Buffer.from(bytes).toString("hex"));
        expect(decodeHex(text)).toEqual(bytes);
        expect(requireHex(text.toUpperCase())).toEqual(bytes);
      }),
    );
  });

  it.each(["a", "abc", "zz", "0x", " ab ", "ab\n", "+1", "-1", "1.", "é1"])("is not %j", (text) => {
    expect(decodeHex(text)).toBeNull();
    expect(() => requireHex(text)).toThrow(TypeError);
  });
});

describe("Base64", () => {
  it("is what Node writes, and reads back, in both alphabets", () => {
    fc.assert(
      fc.property(ANY_BYTES, (bytes) => {
        expect(encodeBase64(bytes)).toBe(Buffer.from(bytes).toString("base64"));
        expect(encodeBase64Url(bytes)).toBe(Buffer.from(bytes).toString("base64url"));
        expect(decodeBase64(encodeBase64(bytes))).toEqual(bytes);
        expect(decodeEitherBase64(encodeBase64Url(bytes))).toEqual(bytes);
        expect(decodeEitherBase64(encodeBase64(bytes))).toEqual(bytes);
      }),
    );
  });

  it("is written for more bytes than one call takes", () => {
    const bytes = Uint8Array.from({ length: 100_001 }, (_, i) => (i * 31) % 256);
    expect(encodeBase64(bytes)).toBe(Buffer.from(bytes).toString("base64"));
    expect(Buffer.compare(requireBase64(encodeBase64(bytes)), bytes)).toBe(0);
  });

  it("may end in bits that mean nothing (RFC 4648 §3.5)", () => {
    expect(decodeBase64("QR==")).toEqual(Uint8Array.of(0x41));
    expect(decodeEitherBase64("QR")).toEqual(Uint8Array.of(0x41));
  });

  it("whose final bits mean nothing is told from what is written", () => {
    fc.assert(
      fc.property(ANY_BYTES, (bytes) => {
        for (const text of [encodeBase64(bytes), encodeBase64Url(bytes)]) {
          expect(hasSpareBits(text, bytes)).toBe(false);
        }
      }),
    );
    const spare = ["QR==", "QR", "Qf", "QUJDQR", "QUI=", "QUL", "-_-_-_9=", "+/+/+/9"];
    for (const text of spare) {
      const bytes = decodeEitherBase64(text);
      const isSpare = !text.endsWith("I=");
      expect([text, bytes !== null && hasSpareBits(text, bytes)]).toEqual([text, isSpare]);
    }
  });

  const neither = ["Q", "QQ=", "QUJD=", "====", "Q===", "QQ==QQ==", "QU*D", "QU JD", "QUJD\n"];
  it.each([...neither, "QQ", "-_-_"])("is not %j", (text) => {
    expect(decodeBase64(text)).toBeNull();
    expect(() => requireBase64(text)).toThrow(TypeError);
  });
  it.each([...neither, "-_+/", "+A-A", "-_-_-w=", "QQ\u00a0"])(
    "is in neither alphabet %j",
    (text) => {
      expect(decodeEitherBase64(text)).toBeNull();
    },
  );
  it.each([
    ["QQ", "41"],
    ["QQ==", "41"],
    ["-_-_", "fbffbf"],
    ["+/+/", "fbffbf"],
    ["-_8=", "fbff"],
    ["+/8", "fbff"],
  ])("is, in either alphabet, %j", (text, hex) => {
    expect(decodeEitherBase64(text)).toEqual(Uint8Array.from(Buffer.from(hex, "hex")));
  });
});
