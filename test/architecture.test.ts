/**
 * The rooms of docs/DESIGN.md and what each may import, read from the import lines of every source file.
 *
 * `tsc -b` keeps the engine away from the worker and the pages; this keeps the rooms inside them, the
 * packages and the hidden inputs (time, chance, console) in their places, and circles out.
 */
import { describe, expect, it } from "vitest";
import {
  importCircles,
  importsOf,
  resolveImport,
  type SourceFile,
  sourceFiles,
  unusedExports,
  withoutComments,
} from "./lib/source-tree.ts";

interface Room {
  /** Rooms whose code this one may import, besides itself. */
  readonly rooms: readonly string[];
  /** Rooms of which it may import types, and only those. */
  readonly types?: readonly string[];
  readonly packages?: readonly string[];
  /** Runs unchanged in Node, workerd and browsers: time, chance and the platform are arguments. */
  readonly engine?: true;
  /** May take the module that a build leaves in build/. */
  readonly loadsModule?: true;
}

const CRYPTO = "src/crypto";
const HSM_BASE = ["src/hsm/rules", "src/hsm/memory"];
const HSM = [...HSM_BASE, "src/hsm/access", "src/hsm/keys", "src/hsm/certificates", "src/hsm"];
const BACKUP = [
  "src/backup/format",
  "src/backup/container",
  "src/backup/seal",
  "src/backup/kit",
  "src/backup",
];
const ENGINE = [CRYPTO, ...HSM, ...BACKUP, "src/cluster"];
const CONTRACTS = "src/worker/contracts";
const EDGE_BASE = ["src/worker/platform", CONTRACTS, ...ENGINE];
const SURFACE = ["src/worker/access", ...EDGE_BASE];
const CBOR = ["cborg"];
const SCHEMA = ["zod", "@hono/zod-openapi"];
const X509 = ["@peculiar/x509", "reflect-metadata"];

/** The table that docs/DESIGN.md shows. A room is one folder, without the folders in it. */
const ROOMS: Record<string, Room> = {
  assembly: { rooms: [], engine: true },
  "src/crypto": { rooms: [], engine: true },
  "src/hsm/rules": { rooms: [], engine: true },
  "src/hsm/memory": { rooms: ["src/hsm/rules", CRYPTO], packages: CBOR, engine: true },
  "src/hsm/access": { rooms: [...HSM_BASE, CRYPTO], engine: true },
  "src/hsm/keys": { rooms: ["src/hsm/access", ...HSM_BASE, CRYPTO], engine: true },
  "src/hsm/certificates": {
    rooms: ["src/hsm/access", ...HSM_BASE, CRYPTO],
    packages: X509,
    engine: true,
  },
  "src/hsm": { rooms: [...HSM, CRYPTO], engine: true },
  "src/backup/format": { rooms: [CRYPTO], packages: CBOR, engine: true },
  "src/backup/container": {
    rooms: ["src/backup/format", "src/hsm/memory", CRYPTO],
    engine: true,
  },
  "src/backup/seal": { rooms: ["src/backup/format", CRYPTO], engine: true },
  "src/backup/kit": { rooms: ["src/backup/format", "src/backup/seal", CRYPTO], engine: true },
  "src/backup": { rooms: [...BACKUP, "src/hsm/memory", CRYPTO], engine: true },
  "src/cluster": { rooms: [CRYPTO], types: [...BACKUP, ...HSM_BASE], engine: true },

  "src/worker/contracts": { rooms: [], types: ENGINE },
  "src/worker/platform": {
    rooms: [CONTRACTS, ...ENGINE],
    packages: [...SCHEMA, "cloudflare:workers"],
    loadsModule: true,
  },
  "src/worker/access": { rooms: EDGE_BASE, packages: ["aws4fetch"] },
  "src/worker/opening": { rooms: EDGE_BASE, packages: SCHEMA },
  "src/worker/aws": { rooms: SURFACE, packages: SCHEMA },
  "src/worker/rest": { rooms: SURFACE, packages: [...SCHEMA, "hono"] },
  "src/worker/region": { rooms: EDGE_BASE, packages: [...X509, "cloudflare:workers"] },
  "src/worker/hsm": {
    rooms: ["src/worker/opening", ...EDGE_BASE],
    packages: [...X509, "cloudflare:workers"],
  },
  "src/worker": {
    rooms: [
      ...["aws", "rest", "region", "hsm", "opening"].map((room) => `src/worker/${room}`),
      ...SURFACE,
    ],
    packages: ["hono", "reflect-metadata", "cloudflare:workers"],
  },

  "src/web/design": { rooms: [], packages: ["preact"] },
  "src/web/engine": { rooms: ["src/web/design", ...ENGINE], loadsModule: true },
  "src/web/restore": {
    rooms: ["src/web/engine", "src/web/design", ...ENGINE],
    packages: ["preact"],
    loadsModule: true,
  },
  "src/web/landing": { rooms: ["src/web/design"], packages: ["preact"] },
};

const HIDDEN_INPUTS: readonly (readonly [RegExp, string])[] = [
  [/\bDate\.now\b/, "Date.now"],
  [/\bnew Date\(\s*\)/, "new Date()"],
  [/\bMath\.random\b/, "Math.random"],
  [/\bperformance\.now\b/, "performance.now"],
  [/\bgetRandomValues\b/, "getRandomValues"],
  [/\bconsole\./, "console"],
];

/** Variables that hold keys of the HSMs: read in one room, for those who may import it. */
const SECRET_VARIABLES = /\b(MANUFACTURER|MANUFACTURER_CA|OPERATOR|LOCAL_KMS|STORAGE_KEY)\b/;
const READS_SECRETS = "src/worker/opening";

const FORBIDDEN_NAMES = new Set(["utils", "util", "helpers", "helper", "common", "misc", "shared"]);

/** Built beside the sources and imported by path: no room of ours. */
const BUILT = "build/";
/** The hash that the built module is to have: for those who load it, as the module itself. */
const COMMITTED_HASH = "assembly/core.wasm.sha256";
/** The module's export list: what a .wasm exports is what its entry file exports. */
const MODULE_EXPORTS = "assembly/index.ts";

function roomOf(path: string): string | undefined {
  const folder = path.slice(0, path.lastIndexOf("/"));
  return folder in ROOMS ? folder : undefined;
}

function packageOf(target: string): string {
  return target
    .split("/")
    .slice(0, target.startsWith("@") ? 2 : 1)
    .join("/");
}

/** Why this import is not allowed, or null. */
function refusedImport(path: string, line: { target: string; typeOnly: boolean }): string | null {
  const name = roomOf(path) ?? "";
  const room = ROOMS[name];
  if (room === undefined) throw new Error(`no room for ${path}`);
  if (!line.target.startsWith(".")) {
    const wanted = packageOf(line.target);
    return room.packages?.includes(wanted) ? null : `${path}: package ${wanted}`;
  }
  const target = resolveImport(path, line.target);
  if (target.startsWith(BUILT) || target === COMMITTED_HASH) {
    return room.loadsModule ? null : `${path}: imports ${target}`;
  }
  const targetRoom = roomOf(target);
  if (targetRoom === undefined) return `${path}: imports ${target}`;
  if (targetRoom === name || room.rooms.includes(targetRoom)) return null;
  if (line.typeOnly && room.types?.includes(targetRoom)) return null;
  return `${path}: ${name} may not import ${targetRoom}`;
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
    const room = ROOMS[roomOf(path) ?? ""];
    if (room === undefined) {
      found.push(`${path}: lies in no room of the table`);
      continue;
    }
    const code = withoutComments(text);
    for (const line of importsOf(code)) {
      const refused = refusedImport(path, line);
      if (refused !== null) found.push(refused);
    }
    if (room.engine) {
      for (const [pattern, name] of HIDDEN_INPUTS) {
        if (pattern.test(code)) found.push(`${path}: ${name} in the engine`);
      }
    }
    const mayNameSecrets = roomOf(path) === READS_SECRETS || room.rooms.includes(READS_SECRETS);
    if (path.startsWith("src/worker/") && !mayNameSecrets && SECRET_VARIABLES.test(code)) {
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

  it("are all in use", () => {
    const inUse = new Set(sourceFiles(["assembly", "src"]).map(({ path }) => roomOf(path)));
    expect(Object.keys(ROOMS).filter((name) => !inUse.has(name))).toEqual([]);
  });

  const planted: readonly (readonly [string, string, string])[] = [
    ["an upward import", "src/crypto/a.ts", 'import { b } from "../hsm/memory/b.ts";'],
    ["an upward type", "src/hsm/memory/a.ts", 'import type { B } from "../access/b.ts";'],
    ["keys in certificates", "src/hsm/certificates/a.ts", 'import { b } from "../keys/b.ts";'],
    ["the seal in a container", "src/backup/container/a.ts", 'import { b } from "../seal/b.ts";'],
    ["a verb in the format", "src/backup/format/a.ts", 'import { b } from "../create.ts";'],
    ["a sideways import", "src/web/engine/a.ts", 'import { b } from "../../worker/rest/b.ts";'],
    ["a value from backup in cluster", "src/cluster/a.ts", 'import { b } from "../backup/b.ts";'],
    ["an object's code in a contract", "src/worker/contracts/a.ts", 'import "../hsm/hsm.ts";'],
    ["its type in one", "src/worker/contracts/a.ts", 'import type { H } from "../hsm/hsm.ts";'],
    ["an object in the platform", "src/worker/platform/a.ts", 'import { b } from "../hsm/b.ts";'],
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

  const allowed: readonly (readonly [string, string, string])[] = [
    ["a downward import", "src/backup/a.ts", 'import { b } from "../crypto/b.ts";'],
    ["a verb's parts", "src/backup/a.ts", 'import { b } from "./seal/b.ts";'],
    ["a type of backup in cluster", "src/cluster/a.ts", 'import type { B } from "../backup/b.ts";'],
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
