/**
 * The region's clock: what is done when its time comes, after a restart too. Each test has an edge with a
 * schedule of its own, and most of its time passes in waiting: they run at the same time.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type CloudHSMV2Client,
  DeleteBackupCommand,
  DeleteHsmCommand,
  ModifyBackupAttributesCommand,
  RestoreBackupCommand,
} from "@aws-sdk/client-cloudhsm-v2";
import { afterAll, beforeAll, describe, expect, it, type TestContext } from "vitest";
import { WORKER_NAME } from "../../../scripts/edge/embedded.ts";
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
} from "../../lib/aws.ts";
import {
  type Edge,
  type EdgeOptions,
  QUICK_SCHEDULE,
  startEdge,
  testSecrets,
} from "../../lib/mf.ts";

function withSchedule(schedule: Record<string, number>) {
  return { bindings: { SCHEDULE: JSON.stringify({ ...QUICK_SCHEDULE, ...schedule }) } };
}

/** Edges and folders that end with their test, the last one first. */
function stageOf({ onTestFinished }: TestContext) {
  return {
    async start(
      schedule: Record<string, number>,
      options: Pick<EdgeOptions, "persist" | "bindings"> = {},
    ): Promise<Edge> {
      const { bindings } = withSchedule(schedule);
      const edge = await startEdge({ ...options, bindings: { ...bindings, ...options.bindings } });
      let stopped: Promise<void> | undefined;
      const stop = () => {
        stopped ??= edge.stop();
        return stopped;
      };
      onTestFinished(stop);
      return { ...edge, stop };
    },
    async folder(): Promise<string> {
      const path = await mkdtemp(join(tmpdir(), "holdfast-region-"));
      onTestFinished(() => rm(path, { recursive: true, force: true }));
      return path;
    },
  };
}

/** How long a restarted region may take to what was due: well below a lease, which it must not await. */
const PROMPT_MS = 15_000;

async function rows(edge: Edge, Filters: Record<string, string[]>) {
  const { body } = await rawCall(edge, "DescribeBackups", { Filters });
  return body.Backups;
}

async function objectKeys(edge: Edge, clusterId: string): Promise<string[]> {
  const bucket = await edge.mf.getR2Bucket("BACKUPS_US_EAST_1", WORKER_NAME);
  const { objects } = await bucket.list({ prefix: `clusters/${clusterId}/` });
  return objects.map((object) => object.key);
}

const IN_PROGRESS = "CREATE_IN_PROGRESS";
const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

describe.concurrent("the daily backup", () => {
  it("is made an interval after the last one, again and again, while an HSM is ACTIVE", async (test) => {
    const edge = await stageOf(test).start({ backupIntervalMs: 400 });
    const client = await cloudHsm(edge);
    const { clusterId, hsmId } = await activeCluster(edge, client);
    const backups = await backupsReady(client, clusterId, 3);
    const times = backups.map((row) => Number(row.CreateTimestamp)).reverse();
    for (let index = 1; index < 3; index++) {
      const gapMs = (times[index] ?? 0) - (times[index - 1] ?? 0);
      expect(gapMs).toBeGreaterThanOrEqual(400);
      // Wide, as other edges start beside this one.
      expect(gapMs).toBeLessThan(4_000);
    }
    await client.send(new DeleteHsmCommand({ ClusterId: clusterId, HsmId: hsmId }));
    await hsmsActive(client, clusterId, 0);
    const { length } = await rows(edge, { clusterIds: [clusterId] });
    await sleep(1_000);
    expect(await rows(edge, { clusterIds: [clusterId] })).toHaveLength(length);
  });

  it("is made after a restart that missed its time", async (test) => {
    const { start, folder } = stageOf(test);
    const persist = await folder();
    const edge = await start({ backupIntervalMs: 2_500 }, { persist });
    const { clusterId } = await activeCluster(edge, await cloudHsm(edge));
    await edge.stop();
    const stoppedAtMs = Date.now();
    await sleep(2_500);
    const again = await start({ backupIntervalMs: 2_500 }, { persist });
    await until(
      () => rows(again, { clusterIds: [clusterId], states: ["READY"] }),
      (ready) => ready.some(({ CreateTimestamp }) => 1_000 * CreateTimestamp > stoppedAtMs),
      PROMPT_MS,
    );
  });
});

describe.concurrent("a transition that a restart interrupts", () => {
  it("is completed afterwards", async (test) => {
    const { start, folder } = stageOf(test);
    const persist = await folder();
    const edge = await start({ transitionMs: 5_000 }, { persist });
    const first = await cloudHsm(edge);
    const clusterId = await createCluster(first);
    expect((await describeCluster(first, clusterId)).State).toBe("CREATE_IN_PROGRESS");
    await edge.stop();
    const again = await start({ transitionMs: 5_000 }, { persist });
    const client: CloudHSMV2Client = await cloudHsm(again);
    expect((await clusterInState(client, clusterId, "UNINITIALIZED")).ClusterId).toBe(clusterId);
  });
});

describe.concurrent("a task that dies with its process", () => {
  it("is taken up again, and does no more than is left of it", async (test) => {
    const { start, folder } = stageOf(test);
    const persist = await folder();
    const begun = await start({}, { persist, bindings: { PAUSE_AT: "region_backup_begun" } });
    const client = await cloudHsm(begun);
    const { clusterId } = await initializedCluster(client);
    await (await regionObject(begun)).noteActivated(clusterId);
    const inProgress = await until(
      () => rows(begun, { clusterIds: [clusterId] }),
      (backups) => backups.length === 1,
    );
    await sleep(300);
    expect(await rows(begun, { clusterIds: [clusterId] })).toEqual(inProgress);
    expect(await objectKeys(begun, clusterId)).toEqual([]);
    await begun.stop();

    const made = await start({}, { persist, bindings: { PAUSE_AT: "region_backup_ready" } });
    const ready = [{ ...inProgress[0], BackupState: "READY" }];
    await until(
      () => rows(made, { clusterIds: [clusterId] }),
      (backups) => backups[0]?.BackupState !== "CREATE_IN_PROGRESS",
      PROMPT_MS,
    );
    expect(await rows(made, { clusterIds: [clusterId] })).toEqual(ready);
    const keys = await objectKeys(made, clusterId);
    expect(keys).toHaveLength(2);
    await sleep(300);
    await made.stop();

    const again = await start({}, { persist });
    await (await regionObject(again)).backUpNow(clusterId);
    const backups = await backupsReady(await cloudHsm(again), clusterId, 2);
    expect(backups).toHaveLength(2);
    expect(await rows(again, { backupIds: [ready[0]?.BackupId ?? ""] })).toEqual(ready);
    expect(await objectKeys(again, clusterId)).toEqual(expect.arrayContaining(keys));
    expect(await objectKeys(again, clusterId)).toHaveLength(4);
  });
});

describe.concurrent("a deleted backup", () => {
  let edge: Edge;
  beforeAll(async () => {
    edge = await startEdge(withSchedule({ undeleteMs: 2_000 }));
  });
  afterAll(() => edge.stop());

  it("is gone when its time has come: the row DELETED, its objects removed, no way back", async () => {
    const client = await cloudHsm(edge);
    const { clusterId, backupId } = await activeCluster(edge, client);
    expect(await objectKeys(edge, clusterId)).toHaveLength(2);
    await client.send(new DeleteBackupCommand({ BackupId: backupId }));
    await until(
      () => rows(edge, { states: ["DELETED"], clusterIds: [clusterId] }),
      (deleted) => deleted.length === 1,
    );
    await until(
      () => objectKeys(edge, clusterId),
      (keys) => keys.length === 0,
    );
    const restore = new RestoreBackupCommand({ BackupId: backupId });
    expect((await refusal(client.send(restore))).message).toContain("in state DELETED");
    expect(await rows(edge, { clusterIds: [clusterId] })).toEqual([]);
  });

  it("that is restored in time stays", async () => {
    const client = await cloudHsm(edge);
    const { clusterId, backupId } = await activeCluster(edge, client);
    await client.send(new DeleteBackupCommand({ BackupId: backupId }));
    await client.send(new RestoreBackupCommand({ BackupId: backupId }));
    await sleep(2_500);
    expect(await rows(edge, { states: ["READY"], clusterIds: [clusterId] })).toHaveLength(1);
    expect(await objectKeys(edge, clusterId)).toHaveLength(2);
  });
});

describe.concurrent("what the region does by itself", () => {
  let edge: Edge;
  beforeAll(async () => {
    edge = await startEdge(withSchedule({ retentionDayMs: 250, sweepMs: 300, sweepGraceMs: 0 }));
  });
  afterAll(() => edge.stop());

  it("marks what is too old, but neither the last backup nor one that never expires", async () => {
    const client = await cloudHsm(edge);
    const policy = { BackupRetentionPolicy: { Type: "DAYS", Value: "7" } } as const;
    const { clusterId, backupId: exempt } = await activeCluster(edge, client, policy);
    const attributes = { BackupId: exempt, NeverExpires: true };
    await client.send(new ModifyBackupAttributesCommand(attributes));
    const region = await regionObject(edge);
    for (const count of [2, 3]) {
      await region.backUpNow(clusterId);
      await until(
        () => rows(edge, { clusterIds: [clusterId] }),
        (all) => all.length === count && all.every((row) => row.BackupState !== IN_PROGRESS),
      );
    }
    const [newest, middle] = await rows(edge, { clusterIds: [clusterId] });
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

  it("removes objects that no row names, and no others", async () => {
    const { clusterId, backupId } = await activeCluster(edge, await cloudHsm(edge));
    const kept = (await objectKeys(edge, clusterId)).sort();
    expect(kept).toHaveLength(2);
    const bucket = await edge.mf.getR2Bucket("BACKUPS_US_EAST_1", WORKER_NAME);
    const stranger = "cluster-aaaaaaaaaaa";
    const strangers = `clusters/${stranger}/backups/backup-aaaaaaaaaaa/body-00`;
    await bucket.put(strangers, "of another account");
    await bucket.put(`clusters/${clusterId}/backups/${backupId}/body-00ff`, "an abandoned attempt");
    await bucket.put(`clusters/${clusterId}/backups/backup-aaaaaaaaaaa/body-00`, "of no row");
    await until(
      () => objectKeys(edge, clusterId),
      (now) => now.length <= kept.length,
    );
    await sleep(500);
    expect((await objectKeys(edge, clusterId)).sort()).toEqual(kept);
    expect(await objectKeys(edge, stranger)).toEqual([strangers]);
  });
});

describe.concurrent("a backup that cannot be made", () => {
  it("is tried again, then recorded as failed, and the removal that waited for it is called off", async (test) => {
    const { start, folder } = stageOf(test);
    const persist = await folder();
    const edge = await start({}, { persist });
    const { clusterId, hsmId } = await activeCluster(edge, await cloudHsm(edge));
    await edge.stop();

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
    await again.stop();

    const cured = await start({}, { persist });
    const cure = await cloudHsm(cured);
    await cure.send(new DeleteHsmCommand({ ClusterId: clusterId, HsmId: hsmId }));
    await hsmsActive(cure, clusterId, 0);
    expect(await rows(cured, { states: ["READY"] })).toHaveLength(2);
  });
});
