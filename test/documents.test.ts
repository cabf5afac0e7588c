/**
 * What the documents and the comments point at exists: files, commands, and tests by their titles.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { DEFAULT_LOCKOUT_THRESHOLD, MAX_LOCKOUT_THRESHOLD } from "../src/hsm/rules/limits.ts";
import { awsError } from "../src/worker/aws/errors.ts";
import { edgeRefusals, listedRefusals, refusalsIn, restStatus } from "./lib/refusals.ts";
import { sourceFiles } from "./lib/source-tree.ts";

const DOCUMENTS = [
  ...readdirSync(".").filter((name) => name.endsWith(".md")),
  ...readdirSync("docs", { recursive: true })
    .map(String)
    .filter((name) => name.endsWith(".md"))
    .map((name) => join("docs", name)),
];

const FOLDERS = ["assembly", "bench", "docs", "scripts", "src", "test"];
const NAMES = new Set(
  [".", ...FOLDERS].flatMap((folder) =>
    readdirSync(folder, { recursive: folder !== "." }).map((path) => basename(String(path))),
  ),
);
const COMMANDS: Readonly<Record<string, string>> = JSON.parse(
  readFileSync("package.json", "utf8"),
).scripts;

/** Paths from the top of the repository in a text that do not exist. */
function missingPaths(text: string): string[] {
  const paths = text.matchAll(/(?<![\w/.-])(?:src|test|scripts|assembly|docs|bench)\/[\w./-]*\w/g);
  return [...paths].map(([path]) => path).filter((path) => !existsSync(path));
}

/** Names of files in a text that no file has. */
function missingNames(text: string): string[] {
  const names = text.matchAll(/(?<![\w/.-])[a-z][\w-]*\.(?:tsx?|mjs|md|css|toml)\b/g);
  return [...names].map(([name]) => name).filter((name) => !NAMES.has(name));
}

/** Numbers of the clauses of each document that has numbers. */
const CLAUSES = new Map(
  DOCUMENTS.map((path): [string, Set<string>] => {
    const headings = readFileSync(path, "utf8").matchAll(/^#+ (\d+(?:\.\d+)*)\.? /gm);
    return [basename(path), new Set([...headings].flatMap(([, number]) => number ?? []))];
  }),
);

/** Clauses of our documents that a text cites and that they do not have. */
function missingClauses(text: string): string[] {
  const line = text.replace(/\n\s*(?:\*|\/\/)?\s*/g, " ");
  const cited = line.matchAll(/\b([A-Z]+\.md)\)?`? (§[\d.]*\d(?:(?:, | to | and )§[\d.]*\d)*)/g);
  return [...cited].flatMap(([, document = "", clauses = ""]) =>
    [...clauses.matchAll(/§([\d.]+)/g)]
      .filter(([, number = ""]) => CLAUSES.get(document)?.has(number) !== true)
      .map(([clause]) => `${document} ${clause}`),
  );
}

const GONE = ["gone", "ts"].join(".");

function commentsOf(text: string): string {
  const comments = text.matchAll(/\/\*[\s\S]*?\*\/|(?<![:"'`\w])\/\/.*/g);
  return [...comments].map(([comment]) => comment).join("\n");
}

function commandsOf(text: string): string[] {
  return [...text.matchAll(/\bnpm run (?:-s )?([\w:-]+)/g)].flatMap(([, name]) => name ?? []);
}

describe.each(DOCUMENTS)("%s", (document) => {
  const text = readFileSync(document, "utf8");

  it("links to files that exist", () => {
    const links = [...text.matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g)]
      .flatMap(([, target]) => target ?? [])
      .filter((target) => !/^[a-z]+:/.test(target));
    const missing = links.filter((target) => !existsSync(join(dirname(document), target)));
    expect(missing).toEqual([]);
  });

  it("cites clauses that exist", () => {
    expect(missingClauses(text)).toEqual([]);
  });

  it("names files of the repository that exist, and commands", () => {
    const code = [...text.matchAll(/`[^`\n]+`/g)].map(([span]) => span).join("\n");
    expect([...missingPaths(text), ...missingNames(code)]).toEqual([]);
    expect(commandsOf(text).filter((name) => !(name in COMMANDS))).toEqual([]);
  });
});

describe("comments", () => {
  it("name files and clauses that exist, and commands", () => {
    const files = sourceFiles(["assembly", "bench", "scripts", "src", "test"]);
    expect(files.length).toBeGreaterThan(350);
    const missing = files.flatMap(({ path, text }) => {
      const comments = commentsOf(text);
      const commands = commandsOf(comments).filter((name) => !(name in COMMANDS));
      const found = [...missingPaths(comments), ...missingNames(comments), ...commands];
      found.push(...missingClauses(comments));
      return found.map((what) => `${path}: ${what}`);
    });
    expect(missing).toEqual([]);
  });

  it.each([
    ["a path", `// As src/hsm/${GONE} has it.`],
    ["a name", `/** Its inverse is ${GONE}. */`],
    ["a clause", `/** Spec: docs/HSM.md §1 to\n * §${99}. */`],
  ])("are caught with %s of nothing that is there", (_, text) => {
    const comments = commentsOf(text);
    const found = [...missingPaths(comments), ...missingNames(comments)];
    expect([...found, ...missingClauses(comments)]).toHaveLength(1);
  });
});

describe("docs/REFUSALS.md", async () => {
  const { refusals, passedOn } = await edgeRefusals();
  const rows = listedRefusals(readFileSync("docs/REFUSALS.md", "utf8"));

  it("has every code that the edge refuses with, and no other", () => {
    const known = new Set(refusals.map(({ code }) => code));
    const listed = new Set(rows.map(({ code }) => code));
    expect(known.size).toBeGreaterThan(140);
    expect([...listed].filter((code) => !known.has(code))).toEqual([]);
    expect([...known].filter((code) => !listed.has(code))).toEqual([]);
  });

  it("knows all ways in which sources make a refusal", () => {
    // The helpers themselves, and faults of the engine passed on, of which one gets a new code.
    expect(passedOn).toEqual([
      "conflict: fault.code",
      "denied: code",
      "invalid: code",
      "invalid: code",
      "invalid: fault.code",
      "unavailable: fault.code",
    ]);
    const planted = ['refusal("limit", "a_code", "");', 'denied(\n  "b_code", x)'];
    expect(refusalsIn(planted).made).toEqual([
      { kind: "limit", code: "a_code" },
      { kind: "denied", code: "b_code" },
    ]);
  });

  it("says the answer that each has, and what it means", () => {
    const wrong = rows.filter(({ code, status, exception }) => {
      if (code === "batch_item") return status !== "the item's";
      const answered = refusals.filter((refusal) => refusal.code === code);
      const statuses = answered.map((refusal) => String(restStatus(refusal)));
      const types = answered.map((refusal) => awsError({ ...refusal, message: "" }).type);
      const isStatusWrong = status !== null && !statuses.includes(status);
      return isStatusWrong || (exception !== null && !types.includes(`${exception}Exception`));
    });
    expect(wrong).toEqual([]);
    expect(rows.filter(({ text }) => text === "")).toEqual([]);
  });
});

describe("SECURITY.md", () => {
  it("says how many guesses a restored cluster allows", () => {
    const text = readFileSync("SECURITY.md", "utf8").replaceAll("\n", " ");
    const [, ...numbers] =
      /per user and cluster (\d+) guesses by default \(the lockout threshold, (\d+) and at most (\d+), plus one\)/.exec(
        text,
      ) ?? [];
    const guesses = DEFAULT_LOCKOUT_THRESHOLD + 1;
    expect(numbers.map(Number)).toEqual([
      guesses,
      DEFAULT_LOCKOUT_THRESHOLD,
      MAX_LOCKOUT_THRESHOLD,
    ]);
    // Not of a cluster: a restore brings the counters of its backup back.
    expect(text).toContain("as many guesses again with each restore");
    expect(text).not.toMatch(/guess more often in one cluster/);
  });
});

describe("package.json", () => {
  it("has no command that no document names", () => {
    const named = new Set(DOCUMENTS.flatMap((path) => commandsOf(readFileSync(path, "utf8"))));
    const unnamed = Object.keys(COMMANDS).filter((name) => !named.has(name));
    // npm has a word of its own for these two.
    expect(unnamed).toEqual(["start", "test"]);
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
        .filter((title) => !source.includes(`"${title}"`))
        .map((title) => `${file}: ${title}`);
    });
    expect(missing).toEqual([]);
  });
});
