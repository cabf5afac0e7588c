/**
 * The table of rooms that docs/DESIGN.md shows: every folder with sources, without the folders in it, and
 * what it may import. What it does not import it may not.
 *
 * In the tables below a folder of src/ goes by its path in it.
 */

/** A line of the tables. */
interface Row {
  /** Rooms whose code this one imports, besides itself. */
  readonly rooms?: readonly string[];
  /** Rooms of which it imports types, and only those. */
  readonly types?: readonly string[];
  readonly packages?: readonly string[];
  /** Takes the module that a build leaves in build/. */
  readonly loadsModule?: true;
}

type Table = Readonly<Record<string, Row>>;

export interface Room {
  /** What it imports: a room, `types of` a room, `package` with its name, or `THE_MODULE`. */
  readonly imports: ReadonlySet<string>;
  /** Runs unchanged in Node, workerd and browsers: time, chance and the platform are arguments. */
  readonly engine: boolean;
}

export const THE_MODULE = "the built module";

const X509 = ["@peculiar/x509", "reflect-metadata"];

const ENGINE: Table = {
  assembly: {},
  crypto: {},
  "hsm/rules": {},
  "hsm/memory": { rooms: ["crypto", "hsm/rules"], packages: ["cborg"] },
  "hsm/access": { rooms: ["crypto", "hsm/rules", "hsm/memory"] },
  "hsm/keys": { rooms: ["crypto", "hsm/rules", "hsm/memory", "hsm/access"] },
  "hsm/certificates": {
    rooms: ["crypto", "hsm/rules", "hsm/memory", "hsm/access"],
  },
  hsm: {
    rooms: ["hsm/memory", "hsm/access", "hsm/keys", "hsm/certificates"],
    types: ["crypto", "hsm/rules"],
  },
  "backup/format": { rooms: ["crypto", "hsm/memory"], packages: ["cborg", "@scure/base"] },
  "backup/container": { rooms: ["crypto", "hsm/memory", "backup/format"] },
  "backup/seal": { rooms: ["crypto", "backup/format"], packages: ["@noble/post-quantum"] },
  "backup/kit": { rooms: ["crypto", "backup/format"], types: ["backup/seal"] },
  backup: { rooms: ["crypto", "hsm/memory", "backup/format", "backup/container", "backup/seal"] },
  cluster: { rooms: ["crypto"], types: ["hsm/memory"] },
};

const EDGE: Table = {
  "worker/contracts": {
    types: [
      ...["crypto", "hsm/memory", "hsm/access", "hsm/keys", "hsm/certificates"],
      ...["backup/seal", "cluster"],
    ],
  },
  "worker/platform": {
    rooms: ["worker/contracts", "crypto", "hsm/rules", "backup/format", "cluster"],
    types: ["backup/seal"],
    packages: ["zod"],
    loadsModule: true,
  },
  "worker/access": {
    rooms: ["worker/contracts", "crypto"],
    types: ["worker/platform", "cluster"],
    packages: ["aws4fetch", "jsonc-parser"],
  },
  "worker/opening": {
    rooms: [
      ...["worker/platform", "worker/contracts", "crypto", "hsm/memory"],
      ...["backup/format", "backup/container", "backup/seal", "backup", "cluster"],
    ],
    packages: ["zod"],
  },
  "worker/aws": {
    rooms: ["worker/access", "worker/platform", "worker/contracts", "cluster"],
    packages: ["zod"],
  },
  "worker/rest": {
    rooms: [
      ...["worker/access", "worker/platform", "worker/contracts", "crypto"],
      ...["hsm/rules", "hsm/keys", "cluster"],
    ],
    packages: ["hono", "@hono/zod-openapi"],
  },
  "worker/region": {
    rooms: ["worker/platform", "worker/contracts", "crypto", "cluster"],
    types: ["hsm/memory", "backup/seal"],
    packages: [...X509, "cloudflare:workers"],
  },
  "worker/hsm": {
    rooms: [
      ...["worker/opening", "worker/platform", "worker/contracts", "crypto"],
      ...["hsm/rules", "hsm/memory", "hsm/access", "hsm", "backup", "cluster"],
    ],
    types: ["hsm/keys", "backup/format", "backup/container", "backup/seal"],
    packages: [...X509, "cloudflare:workers"],
  },
  worker: {
    rooms: [
      ...["worker/aws", "worker/rest", "worker/region", "worker/hsm"],
      ...["worker/opening", "worker/platform"],
    ],
    types: ["worker/contracts"],
    packages: ["hono", "reflect-metadata", "cloudflare:workers"],
  },
};

const PAGES: Table = {
  "web/design": { packages: ["preact"] },
  "web/engine": {
    rooms: [
      ...["web/design", "crypto", "hsm/rules", "hsm/memory", "hsm/access", "hsm/keys", "hsm"],
      ...["backup/format", "backup/seal", "backup/kit", "backup"],
    ],
  },
  "web/restore": {
    rooms: ["web/engine", "web/design", "crypto", "hsm/rules"],
    packages: ["preact"],
    loadsModule: true,
  },
  "web/landing": { rooms: ["web/design"], packages: ["preact"] },
};

function folderOf(name: string): string {
  return name === "assembly" ? name : `src/${name}`;
}

function roomsOf(table: Table, engine: boolean): [string, Room][] {
  return Object.entries(table).map(([name, row]) => {
    const imports = new Set([
      ...(row.rooms ?? []).map(folderOf),
      ...(row.types ?? []).map((room) => `types of ${folderOf(room)}`),
      ...(row.packages ?? []).map((one) => `package ${one}`),
      ...(row.loadsModule ? [THE_MODULE] : []),
    ]);
    return [folderOf(name), { imports, engine }];
  });
}

/** By the path of the folder from the root of the repository. */
export const ROOMS: ReadonlyMap<string, Room> = new Map([
  ...roomsOf(ENGINE, true),
  ...roomsOf(EDGE, false),
  ...roomsOf(PAGES, false),
]);

/** The room that a file lies in. */
export function roomOf(path: string): string | undefined {
  const folder = path.slice(0, path.lastIndexOf("/"));
  return ROOMS.has(folder) ? folder : undefined;
}

/** The rooms as a document shows them: tables of room, purpose, imports and packages. */
export function roomsShown(text: string): Map<string, Set<string>> {
  const shown = new Map<string, Set<string>>();
  for (const line of text.split("\n")) {
    const [, room = "", , rooms = "", packages = ""] = line.split(/ ?\| ?/);
    const folder = room.match(/^`((?:src\/.+|assembly))\/`$/)?.[1];
    if (folder === undefined) continue;
    const [code = "", types = ""] = rooms.split("types of ");
    const named = (cell: string) => [...cell.matchAll(/`([^`]+)`/g)].map(([, name = ""]) => name);
    const imports = [
      ...named(code).map(folderOf),
      ...named(types).map((one) => `types of ${folderOf(one)}`),
      ...packages.split(", ").map((one) => (one === "the module" ? THE_MODULE : `package ${one}`)),
    ];
    shown.set(folder, new Set(imports.filter((one) => !/^package –?$/.test(one))));
  }
  return shown;
}
