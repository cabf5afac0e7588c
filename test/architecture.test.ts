/**
 * The dependency rule of docs/DESIGN.md, read from the import lines of every source file.
 *
 * `tsc -b` keeps the engine away from the worker and the pages; this keeps the folders inside the
 * engine, the packages and the hidden inputs (time, chance, console) in their places as well.
 */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve, sep } from "node:path";
import { describe, expect, it } from "vitest";

interface Rule {
  /** Folders whose code this one may import, besides itself. */
  readonly folders: readonly string[];
  /** Folders of which it may import types, and only those. */
  readonly types?: readonly string[];
  readonly packages: readonly string[];
  /** Runs unchanged in Node, workerd and browsers: time, chance and the platform are arguments. */
  readonly engine: boolean;
}

/** The table that docs/DESIGN.md and the README show. Arrows point down only. */
const RULES: Record<string, Rule> = {
  assembly: { folders: [], packages: [], engine: true },
  "src/crypto": { folders: [], packages: [], engine: true },
  "src/hsm": {
    folders: ["src/crypto"],
    packages: ["cborg", "@peculiar/x509", "reflect-metadata"],
    engine: true,
  },
  "src/backup": { folders: ["src/hsm", "src/crypto"], packages: ["cborg"], engine: true },
  "src/cluster": { folders: [], types: ["src/backup"], packages: [], engine: true },
  "src/worker": {
    folders: ["src/cluster", "src/backup", "src/hsm", "src/crypto"],
    packages: [
      "aws4fetch",
      "hono",
      "zod",
      "@hono/zod-openapi",
      "@peculiar/x509",
      "reflect-metadata",
      "cloudflare:workers",
    ],
    engine: false,
  },
  "src/web": {
    folders: ["src/cluster", "src/backup", "src/hsm", "src/crypto"],
    packages: ["preact", "idb"],
    engine: false,
  },
};

const HIDDEN_INPUTS: readonly (readonly [RegExp, string])[] = [
  [/\bDate\.now\b/, "Date.now"],
  [/\bnew Date\(\s*\)/, "new Date()"],
  [/\bMath\.random\b/, "Math.random"],
  [/\bperformance\.now\b/, "performance.now"],
  [/\bgetRandomValues\b/, "getRandomValues"],
  [/\bconsole\./, "console"],
];

const FORBIDDEN_NAMES = new Set(["utils", "util", "helpers", "helper", "common", "misc", "shared"]);

/** Built beside the sources and imported by path: no folder of ours. */
const BUILT = "build/";
/** The hash that the built module is to have: for those who load it, as the module itself. */
const COMMITTED_HASH = "assembly/core.wasm.sha256?raw";

interface SourceFile {
  /** From the root of the repository, with forward slashes. */
  readonly path: string;
  readonly text: string;
}

interface ImportLine {
  readonly target: string;
  readonly typeOnly: boolean;
}

function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, "").replace(/(^|[^:"'`])\/\/.*$/gm, "$1");
}

function importsOf(code: string): ImportLine[] {
  const lines: ImportLine[] = [];
  const statement = /\b(import|export)\s+(type\s+)?(?:[\w*{][^;"']*?\sfrom\s*)?["']([^"']+)["']/g;
  for (const [, , typeOnly, target] of code.matchAll(statement)) {
    if (target !== undefined) lines.push({ target, typeOnly: typeOnly !== undefined });
  }
  for (const [, target] of code.matchAll(/\bimport\(\s*["']([^"']+)["']/g)) {
    if (target !== undefined) lines.push({ target, typeOnly: false });
  }
  return lines;
}

function folderOf(path: string): string | undefined {
  return Object.keys(RULES).find((folder) => path.startsWith(`${folder}/`));
}

function packageOf(target: string): string {
  return target
    .split("/")
    .slice(0, target.startsWith("@") ? 2 : 1)
    .join("/");
}

/** Why this import is not allowed, or null. */
function refusedImport(file: SourceFile, folder: string, line: ImportLine): string | null {
  const rule = RULES[folder];
  if (rule === undefined) throw new Error(`no rule for ${folder}`);
  if (!line.target.startsWith(".")) {
    const name = packageOf(line.target);
    return rule.packages.includes(name) ? null : `${file.path}: package ${name}`;
  }
  const path = relative(".", resolve(dirname(file.path), line.target))
    .split(sep)
    .join("/");
  if (path.startsWith(BUILT) || path === COMMITTED_HASH) {
    return rule.engine ? `${file.path}: imports ${path}` : null;
  }
  const target = folderOf(path);
  if (target === folder) return null;
  if (target === undefined) return `${file.path}: imports ${path}`;
  if (rule.folders.includes(target)) return null;
  if (line.typeOnly && rule.types?.includes(target)) return null;
  return `${file.path}: ${folder} may not import ${target}`;
}

function hasOnlyReExports(code: string): boolean {
  const rest = code.replace(
    /\bexport\s+(type\s+)?(\*|\{[^}]*\})[^;]*?from\s*["'][^"']+["'];?/g,
    "",
  );
  return rest.trim() === "";
}

/** Every breach of the rule in these files, one sentence each. */
function breaches(files: readonly SourceFile[]): string[] {
  const found: string[] = [];
  for (const file of files) {
    const folder = folderOf(file.path);
    if (folder === undefined) {
      found.push(`${file.path}: lies in no folder of the table`);
      continue;
    }
    const code = withoutComments(file.text);
    for (const line of importsOf(code)) {
      const refused = refusedImport(file, folder, line);
      if (refused !== null) found.push(refused);
    }
    if (RULES[folder]?.engine) {
      for (const [pattern, name] of HIDDEN_INPUTS) {
        if (pattern.test(code)) found.push(`${file.path}: ${name} in the engine`);
      }
    }
    for (const part of file.path.replace(/\.[^/]*$/, "").split("/")) {
      if (FORBIDDEN_NAMES.has(part)) found.push(`${file.path}: the name ${part} says nothing`);
    }
    if (file.path !== MODULE_EXPORTS && hasOnlyReExports(code)) {
      found.push(`${file.path}: only re-exports`);
    }
  }
  return found;
}

/** The module's export list: what a .wasm exports is what its entry file exports. */
const MODULE_EXPORTS = "assembly/index.ts";

function sourceFiles(): SourceFile[] {
  return ["assembly", "src"].flatMap((folder) =>
    readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && /\.tsx?$/.test(entry.name))
      .map((entry) => join(entry.parentPath, entry.name).split(sep).join("/"))
      .filter((path) => path !== "src/universal.d.ts")
      .map((path) => ({ path, text: readFileSync(path, "utf8") })),
  );
}

describe("the dependency rule", () => {
  it("holds in every source file", () => {
    const files = sourceFiles();
    expect(files.length).toBeGreaterThan(30);
    expect(breaches(files)).toEqual([]);
  });

  const planted: readonly (readonly [string, string, string])[] = [
    ["an upward import", "src/crypto/a.ts", 'import { b } from "../hsm/b.ts";'],
    ["an upward type", "src/hsm/a.ts", 'import type { B } from "../backup/b.ts";'],
    ["a sideways import", "src/web/a.ts", 'import { b } from "../worker/b.ts";'],
    ["a value from backup in cluster", "src/cluster/a.ts", 'import { b } from "../backup/b.ts";'],
    ["a package in the engine", "src/crypto/a.ts", 'import { z } from "zod";'],
    ["a scoped package in the engine", "src/backup/a.ts", 'import * as x from "@peculiar/x509";'],
    ["a Node module", "src/backup/a.ts", 'import { readFileSync } from "node:fs";'],
    ["an import over several lines", "src/crypto/a.ts", 'import {\n  b,\n} from "../backup/b.ts";'],
    ["a bare import", "src/backup/a.ts", 'import "reflect-metadata";'],
    ["a dynamic import", "src/hsm/a.ts", 'const b = await import("../worker/b.ts");'],
    ["the built module in the engine", "src/crypto/a.ts", 'import m from "../../build/core.wasm";'],
    ["the sources of the module", "src/web/a.ts", 'import { b } from "../../assembly/b.ts";'],
    ["a hidden clock", "src/hsm/a.ts", "const t = Date.now();"],
    ["a hidden date", "src/cluster/a.ts", "const t = new Date();"],
    ["hidden chance", "src/backup/a.ts", "const r = Math.random();"],
    ["hidden randomness", "src/hsm/a.ts", "crypto.getRandomValues(bytes);"],
    ["console in the engine", "src/backup/a.ts", "console.log(1);"],
    ["a folder without a rule", "src/services/a.ts", "export const a = 1;"],
    ["a file named utils", "src/worker/utils.ts", "export const a = 1;"],
    ["a folder named helpers", "src/web/helpers/a.ts", "export const a = 1;"],
    ["a file of re-exports", "src/backup/index.ts", 'export * from "./a.ts";'],
  ];
  it.each(planted)("catches %s", (_, path, text) => {
    expect(breaches([{ path, text }])).toHaveLength(1);
  });

  const allowed: readonly (readonly [string, string, string])[] = [
    ["a downward import", "src/backup/a.ts", 'import { b } from "../crypto/b.ts";'],
    ["a type of backup in cluster", "src/cluster/a.ts", 'import type { B } from "../backup/b.ts";'],
    ["a package of the table", "src/worker/a.ts", 'import { z } from "@hono/zod-openapi";'],
    ["a date from an argument", "src/cluster/a.ts", "const t = new Date(nowMs);"],
    ["a clock in a comment", "src/hsm/a.ts", "// not Date.now\nexport const a = 1;"],
    ["the built module in the worker", "src/worker/a.ts", 'import m from "../../build/core.wasm";'],
    ["its hash in a page", "src/web/a.ts", 'import h from "../../assembly/core.wasm.sha256?raw";'],
  ];
  it.each(allowed)("accepts %s", (_, path, text) => {
    expect(breaches([{ path, text }])).toEqual([]);
  });
});
