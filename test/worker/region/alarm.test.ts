/**
 * A region's one alarm: lost by the platform and set again by the cron trigger; due again while it runs.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { WORKER_NAME } from "../../../scripts/edge/embedded.ts";
import {
  cloudHsm,
  clusterInState,
  createCluster,
  describeCluster,
  regionObject,
  until,
} from "../../lib/aws.ts";
import { type Edge, QUICK_SCHEDULE, startEdge } from "../../lib/mf.ts";
import { type WrappedBundle, wrappedBundle } from "../wrapped-bundle.ts";

const REGIONS = ["us-east-1", "eu-west-1"] as const;
const HOUR_MS = 3_600_000;
/** Later than what the watchdog takes for a lost alarm, and sooner. */
const LOST_MS = 90_000;
const LATE_MS = 30_000;

/** The worker as built, with a region whose tasks and alarm a test moves. */
const ENTRY = `
import worker, { Hsm, Reader, Region as Built, Registry } from "./built.js";
export class Region extends Built {
  async loseAlarm(byMs) {
    this.ctx.storage.sql.exec("UPDATE due SET dueAtMs = ?", Date.now() - byMs);
    await this.ctx.storage.deleteAlarm();
  }
  // Tasks that no version does: the region drops them, a slice at a time.
  async addTasks(atMs, count) {
    for (let i = 0; i < count; i++) {
      this.ctx.storage.sql.exec(
        "INSERT INTO due (task, subject, clusterId, dueAtMs) VALUES ('none', ?, ?, ?)",
        String(i), String(i), atMs);
    }
    await this.ctx.storage.setAlarm(atMs);
  }
  async tasksLeft() {
    return this.ctx.storage.sql.exec("SELECT count(*) AS n FROM due WHERE task = 'none'").one().n;
  }
  async alarmAtMs() {
    return await this.ctx.storage.getAlarm();
  }
}
export { Hsm, Reader, Registry };
export default worker;
`;

interface MovedRegion {
  loseAlarm(byMs: number): Promise<void>;
  addTasks(atMs: number, count: number): Promise<void>;
  tasksLeft(): Promise<number>;
  alarmAtMs(): Promise<number | null>;
}

let bundle: WrappedBundle;
let edge: Edge;
beforeAll(async () => {
  bundle = await wrappedBundle(ENTRY);
  const SCHEDULE = JSON.stringify({ ...QUICK_SCHEDULE, transitionMs: HOUR_MS });
  edge = await startEdge({ bundle: bundle.folder, bindings: { SCHEDULE } });
});
afterAll(async () => {
  await edge.stop();
  await bundle.remove();
});

/** A cluster in each region that is still being made, its region's alarm lost. */
async function clustersLeftAlone(byMs: number) {
  return await Promise.all(
    REGIONS.map(async (region) => {
      const client = await cloudHsm(edge, { region });
      const clusterId = await createCluster(client);
      const object = await regionObject<MovedRegion>(edge, region);
      await object.loseAlarm(byMs);
      return { client, clusterId, object };
    }),
  );
}

async function cron(): Promise<string> {
  const worker = await edge.mf.getWorker(WORKER_NAME);
  return (await worker.scheduled({ cron: "*/10 * * * *" })).outcome;
}

describe("the watchdog", () => {
  it("leaves alone what is late by less than a minute: its alarm is on the way", async () => {
    const clusters = await clustersLeftAlone(LATE_MS);
    expect(await cron()).toBe("ok");
    for (const { client, clusterId, object } of clusters) {
      expect(await object.alarmAtMs()).toBeNull();
      expect((await describeCluster(client, clusterId)).State).toBe("CREATE_IN_PROGRESS");
    }
  });

  it("answers the cron trigger for every region in use", async () => {
    const clusters = await clustersLeftAlone(LOST_MS);
    for (const { object } of clusters) expect(await object.alarmAtMs()).toBeNull();
    expect(await cron()).toBe("ok");
    for (const { client, clusterId } of clusters) {
      await clusterInState(client, clusterId, "UNINITIALIZED");
    }
  });
});

describe("an alarm that runs", () => {
  it("is not forgotten where more is due in the very millisecond that it runs in", async () => {
    const region = await regionObject<MovedRegion>(edge);
    // Only some alarms run as soon as that: of five hundred, one at the least. After each slice the rest
    // is due when the alarm that runs was.
    for (let round = 0; round < 10; round++) {
      await region.addTasks(Date.now() + 5, 200);
      await until(
        () => region.tasksLeft(),
        (left) => left === 0,
      );
    }
  });
});
