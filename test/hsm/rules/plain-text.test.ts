import { describe, expect, it } from "vitest";
import { isPlainText, shownText } from "../../../src/hsm/rules/plain-text.ts";

/** What it is, and the code point. */
const UNSEEN: readonly (readonly [string, number])[] = [
  ["NUL", 0x0000],
  ["a line feed", 0x000a],
  ["DEL", 0x007f],
  ["a C1 control", 0x0085],
  ["a soft hyphen", 0x00ad],
  ["an Arabic letter mark", 0x061c],
  ["a Hangul filler", 0x3164],
  ["a zero-width space", 0x200b],
  ["a zero-width joiner", 0x200d],
  ["a right-to-left mark", 0x200f],
  ["a line separator", 0x2028],
  ["an override", 0x202e],
  ["a word joiner", 0x2060],
  ["an isolate", 0x2067],
  ["a lone surrogate", 0xd800],
  ["a byte order mark", 0xfeff],
  ["a variation selector", 0xfe0f],
  ["a tag", 0xe0041],
];
const NOT_PLAIN = [0x0000, 0x000a, 0x007f, 0x0085, 0x2028, 0xd800];

describe("a text", () => {
  it.each(UNSEEN)("with %s looks like what it is, and is plain or not", (_name, point) => {
    const text = `fdp${String.fromCodePoint(point)}.eman`;
    const number = point.toString(16).toUpperCase().padStart(4, "0");
    expect(shownText(text)).toBe(`fdp⟨U+${number}⟩.eman`);
    expect(isPlainText(text)).toBe(!NOT_PLAIN.includes(point));
  });

  it.each(["", "release 1.0", "Schlüssel für Grüße", "ключ", "鍵", "מפתח", "🔑", "a\u00a0b"])(
    "that has nothing to hide is shown as it is: %j",
    (text) => {
      expect(shownText(text)).toBe(text);
      expect(isPlainText(text)).toBe(true);
    },
  );
});
