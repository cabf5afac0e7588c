import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { countPemBlocks, encodePem, parsePem, pemCharacters } from "../../src/crypto/pem.ts";

describe("PEM", () => {
  it("reads what it writes", () => {
    void fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 200 }), (bytes) => {
        expect([...parsePem(`a\n${encodePem("SOME KEY", bytes)}b`)]).toEqual([
          { label: "SOME KEY", bytes },
        ]);
      }),
    );
  });

  it("says how long it would write", () => {
    for (const bytes of [1, 2, 3, 47, 48, 49, 96, 97, 1_000]) {
      const text = encodePem("SOME KEY", new Uint8Array(bytes));
      expect(pemCharacters("SOME KEY", bytes)).toBe(text.length);
    }
  });

  it("counts what begins, the broken too", () => {
    const text = `${encodePem("A", Uint8Array.of(1))}-----BEGIN B-----\n-----BEGIN C-----`;
    expect(countPemBlocks(text)).toBe(3);
    expect([...parsePem(text)]).toHaveLength(1);
    expect(countPemBlocks("nothing")).toBe(0);
  });

  it("leaves out a block that ends as another", () => {
    const text =
      "-----BEGIN A-----\nAAAA\n-----END B-----\n-----BEGIN C-----\nAAAA\n-----END C-----";
    expect([...parsePem(text)].map(({ label }) => label)).toEqual(["C"]);
  });

  it.each(["A", "AAA", "QUJ\\D", "QU\\tJD", "A===", "AA=A", "****", "-_-_", "", " \n"])(
    "refuses a block of %j",
    (text) => {
      const block = `-----BEGIN A-----\n${text}\n-----END A-----`;
      expect([...parsePem(block)]).toEqual([{ label: "A", bytes: null }]);
    },
  );

  it.each(["QUJD", " Q U\tJ\nD ", "QR==", "Q R\n= =", "QU\\nJD", "QU\\r\\nJD\\n", "\\\\nQUJD"])(
    "takes a block of %j",
    (text) => {
      const [block] = parsePem(`-----BEGIN A-----\n${text}\n-----END A-----`);
      expect(block?.bytes?.[0]).toBe(0x41);
    },
  );
});
