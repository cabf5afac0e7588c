/**
 * What docs/STORAGE.md and docs/AWS.md list, against what the edge has and does.
 */
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { WORKER_NAME } from "../../scripts/edge/embedded.ts";
import { AWS_OPERATIONS, NOT_OFFERED } from "../../src/worker/aws/operations.ts";
import { STORAGE_STEPS } from "../../src/worker/platform/steps.ts";
import { ACCOUNT, REGION, rawCall } from "../lib/aws.ts";
import { type Edge, startEdge } from "../lib/mf.ts";
import { type WrappedBundle, wrappedBundle } from "./wrapped-bundle.ts";

/** The worker as built, with objects that tell of their tables. */
const ENTRY = `
import worker, * as built from "./built.js";
const telling = (Built) => class extends Built {
  columns() {
    const rows = this.ctx.storage.sql.exec(
      "SELECT m.name AS tableName, p.name AS columnName " +
      "FROM sqlite_master AS m, pragma_table_info(m.name) AS p WHERE m.type = 'table'");
    return JSON.stringify([...rows]);
  }
};
export class Region extends telling(built.Region) {}
export class Hsm extends telling(built.Hsm) {}
export class Registry extends telling(built.Registry) {}
export class Reader extends built.Reader {}
export default worker;
`;

let bundle: WrappedBundle;
let edge: Edge;
beforeAll(async () => {
  bundle = await wrappedBundle(ENTRY);
  edge = await startEdge({ bundle: bundle.folder });
});
afterAll(async () => {
  await edge.stop();
  await bundle.remove();
});

function read(path: string): string {
  return readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");
}

/** What stands between the heading that begins like this and the next one of its rank. */
function sectionOf(text: string, heading: string): string {
  const [, section] = text.split(`\n${heading}`);
  if (section === undefined) throw new Error(`no heading ${heading}`);
  return section.split("\n## ")[0] ?? "";
}

function quoted(text: string): string[] {
  return Array.from(text.matchAll(/`(\w+)`/g), ([, name = ""]) => name);
}

/** The first cells of the table whose head begins with this cell. */
function firstCells(section: string, head: string): string[] {
  const [, table = ""] = section.split(`\n| ${head} |`);
  const rows = table.split("\n\n")[0]?.split("\n").slice(2) ?? [];
  return rows.map((row) => row.split("|")[1] ?? "");
}

/** Columns by table, as a new object of the class makes them. */
async function columnsOf(binding: string, name: string): Promise<Map<string, string[]>> {
  const objects = await edge.mf.getDurableObjectNamespace(binding, WORKER_NAME);
  const object = objects.get(objects.idFromName(name)) as unknown as { columns(): Promise<string> };
  const rows: { tableName: string; columnName: string }[] = JSON.parse(await object.columns());
  const tables = new Map<string, string[]>();
  for (const { tableName, columnName } of rows) {
    if (/^(_cf_|sqlite_)/.test(tableName)) continue; // The platform's own.
    tables.set(tableName, [...(tables.get(tableName) ?? []), columnName]);
  }
  return tables;
}

describe("docs/STORAGE.md", () => {
  const text = read("docs/STORAGE.md");

  it("lists the tables of a region and every column of the larger ones", async () => {
    const section = sectionOf(text, "## 1. Rows of a region");
    const columns = await columnsOf("REGION", `${ACCOUNT}/${REGION}`);
    expect(firstCells(section, "table").flatMap(quoted).sort()).toEqual([...columns.keys()].sort());
    for (const table of ["clusters", "hsms", "backups"]) {
      const documented = firstCells(section, `\`${table}\` |`).flatMap(quoted);
      expect(documented.sort(), table).toEqual(columns.get(table)?.sort());
    }
    const due = sectionOf(text, "## 3. The due table");
    expect(quoted(due)).toEqual(expect.arrayContaining(columns.get("due") ?? ["no table"]));
  });

  it("lists the table of the registry", async () => {
    const columns = await columnsOf("REGISTRY", "registry");
    expect([...columns]).toEqual([["regions", ["account", "region"]]]);
    expect(text).toContain("has one table, `regions` (`account`, `region`)");
  });

  it("lists the tables of an HSM", async () => {
    const section = sectionOf(text, "## 4. Rows of an HSM");
    const columns = await columnsOf("HSM", `${ACCOUNT}/${REGION}/hsm-aaaaaaaaaaa`);
    expect(firstCells(section, "table").flatMap(quoted).sort()).toEqual([...columns.keys()].sort());
  });

  it("lists every storage step, and no other", () => {
    const section = sectionOf(text, "## 9. Steps");
    const listed = quoted(section.slice(section.indexOf("Of the region:")));
    expect(listed.sort()).toEqual([...STORAGE_STEPS].sort());
  });
});

describe("docs/AWS.md", () => {
  const ROLES = ["auditor", "operator", "owner"] as const;
  const section = sectionOf(read("docs/AWS.md"), "## Operations");
  const rows = section.split("\n").filter((line) => /^\| [A-Z]/.test(line));
  /** Each operation with the least role that may ask for it; none where it is not offered. */
  const operations = rows.flatMap((row) => {
    const [, names = "", roles = ""] = row.split("|");
    const least = roles.split(",").map((role) => role.trim());
    return names.split(",").map((name, i) => [name.trim(), least[i] ?? "–"] as const);
  });

  it("lists the eighteen operations of the model, each once and no other", () => {
    const known = [...AWS_OPERATIONS.keys(), ...NOT_OFFERED];
    expect(operations.map(([name]) => name).sort()).toEqual(known.sort());
    expect(known).toHaveLength(18);
  });

  it.each(operations)("says who may call %s: %s", async (name, least) => {
    for (const role of ROLES) {
      // Nothing is created, changed or deleted: what is permitted lists, or lacks all that it needs.
      const { body } = await rawCall(edge, name, {}, { role });
      const isDenied = body.__type === "CloudHsmAccessDeniedException";
      if (least === "–")
        expect(body.Message, role).toContain("is not offered by this deployment yet");
      else expect(isDenied, role).toBe(ROLES.indexOf(role) < ROLES.indexOf(least as "owner"));
      expect(body.__type, role).not.toBe("UnknownOperationException");
    }
  });
});
