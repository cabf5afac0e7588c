import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type CloudHSMV2Client,
  CreateHsmCommand,
  DeleteBackupCommand,
  DeleteHsmCommand,
  ModifyBackupAttributesCommand,
  RestoreBackupCommand,
} from "@aws-sdk/client-cloudhsm-v2";
import { afterEach, describe, expect, it } from "vitest";
import {
  activeCluster,
  backupsReady,
  cloudHsm,
  clusterInState,
  createCluster,
  describeCluster,
  hsmsActive,
  initializedCluster,
  rawCall,
  refusal,
  regionObject,
  until,
  ZONE,
} from "../../lib/aws.ts";
import {
  type Edge,
  type EdgeOptions,
  QUICK_SCHEDULE,
  startEdge,
  testSecrets,
} from "../../lib/mf.ts";

const stops: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
});

async function start(
  schedule: Record<string, number>,
  options: Pick<EdgeOptions, "persist" | "bindings"> = {},
): Promise<Edge> {
  const SCHEDULE = JSON.stringify({ ...QUICK_SCHEDULE, ...schedule });
  const edge = await startEdge({ ...options, bindings: { SCHEDULE, ...options.bindings } });
  stops.push(() => edge.stop());
  return edge;
}

async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), "holdfast-region-"));
  stops.push(() => rm(path, { recursive: true, force: true }));
  return path;
}

async function rows(edge: Edge, Filters: Record<string, string[]>) {
  const { body } = await rawCall(edge, "DescribeBackups", { Filters });
  return body.Backups as { BackupId: string; BackupState: string; CreateTimestamp: number }[];
}

async function objectKeys(edge: Edge): Promise<string[]> {
  const bucket = await edge.mf.getR2Bucket("BACKUPS_US_EAST_1", "holdfast");
  return (await bucket.list()).objects.map((object) => object.key);
}

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

describe("the daily backup", () => {
  it("is made an interval after the last one, again and again, while an HSM is ACTIVE", async () => {
    const edge = await start({ backupIntervalMs: 400 });
    const client = await cloudHsm(edge);
    const { clusterId, hsmId } = await activeCluster(edge, client);
    const backups = await backupsReady(client, clusterId, 3);
    const times = backups.map((row) => Number(row.CreateTimestamp)).reverse();
    for (let index = 1; index < 3; index++) {
      const gapMs = (times[index] ?? 0) - (times[index - 1] ?? 0);
      expect(gapMs).toBeGreaterThanOrEqual(400);
      expect(gapMs).toBeLessThan(2_000);
    }
    await client.send(new DeleteHsmCommand({ ClusterId: clusterId, HsmId: hsmId }));
    await hsmsActive(client, clusterId, 0);
    const { length } = await rows(edge, { clusterIds: [clusterId] });
    await sleep(1_000);
    expect(await rows(edge, { clusterIds: [clusterId] })).toHaveLength(length);
  });

  it("is never forgotten by an alarm that falls due in the very millisecond it runs in", async () => {
    const edge = await start({ backupIntervalMs: 25 });
    const client = await cloudHsm(edge);
    const { clusterId } = await activeCluster(edge, client);
    const backups = await backupsReady(client, clusterId, 40);
    expect(backups.length).toBeGreaterThanOrEqual(40);
  });

  it("is made after a restart that missed its time", async () => {
    const persist = await folder();
    const edge = await start({ backupIntervalMs: 2_500 }, { persist });
    const { clusterId } = await activeCluster(edge, await cloudHsm(edge));
    await stops.pop()?.();
    await sleep(2_500);
    const again = await start({ backupIntervalMs: 2_500 }, { persist });
    const client = await cloudHsm(again);
    expect((await backupsReady(client, clusterId, 2)).length).toBeGreaterThanOrEqual(2);
  });
});

describe("a transition that a restart interrupts", () => {
  it("is completed afterwards", async () => {
    const persist = await folder();
    const edge = await start({ transitionMs: 1_500 }, { persist });
    const clusterId = await createCluster(await cloudHsm(edge));
    await stops.pop()?.();
    const again = await start({ transitionMs: 1_500 }, { persist });
    const client: CloudHSMV2Client = await cloudHsm(again);
    expect((await clusterInState(client, clusterId, "UNINITIALIZED")).ClusterId).toBe(clusterId);
  });
});

describe("a task that dies with its process", () => {
  it.each(["region_backup_begun", "region_backup_ready"])(
    "at %s is taken up again",
    async (step) => {
      const persist = await folder();
      const edge = await start({}, { persist, bindings: { PAUSE_AT: step } });
      const client = await cloudHsm(edge);
      const { clusterId } = await initializedCluster(client);
      await (await regionObject(edge)).noteActivated(clusterId);
      const before = await until(
        () => rows(edge, { clusterIds: [clusterId] }),
        (backups) => backups.length === 1,
      );
      await sleep(300);
      await stops.pop()?.();
      const again = await start({}, { persist });
      const [backup] = await backupsReady(await cloudHsm(again), clusterId, 1);
      expect(backup?.BackupId).toBe(before[0]?.BackupId);
      expect(await objectKeys(again)).toHaveLength(2);
    },
  );
});

describe("a deleted backup", () => {
  it("is gone when its time has come: the row DELETED, its objects removed, no way back", async () => {
    const edge = await start({ undeleteMs: 300 });
    const client = await cloudHsm(edge);
    const { clusterId, backupId } = await activeCluster(edge, client);
    expect(await objectKeys(edge)).toHaveLength(2);
    await client.send(new DeleteBackupCommand({ BackupId: backupId }));
    await until(
      () => rows(edge, { states: ["DELETED"] }),
      (deleted) => deleted.length === 1,
    );
    await until(
      () => objectKeys(edge),
      (keys) => keys.length === 0,
    );
    const restore = new RestoreBackupCommand({ BackupId: backupId });
    expect((await refusal(client.send(restore))).message).toContain("in state DELETED");
    expect(await rows(edge, { clusterIds: [clusterId] })).toEqual([]);
  });

  it("that is restored in time stays", async () => {
    const edge = await start({ undeleteMs: 600 });
    const client = await cloudHsm(edge);
    const { backupId } = await activeCluster(edge, client);
    await client.send(new DeleteBackupCommand({ BackupId: backupId }));
    await client.send(new RestoreBackupCommand({ BackupId: backupId }));
    await sleep(1_200);
    expect(await rows(edge, { states: ["READY"] })).toHaveLength(1);
    expect(await objectKeys(edge)).toHaveLength(2);
  });
});

describe("the purge", () => {
  it("marks what is too old, but neither the last backup nor one that never expires", async () => {
    const edge = await start({ retentionDayMs: 250 });
    const client = await cloudHsm(edge);
    const policy = { BackupRetentionPolicy: { Type: "DAYS", Value: "7" } } as const;
    const { clusterId, backupId: exempt } = await activeCluster(edge, client, policy);
    const attributes = { BackupId: exempt, NeverExpires: true };
    await client.send(new ModifyBackupAttributesCommand(attributes));
    const region = await regionObject(edge);
    for (const count of [2, 3]) {
      await region.backUpNow(clusterId);
      await backupsReady(client, clusterId, count);
    }
    const [newest, middle] = await backupsReady(client, clusterId, 3);
    const states = async () =>
      Object.fromEntries(
        (await rows(edge, { clusterIds: [clusterId] })).map((row) => [
          row.BackupId,
          row.BackupState,
        ]),
      );
    const middleId = middle?.BackupId ?? "";
    await until(states, (now) => now[middleId] === "PENDING_DELETION");
    await sleep(500);
    expect(await states()).toEqual({
      [exempt]: "READY",
      [middleId]: "PENDING_DELETION",
      [newest?.BackupId ?? ""]: "READY",
    });
  });
});

describe("the sweep", () => {
  it("removes objects that no row names, and no others", async () => {
    const edge = await start({ sweepMs: 300, sweepGraceMs: 0 });
    const client = await cloudHsm(edge);
    const { clusterId, backupId } = await activeCluster(edge, client);
    const kept = (await objectKeys(edge)).sort();
    const bucket = await edge.mf.getR2Bucket("BACKUPS_US_EAST_1", "holdfast");
    const strangers = "clusters/cluster-aaaaaaaaaaa/backups/backup-aaaaaaaaaaa/body-00";
    await bucket.put(`clusters/${clusterId}/backups/${backupId}/body-00ff`, "an abandoned attempt");
    await bucket.put(`clusters/${clusterId}/backups/backup-aaaaaaaaaaa/body-00`, "of no row");
    await bucket.put(strangers, "of another account");
    const keys = await until(
      () => objectKeys(edge),
      (now) => now.length === kept.length + 1,
    );
    expect(keys.sort()).toEqual([...kept, strangers].sort());
  });
});

describe("a backup that cannot be made", () => {
  it("is tried again, then recorded as failed, and the removal that waited for it is called off", async () => {
    const persist = await folder();
    const edge = await start({}, { persist });
    const { clusterId, hsmId } = await activeCluster(edge, await cloudHsm(edge));
    await stops.pop()?.();

    const ring = JSON.parse((await testSecrets()).bindings["LOCAL_KMS"] ?? "");
    for (const key of ring.keys) key.state = "retired";
    const noKms = { LOCAL_KMS: JSON.stringify(ring) };
    const again = await start({ retryMs: 10 }, { persist, bindings: noKms });
    const client = await cloudHsm(again);
    await client.send(new DeleteHsmCommand({ ClusterId: clusterId, HsmId: hsmId }));
    const cluster = await until(
      () => describeCluster(client, clusterId),
      ({ StateMessage = "" }) => StateMessage !== "",
    );
    expect(cluster.StateMessage).toMatch(/^Backup 'backup-\w+' failed: /);
    const [row] = (await hsmsActive(client, clusterId, 1)).Hsms ?? [];
    expect(row?.StateMessage).toContain("was not deleted, because its backup failed");
    expect(await rows(again, { states: ["DELETED"] })).toHaveLength(1);
    await stops.pop()?.();

    const cured = await start({}, { persist });
    const cure = await cloudHsm(cured);
    await cure.send(new DeleteHsmCommand({ ClusterId: clusterId, HsmId: hsmId }));
    await hsmsActive(cure, clusterId, 0);
    expect(await rows(cured, { states: ["READY"] })).toHaveLength(2);
  });
});

describe("the watchdog", () => {
  it("answers the cron trigger for every region in use", async () => {
    const edge = await start({});
    const client = await cloudHsm(edge);
    const { clusterId } = await activeCluster(edge, client);
    const worker = await edge.mf.getWorker("holdfast");
    const { outcome } = await worker.scheduled({ cron: "*/10 * * * *" });
    expect(outcome).toBe("ok");
    await client.send(new CreateHsmCommand({ ClusterId: clusterId, AvailabilityZone: ZONE }));
    await hsmsActive(client, clusterId, 2);
  });
});
