/**
 * Text in the columns of a terminal: broken between words, never inside one, as an address is.
 */

const ESC = "\u001b";
/** Colours, and the links of OSC 8: they take no columns. */
const COLOURS = new RegExp(`^(?:${ESC}\\[[\\d;]*m)*`);
const UNSEEN = new RegExp(`${ESC}(?:\\[[\\d;]*m|\\]8;;[^${ESC}]*${ESC}\\\\)`, "g");

function columnsOf(text: string): number {
  return text.replace(UNSEEN, "").length;
}

/** `text`, which leads to `url` where the terminal has links: written with no break inside. */
export function linked(url: string, text: string): string {
  return `${ESC}]8;;${url}${ESC}\\${text}${ESC}]8;;${ESC}\\`;
}

/**
 * Each line of `text` within `width` columns, what is left of it below, as far in as the line was
 * and `hang` columns further. A word that is longer stands alone on its line.
 */
export function wrapped(text: string, width: number, hang = 0): string {
  return text
    .split("\n")
    .map((line) => (columnsOf(line) <= width ? line : brokenLine(line, width, hang)))
    .join("\n");
}

function brokenLine(line: string, width: number, hang: number): string {
  const colours = COLOURS.exec(line)?.[0] ?? "";
  const rest = line.slice(colours.length);
  const indent = rest.slice(0, rest.length - rest.trimStart().length);
  const lines: string[] = [];
  let current = colours + indent;
  let isEmpty = true;
  for (const word of rest.split(/ +/).filter((one) => one !== "")) {
    if (!isEmpty && columnsOf(current) + 1 + columnsOf(word) > width) {
      lines.push(current);
      current = indent + " ".repeat(hang);
      isEmpty = true;
    }
    current += isEmpty ? word : ` ${word}`;
    isEmpty = false;
  }
  return [...lines, current].join("\n");
}

export interface Entry {
  /** An address or a path: never broken. */
  readonly name: string;
  readonly says: string;
}

const INDENT = "    ";
const GAP = 2;

/**
 * Names and what they are, in two columns where all of them fit `width`; else each text is below its
 * name. `shown` gives a name its colours or its link.
 */
export function entryLines(
  entries: readonly Entry[],
  width: number,
  shown: (entry: Entry) => { name: string; says: string } = (entry) => entry,
): string[] {
  const nameColumns = Math.max(...entries.map(({ name }) => name.length)) + GAP;
  const textColumns = Math.max(...entries.map(({ says }) => says.length));
  const fits = INDENT.length + nameColumns + textColumns <= width;
  return entries.flatMap((entry) => {
    const { name, says } = shown(entry);
    const padding = " ".repeat(nameColumns - entry.name.length);
    if (fits) return [`${INDENT}${name}${padding}${says}`];
    return [`${INDENT}${name}`, wrapped(`${INDENT}  ${says}`, width)];
  });
}
