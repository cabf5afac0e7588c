/**
 * What `npm start` prints, in the columns of a terminal.
 */
import { resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { addressLines } from "../../scripts/story/addresses.ts";
import { entryLines, linked, wrapped } from "../../scripts/terminal/columns.ts";

const PLAIN = { hasLinks: false, bold: (text: string) => text, dim: (text: string) => text };
const DIM = (text: string) => `\u001b[2m${text}\u001b[0m`;
const FACTS = {
  url: "http://127.0.0.1:8787",
  sample: { backup: "sample/backup.hbk", passwords: "sample/passwords.txt" },
  kit: "recovery.kit.json",
  userName: "alice",
};

describe("text in columns", () => {
  it("is broken between words only, and goes on as far in as it began", () => {
    const text = "  the recovery kit: with a backup it gives away every key in it";
    for (const width of [20, 40, 60]) {
      const lines = wrapped(text, width).split("\n");
      expect(lines.every((line) => line.length <= width && line.startsWith("  "))).toBe(true);
      expect(lines.map((line) => line.trim()).join(" ")).toBe(text.trim());
      expect(lines.length).toBeGreaterThan(1);
    }
  });

  it("is left as it is where it fits, colours and links not counted", () => {
    const line = `  ${DIM("ten  wide")} ${linked("https://example.org/a/long/address", "here")}`;
    expect(wrapped(line, 16)).toBe(line);
    expect(wrapped(line, 15)).not.toBe(line);
  });

  it("keeps the indent behind a colour", () => {
    expect(wrapped(DIM("    one two"), 8)).toBe("\u001b[2m    one\n    two\u001b[0m");
  });

  it("is in two columns where they fit, else each text is below its name", () => {
    const entries = [
      { name: ".dev.vars", says: "what the edge needs" },
      { name: "a/longer/path", says: "the kit" },
    ];
    expect(entryLines(entries, 80)).toEqual([
      "    .dev.vars      what the edge needs",
      "    a/longer/path  the kit",
    ]);
    expect(entryLines(entries, 30).join("\n")).toBe(
      "    .dev.vars\n      what the edge needs\n    a/longer/path\n      the kit",
    );
  });
});

describe("what there is to open", () => {
  it.each([40, 80, 200])("has no line that is broken in a word or an address (%i)", (width) => {
    const lines = addressLines(FACTS, { ...PLAIN, width })
      .join("\n")
      .split("\n");
    const names = [
      "http://127.0.0.1:8787/restore",
      `file://${resolve("dist/restore/restore.html")}`,
      resolve("sample/backup.hbk"),
      resolve("recovery.kit.json"),
      resolve("sample/passwords.txt"),
    ];
    for (const name of names) {
      expect(lines.filter((line) => line.trim().split("  ")[0] === name)).toHaveLength(1);
    }
    const tooLong = lines.filter((line) => line.length > width && line.trim().includes(" "));
    expect(tooLong).toEqual([]);
    expect(lines.join("\n")).toContain("Log in inside it as alice");
  });

  it("leads to files by links where the terminal has them", () => {
    const [line = ""] = addressLines(FACTS, { ...PLAIN, width: 80, hasLinks: true }).filter((one) =>
      one.includes("backup.hbk"),
    );
    expect(line).toContain(`]8;;file://${resolve("sample/backup.hbk")}`);
  });

  it("says nothing of a sample that is not there", () => {
    const text = addressLines({ ...FACTS, sample: null }, { ...PLAIN, width: 80 }).join("\n");
    expect(text).not.toMatch(/sample|kit|Log in/);
  });
});
