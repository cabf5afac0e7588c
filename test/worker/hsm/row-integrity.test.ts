/**
 * An HSM's database, changed by somebody who can write to it: every table and column there is, found from
 * the database itself, so that a table that is added later is tried as well.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { WORKER_NAME } from "../../../scripts/edge/embedded.ts";
import { RECORD_TYPE } from "../../../src/hsm/memory/record.ts";
import { ACCOUNT, describeCluster, REGION, regionObject, until } from "../../lib/aws.ts";
import type { Edge } from "../../lib/mf.ts";
import {
  ADMIN_PASSWORD,
  ALICE_PASSWORD,
  addHsm,
  backUp,
  login,
  ok,
  rest,
  type ServingCluster,
  servingCluster,
} from "../../lib/rest.ts";
import { servingEdge } from "../../lib/serving-edge.ts";
import { type WrappedBundle, wrappedBundle } from "../wrapped-bundle.ts";

/** Values travel as JSON; bytes as `{ hex }`. */
const ENTRY = `
import worker, { Hsm as Built, Reader, Region as BuiltRegion, Registry } from "./built.js";
const toHex = (bytes) => [...new Uint8Array(bytes)].map((b) => b.toString(16).padStart(2, "0")).join("");
const out = (value) => (value instanceof ArrayBuffer ? { hex: toHex(value) } : value);
const back = (value) =>
  value !== null && typeof value === "object"
    ? new Uint8Array((value.hex.match(/../g) ?? []).map((pair) => parseInt(pair, 16)))
    : value;
export class Hsm extends Built {
  // Not where it is declared: what is random comes within a request only.
  #instance = null;
  instance() {
    this.#instance ??= crypto.randomUUID();
    return this.#instance;
  }
  async run(statement, bindings = "[]") {
    const cursor = this.ctx.storage.sql.exec(statement, ...JSON.parse(bindings).map(back));
    const rows = cursor.toArray().map((row) =>
      Object.fromEntries(Object.entries(row).map(([name, value]) => [name, out(value)])));
    return JSON.stringify(rows);
  }
  async replace(tables) {
    for (const [table, rows] of Object.entries(JSON.parse(tables))) this.#replace(table, rows);
  }
  #replace(table, rows) {
    const { sql } = this.ctx.storage;
    sql.exec("DELETE FROM " + table);
    for (const row of rows) {
      const columns = Object.keys(row);
      const marks = columns.map(() => "?").join(", ");
      sql.exec("INSERT INTO " + table + " (" + columns.join(", ") + ") VALUES (" + marks + ")",
        ...Object.values(row).map(back));
    }
  }
  async evict() {
    this.ctx.abort("evicted");
  }
}
// What is found is told to the region, which would take the HSM out of service for all that follows:
// it heeds that only when a test says so.
export class Region extends BuiltRegion {
  #told = 0;
  #heeds = false;
  async noteUnfit(...found) {
    this.#told++;
    return this.#heeds ? super.noteUnfit(...found) : { ok: true, value: null };
  }
  async heed() {
    this.#heeds = true;
  }
  async serveAnew(clusterId) {
    const query = "INSERT OR REPLACE INTO due (task, subject, clusterId, dueAtMs) VALUES (?, ?, ?, 0)";
    this.ctx.storage.sql.exec(query, "cluster_serve", clusterId, clusterId);
    await this.ctx.storage.setAlarm(Date.now() + 1);
  }
  async told() {
    return String(this.#told);
  }
}
export { Reader, Registry };
export default worker;
`;

type Value = null | number | string | { readonly hex: string };
type Row = Record<string, Value>;

interface OpenHsm {
  run(statement: string, bindings?: string): Promise<string>;
  /** @param tables - their rows by name. */
  replace(tables: string): Promise<void>;
  evict(): Promise<void>;
  /** Another one for each object that the platform has made of it. */
  instance(): Promise<string>;
}

interface Heeding {
  /** From now on what HSMs say of themselves is heeded. */
  heed(): Promise<void>;
  /** Has the HSMs of the cluster told their duties once more. */
  serveAnew(clusterId: string): Promise<void>;
}

let bundle: WrappedBundle;
let edge: Edge;
let cluster: ServingCluster;
let other: ServingCluster;
beforeAll(async () => {
  bundle = await wrappedBundle(ENTRY);
  ({ edge, cluster, other } = await servingEdge({ bundle: bundle.folder }, "two"));
  const { path, alice } = cluster;
  for (const label of ["stays", "goes"]) {
    const order = { type: "aes", sizeBits: 256, label, extractable: false };
    const { handle } = await ok(edge, "POST", `${path}/keys:generate`, order, { session: alice });
    if (label === "goes") {
      await ok(edge, "DELETE", `${path}/keys/${handle}`, undefined, { session: alice });
    }
  }
  await backUp(edge, cluster);
});
afterAll(async () => {
  await edge.stop();
  await bundle.remove();
});

async function objectOf(hsmId: string): Promise<OpenHsm> {
  const hsms = await edge.mf.getDurableObjectNamespace("HSM", WORKER_NAME);
  return hsms.get(hsms.idFromName(`${ACCOUNT}/${REGION}/${hsmId}`)) as unknown as OpenHsm;
}

async function run(hsmId: string, statement: string, bindings: Value[] = []): Promise<Row[]> {
  return JSON.parse(await (await objectOf(hsmId)).run(statement, JSON.stringify(bindings)));
}

/** Returns when the next instance answers: until then a request may still end with the last one. */
async function evict(hsmId: string): Promise<void> {
  const before = await (await objectOf(hsmId)).instance();
  await (await objectOf(hsmId)).evict().catch(() => undefined); // The abort is its answer.
  await until(
    async () => await (await objectOf(hsmId)).instance().catch(() => before),
    (instance) => instance !== before,
  );
}

/** What a request that reads little says of the HSM. */
async function answerOf({ path, alice }: ServingCluster): Promise<string> {
  const answer = await rest(edge, "GET", `${path}/sessions/current`, undefined, { session: alice });
  return answer.body.error?.code ?? "ok";
}

async function tables(hsmId: string): Promise<string[]> {
  const rows = await run(
    hsmId,
    "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '\\_cf\\_%' ESCAPE '\\' " +
      "AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'",
  );
  return rows.map(({ name }) => String(name));
}

const rowsOf = (hsmId: string, table: string) => run(hsmId, `SELECT * FROM ${table}`);

/** Replaces all rows of a table. */
async function replace(hsmId: string, table: string, rows: readonly Row[]): Promise<void> {
  await putBack(hsmId, new Map([[table, rows]]));
}

type Database = ReadonlyMap<string, readonly Row[]>;

async function databaseOf(hsmId: string): Promise<Database> {
  const names = await tables(hsmId);
  return new Map(
    await Promise.all(names.map(async (name) => [name, await rowsOf(hsmId, name)] as const)),
  );
}

/**
 * Whole tables. A request in between may have written, as a session that is used is noted once a minute:
 * no table goes back without those that are summed with it.
 */
async function putBack(hsmId: string, database: Database): Promise<void> {
  await (await objectOf(hsmId)).replace(JSON.stringify(Object.fromEntries(database)));
}

/** Does something to the database, asks, and puts the database back. */
async function afterChange(table: string, change: (rows: Row[]) => Row[] | null): Promise<string> {
  const { hsmId } = cluster;
  const before = await databaseOf(hsmId);
  const changed = change(structuredClone([...(before.get(table) ?? [])]));
  if (changed === null) return "nothing to change";
  try {
    await replace(hsmId, table, changed);
    await evict(hsmId);
    return await answerOf(cluster);
  } finally {
    await putBack(hsmId, before);
    await evict(hsmId);
  }
}

/** The same value with one bit or character other, or of another type. */
function flipped(value: Value): Value {
  if (value === null) return 0;
  if (typeof value === "number") return value ^ 1;
  if (typeof value === "string") return `${value.slice(0, -1)}${value.endsWith("x") ? "y" : "x"}`;
  const first = Number.parseInt(value.hex.slice(0, 2), 16) ^ 1;
  return { hex: first.toString(16).padStart(2, "0") + value.hex.slice(2) };
}

function retyped(value: Value): Value {
  if (value === null) return "";
  if (typeof value === "number") return { hex: "00" };
  if (typeof value === "string") return { hex: Buffer.from(value).toString("hex") };
  return Buffer.from(value.hex, "hex").toString("latin1");
}

/** Of one row each: they cannot be swapped, and more of them are refused by the table. */
const SINGLES = ["own_sum", "key_check"];

const FOUND = /^(hsm_memory_changed|nothing to change|refused by the table)$/;

describe("a database that is as the HSM wrote it", () => {
  it("serves, also after the object began anew", async () => {
    expect(await answerOf(cluster)).toBe("ok");
    await evict(cluster.hsmId);
    expect(await answerOf(cluster)).toBe("ok");
    const names = await tables(cluster.hsmId);
    expect(names).toEqual(
      expect.arrayContaining([
        "records",
        "deletions",
        "generations",
        "sessions",
        "local",
        ...SINGLES,
      ]),
    );
  });

  it("put back whole is not found, and serves as then", async () => {
    const { hsmId } = cluster;
    for (const table of await tables(hsmId)) {
      expect(await afterChange(table, (rows) => rows)).toBe("ok");
    }
  });
});

it("the region is told of an HSM whose rows were changed, once", async () => {
  const region = await regionObject<{ told(): Promise<string> }>(edge);
  const before = Number(await region.told());
  const outcome = await afterChange("sessions", (rows) => rows.slice(1));
  expect(outcome).toBe("hsm_memory_changed");
  expect(Number(await region.told())).toBe(before + 1);
});

describe("a row", () => {
  it("with any column changed, in any table, takes the HSM out of service", async () => {
    let tried = 0;
    for (const table of await tables(cluster.hsmId)) {
      const [first] = await rowsOf(cluster.hsmId, table);
      for (const column of Object.keys(first ?? {})) {
        for (const alter of [flipped, retyped]) {
          const outcome = await afterChange(table, (rows) => {
            const row = rows.at(-1);
            if (row === undefined || (SINGLES.includes(table) && column === "one")) return null;
            row[column] = alter(row[column] ?? null);
            return rows;
          }).catch(() => "refused by the table");
          expect([table, column, alter.name, outcome]).toEqual([
            table,
            column,
            alter.name,
            expect.stringMatching(FOUND),
          ]);
          tried += outcome === "hsm_memory_changed" ? 1 : 0;
        }
      }
    }
    expect(tried).toBeGreaterThan(40);
  });

  it("that is gone, in any table, is missed", async () => {
    for (const table of await tables(cluster.hsmId)) {
      const outcome = await afterChange(table, (rows) =>
        rows.length > 0 ? rows.slice(0, -1) : null,
      );
      // Without the row that says how it was made an HSM is blank: no less out of service.
      expect([table, outcome]).toEqual([
        table,
        expect.stringMatching(/^(hsm_memory_changed|hsm_blank|nothing to change)$/),
      ]);
    }
  });

  it("that is added, with the MAC of another, is one too many", async () => {
    const added: Record<string, (row: Row) => Row> = {
      records: (row) => ({ ...row, id: 9999 }),
      deletions: (row) => ({ ...row, id: 9999 }),
      generations: (row) => ({ ...row, generation: 9999 }),
      sessions: (row) => ({ ...row, digest: "a-digest-of-mine" }),
      local: (row) => ({ ...row, name: "other" }),
      receipts: (row) => ({ ...row, sequence: 9999, backup_id: "backup-aaaaaaaaaaa" }),
    };
    for (const [table, add] of Object.entries(added)) {
      const outcome = await afterChange(table, (rows) => [...rows, add(rows[0] as Row)]);
      expect([table, outcome]).toEqual([table, "hsm_memory_changed"]);
    }
  });

  it("that has the contents of another does not take its place", async () => {
    const places: Record<string, string[]> = {
      records: ["generation", "type", "id"],
      sessions: ["digest"],
      local: ["name"],
    };
    for (const [table, place] of Object.entries(places)) {
      const outcome = await afterChange(table, (rows) => {
        const [one, two] = [rows[0] as Row, rows[1] as Row];
        for (const column of Object.keys(one)) {
          if (place.includes(column)) continue;
          [one[column], two[column]] = [two[column] ?? null, one[column] ?? null];
        }
        return rows;
      });
      expect([table, outcome]).toEqual([table, "hsm_memory_changed"]);
    }
  });

  it("of before a change does not come back beside the newest others", async () => {
    const { hsmId, path, admin } = cluster;
    const policies = async (lockoutThreshold: number) => {
      await ok(edge, "PATCH", `${path}/policies`, { lockoutThreshold }, { session: admin });
    };
    const [before, sums] = [await rowsOf(hsmId, "records"), await rowsOf(hsmId, "generations")];
    await policies(7);
    const old = before.find(({ type }) => type === RECORD_TYPE.policy) as Row;
    const isSame = (row: Row) => row["type"] === old["type"] && row["id"] === old["id"];
    const putBack = (rows: Row[]) => rows.map((row) => (isSame(row) ? old : row));
    expect(await afterChange("records", putBack)).toBe("hsm_memory_changed");
    await ok(
      edge,
      "POST",
      `${path}/users`,
      {
        username: "later",
        role: "CU",
        password: "later-password-1",
      },
      { session: admin },
    );
    // Nor with the sum of then: what was written since is one too many.
    const newest = await rowsOf(hsmId, "generations");
    await replace(hsmId, "generations", sums);
    expect(await afterChange("records", putBack)).toBe("hsm_memory_changed");
    await replace(hsmId, "generations", newest);
    await evict(hsmId);
    expect(await answerOf(cluster)).toBe("ok");
  });
});

describe("a part of the database as it was", () => {
  it("does not go with the rest as it is", async () => {
    const { hsmId, path, admin, alice } = cluster;
    const names = await tables(hsmId);
    const then = await databaseOf(hsmId);
    const order = { type: "aes", sizeBits: 128, label: "later" };
    const key = await ok(edge, "POST", `${path}/keys:generate`, order, { session: alice });
    await ok(edge, "DELETE", `${path}/keys/${key.handle}`, undefined, { session: alice });
    const later = { username: "later_still", role: "CU", password: "later-password-1" };
    await ok(edge, "POST", `${path}/users`, later, { session: admin });
    await login(edge, path, "later_still", later.password);
    await rest(edge, "POST", `${path}/sessions`, { username: "alice", password: "wrong" });
    const now = await databaseOf(hsmId);
    const moved = names.filter(
      (table) => JSON.stringify(then.get(table)) !== JSON.stringify(now.get(table)),
    );
    expect(moved).toEqual(
      expect.arrayContaining(["records", "deletions", "generations", "sessions", "attempts"]),
    );
    const memory = ["records", "deletions", "generations"];
    const parts = [
      ...moved.map((table) => [table]),
      ...moved.map((table) => moved.filter((other) => other !== table)),
      moved.filter((table) => memory.includes(table)),
      moved.filter((table) => !memory.includes(table)),
    ];
    for (const part of parts) {
      for (const table of part) await replace(hsmId, table, then.get(table) ?? []);
      await evict(hsmId);
      const answer = await answerOf(cluster);
      await putBack(hsmId, now);
      expect([part, answer]).toEqual([part, "hsm_memory_changed"]);
    }
    await evict(hsmId);
    expect(await answerOf(cluster)).toBe("ok");
  });

  it("does not do with the other part empty", async () => {
    const { hsmId } = cluster;
    const memory = ["records", "deletions", "generations"];
    const own = (await tables(hsmId)).filter((table) => !memory.includes(table));
    for (const part of [memory, own, own.filter((table) => table !== "key_check")]) {
      const held = await databaseOf(hsmId);
      for (const table of part) await replace(hsmId, table, []);
      await evict(hsmId);
      const answer = await answerOf(cluster);
      await putBack(hsmId, held);
      expect([part, answer]).toEqual([part, "hsm_memory_changed"]);
    }
    await evict(hsmId);
    expect(await answerOf(cluster)).toBe("ok");
  });
});

describe("while the HSM serves", () => {
  it("a session does not leave the sum in the place of another", async () => {
    const { hsmId, path, admin } = cluster;
    await login(edge, path, "alice", ALICE_PASSWORD);
    const users = await rowsOf(hsmId, "records");
    const user = users.find(({ type, name }) => type === RECORD_TYPE.user && name === "alice");
    const before = await databaseOf(hsmId);
    const sessions = before.get("sessions") ?? []; // By digest: in no order that can be foretold.
    // Hers are what a new password ends.
    const [mine, stolen] = sessions.filter((row) => row["user_id"] === user?.["id"]) as [Row, Row];
    expect(stolen).toBeDefined();
    await replace(
      hsmId,
      "sessions",
      sessions.map((row) => (row === stolen ? { ...row, mac: mine["mac"] ?? null } : row)),
    );
    const change = { password: ALICE_PASSWORD };
    const answer = await rest(edge, "PUT", `${path}/users/alice/password`, change, {
      session: admin,
    });
    expect(answer.body.error.code).toBe("hsm_memory_changed");
    await putBack(hsmId, before);
    await evict(hsmId);
    expect(await answerOf(cluster)).toBe("ok");
  });

  /** A change that is made under its hands, and what the next request gets. */
  async function live(where: string, set: string, ask: () => Promise<string>): Promise<string> {
    const { hsmId } = cluster;
    const before = await databaseOf(hsmId);
    try {
      expect(await answerOf(cluster)).toBe("ok");
      await run(hsmId, `UPDATE records SET ${set} WHERE ${where}`);
      return await ask();
    } finally {
      await putBack(hsmId, before);
      await evict(hsmId);
    }
  }
  const code = async (method: string, path: string, body: unknown, session: string) => {
    const answer = await rest(edge, method, `${cluster.path}${path}`, body, { session });
    return answer.body?.error?.code ?? "ok";
  };

  it("a user whose role was changed is nobody", async () => {
    // The attributes of alice, with whatever byte: no byte of them can be another.
    const set =
      "attributes = CAST(substr(attributes, 1, 3) || x'01' || substr(attributes, 5) AS BLOB)";
    const listed = await live(`type = ${RECORD_TYPE.user} AND name = 'alice'`, set, () =>
      code("GET", "/users", undefined, cluster.alice),
    );
    expect(listed).toBe("hsm_memory_changed");
  });

  it("a key whose attributes were changed is not used, and after that nothing is", async () => {
    const set = "attributes = CAST(attributes || x'00' AS BLOB)";
    const outcomes = await live(`type = ${RECORD_TYPE.key}`, set, async () => {
      const listed = await code("GET", "/keys", undefined, cluster.alice);
      return `${listed}, ${await answerOf(cluster)}`;
    });
    expect(outcomes).toBe("hsm_memory_changed, hsm_memory_changed");
  });

  it.each([
    ["that is gone", `DELETE FROM records WHERE type = ${RECORD_TYPE.key}`],
    [
      "that was changed",
      `UPDATE records SET change = change + 1 WHERE type = ${RECORD_TYPE.policy}`,
    ],
    ["of another length", `UPDATE records SET secret_bytes = 7 WHERE type = ${RECORD_TYPE.user}`],
  ])(
    "a backup of a record %s is not made, whether the object began anew or not",
    async (_, change) => {
      const { hsmId } = cluster;
      // Counts of wrong passwords are in the records from then on.
      expect((await backUp(edge, cluster)).state).toBe("READY");
      const before = await databaseOf(hsmId);
      for (const beginsAnew of [false, true]) {
        expect(await answerOf(cluster)).toBe("ok");
        await run(hsmId, change);
        if (beginsAnew) await evict(hsmId);
        const { state, failure } = await backUp(edge, cluster);
        expect([state, failure]).toEqual(["DELETED", expect.stringMatching(/memory was changed/)]);
        expect(await answerOf(cluster)).toBe("hsm_memory_changed");
        await putBack(hsmId, before);
        await evict(hsmId);
      }
      expect(await answerOf(cluster)).toBe("ok");
    },
  );

  it("a session that was planted is no login", async () => {
    const { hsmId } = cluster;
    const before = await databaseOf(hsmId);
    const sessions = before.get("sessions") ?? [];
    const token = "planted-token-planted-token-planted-token-1";
    const hash = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(token));
    const digest = Buffer.from(hash).toString("base64url");
    const mine = { ...(sessions[0] as Row), digest, user_id: 1 };
    await replace(hsmId, "sessions", [...sessions, mine]);
    expect(await code("GET", "/users", undefined, token)).toBe("hsm_memory_changed");
    await putBack(hsmId, before);
    await evict(hsmId);
    expect(await answerOf(cluster)).toBe("ok");
  });
});

describe("a database", () => {
  it("of another HSM does not verify in this one's place", async () => {
    const held = await databaseOf(cluster.hsmId);
    await putBack(cluster.hsmId, await databaseOf(other.hsmId));
    await evict(cluster.hsmId);
    expect(await answerOf(cluster)).toBe("storage_key_mismatch");
    // Nor with this one's own check of the key.
    await replace(cluster.hsmId, "key_check", held.get("key_check") ?? []);
    await evict(cluster.hsmId);
    expect(await answerOf(cluster)).toBe("hsm_memory_changed");
    await putBack(cluster.hsmId, held);
    await evict(cluster.hsmId);
    expect(await answerOf(cluster)).toBe("ok");
  });

  it.each([
    [
      "a trigger",
      "CREATE TRIGGER undo AFTER INSERT ON local BEGIN SELECT 1; END",
      "DROP TRIGGER undo",
    ],
    ["a view", "CREATE VIEW seen AS SELECT * FROM local", "DROP VIEW seen"],
    ["a table", "CREATE TABLE more (x)", "DROP TABLE more"],
    ["an index", "CREATE INDEX more ON local (value)", "DROP INDEX more"],
  ])("with %s of somebody's own is refused", async (_, add, drop) => {
    await run(cluster.hsmId, add);
    await evict(cluster.hsmId);
    expect(await answerOf(cluster)).toBe("hsm_memory_changed");
    await run(cluster.hsmId, drop);
    await evict(cluster.hsmId);
    expect(await answerOf(cluster)).toBe("ok");
  });

  it("that is looked at often is still the HSM's", async () => {
    const { path } = other;
    const credentials = { username: "admin", password: ADMIN_PASSWORD };
    for (let again = 0; again < 3; again++) {
      await evict(other.hsmId);
      await ok(edge, "POST", `${path}/sessions`, credentials);
    }
  });
});

describe("a leader whose whole database was put back", () => {
  it("finds that its peer is further along, and does not overwrite it", async () => {
    await addHsm(cluster.client, cluster.clusterId, 2);
    const { hsmId, path, alice } = cluster;
    const generate = (label: string) =>
      rest(
        edge,
        "POST",
        `${path}/keys:generate`,
        { type: "aes", sizeBits: 128, label },
        { session: alice },
      );
    expect((await generate("on both")).status).toBe(201);
    const then = await databaseOf(hsmId);
    expect((await generate("acknowledged")).status).toBe(201);
    await putBack(hsmId, then);
    await evict(hsmId);
    const refused = await generate("by the one that was put back");
    expect([refused.status, refused.body.error.code]).toEqual([503, "hsm_memory_changed"]);
  });

  it.each([
    ["by the first request", false],
    ["when it is told to lead", true],
  ])("to before its peer joined is found %s, and the peer leads on", async (_, isTold) => {
    const region = await regionObject<Heeding>(edge);
    await region.heed();
    cluster = await servingCluster(edge);
    const { hsmId, client, clusterId, path } = cluster;
    const generate = (label: string) => {
      const order = { type: "aes", sizeBits: 128, label };
      return rest(edge, "POST", `${path}/keys:generate`, order, { session: cluster.alice });
    };
    const then = await databaseOf(hsmId);
    await addHsm(client, clusterId, 2);
    expect((await generate("on both")).status).toBe(201);
    await putBack(hsmId, then);
    await evict(hsmId);
    if (isTold) {
      await region.serveAnew(clusterId);
    } else {
      // It would have acknowledged them alone, until its peer looked as if it were behind.
      const { status, body } = await generate("alone");
      expect([status, body.error?.code]).toEqual([503, "hsm_memory_changed"]);
    }
    const states = async () => {
      const { Hsms = [] } = await describeCluster(client, clusterId);
      return Hsms.map(({ State }) => State);
    };
    await until(states, ([state]) => state === "DEGRADED");
    expect(await states()).toEqual(["DEGRADED", "ACTIVE"]);
    await until(
      async () => {
        const credentials = { username: "alice", password: ALICE_PASSWORD };
        return rest(edge, "POST", `${path}/sessions`, credentials);
      },
      ({ status, body }) => {
        if (status === 201) cluster = { ...cluster, alice: body.token };
        return status === 201;
      },
    );
    expect((await generate("on the peer")).status).toBe(201);
    const { keys } = await ok(edge, "GET", `${path}/keys`, undefined, { session: cluster.alice });
    expect(keys.map(({ label }) => label)).toEqual(["on both", "on the peer"]);
    expect((await ok(edge, "GET", `${path}/digest`)).equal).toBe(true);
  });
});
