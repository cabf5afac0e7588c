/**
 * What a text may hold by which people name or open things, and how one is shown that holds more.
 *
 * docs/HSM.md §2.3, §3.3. It is asked where a text comes in, never of one that is stored: what an
 * HSM holds already is restored, found and shown.
 */

/** Control characters (C0, DEL, C1), what ends a line or a paragraph, and lone surrogates. */
const NOT_PLAIN = /[\p{Cc}\p{Zl}\p{Zp}\p{Cs}]/u;
/**
 * These, and what takes no room or turns the direction of what stands around it: by Unicode, as it is only
 * shown (what is stored goes by a list, certificates/distinguished-name.ts).
 */
const UNSEEN =
  /[\p{Cc}\p{Zl}\p{Zp}\p{Cs}\p{Default_Ignorable_Code_Point}\p{Bidi_Control}\u{fff9}-\u{fffb}]/gu;

/** Whether `text` is well-formed, on one line and without control characters. */
export function isPlainText(text: string): boolean {
  return !NOT_PLAIN.test(text);
}

/** `text` with what nobody would see of it written out, as `⟨U+202E⟩`, so that it looks like what it is. */
export function shownText(text: string): string {
  return text.replace(UNSEEN, (character) => {
    const point = character.codePointAt(0) ?? 0;
    return `⟨U+${point.toString(16).toUpperCase().padStart(4, "0")}⟩`;
  });
}
