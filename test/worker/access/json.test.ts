/**
 * Where a body is malformed: the right place or none, and found with little work.
 */
import { describe, expect, it, vi } from "vitest";
import { parseJson } from "../../../src/worker/access/json.ts";

const PART_BYTES = 64 * 1024;
const MEANT = Buffer.from("\uFFFD");

function said(body: Uint8Array): string {
  const read = parseJson(body);
  return read.ok ? "read" : read.refusal.message;
}

/** A text in quotes: `before` bytes of it, then `bytes`, then one letter more. */
function textWith(before: number, unit: Uint8Array, bytes: readonly number[]): Uint8Array {
  const filling = Buffer.alloc(before, unit);
  return Buffer.concat([Buffer.from('"'), filling, Buffer.from(bytes), Buffer.from('x"')]);
}

describe("the first byte that is not UTF-8", () => {
  const around = [-4, -3, -2, -1, 0, 1].flatMap((by) => [PART_BYTES + by, 3 * PART_BYTES + by]);

  it.each([
    ["a byte of Latin-1", [0xe4]],
    ["a character cut off", [0xf0, 0x9f, 0x94]],
    ["a surrogate", [0xed, 0xa0, 0x80]],
    ["bytes that continue nothing", [0x80, 0x80, 0x80, 0x80, 0x80]],
  ])("is found where it is: %s", (_, bytes) => {
    for (const before of [0, 1, 2, ...around]) {
      const body = textWith(before, Buffer.from("a"), bytes);
      expect([before, said(body)]).toEqual([
        before,
        `The body is malformed: byte ${before + 1}: not UTF-8.`,
      ]);
    }
  });

  it.each([2, 3, 4])("is none where characters of %i bytes lie across the parts", (bytes) => {
    const unit = Buffer.from({ 2: "é", 3: "€", 4: "🔑" }[bytes] ?? "");
    for (const shift of [0, 1, 2, 3]) {
      const count = Math.ceil((2 * PART_BYTES) / bytes);
      const filling = Buffer.concat([Buffer.alloc(shift, "a"), Buffer.alloc(count * bytes, unit)]);
      expect(said(textWith(filling.length, filling, []))).toBe("read");
      expect(said(textWith(filling.length, filling, [0xff]))).toBe(
        `The body is malformed: byte ${filling.length + 1}: not UTF-8.`,
      );
    }
  });

  it("is looked for among characters of one part alone", () => {
    const encode = vi.spyOn(TextEncoder.prototype, "encode");
    try {
      const before = 8 * 1024 * 1024 - 2;
      expect(said(textWith(before, MEANT, [0xe4]))).toBe(
        `The body is malformed: byte ${before + 1}: not UTF-8.`,
      );
      expect(encode.mock.calls.length).toBeLessThanOrEqual(PART_BYTES / MEANT.length + 1);
    } finally {
      encode.mockRestore();
    }
  });
});

describe("what is no JSON", () => {
  const MEBIBYTE = 1024 * 1024;

  it.each([
    [10, "line 1, column 12"],
    [MEBIBYTE - 2, `line 1, column ${MEBIBYTE}`],
    [MEBIBYTE, "somewhere"],
    [2 * MEBIBYTE, "somewhere"],
  ])("behind %i spaces is said to be where it is, or somewhere", (before, place) => {
    const body = Buffer.from(`{${" ".repeat(before)}?}`);
    expect(said(body)).toBe(`The body is malformed: ${place}: not JSON.`);
  });
});

describe("a byte-order mark", () => {
  const MARK = "\uFEFF";
  const refused = (place: string) => `The body is malformed: ${place}.`;

  it.each([
    ["before an object", `${MARK}{"a":1}`, "byte 0: a byte-order mark"],
    ["before nothing", MARK, "byte 0: a byte-order mark"],
    ["before another", `${MARK}${MARK}{}`, "byte 0: a byte-order mark"],
    ["before what is no JSON", `${MARK}{`, "byte 0: a byte-order mark"],
    ["behind white space", ` ${MARK}{}`, "line 1, column 2: not JSON"],
    ["between members", `{"a":1,\n${MARK}"b":2}`, "line 2, column 1: not JSON"],
    ["behind an object", `{}${MARK}`, "line 1, column 3: not JSON"],
    ["of UTF-16", "\u00ff\u00fe{\0}\0", "byte 0: not UTF-8"],
  ])("%s is refused with its place", (name, text, place) => {
    const encoding = name === "of UTF-16" ? "latin1" : "utf8";
    expect(said(Buffer.from(text, encoding))).toBe(refused(place));
  });

  it("in a string is a character like every other", () => {
    expect(parseJson(Buffer.from(`"${MARK}a${MARK}"`))).toEqual({
      ok: true,
      value: `${MARK}a${MARK}`,
    });
  });

  it("does not move the place of a byte that is not UTF-8", () => {
    expect(said(Buffer.concat([Buffer.from(`${MARK}"`), Buffer.of(0xe4)]))).toBe(
      refused("byte 4: not UTF-8"),
    );
  });
});

describe("a body of characters that others take for white space", () => {
  it.each(["\u00a0", "\u2028", "\v"])("is not empty: %j", (text) => {
    expect(said(Buffer.from(text))).toBe("The body is malformed: line 1, column 1: not JSON.");
  });
});
