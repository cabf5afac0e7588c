/**
 * A region with ten thousand backups: what its statements walk, and how many rows each operation reads.
 */
import {
  DeleteBackupCommand,
  DescribeBackupsCommand,
  DescribeClustersCommand,
  ListTagsCommand,
  ModifyClusterCommand,
  RestoreBackupCommand,
  TagResourceCommand,
} from "@aws-sdk/client-cloudhsm-v2";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { regionObject } from "../../lib/aws.ts";
import { type Edge, startEdge } from "../../lib/mf.ts";
import { backUp, type ServingCluster, servingCluster } from "../../lib/rest.ts";
import { StatementWatch, WATCHED_STATEMENTS } from "../statement-watch.ts";
import { type WrappedBundle, wrappedBundle } from "../wrapped-bundle.ts";

const BACKUPS = 10_000;
/** Of them, those that are kept: the others are history. */
const HELD = 400;
/** A page of what comes behind those is found by a walk through them. */
const FEW_ROWS: number = HELD + 200;

/** Tables of a region, and why a statement may walk one. */
const WALKED: readonly (readonly [pattern: RegExp, reason: string])[] = [
  [/SCAN (place|schema)$/, "one row"],
  [
    /(SET (joined = 1|deletedBy = 'purge') WHERE|'holdfast:'|SELECT '(backup_check|cluster_serve)')/,
    "once, when an earlier build's tables are taken over",
  ],
  [/FROM clusters: SCAN clusters$/, "a row for each cluster that ever was"],
  [/GROUP BY accessKeyId: SCAN/, "counted once, at the first request after the object's start"],
  [
    /WHERE leased <> 0: SCAN due USING (COVERING )?INDEX dueLeased/,
    "an index of leased tasks alone",
  ],
  [/json_each.*: SCAN (due USING|json_each)/, "ends with the first task of a cluster not at work"],
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
  const columns = (await region.run("SELECT name FROM pragma_table_info('backups')")).map(
    ({ name }) => String(name),
  );
  const other: Record<string, string> = {
    backupId: "printf('backup-%011d', n)",
    clusterId: "CASE n % 2 WHEN 0 THEN clusterId ELSE 'cluster-aaaaaaaaaaa' END",
    state: `CASE WHEN n > ${HELD} THEN 'DELETED' ELSE 'READY' END`,
    // Older, and behind in the chain.
    chainNumber: "-n",
    createdAtMs: "createdAtMs - n",
    neverExpires: "1",
    checkedAtMs: "createdAtMs",
  };
  await region.run(
    `WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ?2)
     INSERT INTO backups (${columns.join(", ")})
     SELECT ${columns.map((name) => other[name] ?? name).join(", ")}
     FROM backups, numbers WHERE backupId = ?1`,
    [backupId, BACKUPS],
  );
  await region.run(
    `INSERT INTO due (task, subject, clusterId, dueAtMs)
     SELECT 'backup_delete', backupId, 'cluster-aaaaaaaaaaa', createdAtMs + 9e11 FROM backups`,
  );
});
afterAll(async () => {
  await edge.stop();
  await bundle.remove();
});

describe("a region with ten thousand backups", () => {
  it("reads few rows for each operation, however many there are", async () => {
    const { client, clusterId } = cluster;
    const clusterIds = [clusterId];
    const list = (input: ConstructorParameters<typeof DescribeBackupsCommand>[0]) =>
      client.send(new DescribeBackupsCommand({ MaxResults: 10, ...input }));
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
      clusters: () => client.send(new DescribeClustersCommand({})),
      tag: () =>
        client.send(
          new TagResourceCommand({ ResourceId: backupId, TagList: [{ Key: "a", Value: "b" }] }),
        ),
      tags: () => client.send(new ListTagsCommand({ ResourceId: backupId })),
      watch: async () => (await regionObject(edge)).watch(),
    };
    const read: Record<string, unknown> = {};
    for (const [name, work] of Object.entries(operations)) {
      const { total, most } = await region.rowsReadBy(work, REGION_TABLES);
      if (total > FEW_ROWS) read[name] = { total, most };
    }
    expect(read).toEqual({});
  });

  it("plans what is kept without a look at its history", async () => {
    const { client, clusterId } = cluster;
    const BackupRetentionPolicy = { Type: "DAYS" as const, Value: "30" };
    const operations: Record<string, () => Promise<unknown>> = {
      retention: () =>
        client.send(new ModifyClusterCommand({ ClusterId: clusterId, BackupRetentionPolicy })),
      delete: () => client.send(new DeleteBackupCommand({ BackupId: backupId })),
      restore: () => client.send(new RestoreBackupCommand({ BackupId: backupId })),
      backup: () => backUp(edge, cluster),
    };
    const read: Record<string, unknown> = {};
    for (const [name, work] of Object.entries(operations)) {
      const { total, most } = await region.rowsReadBy(work, /\bbackups\b/);
      if (total > 4 * HELD) read[name] = { total, most };
    }
    expect(read).toEqual({});
  });

  it("lists every backup once, in order, page by page", async () => {
    for (const ascending of [true, false]) {
      const seen: string[] = [];
      let token: string | undefined;
      do {
        const input = { MaxResults: 50, SortAscending: ascending };
        const page = await cluster.client.send(
          new DescribeBackupsCommand(token === undefined ? input : { ...input, NextToken: token }),
        );
        seen.push(...(page.Backups ?? []).map(({ BackupId = "" }) => BackupId));
        token = page.NextToken;
      } while (token !== undefined);
      const order = ascending ? "ASC" : "DESC";
      const held = await region.run(
        `SELECT backupId FROM backups WHERE state <> 'DELETED'
         ORDER BY createdAtMs ${order}, backupId ${order}`,
      );
      expect(seen).toEqual(held.map((row) => row["backupId"]));
    }
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
