import {
  type CloudHSMV2Client,
  DeleteBackupCommand,
  ListTagsCommand,
  ModifyBackupAttributesCommand,
  ModifyClusterCommand,
  paginateDescribeBackups,
  paginateDescribeClusters,
  RestoreBackupCommand,
  TagResourceCommand,
  UntagResourceCommand,
} from "@aws-sdk/client-cloudhsm-v2";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  backupsReady,
  createCluster,
  describeCluster,
  rawCall,
  refusal,
  regionObject,
} from "../../lib/aws.ts";
import type { Edge } from "../../lib/mf.ts";
import { ok } from "../../lib/rest.ts";
import { servingEdge } from "../../lib/serving-edge.ts";

const BACKUPS = 5;
const WEEK_SECONDS = 7 * 86_400;

let edge: Edge;
let client: CloudHSMV2Client;
let clusterId: string;
/** Oldest first. */
let backupIds: string[];

beforeAll(async () => {
  const began = await servingEdge();
  edge = began.edge;
  ({ client, clusterId } = began.cluster);
  const region = await regionObject(edge);
  for (let count = 2; count <= BACKUPS; count++) {
    await region.backUpNow(clusterId);
    await backupsReady(client, clusterId, count);
  }
  const backups = await backupsReady(client, clusterId, BACKUPS);
  backupIds = backups.map((backup) => backup.BackupId ?? "").reverse();
});
afterAll(() => edge.stop());

async function listed(input: Record<string, unknown>): Promise<string[]> {
  const { status, body } = await rawCall(edge, "DescribeBackups", input);
  expect(status).toBe(200);
  return body.Backups.map((backup) => backup.BackupId);
}

describe("DescribeBackups", () => {
  it("shows what the service shows of a backup, timestamps as numbers", async () => {
    const { createdAt } = await ok(edge, "GET", `/v1/backups/${backupIds[0]}`);
    const { body } = await rawCall(edge, "DescribeBackups", {
      Filters: { backupIds: [backupIds[0]] },
    });
    expect(body).toEqual({
      Backups: [
        {
          BackupId: backupIds[0],
          BackupArn: `arn:aws:cloudhsm:us-east-1:123456789012:backup/${backupIds[0]}`,
          BackupState: "READY",
          ClusterId: clusterId,
          CreateTimestamp: Date.parse(createdAt) / 1000,
          NeverExpires: false,
          TagList: [],
          HsmType: "hsm2m.medium",
          Mode: "FIPS",
        },
      ],
    });
  });

  it("lists the newest first, or the oldest when asked", async () => {
    expect(await listed({})).toEqual(backupIds.toReversed());
    expect(await listed({ SortAscending: true })).toEqual(backupIds);
  });

  it.each([1, 2, 5, 50])("hands out pages of %i that together are the list", async (pageSize) => {
    const seen: (string | undefined)[] = [];
    for await (const page of paginateDescribeBackups({ client, pageSize }, {})) {
      expect(page.Backups?.length).toBeLessThanOrEqual(pageSize);
      seen.push(...(page.Backups ?? []).map((backup) => backup.BackupId));
    }
    expect(seen).toEqual(backupIds.toReversed());
  });

  it("filters by backup, cluster, several states and expiry, and by all of them at once", async () => {
    const [first = "", second = ""] = backupIds;
    const ascending = (Filters: Record<string, string[]>) =>
      listed({ Filters, SortAscending: true });
    expect(await ascending({ backupIds: [second, first] })).toEqual([first, second]);
    expect(await ascending({ clusterIds: [clusterId] })).toEqual(backupIds);
    expect(await ascending({ clusterIds: ["cluster-aaaaaaaaaaa"] })).toEqual([]);
    expect(await ascending({ states: ["READY", "PENDING_DELETION"] })).toEqual(backupIds);
    expect(await ascending({ states: ["PENDING_DELETION"] })).toEqual([]);
    expect(await ascending({ sourceBackupIds: [first] })).toEqual([]);
    await client.send(new ModifyBackupAttributesCommand({ BackupId: first, NeverExpires: true }));
    expect(await ascending({ neverExpires: ["true"] })).toEqual([first]);
    expect(await ascending({ neverExpires: ["true"], backupIds: [second] })).toEqual([]);
    await client.send(new ModifyBackupAttributesCommand({ BackupId: first, NeverExpires: false }));
    expect(await ascending({ neverExpires: ["true"] })).toEqual([]);
  });

  it("knows of no shared ones", async () => {
    expect(await listed({ Shared: true })).toEqual([]);
  });

  it.each<[string, Record<string, unknown>, string]>([
    ["no result", { MaxResults: 0 }, "MaxResults"],
    ["51 results", { MaxResults: 51 }, "MaxResults"],
    ["an unknown filter", { Filters: { colour: ["red"] } }, "Filter 'colour' is not known"],
    ["a filter that is no list", { Filters: { states: "READY" } }, "Filters.states"],
    ["a foreign token", { NextToken: "AAAA" }, "NextToken"],
    ["a long token", { NextToken: "x".repeat(257) }, "NextToken"],
  ])("refuses %s", async (_, input, message) => {
    const { body } = await rawCall(edge, "DescribeBackups", input);
    expect(body.__type).toBe("CloudHsmInvalidRequestException");
    expect(body.Message).toContain(message);
  });
});

describe("a backup", () => {
  it("is deleted for a week, and comes back within it", async () => {
    const [BackupId = ""] = backupIds;
    const { body } = await rawCall(edge, "DeleteBackup", { BackupId });
    expect(body.Backup.BackupState).toBe("PENDING_DELETION");
    expect(body.Backup.DeleteTimestamp).toBeCloseTo(Date.now() / 1000 + WEEK_SECONDS, -2);
    expect(await listed({ Filters: { states: ["PENDING_DELETION"] } })).toEqual([BackupId]);
    const { Backup } = await client.send(new RestoreBackupCommand({ BackupId }));
    expect(Backup?.BackupState).toBe("READY");
    expect(Backup?.DeleteTimestamp).toBeUndefined();
  });

  it("may be deleted even if it is the last one, as the service allows", async () => {
    for (const BackupId of backupIds) await client.send(new DeleteBackupCommand({ BackupId }));
    expect(await listed({ Filters: { states: ["READY"] } })).toEqual([]);
    for (const BackupId of backupIds) await client.send(new RestoreBackupCommand({ BackupId }));
    expect(await listed({ Filters: { states: ["READY"] } })).toHaveLength(BACKUPS);
  });
});

describe("DescribeClusters", () => {
  it("hands out pages and filters by id, network and state", async () => {
    const other = await createCluster(client);
    const seen: (string | undefined)[] = [];
    for await (const page of paginateDescribeClusters({ client, pageSize: 1 }, {})) {
      seen.push(...(page.Clusters ?? []).map((cluster) => cluster.ClusterId));
    }
    expect(seen).toEqual([other, clusterId]);
    const ask = async (Filters: Record<string, string[]>) => {
      const { body } = await rawCall(edge, "DescribeClusters", { Filters });
      return body.Clusters.map((cluster) => cluster.ClusterId);
    };
    const { VpcId = "" } = await describeCluster(client, clusterId);
    expect(await ask({ vpcIds: [VpcId] })).toHaveLength(2);
    expect(await ask({ vpcIds: ["vpc-0"] })).toEqual([]);
    expect(await ask({ states: ["ACTIVE"] })).toEqual([clusterId]);
    expect(await ask({ clusterIds: [other], states: ["ACTIVE"] })).toEqual([]);
    expect((await rawCall(edge, "DescribeClusters", { MaxResults: 26 })).status).toBe(400);
  });

  it("shows a retention policy that was changed", async () => {
    await client.send(
      new ModifyClusterCommand({
        ClusterId: clusterId,
        BackupRetentionPolicy: { Type: "DAYS", Value: "379" },
      }),
    );
    const { BackupRetentionPolicy } = await describeCluster(client, clusterId);
    expect(BackupRetentionPolicy).toEqual({ Type: "DAYS", Value: "379" });
    const { body } = await rawCall(edge, "ModifyCluster", {
      ClusterId: clusterId,
      HsmType: "hsm2m.medium",
    });
    expect(body.Message).toContain("HSM type cannot be");
  });
});

describe("tags", () => {
  it("are set, overwritten, listed in pages and removed, on clusters and backups", async () => {
    for (const ResourceId of [clusterId, backupIds[0] ?? ""]) {
      const TagList = ["a", "b", "c"].map((Key) => ({ Key, Value: "1" }));
      await client.send(new TagResourceCommand({ ResourceId, TagList }));
      const over = [{ Key: "b", Value: "2" }];
      await client.send(new TagResourceCommand({ ResourceId, TagList: over }));
      const first = await client.send(new ListTagsCommand({ ResourceId, MaxResults: 2 }));
      expect(first.TagList).toEqual([{ Key: "a", Value: "1" }, ...over]);
      const rest = await client.send(
        new ListTagsCommand({ ResourceId, NextToken: first.NextToken ?? "" }),
      );
      expect(rest).toMatchObject({ TagList: [{ Key: "c", Value: "1" }] });
      expect(rest.NextToken).toBeUndefined();
      await client.send(new UntagResourceCommand({ ResourceId, TagKeyList: ["a", "b", "nobody"] }));
      const left = await client.send(new ListTagsCommand({ ResourceId }));
      expect(left.TagList).toEqual([{ Key: "c", Value: "1" }]);
    }
    expect((await describeCluster(client, clusterId)).TagList).toEqual([{ Key: "c", Value: "1" }]);
  });

  it("are fifty at most, and of something that exists", async () => {
    const tags = (count: number, prefix: string) =>
      Array.from({ length: count }, (_, n) => ({ Key: `${prefix}${n}`, Value: "" }));
    const ResourceId = await createCluster(client);
    await client.send(new TagResourceCommand({ ResourceId, TagList: tags(50, "k") }));
    const more = new TagResourceCommand({ ResourceId, TagList: tags(1, "x") });
    expect((await refusal(client.send(more))).name).toBe("CloudHsmResourceLimitExceededException");
    const nobody = new ListTagsCommand({ ResourceId: "backup-aaaaaaaaaaa" });
    expect((await refusal(client.send(nobody))).name).toBe("CloudHsmResourceNotFoundException");
  });
});
