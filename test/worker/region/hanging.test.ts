/**
 * One that hangs: an HSM, the bucket or a region that does not answer holds up no other.
 */
import { CreateHsmCommand, DeleteBackupCommand } from "@aws-sdk/client-cloudhsm-v2";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { WORKER_NAME } from "../../../scripts/edge/embedded.ts";
import {
  ACCOUNT,
  activeCluster,
  cloudHsm,
  clusterInState,
  createCluster,
  describeCluster,
  hsmsActive,
  REGION,
  until,
  ZONE,
} from "../../lib/aws.ts";
import { objectKey, writeObject } from "../../lib/bucket.ts";
import { type Edge, QUICK_SCHEDULE, startEdge } from "../../lib/mf.ts";
import { backUp, rest } from "../../lib/rest.ts";
import { type WrappedBundle, wrappedBundle } from "../wrapped-bundle.ts";
import { MOVABLE_ENTRY, MovableRegion } from "./movable-region.ts";

/** Of an alarm that has nothing to do for the next half minute, at most. */
const FEW_ALARMS = 3;
const DAY_MS = 86_400_000;
const OTHER_REGION = "eu-west-1";

let bundle: WrappedBundle;
let edge: Edge;
let region: MovableRegion;

beforeAll(async () => {
  bundle = await wrappedBundle(MOVABLE_ENTRY);
  const SCHEDULE = JSON.stringify({ ...QUICK_SCHEDULE, taskMs: 300, sweepGraceMs: 0 });
  edge = await startEdge({ bundle: bundle.folder, bindings: { SCHEDULE } });
  region = new MovableRegion(edge);
});
afterAll(async () => {
  await edge.stop();
  await bundle.remove();
});
afterEach(() =>
  region.control({ aheadMs: 0, silentClusters: [], silentHeads: -1, silentRegions: [] }),
);

/** A cluster that an HSM can be added to. */
async function emptyCluster(): Promise<string> {
  const client = await cloudHsm(edge);
  const clusterId = await createCluster(client);
  await clusterInState(client, clusterId, "UNINITIALIZED");
  return clusterId;
}

async function addHsmTo(clusterId: string): Promise<void> {
  const client = await cloudHsm(edge);
  await client.send(new CreateHsmCommand({ ClusterId: clusterId, AvailabilityZone: ZONE }));
}

describe("HSMs that do not answer", () => {
  it("hold up no other cluster of their region, though there are more of them than a slice has tasks", async () => {
    const client = await cloudHsm(edge);
    const silentClusters = await Promise.all([1, 2, 3, 4, 5].map(() => emptyCluster()));
    await region.control({ silentClusters });
    for (const clusterId of silentClusters) await addHsmTo(clusterId);
    await until(
      () => region.events(),
      (events) => events.filter(({ event }) => event === "task_hangs").length === 5,
      30_000,
    );
    // Everything that a cluster goes through, its backup too.
    const { clusterId: served } = await activeCluster(edge, client);
    expect((await describeCluster(client, served)).StateMessage).toBe("");

    const [hanging = ""] = silentClusters;
    const { Hsms, StateMessage } = await describeCluster(client, hanging);
    expect(Hsms?.[0]?.State).toBe("CREATE_IN_PROGRESS");
    expect(StateMessage).toContain(`hsm_create of '${Hsms?.[0]?.HsmId}'`);
    // The alarm does not run in circles about what it may not begin, lease or no lease.
    await region.query("UPDATE due SET dueAtMs = 0 WHERE leased = 1");
    const object = await region.object();
    await object.wake();
    const before = await object.alarms();
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    expect((await object.alarms()) - before).toBeLessThanOrEqual(FEW_ALARMS);
    // Once each. (Where the machine is slow, another cluster's task may take long enough to be told, too.)
    const events = (await region.events()).filter(({ event }) => event === "task_hangs");
    const told = events.map(({ clusterId }) => String(clusterId)).sort();
    expect(told.filter((id) => silentClusters.includes(id))).toEqual(silentClusters.toSorted());

    await region.control({ silentClusters: [] });
    for (const clusterId of silentClusters) {
      await hsmsActive(client, clusterId, 1);
      expect((await describeCluster(client, clusterId)).StateMessage).toBe("");
    }
  });

  it("hold up what else is due for their own cluster, and are asked once", async () => {
    const clusterId = await emptyCluster();
    await region.control({ silentClusters: [clusterId] });
    await addHsmTo(clusterId);
    const leased = "SELECT task FROM due WHERE leased <> 0 AND clusterId = ?";
    await until(
      () => region.query(leased, clusterId),
      (rows) => rows.length === 1,
    );
    await region.begin("sweep", clusterId);
    await until(
      () => region.events(),
      (events) => events.some((event) => event["clusterId"] === clusterId),
    );
    expect(await region.query(leased, clusterId)).toEqual([{ task: "hsm_create" }]);
    const overdue = "SELECT task FROM due WHERE dueAtMs = 0 AND clusterId = ?";
    expect(await region.query(overdue, clusterId)).toEqual([{ task: "sweep" }]);
    await region.control({ silentClusters: [] });
    await region.idle();
    expect(await region.query(overdue, clusterId)).toEqual([]);
    await hsmsActive(await cloudHsm(edge), clusterId, 1);
  });
});

describe("a task", () => {
  it("that is scheduled anew while it runs beyond its lease runs once more", async () => {
    const { clusterId } = await activeCluster(edge, await cloudHsm(edge));
    const backup = await backUp(edge, { path: `/v1/clusters/${clusterId}` });
    await backUp(edge, { path: `/v1/clusters/${clusterId}` });
    await region.query("UPDATE backups SET createdAtMs = createdAtMs - ?", 200 * DAY_MS);
    // The purge asks the bucket for two objects, and waits for both.
    await region.control({ silentHeads: 2 });
    await region.begin("retention", clusterId);
    const task = "SELECT leased FROM due WHERE task = 'retention' AND subject = ?";
    await until(
      () => region.query(task, clusterId),
      ([row]) => (row as { leased?: number } | undefined)?.leased === 1,
    );
    await until(
      () => region.events(),
      (events) => events.some((event) => event["subject"] === clusterId),
    );
    // A minute later somebody finds a damaged backup, which the purge must hear of.
    await region.control({ aheadMs: 60_000 });
    await writeObject(edge, await objectKey(edge, backup, "body"), null);
    const answer = await rest(edge, "POST", `/v1/backups/${backup.backupId}/verify`);
    expect(answer.status).toBe(409);
    await region.control({ aheadMs: 0, silentHeads: -1 });
    await until(
      () => region.query(task, clusterId),
      ([row]) => (row as { leased?: number } | undefined)?.leased !== 2,
    );
    expect(await region.query(task, clusterId)).toEqual([{ leased: 0 }]);
  });

  it("that a wrong clock put off is brought back by the watchdog", async () => {
    const client = await cloudHsm(edge);
    const { clusterId, backupId } = await activeCluster(edge, client);
    const years = Date.now() + 400 * DAY_MS;
    await region.query(
      "UPDATE clusters SET lastBackupAtMs = ? WHERE clusterId = ?",
      years,
      clusterId,
    );
    await client.send(new DeleteBackupCommand({ BackupId: backupId }));
    await region.query("UPDATE due SET dueAtMs = ? WHERE clusterId = ?", years, clusterId);
    const worker = await edge.mf.getWorker(WORKER_NAME);
    expect((await worker.scheduled({ cron: "*/10 * * * *" })).outcome).toBe("ok");
    const rows = await region.query<{ task: string; dueAtMs: number }>(
      "SELECT task, dueAtMs FROM due WHERE clusterId = ?",
      clusterId,
    );
    const late = rows.filter(({ dueAtMs }) => dueAtMs > Date.now() + DAY_MS);
    // A date that somebody chose stays what it is.
    expect(late.map(({ task }) => task)).toEqual(["backup_delete"]);
    await region.run("backup_daily", clusterId);
    const ready = "SELECT trigger FROM backups WHERE clusterId = ? AND state = 'READY'";
    expect(await region.query(ready, clusterId)).toEqual([{ trigger: "daily" }]);
  });
});

describe("HSMs", () => {
  it("come in the order in which they were created, whatever a wrong clock dated them", async () => {
    const client = await cloudHsm(edge);
    const { clusterId, hsmId } = await activeCluster(edge, client);
    await addHsmTo(clusterId);
    await hsmsActive(client, clusterId, 2);
    const ahead = Date.now() + 400 * DAY_MS;
    await region.query("UPDATE hsms SET createdAtMs = ? WHERE hsmId = ?", ahead, hsmId);
    const { Hsms } = await describeCluster(client, clusterId);
    expect(Hsms?.[0]?.HsmId).toBe(hsmId);
  });
});

describe("the watchdog", () => {
  it.each(["brokenRegions", "silentRegions"] as const)("wakes the others of %s", async (ill) => {
    const regions = [new MovableRegion(edge, OTHER_REGION), region];
    for (const each of regions) {
      const name = each === region ? REGION : OTHER_REGION;
      await createCluster(await cloudHsm(edge, { region: name }));
      await each.idle();
      await each.query("UPDATE due SET dueAtMs = ?", Date.now() - 90_000);
      await (await each.object()).loseAlarm();
    }
    const name = `${ACCOUNT}/${OTHER_REGION}`;
    await region.control({ [ill]: [name] });
    const worker = await edge.mf.getWorker(WORKER_NAME);
    const watch = worker.scheduled({ cron: "*/10 * * * *" });
    await region.idle();
    expect(await (await (regions[0] ?? region).object()).alarmAtMs()).toBeNull();
    expect((await watch).outcome).toBe("exception");
    expect(await region.events()).toContainEqual({
      event: "regions_unwatched",
      level: "alarm",
      unwatched: [name],
    });
    await region.control({ [ill]: [] });
    expect((await worker.scheduled({ cron: "*/10 * * * *" })).outcome).toBe("ok");
    await (regions[0] ?? region).idle();
  });
});

describe("the sweep", () => {
  it("comes to the objects beyond its first ones, and begins anew behind the last", async () => {
    const client = await cloudHsm(edge);
    const { clusterId } = await activeCluster(edge, client);
    const path = `/v1/clusters/${clusterId}`;
    for (let count = 2; count <= 6; count++) await backUp(edge, { path });
    // Ten pages of one object: a run sees ten, and there are twelve that are kept.
    await region.control({ listLimit: 1 });
    const prefix = `clusters/${clusterId}/backups`;
    const orphans = ["backup-zzzzzzzzzzz", "backup-22222222222"].map(
      (id) => `${prefix}/${id}/body-00`,
    );
    const bucket = await edge.mf.getR2Bucket("BACKUPS_US_EAST_1", WORKER_NAME);
    const left = async () => {
      const keys = (await bucket.list({ prefix })).objects.map(({ key }) => key);
      return [keys.length, orphans.map((key) => keys.includes(key))];
    };
    for (const key of orphans) await bucket.put(key, "of no row");
    const seen: unknown[] = [];
    for (let run = 0; run < 2; run++) {
      await region.run("sweep", clusterId);
      seen.push(await left());
    }
    await bucket.put(orphans[1] ?? "", "of no row");
    await region.run("sweep", clusterId);
    seen.push(await left());
    expect(seen).toEqual([
      [13, [true, false]],
      [12, [false, false]],
      [12, [false, false]],
    ]);
    await region.control({ listLimit: null });
  });
});
