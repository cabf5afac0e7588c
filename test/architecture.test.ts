/**
 * The rooms of docs/DESIGN.md and what each may import, read from the sources' import lines.
 *
 * `tsc -b` keeps the engine away from the worker and the pages; this keeps the rooms inside them,
 * the packages and the hidden inputs (time, chance, console) in their places, and circles out.
 */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { ROOMS, roomOf, roomsShown, THE_MODULE } from "./lib/rooms.ts";
import {
  type ImportLine,
  importCircles,
  importsOf,
  resolveImport,
  type SourceFile,
  sourceFiles,
  unusedExports,
  withoutComments,
} from "./lib/source-tree.ts";

const HIDDEN_INPUTS: readonly (readonly [RegExp, string])[] = [
  [/\bDate\.now\b/, "Date.now"],
  [/\bnew Date\(\s*\)/, "new Date()"],
  [/\bMath\.random\b/, "Math.random"],
  [/\bperformance\.now\b/, "performance.now"],
  [/\bgetRandomValues\b/, "getRandomValues"],
  [/\bconsole\./, "console"],
];

/** The room that reads the variables that hold keys of the HSMs, for those who may import it. */
const READS_SECRETS = "src/worker/opening";
const SECRET_VARIABLES = memberNames(`${READS_SECRETS}/secrets.ts`, "SecretEnv");
const NAMES_SECRETS = new RegExp(`\\b(${SECRET_VARIABLES.join("|")})\\b`);

const FORBIDDEN_NAMES = new Set(["utils", "util", "helpers", "helper", "common", "misc", "shared"]);

/** Built beside the sources and imported by path: no room of ours. */
const BUILT = "build/";
/** The hash that the built module is to have: for those who load it, as the module itself. */
const COMMITTED_HASH = "assembly/core.wasm.sha256";
/** The module's export list: what a .wasm exports is what its entry file exports. */
const MODULE_EXPORTS = "assembly/index.ts";

/** Members of an interface, as its source has them. */
function memberNames(path: string, name: string): string[] {
  const body = readFileSync(path, "utf8").match(`interface ${name}\\b[^{]*{([^}]*)}`)?.[1];
  if (body === undefined) throw new Error(`no interface ${name} in ${path}`);
  return [...body.matchAll(/^ {2}readonly (\w+)/gm)].flatMap(([, member]) => member ?? []);
}

function packageOf(target: string): string {
  return target
    .split("/")
    .slice(0, target.startsWith("@") ? 2 : 1)
    .join("/");
}

/** What the table is to allow for this import, as it says it; null within a room. */
function permissionFor(path: string, line: ImportLine): string | null {
  if (!line.target.startsWith(".")) return `package ${packageOf(line.target)}`;
  const target = resolveImport(path, line.target);
  if (target.startsWith(BUILT) || target === COMMITTED_HASH) return THE_MODULE;
  const room = roomOf(target);
  if (room === undefined) return target;
  if (room === roomOf(path)) return null;
  return line.typeOnly ? `types of ${room}` : room;
}

/** Whoever may import the code of a room may import its types. */
function isAllowed(imports: ReadonlySet<string>, permission: string): boolean {
  return imports.has(permission) || imports.has(permission.replace(/^types of /, ""));
}

function permissionsFor({ path, text }: SourceFile): string[] {
  return importsOf(withoutComments(text)).flatMap((line) => permissionFor(path, line) ?? []);
}

/** What the table allows and no file imports. */
function idlePermissions(files: readonly SourceFile[]): string[] {
  const used = new Set(
    files.flatMap((file) => permissionsFor(file).map((one) => `${roomOf(file.path)}: ${one}`)),
  );
  const allowed = [...ROOMS].flatMap(([name, { imports }]) =>
    [...imports].map((one) => `${name}: ${one}`),
  );
  return allowed.filter((one) => !used.has(one));
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
  for (const { path, text } of files) {
    const name = roomOf(path) ?? "";
    const room = ROOMS.get(name);
    if (room === undefined) {
      found.push(`${path}: lies in no room of the table`);
      continue;
    }
    const code = withoutComments(text);
    for (const permission of permissionsFor({ path, text })) {
      if (!isAllowed(room.imports, permission)) found.push(`${path}: may not import ${permission}`);
    }
    if (room.engine) {
      for (const [pattern, input] of HIDDEN_INPUTS) {
        if (pattern.test(code)) found.push(`${path}: ${input} in the engine`);
      }
    }
    const mayNameSecrets = name === READS_SECRETS || room.imports.has(READS_SECRETS);
    if (path.startsWith("src/worker/") && !mayNameSecrets && NAMES_SECRETS.test(code)) {
      found.push(`${path}: names a variable that holds keys`);
    }
    for (const part of path.replace(/\.[^/]*$/, "").split("/")) {
      if (FORBIDDEN_NAMES.has(part)) found.push(`${path}: the name ${part} says nothing`);
    }
    if (path !== MODULE_EXPORTS && hasOnlyReExports(code)) found.push(`${path}: only re-exports`);
  }
  return found;
}

describe("the rooms", () => {
  it("import what the table allows, in every source file", () => {
    const files = sourceFiles(["assembly", "src"]);
    expect(files.length).toBeGreaterThan(200);
    expect(breaches(files)).toEqual([]);
  });

  it("are all in use, and so is every import that the table allows", () => {
    const files = sourceFiles(["assembly", "src"]);
    const inUse = new Set(files.map(({ path }) => roomOf(path)));
    expect([...ROOMS.keys()].filter((name) => !inUse.has(name))).toEqual([]);
    expect(idlePermissions(files)).toEqual([]);
    const without = files.filter(({ path }) => path !== "src/cluster/eligibility.ts");
    expect(idlePermissions(without)).toEqual(["src/cluster: types of src/hsm/memory"]);
  });

  it("are those that DESIGN.md shows", () => {
    const [, section = ""] = readFileSync("docs/DESIGN.md", "utf8").split("\n## Rooms");
    const [engine = "", ...others] = section.split("\n### ").slice(1);
    const shown = roomsShown(engine);
    const isEngine = [...ROOMS].filter(([, room]) => room.engine);
    expect(shown).toEqual(new Map(isEngine.map(([name, { imports }]) => [name, imports])));
    const all = [...ROOMS].map(([name, { imports }]) => [name, imports] as const);
    expect(new Map([...shown, ...roomsShown(others.join("\n"))])).toEqual(new Map(all));
  });

  const planted: readonly (readonly [string, string, string])[] = [
    ["an upward import", "src/crypto/a.ts", 'import { b } from "../hsm/memory/b.ts";'],
    ["an upward type", "src/hsm/memory/a.ts", 'import type { B } from "../access/b.ts";'],
    ["keys in certificates", "src/hsm/certificates/a.ts", 'import { b } from "../keys/b.ts";'],
    ["the seal in a container", "src/backup/container/a.ts", 'import { b } from "../seal/b.ts";'],
    ["a verb in the format", "src/backup/format/a.ts", 'import { b } from "../create.ts";'],
    ["a sideways import", "src/web/engine/a.ts", 'import { b } from "../../worker/rest/b.ts";'],
    ["a value from the memory", "src/cluster/a.ts", 'import { b } from "../hsm/memory/b.ts";'],
    ["a type of backup in cluster", "src/cluster/a.ts", 'import type { B } from "../backup/b.ts";'],
    ["an object's code in a contract", "src/worker/contracts/a.ts", 'import "../hsm/hsm.ts";'],
    ["its type in one", "src/worker/contracts/a.ts", 'import type { H } from "../hsm/hsm.ts";'],
    ["an object in the platform", "src/worker/platform/a.ts", 'import { b } from "../hsm/b.ts";'],
    ["a verb in the region", "src/worker/region/a.ts", 'import { b } from "../../backup/b.ts";'],
    ["keys in it", "src/worker/region/a.ts", 'import { b } from "../../hsm/keys/b.ts";'],
    ["the KMS in REST", "src/worker/rest/a.ts", 'import "../../backup/seal/kms.ts";'],
    ["the KMS in the AWS wire", "src/worker/aws/a.ts", 'import "../../backup/seal/kms.ts";'],
    [
      "an object's package in the platform",
      "src/worker/platform/a.ts",
      'import "cloudflare:workers";',
    ],
    ["records in the page", "src/web/restore/a.ts", 'import { b } from "../../hsm/memory/b.ts";'],
    ["opening in the region", "src/worker/region/a.ts", 'import { b } from "../opening/b.ts";'],
    ["opening in REST", "src/worker/rest/a.ts", 'import type { B } from "../opening/b.ts";'],
    ["opening in the AWS wire", "src/worker/aws/a.ts", 'import { b } from "../opening/b.ts";'],
    ["opening where requests are let in", "src/worker/access/a.ts", 'import "../opening/b.ts";'],
    ["opening in the platform", "src/worker/platform/a.ts", 'import { b } from "../opening/b.ts";'],
    [
      "a type of opening",
      "src/worker/region/a.ts",
      'import type { S } from "../opening/secrets.ts";',
    ],
    ["a reader's code in REST", "src/worker/rest/a.ts", 'import { Reader } from "../reader.ts";'],
    ["a key's variable in the region", "src/worker/region/a.ts", "const k = env.STORAGE_KEY;"],
    ["one in quotes in REST", "src/worker/rest/a.ts", 'const k = env["LOCAL_KMS"];'],
    ["one wire in the other", "src/worker/rest/a.ts", 'import { b } from "../aws/b.ts";'],
    ["the region in an HSM", "src/worker/hsm/a.ts", 'import { b } from "../region/b.ts";'],
    ["a door in a room", "src/worker/rest/a.ts", 'import { b } from "../registry.ts";'],
    ["a document in the pages' engine", "src/web/engine/a.ts", 'import "../restore/b.ts";'],
    ["a package in the engine", "src/crypto/a.ts", 'import { z } from "zod";'],
    ["a scoped package in the engine", "src/backup/a.ts", 'import * as x from "@peculiar/x509";'],
    ["a Node module", "src/backup/a.ts", 'import { readFileSync } from "node:fs";'],
    ["lines", "src/crypto/a.ts", 'import {\n  b,\n} from "../backup/b.ts";'],
    ["a bare import", "src/backup/a.ts", 'import "reflect-metadata";'],
    ["a dynamic import", "src/hsm/a.ts", 'const b = await import("../worker/index.ts");'],
    ["the built module in the engine", "src/crypto/a.ts", 'import m from "../../build/core.wasm";'],
    ["the sources of the module", "src/web/engine/a.ts", 'import "../../../assembly/b.ts";'],
    ["a hidden clock", "src/hsm/a.ts", "const t = Date.now();"],
    ["a hidden date", "src/cluster/a.ts", "const t = new Date();"],
    ["hidden chance", "src/backup/seal/a.ts", "const r = Math.random();"],
    ["hidden randomness", "src/hsm/keys/a.ts", "crypto.getRandomValues(bytes);"],
    ["console in the engine", "src/backup/a.ts", "console.log(1);"],
    ["a folder without a room", "src/services/a.ts", "export const a = 1;"],
    ["a folder in a room", "src/worker/rest/keys/a.ts", "export const a = 1;"],
    ["a file named utils", "src/worker/platform/utils.ts", "export const a = 1;"],
    ["a file named helpers", "src/web/design/helpers.ts", "export const a = 1;"],
    ["a file of re-exports", "src/backup/index.ts", 'export * from "./a.ts";'],
  ];
  it.each(planted)("refuse %s", (_, path, text) => {
    expect(breaches([{ path, text }])).toHaveLength(1);
  });

  it.each(SECRET_VARIABLES)("refuse %s outside the rooms that may open a backup", (name) => {
    const text = `export const key = env.${name};`;
    for (const room of ["aws", "rest", "access", "region", "platform", "contracts"]) {
      expect(breaches([{ path: `src/worker/${room}/a.ts`, text }])).toHaveLength(1);
    }
  });

  const allowed: readonly (readonly [string, string, string])[] = [
    ["a downward import", "src/backup/a.ts", 'import { b } from "../crypto/b.ts";'],
    ["a verb's parts", "src/backup/a.ts", 'import { b } from "./seal/b.ts";'],
    ["a type of the memory", "src/cluster/a.ts", 'import type { B } from "../hsm/memory/b.ts";'],
    ["a contract in a room", "src/worker/rest/a.ts", 'import { b } from "../contracts/b.ts";'],
    ["opening in an HSM", "src/worker/hsm/a.ts", 'import { b } from "../opening/b.ts";'],
    ["a key's variable where it is read", "src/worker/opening/a.ts", "const k = env.STORAGE_KEY;"],
    ["a package of the table", "src/worker/rest/a.ts", 'import { z } from "@hono/zod-openapi";'],
    ["a date from an argument", "src/cluster/a.ts", "const t = new Date(nowMs);"],
    ["a clock in a comment", "src/hsm/a.ts", "// not Date.now\nexport const a = 1;"],
    ["the built module", "src/worker/platform/a.ts", 'import m from "../../../build/core.wasm";'],
    ["its hash", "src/web/restore/a.ts", 'import "../../../assembly/core.wasm.sha256?raw";'],
  ];
  it.each(allowed)("allow %s", (_, path, text) => {
    expect(breaches([{ path, text }])).toEqual([]);
  });
});

describe("circles", () => {
  it("there are none, type imports counted", () => {
    const files = sourceFiles(["assembly", "src", "scripts", "bench", "test"]);
    expect(files.length).toBeGreaterThan(350);
    expect(importCircles(files)).toEqual([]);
  });

  it("are found where they are planted", () => {
    const files = [
      { path: "src/a/a.ts", text: 'import { b } from "../b/b.ts";' },
      { path: "src/b/b.ts", text: 'import type { C } from "./c.ts";\nimport "./d.ts";' },
      { path: "src/b/c.ts", text: 'const a = await import("../a/a.ts");' },
      { path: "src/b/d.ts", text: "export const d = 1;" },
      { path: "src/e.ts", text: 'import { e } from "./e.ts";' },
    ];
    expect(importCircles(files).sort()).toEqual([
      ["src/a/a.ts", "src/b/b.ts", "src/b/c.ts"],
      ["src/e.ts"],
    ]);
  });
});

describe("exports", () => {
  it("are taken by another file, every value of them", () => {
    const files = sourceFiles(["src", "scripts", "bench", "test"]);
    expect(unusedExports(files).filter((one) => !one.startsWith("test/"))).toEqual([]);
  });

  it("that nobody takes are found where they are planted", () => {
    const files = [
      { path: "src/a.ts", text: "export const used = 1;\nexport function alone(): void {}" },
      { path: "src/b.ts", text: 'import { used } from "./a.ts"; // not alone\nused();' },
    ];
    expect(unusedExports(files)).toEqual(["src/a.ts: alone"]);
  });
});
