/**
 * An HSM with as many keys as it may have: what its statements walk, and how many rows each operation
 * reads.
 */
import { CreateHsmCommand } from "@aws-sdk/client-cloudhsm-v2";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { describeCluster, until, ZONE } from "../../lib/aws.ts";
import { type Edge, startEdge } from "../../lib/mf.ts";
import {
  ALICE_PASSWORD,
  login,
  ok,
  rest,
  type ServingCluster,
  servingCluster,
} from "../../lib/rest.ts";
import { StatementWatch, WATCHED_STATEMENTS } from "../statement-watch.ts";
import { type WrappedBundle, wrappedBundle } from "../wrapped-bundle.ts";

const MAX_KEYS = 16_666;
/** Keys that the operations below make themselves. */
const ROOM = 10;
const BATCH = 500;
/** Of an operation on two HSMs, their region's share included. */
const FEW_ROWS = 128;
/** Of what the two HSMs do for one change. */
const REPLICATED_ROWS = 64;

/** Tables of an HSM, and why a statement may walk one. */
const WALKED: readonly (readonly [pattern: RegExp, reason: string])[] = [
  [/SCAN (own_sum|key_check)$/, "one row"],
  [
    /^SELECT count\(\*\) AS n FROM (local|sessions|attempts|receipts|spool): SCAN/,
    "whether an HSM without `key_check` is blank, when its object starts",
  ],
  [/SCAN generations$/, "two rows at most: the one that serves, and what a restore stages"],
  [
    /ORDER BY (number|sequence) DESC LIMIT 1: SCAN (attempts USING INDEX|receipts)/,
    "one row, the last of an index",
  ],
  [/SCAN spool USING|SCAN spool$/, "a part for each MiB of the backup that is being made"],
  [/FROM sessions: SCAN/, "1,024 rows at most, of an index, at a login, which derives a key"],
  [
    /^SELECT [^()]+, mac FROM (local|sessions|attempts|receipts|spool) ?: SCAN/,
    "all rows are looked at when the object starts, and before a backup",
  ],
  [
    /^DELETE FROM (sessions|attempts) RETURNING [a-z_, ]+: SCAN/,
    "all of them go, when a restore ends",
  ],
  [
    /FROM sqlite_master: SCAN sqlite_master$/,
    "the tables themselves are looked at, as the rows are",
  ],
  [/FROM pragma_table_info/, "the columns of one table, when the object starts"],
];

const HSM_TABLES =
  /\b(records|deletions|generations|local|sessions|attempts|spool|receipts|own_sum|key_check|sqlite_master|pragma_table_info)\b/;

let bundle: WrappedBundle;
let edge: Edge;
let cluster: ServingCluster;
let leader: StatementWatch;
beforeAll(async () => {
  bundle = await wrappedBundle(WATCHED_STATEMENTS);
  edge = await startEdge({ bundle: bundle.folder });
  cluster = await servingCluster(edge);
  leader = await StatementWatch.of(edge, cluster.hsmId);
  await leader.ignore();
  await leader.importUsers(cluster.admin, BATCH);
  for (let left = MAX_KEYS - ROOM; left > 0; left -= BATCH) {
    await leader.importAesKeys(cluster.alice, Math.min(left, BATCH));
  }
  const order = { ClusterId: cluster.clusterId, AvailabilityZone: ZONE };
  await cluster.client.send(new CreateHsmCommand(order));
  await until(
    () => describeCluster(cluster.client, cluster.clusterId),
    ({ Hsms = [] }) => Hsms.length === 2 && Hsms.every(({ State }) => State === "ACTIVE"),
    100_000,
  );
});
afterAll(async () => {
  await edge.stop();
  await bundle.remove();
});

/** A busy machine lets the connection of a poll run out while the HSM works: then once more. */
async function backUpPatiently(): Promise<void> {
  const { backupId } = await asAlice("POST", "/backups", {});
  const poll = () => ok(edge, "GET", `/v1/backups/${backupId}`);
  await until(
    () => poll().catch(() => ({ state: "" })),
    ({ state }) => state === "READY",
    100_000,
  );
}

const as = (session: string) => ({ session });
const asAlice = (method: string, path: string, body?: unknown) =>
  ok(edge, method, cluster.path + path, body, as(cluster.alice));
const asAdmin = (method: string, path: string, body?: unknown) =>
  ok(edge, method, cluster.path + path, body, as(cluster.admin));

describe("a full HSM", () => {
  it("reads few rows for each operation, however many keys it has", async () => {
    const { path } = cluster;
    const made: Record<string, number> = {};
    const make = async (name: string, route: string, body: unknown) => {
      made[name] = (await asAlice("POST", route, body)).handle;
    };
    const password = "bobs-password-1";
    const aes = { type: "aes", sizeBits: 256, extractable: true, encrypt: true, decrypt: true };
    const pair = { type: "ec", curve: "P-256", sign: true, verify: true };
    const message = "aGVsbG8gd29ybGQ=";
    const raw = Buffer.alloc(32, 7).toString("base64");
    const material = { format: "raw", type: "aes", raw };
    const operations: Record<string, () => Promise<unknown>> = {
      login: () => login(edge, path, "alice", ALICE_PASSWORD),
      "wrong password": () =>
        rest(edge, "POST", `${path}/sessions`, { username: "alice", password: "not-her-password" }),
      "right password": () => login(edge, path, "alice", ALICE_PASSWORD),
      "who am I": () => asAlice("GET", "/sessions/current"),
      "create user": () => asAdmin("POST", "/users", { username: "bob", role: "CU", password }),
      "import key": () => make("imported", "/keys", { label: "imported", material }),
      "import keys": () => asAlice("POST", "/keys:import", { keys: [{ label: "more", material }] }),
      "generate key": () => make("aes", "/keys:generate", { ...aes, label: "aes" }),
      "generate pair": () => make("pair", "/keys:generate-pair", { ...pair, label: "pair" }),
      "describe key": () => asAlice("GET", `/keys/${made["aes"]}`),
      "list by label": () => asAlice("GET", "/keys?label=full-7&limit=5"),
      "list by a label that is not there": () => asAlice("GET", "/keys?label=nowhere"),
      "change key": () => asAlice("PATCH", `/keys/${made["aes"]}`, { label: "renamed" }),
      share: () => asAlice("POST", `/keys/${made["aes"]}/share`, { username: "bob" }),
      unshare: () => asAlice("POST", `/keys/${made["aes"]}/unshare`, { username: "bob" }),
      export: () => asAlice("POST", `/keys/${made["aes"]}/export`, { format: "raw" }),
      sign: () =>
        asAlice("POST", `/keys/${made["pair"]}/sign`, { mechanism: "ecdsa-sha256", message }),
      "list certificates": () => asAlice("GET", "/certificates"),
      "delete key": () => asAlice("DELETE", `/keys/${made["imported"]}`),
    };
    const read: Record<string, unknown> = {};
    for (const [name, work] of Object.entries(operations)) {
      const { total, most } = await leader.rowsReadBy(work);
      if (total > FEW_ROWS) read[name] = { total, most };
    }
    expect(read).toEqual({});
  });

  it("reads few rows of two HSMs for one change", async () => {
    const { handle } = await asAlice("POST", "/keys:generate", { type: "aes", sizeBits: 128 });
    const change = () => asAlice("PATCH", `/keys/${handle}`, { label: "changed" });
    const read = await leader.rowsReadBy(change, HSM_TABLES);
    expect(read.total, JSON.stringify(read.most)).toBeLessThanOrEqual(REPLICATED_ROWS);
  });

  it("walks its rows once for a digest that is asked for twenty times, and again after a change", async () => {
    const digest = () => ok(edge, "GET", `${cluster.path}/digest`);
    const { handle } = await asAlice("POST", "/keys:generate", { type: "aes", sizeBits: 128 });
    const before = await digest();
    const again = await leader.rowsReadBy(async () => {
      const answers = await Promise.all(Array.from({ length: 20 }, digest));
      expect(answers).toEqual(answers.map(() => before));
    });
    expect(again.total).toBeLessThan(MAX_KEYS / 10);
    await asAlice("PATCH", `/keys/${handle}`, { label: "another" });
    const changed = await leader.rowsReadBy(async () =>
      expect((await digest()).stateDigest).not.toBe(before.stateDigest),
    );
    expect(changed.total).toBeGreaterThanOrEqual(2 * (MAX_KEYS - ROOM));
  });

  it("walks all rows when its object starts, and for a backup, whatever it knew of them", async () => {
    const start = await leader.rowsReadBy(async () => {
      await leader.abort();
      await asAlice("GET", "/sessions/current");
    });
    expect(start.total).toBeGreaterThanOrEqual(MAX_KEYS - ROOM);
    await ok(edge, "GET", `${cluster.path}/digest`);
    const backup = await leader.rowsReadBy(backUpPatiently);
    expect(backup.total).toBeGreaterThanOrEqual(2 * (MAX_KEYS - ROOM));
  });

  it("has walked nothing by its statements but what is known to be short, or has to be walked", async () => {
    await asAdmin("DELETE", "/users/bob");
    const walks = (await leader.walks()).filter((walk) => HSM_TABLES.test(walk));
    const unexplained = walks.filter((walk) => !WALKED.some(([pattern]) => pattern.test(walk)));
    expect(unexplained).toEqual([]);
    const unused = WALKED.filter(([pattern]) => !walks.some((walk) => pattern.test(walk)));
    expect(unused).toEqual([]);
  });

  it("still counts: no key more than it may have, and one again when one goes", async () => {
    const order = { type: "aes", sizeBits: 128 };
    const generate = () =>
      rest(edge, "POST", `${cluster.path}/keys:generate`, order, as(cluster.alice));
    let last = 0;
    for (let i = 0; i <= ROOM; i++) {
      const { status, body } = await generate();
      if (status !== 201) break;
      last = body.handle;
    }
    expect((await generate()).body.error.code).toBe("key_limit");
    await asAlice("DELETE", `/keys/${last}`);
    expect((await generate()).status).toBe(201);
    expect((await generate()).body.error.code).toBe("key_limit");
    const held = await leader.run(
      `SELECT count(*) AS n FROM records WHERE type = 5 AND generation IN
         (SELECT generation FROM generations WHERE current = 1)`,
    );
    expect(held).toEqual([{ n: MAX_KEYS }]);
  });
});
