/**
 * A region that keeps ten thousand backups and remembers as many: what its statements walk, and how many
 * rows each operation reads.
 */
import {
  DeleteBackupCommand,
  DescribeBackupsCommand,
  DescribeClustersCommand,
  ListTagsCommand,
  ModifyBackupAttributesCommand,
  ModifyClusterCommand,
  RestoreBackupCommand,
  TagResourceCommand,
} from "@aws-sdk/client-cloudhsm-v2";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { regionObject, until } from "../../lib/aws.ts";
import { type Edge, startEdge } from "../../lib/mf.ts";
import { backUp, ok, type ServingCluster, servingCluster } from "../../lib/rest.ts";
import { StatementWatch, WATCHED_STATEMENTS } from "../statement-watch.ts";
import { type WrappedBundle, wrappedBundle } from "../wrapped-bundle.ts";

const BACKUPS = 20_000;
/** Of them, those that are kept: the others are history. */
const HELD = 10_000;
const FEW_ROWS = 250;
/** Whose objects are looked at: ten runs of the check. */
const UNSEEN = 500;
/** HSMs of the cluster, and clusters, that are DELETED. */
const GONE = 1_000;
const OTHER_CLUSTER = "cluster-aaaaaaaaaaa";

/** Tables of a region, and why a statement may walk one. */
const WALKED: readonly (readonly [pattern: RegExp, reason: string])[] = [
  [/SCAN (place|schema)$/, "one row"],
  [
    /(SET (joined = 1|deletedBy = 'purge') WHERE|'holdfast:'|SELECT '(backup_check|cluster_serve)')/,
    "once, when an earlier build's tables are taken over",
  ],
  [/SCAN clusters USING INDEX clustersHeld$/, "a row for each cluster that there is"],
  [/GROUP BY accessKeyId: SCAN/, "counted once, at the first request after the object's start"],
  [
    /WHERE leased <> 0: SCAN due USING (COVERING )?INDEX dueLeased/,
    "an index of leased tasks alone",
  ],
  [/^WITH RECURSIVE clusters .*: SCAN clusters$/, "a row for each cluster that has tasks"],
];
const REGION_TABLES = /\b(place|schema|clusters|hsms|backups|tags|due|requests|answers|sweeps)\b/;

let bundle: WrappedBundle;
let edge: Edge;
let cluster: ServingCluster;
let region: StatementWatch;
let backupId: string;
beforeAll(async () => {
  bundle = await wrappedBundle(WATCHED_STATEMENTS);
  edge = await startEdge({ bundle: bundle.folder });
  cluster = await servingCluster(edge);
  ({ backupId } = await backUp(edge, cluster));
  region = await StatementWatch.of(edge);
  await copies("backups", BACKUPS, {
    backupId: "printf('backup-%011d', n)",
    clusterId: `CASE n % 2 WHEN 0 THEN clusterId ELSE '${OTHER_CLUSTER}' END`,
    state: `CASE WHEN n > ${HELD} THEN 'DELETED' ELSE 'READY' END`,
    // Older, and behind in the chain.
    chainNumber: "-n",
    createdAtMs: "createdAtMs - n",
    neverExpires: "n % 4 = 0",
    checkedAtMs: "createdAtMs",
  });
  const gone = { state: "'DELETED'", deletedAtMs: "createdAtMs - 9e9" };
  await copies("hsms", GONE, {
    hsmId: "printf('hsm-%011d', n)",
    filled: "0",
    joined: "0",
    ...gone,
  });
  await copies("clusters", GONE, { clusterId: "printf('cluster-%011d', n)", ...gone });
  await region.run(
    `INSERT INTO due (task, subject, clusterId, dueAtMs)
     SELECT 'backup_delete', backupId, '${OTHER_CLUSTER}', createdAtMs + 9e11 FROM backups`,
  );
});
/** Copies of the one row that there is. @param other - columns that differ, as SQL of their number `n`. */
async function copies(
  table: "backups" | "hsms" | "clusters",
  count: number,
  other: Readonly<Record<string, string>>,
): Promise<void> {
  const infos = await region.run("SELECT name FROM pragma_table_info(?)", [table]);
  const columns = infos.map(({ name }) => String(name));
  await region.run(
    `WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ?)
     INSERT INTO ${table} (${columns.join(", ")})
     SELECT ${columns.map((name) => other[name] ?? name).join(", ")}
     FROM (SELECT * FROM ${table} ORDER BY rowid DESC LIMIT 1), numbers`,
    [count],
  );
}

afterAll(async () => {
  await edge.stop();
  await bundle.remove();
});

/** What is left of an operation's rows if there are few: none, or how many there were, and of what. */
async function many(
  operations: Readonly<Record<string, () => Promise<unknown>>>,
  tables: RegExp,
): Promise<Record<string, unknown>> {
  const read: Record<string, unknown> = {};
  for (const [name, work] of Object.entries(operations)) {
    const { total, most } = await region.rowsReadBy(work, tables);
    if (total > FEW_ROWS) read[name] = { total, most };
  }
  return read;
}

function list(input: ConstructorParameters<typeof DescribeBackupsCommand>[0]) {
  return cluster.client.send(new DescribeBackupsCommand({ MaxResults: 10, ...input }));
}

describe("a region with ten thousand backups", () => {
  it("reads few rows for each operation, however many there are", async () => {
    const { client, clusterId } = cluster;
    const clusterIds = [clusterId];
    const none = "cluster-bbbbbbbbbbb";
    const first = await list({});
    const operations: Record<string, () => Promise<unknown>> = {
      "the newest": () => list({}),
      "the next page": () =>
        list(first.NextToken === undefined ? {} : { NextToken: first.NextToken }),
      "the oldest": () => list({ SortAscending: true }),
      "of a cluster": () => list({ Filters: { clusterIds } }),
      "of a cluster, the oldest": () => list({ Filters: { clusterIds }, SortAscending: true }),
      "by id": () => list({ Filters: { backupIds: [backupId] } }),
      deleted: () => list({ Filters: { states: ["DELETED"] } }),
      "of another cluster, deleted": () =>
        list({ Filters: { clusterIds: [none], states: ["DELETED"] } }),
      "never expire": () => list({ Filters: { neverExpires: ["true"] } }),
      "of a cluster, expire": () => list({ Filters: { clusterIds, neverExpires: ["false"] } }),
      "on their way out": () => list({ Filters: { states: ["PENDING_DELETION"] } }),
      "in the making": () => list({ Filters: { states: ["CREATE_IN_PROGRESS"] } }),
      copied: () => list({ Filters: { sourceBackupIds: [backupId] } }),
      "of two clusters": () => list({ Filters: { clusterIds: [none, clusterId] } }),
      "of thirty clusters": () =>
        list({ Filters: { clusterIds: Array.from({ length: 30 }, (_, n) => `${none}${n}`) } }),
      clusters: () => client.send(new DescribeClustersCommand({})),
      "a cluster": () => client.send(new DescribeClustersCommand({ Filters: { clusterIds } })),
      keys: () =>
        ok(edge, "GET", `${cluster.path}/keys?limit=5`, undefined, { session: cluster.alice }),
      tag: () =>
        client.send(
          new TagResourceCommand({ ResourceId: backupId, TagList: [{ Key: "a", Value: "b" }] }),
        ),
      tags: () => client.send(new ListTagsCommand({ ResourceId: backupId })),
      watch: async () => (await regionObject(edge)).watch(),
    };
    expect(await many(operations, REGION_TABLES)).toEqual({});
  });

  it("plans what is kept by a look at what is next", async () => {
    const { client, clusterId } = cluster;
    const BackupRetentionPolicy = { Type: "DAYS" as const, Value: "30" };
    const operations: Record<string, () => Promise<unknown>> = {
      "never expires": () =>
        client.send(new ModifyBackupAttributesCommand({ BackupId: backupId, NeverExpires: true })),
      expires: () =>
        client.send(new ModifyBackupAttributesCommand({ BackupId: backupId, NeverExpires: false })),
      retention: () =>
        client.send(new ModifyClusterCommand({ ClusterId: clusterId, BackupRetentionPolicy })),
      delete: () => client.send(new DeleteBackupCommand({ BackupId: backupId })),
      restore: () => client.send(new RestoreBackupCommand({ BackupId: backupId })),
      backup: () => backUp(edge, cluster),
    };
    expect(await many(operations, /\bbackups\b/)).toEqual({});
  });

  it.each<[string, string, Record<string, string[]>, string]>([
    ["all that are kept", "ASC", {}, "state <> 'DELETED'"],
    ["all that are kept", "DESC", {}, "state <> 'DELETED'"],
    [
      "those of two filters",
      "DESC",
      { states: ["DELETED", "READY"], neverExpires: ["true"] },
      "neverExpires = 1 AND state IN ('DELETED', 'READY')",
    ],
    [
      "those of two clusters",
      "ASC",
      { clusterIds: [OTHER_CLUSTER, OTHER_CLUSTER, "cluster-bbbbbbbbbbb"], states: ["DELETED"] },
      `clusterId = '${OTHER_CLUSTER}' AND state = 'DELETED'`,
    ],
  ])(
    "lists every backup once, in order, page by page: %s, %s",
    async (_, order, filters, where) => {
      const expected = await region.run(
        `SELECT backupId, createdAtMs FROM backups WHERE ${where}
       ORDER BY createdAtMs ${order}, backupId ${order}`,
      );
      const seen: string[] = [];
      let token: string | undefined;
      do {
        const input = { MaxResults: 50, SortAscending: order === "ASC", Filters: filters };
        const page = await list(token === undefined ? input : { ...input, NextToken: token });
        seen.push(...(page.Backups ?? []).map(({ BackupId = "" }) => BackupId));
        token = page.NextToken;
      } while (token !== undefined);
      expect(seen).toEqual(expected.map((row) => row["backupId"]));
    },
  );

  it("looks at the objects of those that were not looked at for a day, and reads no others", async () => {
    const { clusterId } = cluster;
    const unseen = async () => {
      const [row] = await region.run(
        "SELECT count(*) AS n FROM backups WHERE clusterId = ? AND state = 'READY' AND checkedAtMs = 1",
        [clusterId],
      );
      return Number(row?.["n"]);
    };
    await region.run(
      `UPDATE backups SET checkedAtMs = 1 WHERE backupId IN (
         SELECT backupId FROM backups WHERE clusterId = ? AND state = 'READY' LIMIT ${UNSEEN})`,
      [clusterId],
    );
    expect(await unseen()).toBe(UNSEEN);
    const { total, most } = await region.rowsReadBy(async () => {
      await region.run("UPDATE due SET dueAtMs = 0 WHERE task = 'backup_check'");
      await cluster.client.send(
        new ModifyBackupAttributesCommand({ BackupId: backupId, NeverExpires: false }),
      ); // It has something put into the due table, which sets the alarm.
      await until(unseen, (n) => n === 0, 60_000);
    }, /\bbackups\b/);
    expect({ total, most }).toMatchObject({ total: expect.toSatisfy((n) => n < 10 * UNSEEN) });
  });

  it("finds the newest sound one, and what expires before it, behind thousands that are damaged", async () => {
    const { client, clusterId } = cluster;
    await region.run(
      `UPDATE backups SET clusterId = ?, chainNumber = chainNumber + 100000, damage = 'x'
       WHERE clusterId = '${OTHER_CLUSTER}' AND state = 'READY' AND chainNumber > -9900`,
      [clusterId],
    );
    const [lost] = await region.run("SELECT count(*) AS n FROM backups WHERE damage = 'x'");
    expect(Number(lost?.["n"])).toBeGreaterThan(4_000);
    const modify = (NeverExpires: boolean) =>
      client.send(new ModifyBackupAttributesCommand({ BackupId: backupId, NeverExpires }));
    const BackupRetentionPolicy = { Type: "DAYS" as const, Value: "40" };
    const operations = {
      "never expires": () => modify(true),
      expires: () => modify(false),
      retention: () =>
        client.send(new ModifyClusterCommand({ ClusterId: clusterId, BackupRetentionPolicy })),
      "of the cluster": () => list({ Filters: { clusterIds: [clusterId] } }),
    };
    expect(await many(operations, /\bbackups\b/)).toEqual({});
  });

  it("marks many for deletion at once by a few at a time, and reads each but a few times", async () => {
    const { clusterId, client } = cluster;
    const marked = async () => {
      const [row] = await region.run(
        "SELECT count(*) AS n FROM backups WHERE clusterId = ? AND state = 'PENDING_DELETION'",
        [clusterId],
      );
      return Number(row?.["n"]);
    };
    const [expired] = await region.run(
      `UPDATE backups SET createdAtMs = 1 WHERE backupId IN (
         SELECT backupId FROM backups WHERE clusterId = ? AND state = 'READY' AND neverExpires = 0
           AND chainNumber < 0 ORDER BY chainNumber LIMIT ${UNSEEN}) RETURNING 1`,
      [clusterId],
    );
    expect(expired).toBeDefined();
    const before = await marked();
    const { total, most } = await region.rowsReadBy(async () => {
      const BackupRetentionPolicy = { Type: "DAYS" as const, Value: "20" };
      await client.send(new ModifyClusterCommand({ ClusterId: clusterId, BackupRetentionPolicy }));
      await until(marked, (n) => n === before + UNSEEN, 60_000);
    }, /\bbackups\b/);
    expect({ total, most }).toMatchObject({ total: expect.toSatisfy((n) => n < 10 * UNSEEN) });
  });

  it("finds what is next behind thousands that one cluster has due", async () => {
    await region.run(
      "UPDATE due SET dueAtMs = 1 WHERE task = 'backup_delete' AND clusterId = ? AND subject <> ?",
      [OTHER_CLUSTER, backupId],
    );
    const left = async () => {
      const [row] = await region.run(
        "SELECT count(*) AS n FROM due WHERE clusterId = ? AND dueAtMs = 1",
        [OTHER_CLUSTER],
      );
      return Number(row?.["n"]);
    };
    const before = await left();
    expect(before).toBeGreaterThan(BACKUPS / 2);
    let done = 0;
    const { total } = await region.rowsReadBy(async () => {
      await backUp(edge, cluster);
      done = before - (await until(left, (n) => n < before - UNSEEN, 60_000));
    }, /\bdue\b/);
    expect(total / done).toBeLessThan(FEW_ROWS);
  });

  it("has walked nothing by its statements but what is known to be short, or has to be walked", async () => {
    await region.abort();
    await cluster.client.send(new DescribeClustersCommand({}));
    const walks = (await region.walks()).filter((walk) => REGION_TABLES.test(walk));
    const unexplained = walks.filter((walk) => !WALKED.some(([pattern]) => pattern.test(walk)));
    expect(unexplained).toEqual([]);
    const unused = WALKED.filter(([pattern]) => !walks.some((walk) => pattern.test(walk)));
    expect(unused).toEqual([]);
  });
});
