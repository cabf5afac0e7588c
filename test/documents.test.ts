/**
 * What the documents point at exists: files, and tests by their titles.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";

const DOCUMENTS = [
  ...readdirSync(".").filter((name) => name.endsWith(".md")),
  ...readdirSync("docs", { recursive: true })
    .map(String)
    .filter((name) => name.endsWith(".md"))
    .map((name) => join("docs", name)),
];

describe.each(DOCUMENTS)("%s", (document) => {
  const text = readFileSync(document, "utf8");

  it("links to files that exist", () => {
    const links = [...text.matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g)]
      .flatMap(([, target]) => target ?? [])
      .filter((target) => !/^[a-z]+:/.test(target));
    const missing = links.filter((target) => !existsSync(join(dirname(document), target)));
    expect(missing).toEqual([]);
  });

  it("names paths of the repository that exist", () => {
    const paths = [...text.matchAll(/`((?:src|test|scripts|assembly|docs|bench)\/[\w./-]+)`/g)]
      .flatMap(([, path]) => path ?? [])
      .filter((path) => !existsSync(path));
    expect(paths).toEqual([]);
  });
});

describe("docs/COVERAGE.md", () => {
  const text = readFileSync("docs/COVERAGE.md", "utf8");

  it("names tests by titles that they have", () => {
    const citations = [...text.matchAll(/`(test\/[\w./-]+\.test\.ts)`: ((?:"[^"]+"(?:, )?)+)/g)];
    expect(citations.length).toBeGreaterThan(20);
    const missing = citations.flatMap(([, file = "", titles = ""]) => {
      const source = existsSync(file) ? readFileSync(file, "utf8") : "";
      return [...titles.matchAll(/"([^"]+)"/g)]
        .flatMap(([, title]) => title ?? [])
        .filter((title) => !source.includes(title))
        .map((title) => `${file}: ${title}`);
    });
    expect(missing).toEqual([]);
  });
});
