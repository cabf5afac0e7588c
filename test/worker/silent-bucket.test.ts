/**
 * A bucket that does not answer: who makes or opens a backup ends by a time-out and says so, and
 * what waits behind it goes on.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { rawCall, regionObject, SUBNET, until } from "../lib/aws.ts";
import { bucketOf } from "../lib/bucket.ts";
import { type Edge, QUICK_SCHEDULE } from "../lib/mf.ts";
import { backUp, ok, rest, restFetch, type ServingCluster } from "../lib/rest.ts";
import { servingEdge } from "../lib/serving-edge.ts";
import { type WrappedBundle, wrappedBundle } from "./wrapped-bundle.ts";

/**
 * The worker as built, with a bucket that goes silent at one place: `untaken`, `unanswered` and
 * `envelope` when it is put to; `get`, `pause` (after the first piece) and `middle` (in it) when it is read; `head`, `list` and
 * `delete` when it is asked that.
 */
const ENTRY = `
import worker, * as built from "./built.js";
let silentAt = "";
let times = 0;
async function pass(place) {
  if (silentAt !== place) return;
  times += 1;
  while (silentAt === place) await scheduler.wait(5);
}
function paused(body) {
  let first = true;
  const wait = new TransformStream({
    async transform(chunk, controller) {
      if (!first) await pass("pause");
      first = false;
      controller.enqueue(chunk.subarray(0, 16));
      await pass("middle");
      controller.enqueue(chunk.subarray(16));
      await pass("pause");
    },
  });
  return body.pipeThrough(wait);
}
const methods = (bucket) => ({
  async head(key) {
    await pass("head");
    return bucket.head(key);
  },
  async list(options) {
    await pass("list");
    return bucket.list(options);
  },
  async delete(keys) {
    await pass("delete");
    return bucket.delete(keys);
  },
  async put(key, value, options) {
    await pass(key.includes("/envelope-") ? "envelope" : "untaken");
    const object = await bucket.put(key, value, options);
    if (key.includes("/body-")) await pass("unanswered");
    return object;
  },
  async get(key, options) {
    await pass("get");
    const object = await bucket.get(key, options);
    if (!["pause", "middle"].includes(silentAt) || !object?.body || !key.includes("/body-")) return object;
    return { body: paused(object.body), size: object.size, etag: object.etag };
  },
});
function moody(bucket) {
  const own = methods(bucket);
  return new Proxy(bucket, {
    get: (target, name) =>
      own[name] ?? (typeof target[name] === "function" ? target[name].bind(target) : target[name]),
  });
}
const moodyEnv = (env) => ({ ...env, BACKUPS_US_EAST_1: moody(env.BACKUPS_US_EAST_1) });
export class Hsm extends built.Hsm {
  constructor(ctx, env) {
    super(ctx, moodyEnv(env));
  }
}
export class Reader extends built.Reader {
  constructor(ctx, env) {
    super(ctx, moodyEnv(env));
  }
}
export class Region extends built.Region {
  constructor(ctx, env) {
    super(ctx, moodyEnv(env));
  }
  async query(text, ...values) {
    return JSON.stringify(this.ctx.storage.sql.exec(text, ...values).toArray());
  }
  async begin(task, subject, clusterId) {
    const query = "INSERT OR REPLACE INTO due (task, subject, clusterId, dueAtMs) VALUES (?, ?, ?, 0)";
    this.ctx.storage.sql.exec(query, task, subject, clusterId);
    await this.ctx.storage.setAlarm(Date.now() + 1);
  }
  async silence(place) {
    silentAt = place;
    times = 0;
  }
  async timesSilent() {
    return times;
  }
}
export class Registry extends built.Registry {}
// Downloads are read where the request is.
export default { ...worker, fetch: (request, env, ctx) => worker.fetch(request, moodyEnv(env), ctx) };
`;

const ASKED = ["head", "list", "delete"] as const;

type Place =
  | "untaken"
  | "unanswered"
  | "envelope"
  | "get"
  | "pause"
  | "middle"
  | (typeof ASKED)[number]
  | "";

interface Silencer {
  silence(place: Place): Promise<void>;
  /** How often the bucket has been asked since, and did not answer. */
  timesSilent(): Promise<number>;
  /** Has the task run now. */
  begin(task: string, subject: string, clusterId: string): Promise<void>;
  query(text: string, ...values: (string | number)[]): Promise<string>;
}

let bundle: WrappedBundle;
let edge: Edge;
let cluster: ServingCluster;

beforeAll(async () => {
  bundle = await wrappedBundle(ENTRY);
  const SCHEDULE = JSON.stringify({ ...QUICK_SCHEDULE, putMs: 1_000, readMs: 1_000 });
  ({ edge, cluster } = await servingEdge({ bundle: bundle.folder, bindings: { SCHEDULE } }));
}, 60_000);
afterAll(async () => {
  await edge.stop();
  await bundle.remove();
});

async function bucketIs(place: Place): Promise<Silencer> {
  const silencer = await regionObject<Silencer>(edge);
  await silencer.silence(place);
  return silencer;
}

async function beginBackup(): Promise<string> {
  const { status, body } = await rest(edge, "POST", `${cluster.path}/backups`, {});
  expect(status).toBe(202);
  return body.backupId;
}

function ended(backupId: string) {
  const view = () => ok(edge, "GET", `/v1/backups/${backupId}`);
  return until(view, ({ state }) => state !== "CREATE_IN_PROGRESS", 60_000);
}

function verify(backupId: string) {
  return rest(edge, "POST", `/v1/backups/${backupId}/verify`, {});
}

describe("a backup that is put into a bucket that does not answer", () => {
  it.each([
    ["takes nothing of the body", "untaken"],
    ["takes the body and does not say so", "unanswered"],
    ["does not take the envelope", "envelope"],
  ] as const)(
    "is tried again, and READY when it does: one that %s",
    async (_, place) => {
      const silencer = await bucketIs(place);
      const backupId = await beginBackup();
      // The second attempt begins when the first one has come to an end.
      await until(
        () => silencer.timesSilent(),
        (times) => times >= 2,
        30_000,
      );
      await bucketIs("");
      expect(await ended(backupId)).toMatchObject({ state: "READY", failure: null });
      expect((await verify(backupId)).status).toBe(200);
    },
    90_000,
  );

  it("fails with the reason after the last attempt; then another one is made", async () => {
    await bucketIs("envelope");
    const failed = await ended(await beginBackup());
    expect(failed).toMatchObject({
      state: "DELETED",
      failure: expect.stringContaining("bucket has not answered"),
    });
    await bucketIs("");
    const { backupId } = await backUp(edge, cluster);
    expect((await verify(backupId)).status).toBe(200);
  }, 90_000);
});

describe("readers of a bucket that does not answer", () => {
  it.each([
    ["at all", "get"],
    ["after the first bytes", "pause"],
  ] as const)(
    "give all places back, and open what is asked for then: %s",
    async (_, place) => {
      const { backupId } = await backUp(edge, cluster);
      await bucketIs(place);
      // More than there are places, so that some wait behind those that hang.
      const answers = await Promise.all(Array.from({ length: 6 }, () => verify(backupId)));
      const told = answers.map(({ status, body }) => [status, body.error.code]);
      expect(told).toEqual(Array(6).fill([503, "bucket_silent"]));
      await bucketIs("");
      const after = await until(
        () => verify(backupId),
        ({ status }) => status === 200,
      );
      expect(after.body.records).toBeGreaterThan(0);
    },
    60_000,
  );

  it("make CreateCluster fail as a failure of the service", async () => {
    const { backupId } = await backUp(edge, cluster);
    await bucketIs("get");
    const { body } = await rawCall(edge, "CreateCluster", {
      Mode: "FIPS",
      HsmType: "hsm2m.medium",
      SubnetIds: [SUBNET],
      SourceBackupId: backupId,
    });
    expect(body.__type).toBe("CloudHsmInternalFailureException");
    expect(body.message ?? body.Message).toContain("bucket has not answered");
    await bucketIs("");
  }, 60_000);
});

describe("a task that asks a bucket which does not answer", () => {
  const tasks = { head: "backup_check", list: "sweep", delete: "backup_delete" };

  it.each(ASKED)(
    "comes to an end, so that the cluster is not busy for good, and is done when it does: %s",
    async (place) => {
      const { clusterId } = cluster;
      const { backupId } = await backUp(edge, cluster);
      const region = await regionObject<Silencer>(edge);
      await region.query("UPDATE backups SET checkedAtMs = 0");
      if (place === "delete") {
        const ended = "UPDATE backups SET state = 'DELETED' WHERE backupId = ?";
        await region.query(ended, backupId);
      }
      await bucketIs(place);
      const subject = place === "delete" ? backupId : clusterId;
      await region.begin(tasks[place], subject, clusterId);
      // Its second attempt: the first one has come to an end.
      const beforeSecond = place === "head" ? 3 : 2;
      await until(
        () => region.timesSilent(),
        (times) => times >= beforeSecond,
        60_000,
      );
      // What is due for the same cluster beside it is done.
      const other = await backUp(edge, cluster);
      expect(other.state).toBe("READY");
      await bucketIs("");
      const failing = "SELECT attempts FROM due WHERE task = ? AND subject = ? AND attempts > 0";
      await until(
        () => region.query(failing, tasks[place], subject),
        (rows) => rows === "[]",
        60_000,
      );
      if (place !== "delete") expect((await verify(backupId)).status).toBe(200);
      else
        expect((await (await bucketOf(edge)).list({ prefix: keysOf(backupId) })).objects).toEqual(
          [],
        );
    },
    180_000,
  );

  function keysOf(backupId: string): string {
    return `clusters/${cluster.clusterId}/backups/${backupId}/`;
  }
});

describe("whoever asks for a backup", () => {
  it("hears that the bucket does not answer when it is looked at", async () => {
    const { backupId } = await backUp(edge, cluster);
    await bucketIs("head");
    const path = `/v1/backups/${backupId}`;
    for (const [method, verb] of [
      ["POST", "verify"],
      ["GET", "inspect"],
      ["GET", "download"],
    ] as const) {
      const { status, body } = await rest(edge, method, `${path}/${verb}`);
      expect([status, body.error.code]).toEqual([503, "bucket_silent"]);
    }
    await bucketIs("");
    expect((await ok(edge, "GET", path)).damage).toBeNull();
  }, 60_000);

  it("is not left waiting in the middle of a download", async () => {
    const { backupId } = await backUp(edge, cluster);
    await bucketIs("middle");
    const response = await restFetch(edge, "GET", `/v1/backups/${backupId}/download`);
    expect(response.status).toBe(200);
    await expect(response.arrayBuffer()).rejects.toThrow();
    await bucketIs("");
  }, 60_000);
});
