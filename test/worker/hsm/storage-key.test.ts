/**
 * Memory that does not open: under a wrong storage key nothing is touched, anywhere; a changed row takes its
 * HSM out of service, and nothing but CreateHsm fills one. What the messages advise can be done.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CreateHsmCommand, DeleteHsmCommand } from "@aws-sdk/client-cloudhsm-v2";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { WORKER_NAME } from "../../../scripts/edge/embedded.ts";
import {
  ACCOUNT,
  cloudHsm,
  describeCluster,
  hsmsActive,
  REGION,
  regionObject,
  until,
  ZONE,
} from "../../lib/aws.ts";
import { type Edge, startEdge } from "../../lib/mf.ts";
import {
  ALICE_PASSWORD,
  addHsm,
  backUp,
  login,
  ok,
  rest,
  type ServingCluster,
} from "../../lib/rest.ts";
import { servingEdge } from "../../lib/serving-edge.ts";
import { type WrappedBundle, wrappedBundle } from "../wrapped-bundle.ts";

/** The worker as built, with objects that show all their rows and let a test change them. */
const ENTRY = `
import worker, * as built from "./built.js";
const hex = (bytes) => [...new Uint8Array(bytes)].map((b) => b.toString(16).padStart(2, "0")).join("");
function run(ctx, text) {
  const rows = ctx.storage.sql.exec(text).toArray();
  return JSON.stringify(rows, (_, value) => (value instanceof ArrayBuffer ? hex(value) : value));
}
function dump(ctx) {
  const tables = ctx.storage.sql.exec(
    "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '\\\\_cf%' ESCAPE '\\\\'");
  const rows = tables.toArray().map(({ name }) => [name, JSON.parse(run(ctx, "SELECT * FROM " + name))]);
  return JSON.stringify(Object.fromEntries(rows));
}
export class Hsm extends built.Hsm {
  async run(text) { return run(this.ctx, text); }
  async dump() { return dump(this.ctx); }
}
export class Region extends built.Region {
  async run(text) { return run(this.ctx, text); }
  async dump() { return dump(this.ctx); }
  async wake() { await this.ctx.storage.setAlarm(Date.now() + 1); }
}
export const { Reader, Registry } = built;
export default worker;
`;

interface Shown {
  run(text: string): Promise<string>;
  dump(): Promise<string>;
  wake(): Promise<void>;
}

const WRONG = { STORAGE_KEY: Buffer.alloc(32, 7).toString("base64") };

let bundle: WrappedBundle;
let persist: string;
let edge: Edge;
let cluster: ServingCluster;
let region: Shown;

beforeAll(async () => {
  bundle = await wrappedBundle(ENTRY);
  persist = await mkdtemp(join(tmpdir(), "holdfast-storage-key-"));
  ({ edge, cluster } = await servingEdge({ persist, bundle: bundle.folder }, "paired"));
  region = await regionObject<Shown>(edge);
  await generateKey("before");
}, 120_000);
afterAll(async () => {
  await edge.stop();
  await rm(persist, { recursive: true });
  await bundle.remove();
});

async function restart(bindings: Record<string, string>): Promise<void> {
  await edge.stop();
  edge = await startEdge({ persist, bundle: bundle.folder, bindings });
  region = await regionObject<Shown>(edge);
  cluster = { ...cluster, client: await cloudHsm(edge) };
}

async function hsmObject(hsmId: string): Promise<Shown> {
  const namespace = await edge.mf.getDurableObjectNamespace("HSM", WORKER_NAME);
  const id = namespace.idFromName(`${ACCOUNT}/${REGION}/${hsmId}`);
  return namespace.get(id) as unknown as Shown;
}

async function hsms() {
  return (await describeCluster(cluster.client, cluster.clusterId)).Hsms ?? [];
}

async function hsmIds(): Promise<string[]> {
  return (await hsms()).map(({ HsmId = "" }) => HsmId);
}

async function deleteHsm(HsmId: string): Promise<void> {
  await cluster.client.send(new DeleteHsmCommand({ ClusterId: cluster.clusterId, HsmId }));
}

async function createHsm(): Promise<void> {
  const order = { ClusterId: cluster.clusterId, AvailabilityZone: ZONE };
  await cluster.client.send(new CreateHsmCommand(order));
}

function logIn(): Promise<string> {
  return until(
    () => login(edge, cluster.path, "alice", ALICE_PASSWORD).catch(() => ""),
    (token) => token !== "",
    30_000,
  );
}

async function generateKey(label: string): Promise<number> {
  const session = await logIn();
  const order = { type: "aes", sizeBits: 256, label, encrypt: true, decrypt: true };
  const made = await until(
    () => rest(edge, "POST", `${cluster.path}/keys:generate`, order, { session }),
    ({ status }) => status === 201,
    30_000,
  );
  return made.body.handle;
}

async function labels(): Promise<string[]> {
  const session = await logIn();
  const page = await ok(edge, "GET", `${cluster.path}/keys?limit=1000`, undefined, { session });
  return page.keys.map(({ label }: { label: string }) => label);
}

/** Columns that say when something was tried, looked at or told. */
const TRIED = ["orderNumber", "stateMessage", "checkedAtMs"];

/** Everything that the region and its HSMs keep, but for what says that somebody tried. */
async function kept(ids: readonly string[]) {
  const { clusters, hsms, backups, tags } = JSON.parse(await region.dump(), (name, value) =>
    TRIED.includes(name) ? undefined : value,
  );
  const memories: unknown[] = [];
  for (const id of ids) memories.push(JSON.parse(await (await hsmObject(id)).dump()));
  const bucket = await edge.mf.getR2Bucket("BACKUPS_US_EAST_1", WORKER_NAME);
  const { objects } = await bucket.list({ limit: 1000 });
  const names = objects.map(({ key }) => key);
  return { clusters, hsms, backups, tags, memories, names };
}

/** Has every task run that the region has, and waits until each has another time. */
async function runTasks(): Promise<void> {
  await region.run("UPDATE due SET dueAtMs = 0");
  await region.wake();
  await until(
    () => region.run("SELECT task FROM due WHERE dueAtMs = 0 OR leased <> 0"),
    (rows) => rows === "[]",
    30_000,
  );
}

/** Codes of what a client is told: 503 all of them. */
async function refusals(): Promise<string[]> {
  const { path } = cluster;
  const credentials = { username: "alice", password: ALICE_PASSWORD };
  const answers = [
    await rest(edge, "POST", `${path}/sessions`, credentials),
    await rest(edge, "GET", `${path}/keys`, undefined, { session: cluster.alice }),
    await rest(edge, "POST", `${path}/backups`, {}),
  ];
  expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 503));
  return answers.map(({ body }) => body.error.code);
}

describe("under another storage key", () => {
  it("no row and no object changes, whatever is asked and however often it is tried", async () => {
    const ids = await hsmIds();
    // A daily backup is long due, and so is telling each HSM its part.
    await region.run("UPDATE clusters SET lastBackupAtMs = 1");
    await region.run(
      `INSERT OR IGNORE INTO due (task, subject, clusterId, dueAtMs)
       SELECT 'cluster_serve', clusterId, clusterId, 9e15 FROM clusters`,
    );
    await region.run("UPDATE due SET dueAtMs = 9e15");
    await restart(WRONG);
    const before = await kept(ids);
    for (let i = 0; i < 7; i++) await runTasks();
    expect(new Set(await refusals())).toEqual(new Set(["storage_key_mismatch"]));
    expect(await kept(ids)).toEqual(before);
  }, 60_000);

  it("an HSM that is deleted keeps its rows, and goes as usual once the key is back", async () => {
    const [leader = "", peer = ""] = await hsmIds();
    const { memories } = await kept([leader]);
    await deleteHsm(leader);
    await createHsm();
    for (let i = 0; i < 7; i++) await runTasks();
    const rows = await hsms();
    expect(rows.map(({ State }) => State)).toEqual([
      "DELETE_IN_PROGRESS",
      "ACTIVE",
      "CREATE_IN_PROGRESS",
    ]);
    expect(rows[0]?.StateMessage).toContain("STORAGE_KEY");
    expect((await kept([leader])).memories).toEqual(memories);
    await restart({});
    await hsmsActive(cluster.client, cluster.clusterId, 2);
    expect(await hsmIds()).toContain(peer);
    expect(await hsmIds()).not.toContain(leader);
    expect(await labels()).toContain("before");
    await until(
      () => describeCluster(cluster.client, cluster.clusterId),
      ({ StateMessage }) => !StateMessage?.includes("STORAGE_KEY"),
      30_000,
    );
  }, 60_000);

  it("that is there for good, DeleteHsm and CreateHsm bring the cluster back, as it says", async () => {
    await generateKey("in the newest backup");
    await backUp(edge, cluster);
    await restart(WRONG);
    const { body } = await rest(edge, "GET", `${cluster.path}/keys`, undefined, {
      session: cluster.alice,
    });
    expect(body.error.message).toMatch(/STORAGE_KEY.*DeleteHsm, then CreateHsm/);
    for (const id of await hsmIds()) await deleteHsm(id);
    await createHsm();
    await until(hsms, (rows) => rows.length === 1 && rows[0]?.State === "ACTIVE", 30_000);
    expect(await labels()).toEqual(expect.arrayContaining(["before", "in the newest backup"]));
  }, 60_000);
});

describe("an HSM with a row that was changed", () => {
  /** Changes a secret beneath the HSM, and has a client meet it. */
  async function damage(hsmId: string): Promise<void> {
    const handle = await generateKey("to be changed");
    const session = await logIn();
    const changed = `UPDATE records SET wrapped = zeroblob(length(wrapped)) WHERE type = 5 AND id = ${handle}`;
    await (await hsmObject(hsmId)).run(changed);
    const order = { mechanism: "aes-gcm", plaintext: "AAAA" };
    const path = `${cluster.path}/keys/${handle}/encrypt`;
    const answer = await rest(edge, "POST", path, order, { session });
    expect([answer.status, answer.body.error.code]).toEqual([503, "hsm_memory_changed"]);
    expect(answer.body.error.message).toContain("DeleteHsm, then CreateHsm");
  }

  async function triggers(): Promise<string> {
    return await region.run('SELECT "trigger" FROM backups');
  }

  it("leaves service for another that serves, and is not filled again by itself", async () => {
    await addHsm(cluster.client, cluster.clusterId, 2);
    const [leader = "", peer = ""] = await hsmIds();
    await damage(leader);
    await generateKey("taken by the other");
    expect((await hsms()).map(({ State }) => State)).toEqual(["DEGRADED", "ACTIVE"]);
    const made = await triggers();
    for (let i = 0; i < 7; i++) await runTasks();
    expect((await hsms()).map(({ State }) => State)).toEqual(["DEGRADED", "ACTIVE"]);
    expect(await triggers()).toBe(made);
    await deleteHsm(leader);
    await until(hsmIds, (ids) => ids.length === 1, 30_000);
    expect(await hsmIds()).toEqual([peer]);
    expect(await labels()).toContain("taken by the other");
  }, 60_000);

  it("keeps its rows until the one that CreateHsm fills serves, where it was the only one", async () => {
    await backUp(edge, cluster);
    const [only = ""] = await hsmIds();
    await damage(only);
    await deleteHsm(only);
    for (let i = 0; i < 7; i++) await runTasks();
    const [row] = await hsms();
    expect(row?.State).toBe("DELETE_IN_PROGRESS");
    expect(JSON.parse(await (await hsmObject(only)).dump()).records).not.toEqual([]);
    await createHsm();
    await until(hsms, (rows) => rows.length === 1 && rows[0]?.State === "ACTIVE", 30_000);
    expect(await labels()).toEqual(expect.arrayContaining(["before", "taken by the other"]));
    expect(JSON.parse(await (await hsmObject(only)).dump()).records).toEqual([]);
  }, 60_000);
});
