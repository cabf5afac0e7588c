/**
 * An HSM joins a leader while clients write, at moments that a test chooses: held up at a gate, cut off,
 * ordered twice. No acknowledged write is missing on the new HSM, and no leader waits for one that is gone.
 */
import { CreateHsmCommand, DeleteHsmCommand } from "@aws-sdk/client-cloudhsm-v2";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { WORKER_NAME } from "../../../scripts/edge/embedded.ts";
import {
  ACCOUNT,
  backupsReady,
  describeCluster,
  hsmsActive,
  REGION,
  regionObject,
  until,
  ZONE,
} from "../../lib/aws.ts";
import { type Edge, QUICK_SCHEDULE } from "../../lib/mf.ts";
import { ALICE_PASSWORD, addHsm, login, ok, rest, type ServingCluster } from "../../lib/rest.ts";
import { servingEdge } from "../../lib/serving-edge.ts";
import { type WrappedBundle, wrappedBundle } from "../wrapped-bundle.ts";

/** The worker as built, with gates that stop it between two steps, and HSMs that fail when told to. */
const ENTRY = `
import worker, * as built from "./built.js";
const closed = new Set();
const failing = new Map();
const passed = {};
let strange = false;
async function pass(name) {
  passed[name] = (passed[name] ?? 0) + 1;
  while (closed.has(name)) await scheduler.wait(5);
}
function fail(name) {
  const left = failing.get(name) ?? 0;
  if (left > 0) failing.set(name, left - 1);
  if (left > 0) throw new Error("told to fail: " + name);
}
// A bucket that answers when it is let.
function gated(bucket) {
  const get = async (...order) => {
    while (closed.has("bucket")) await scheduler.wait(5);
    return await bucket.get(...order);
  };
  return new Proxy(bucket, {
    get: (target, name) => {
      if (name === "get") return get;
      return typeof target[name] === "function" ? target[name].bind(target) : target[name];
    },
  });
}
export class Hsm extends built.Hsm {
  constructor(ctx, env) {
    super(ctx, { ...env, BACKUPS_US_EAST_1: gated(env.BACKUPS_US_EAST_1) });
  }
  async restore(...order) {
    fail("restore");
    return await super.restore(...order);
  }
  async hold(holder) {
    passed.hold = (passed.hold ?? 0) + 1;
    return await super.hold(holder);
  }
  async bringUp(peer) {
    const result = await super.bringUp(peer);
    await pass("compared");
    return result;
  }
  async serve(order) {
    const result = await super.serve(order);
    if (order.joining) await pass("joined");
    return result;
  }
  async applyDelta(delta) {
    fail("applyDelta");
    while (closed.has("delta")) await scheduler.wait(5);
    if (delta.from.history !== "elsewhere") return await super.applyDelta(delta);
    strange = false;
    const { value } = await super.position(false);
    return await super.applyDelta({ ...delta, from: value.position });
  }
  // For a test to call: what comes back is text.
  async ordered(number) {
    return JSON.stringify(await super.serve({ number, leader: false, peers: [], joining: null, obeyed: 0 }));
  }
  async retired(number) {
    return JSON.stringify(await super.retire(number));
  }
  async digest() {
    return (await super.stateDigest()).value;
  }
  orderNumber() {
    const [duty] = this.ctx.storage.sql.exec("SELECT value FROM local WHERE name = 'duty'");
    return JSON.parse(duty.value).number;
  }
  // Its peers say that they stand on another line, as HSMs do that came from another backup.
  async loseLine() {
    strange = true;
    this.ctx.abort("told to");
  }
  async position(withDigest) {
    const answer = await super.position(withDigest);
    if (!strange || !answer.ok) return answer;
    const { change, attempts } = answer.value.position;
    const position = { history: "elsewhere", change, attempts };
    return { ok: true, value: { ...answer.value, position } };
  }
}
export class Region extends built.Region {
  async close(gate) {
    delete passed[gate];
    closed.add(gate);
  }
  async open(gate) {
    closed.delete(gate);
  }
  async failNext(name, times) {
    failing.set(name, times);
  }
  async timesPassed(gate) {
    return passed[gate] ?? 0;
  }
  async triggers() {
    const rows = this.ctx.storage.sql.exec('SELECT "trigger" FROM backups').toArray();
    return rows.map((row) => row.trigger).join();
  }
  async query(text) {
    return JSON.stringify(this.ctx.storage.sql.exec(text).toArray());
  }
  async wake() {
    await this.ctx.storage.setAlarm(Date.now() + 1);
  }
  // In one turn: nothing makes it before the test says so.
  async beginBackup(clusterId) {
    await super.backUpNow(clusterId);
    this.ctx.storage.sql.exec("UPDATE due SET dueAtMs = 9e15 WHERE task = 'backup_create'");
  }
  async loseAlarm() {
    await this.ctx.storage.deleteAlarm();
  }
}
export const { Reader, Registry } = built;
export default worker;
`;

type Gate = "compared" | "joined" | "hold" | "delta" | "bucket";

interface GatedRegion {
  close(gate: Gate): Promise<void>;
  open(gate: Gate): Promise<void>;
  failNext(what: "restore" | "applyDelta", times: number): Promise<void>;
  timesPassed(gate: Gate): Promise<number>;
  triggers(): Promise<string>;
  query(text: string): Promise<string>;
  wake(): Promise<void>;
  beginBackup(clusterId: string): Promise<void>;
  loseAlarm(): Promise<void>;
}

interface OrderedHsm {
  ordered(number: number): Promise<string>;
  retired(number: number): Promise<string>;
  digest(): Promise<string>;
  orderNumber(): Promise<number>;
  loseLine(): Promise<void>;
}

let bundle: WrappedBundle;
let edge: Edge;
let cluster: ServingCluster;
let region: GatedRegion;
let alice: string;
const acknowledged: string[] = [];

/** @param holdMs - how long a leader is held: not at all, where the fence alone is to be seen. */
async function begin(holdMs: number, patience: object = {}): Promise<void> {
  bundle = await wrappedBundle(ENTRY);
  const SCHEDULE = JSON.stringify({ ...QUICK_SCHEDULE, holdMs, ...patience });
  ({ edge, cluster } = await servingEdge({ bundle: bundle.folder, bindings: { SCHEDULE } }));
  region = await regionObject<GatedRegion>(edge);
  acknowledged.length = 0;
}

async function end(): Promise<void> {
  await edge.stop();
  await bundle.remove();
}

/** Sessions are an HSM's own: another leader asks for another login. */
async function logIn(): Promise<void> {
  alice = await until(
    () => login(edge, cluster.path, "alice", ALICE_PASSWORD).catch(() => ""),
    (token) => token !== "",
    30_000,
  );
}

async function write(label: string): Promise<number> {
  const order = { type: "aes", sizeBits: 256, label };
  const path = `${cluster.path}/keys:generate`;
  const { status } = await rest(edge, "POST", path, order, { session: alice });
  if (status === 201) acknowledged.push(label);
  return status;
}

async function writeUntilTaken(label: string): Promise<void> {
  await until(
    () => write(label),
    (status) => status === 201,
    30_000,
  );
}

async function labels(): Promise<string[]> {
  const { path } = cluster;
  const page = await ok(edge, "GET", `${path}/keys?limit=1000`, undefined, { session: alice });
  return page.keys.map(({ label }: { label: string }) => label);
}

async function hsms() {
  return (await describeCluster(cluster.client, cluster.clusterId)).Hsms ?? [];
}

async function createHsm(): Promise<string> {
  const { client, clusterId } = cluster;
  const order = new CreateHsmCommand({ ClusterId: clusterId, AvailabilityZone: ZONE });
  return (await client.send(order)).Hsm?.HsmId ?? "";
}

async function deleteHsm(hsmId: string): Promise<void> {
  const { client, clusterId } = cluster;
  await client.send(new DeleteHsmCommand({ ClusterId: clusterId, HsmId: hsmId }));
}

/** The oldest HSM, which leads, goes; the one that is left holds all that was acknowledged. */
async function deleteLeader(): Promise<void> {
  const [leader] = await hsms();
  await deleteHsm(leader?.HsmId ?? "");
  await hsmsActive(cluster.client, cluster.clusterId, 1);
  await logIn();
  expect(await labels()).toEqual(expect.arrayContaining(acknowledged));
}

async function atGate(gate: Gate): Promise<void> {
  await until(
    () => region.timesPassed(gate),
    (times) => times > 0,
    30_000,
  );
}

async function hsmObject(hsmId: string): Promise<OrderedHsm> {
  const namespace = await edge.mf.getDurableObjectNamespace("HSM", WORKER_NAME);
  const id = namespace.idFromName(`${ACCOUNT}/${REGION}/${hsmId}`);
  return namespace.get(id) as unknown as OrderedHsm;
}

/** Puts a task off until `resume`, once it is not at work. */
async function park(subject: string): Promise<void> {
  const parked = `SELECT 1 FROM due WHERE subject = '${subject}' AND leased = 0 AND dueAtMs = 9e15`;
  await until(
    async () => {
      await region.query(`UPDATE due SET dueAtMs = 9e15 WHERE subject = '${subject}'`);
      return await region.query(parked);
    },
    (rows) => rows !== "[]",
    30_000,
  );
}

async function resume(subject: string): Promise<void> {
  await region.query(`UPDATE due SET dueAtMs = 0 WHERE subject = '${subject}'`);
  await region.wake();
}

describe("an HSM that joins a leader which takes writes all the while", () => {
  beforeAll(() => begin(0), 120_000);
  afterAll(end);
  beforeEach(logIn);

  it.each(["compared", "joined"] as const)(
    "has what was acknowledged after the two were %s and before its row said ACTIVE",
    async (gate) => {
      await region.close("compared");
      await region.close("joined");
      await createHsm();
      if (gate === "joined") await region.open("compared");
      await atGate(gate);
      expect(await write(`once they were ${gate}`)).toBe(201);
      await region.open("compared");
      await atGate("joined");
      const rows = await hsms();
      expect(rows.map(({ State }) => State)).toEqual(["ACTIVE", "CREATE_IN_PROGRESS"]);
      const [leader, joining] = await Promise.all(
        rows.map(async ({ HsmId = "" }) => (await hsmObject(HsmId)).digest()),
      );
      expect(joining).toBe(leader);
      await region.open("joined");
      await hsmsActive(cluster.client, cluster.clusterId, 2);
      await deleteLeader();
    },
    60_000,
  );

  it("does not come into service by the attempt in which it missed a write", async () => {
    await region.close("joined");
    await createHsm();
    await atGate("joined");
    await region.failNext("applyDelta", 2);
    expect(await write("missed")).toBe(201);
    await region.open("joined");
    await hsmsActive(cluster.client, cluster.clusterId, 2);
    expect(await region.timesPassed("joined")).toBe(2);
    await deleteLeader();
  }, 60_000);

  it("comes into service by itself when the cause of its failures is gone", async () => {
    const before = (await region.triggers()).split(",");
    await region.close("hold");
    await region.open("hold");
    await region.failNext("restore", 8);
    await createHsm();
    await until(hsms, (rows) => rows[1]?.State === "DEGRADED", 30_000);
    expect((await hsms())[1]?.StateMessage).toContain("told to fail: restore");
    expect(await write("while it fails")).toBe(201);
    expect(await region.timesPassed("hold")).toBe(0);
    await hsmsActive(cluster.client, cluster.clusterId, 2);
    const made = (await region.triggers()).split(",").slice(before.length);
    expect(made).toEqual(["hsm_added"]);
    await deleteLeader();
  }, 60_000);

  it("leads a peer of a line that is strange to it without losing that peer", async () => {
    await addHsm(cluster.client, cluster.clusterId, 2);
    await writeUntilTaken("before");
    const made = await region.triggers();
    const [leader] = await hsms();
    await (await hsmObject(leader?.HsmId ?? "")).loseLine().catch(() => undefined);
    expect(await write("after")).toBe(201);
    expect((await hsms()).map(({ State }) => State)).toEqual(["ACTIVE", "ACTIVE"]);
    expect(await region.triggers()).toBe(made);
    await deleteLeader();
  }, 60_000);

  it("takes no write once it has retired, and no order that is older than what it knows", async () => {
    const [leader] = await hsms();
    const object = await hsmObject(leader?.HsmId ?? "");
    const number = await object.orderNumber();
    expect(JSON.parse(await object.ordered(number - 1)).refusal.code).toBe("order_stale");
    expect(await write("it leads still")).toBe(201);
    expect(JSON.parse(await object.retired(number)).ok).toBe(true);
    const order = { type: "aes", sizeBits: 128, label: "too late" };
    const path = `${cluster.path}/keys:generate`;
    const answer = await rest(edge, "POST", path, order, { session: alice });
    expect(answer.status).toBe(503);
    expect(answer.body.error.code).toBe("hsm_leaving");
    expect(await labels()).not.toContain("too late");
  });
});

describe("a leader that is removed", () => {
  beforeAll(() => begin(0), 120_000);
  afterAll(end);
  beforeEach(logIn);

  it("leaves no backup that would be newer than what was taken after it had handed over", async () => {
    await addHsm(cluster.client, cluster.clusterId, 2);
    await writeUntilTaken("on both");
    const [leader = "", peer = ""] = (await hsms()).map(({ HsmId }) => HsmId);
    await region.beginBackup(cluster.clusterId);
    await deleteHsm(leader);
    await until(
      () => region.query(`SELECT joined FROM hsms WHERE hsmId = '${leader}'`),
      (rows) => rows === '[{"joined":0}]',
      30_000,
    );
    await park(leader); // It waits for the backup that is being made.
    await logIn();
    await writeUntilTaken("after it had handed over");
    const [begun] = JSON.parse(
      await region.query("SELECT backupId FROM backups WHERE state = 'CREATE_IN_PROGRESS'"),
    );
    await resume(begun.backupId);
    await deleteHsm(peer);
    await until(hsms, (rows) => rows.length === 1, 30_000);
    await resume(leader);
    await until(hsms, (rows) => rows.length === 0, 30_000);
    await addHsm(cluster.client, cluster.clusterId, 1);
    await logIn();
    expect(await labels()).toEqual(expect.arrayContaining(acknowledged));
  }, 60_000);
});

describe("what hangs beside an HSM", () => {
  beforeAll(() => begin(0, { pushMs: 1_500, readMs: 1_000 }), 120_000);
  afterAll(end);
  beforeEach(logIn);

  it("is a peer: it is put out of service; the writes that waited for it are acknowledged, and it comes back", async () => {
    await addHsm(cluster.client, cluster.clusterId, 2);
    await writeUntilTaken("on both");
    await region.close("delta");
    expect(await Promise.all([write("waits"), write("waits as well")])).toEqual([201, 201]);
    expect((await hsms()).map(({ State }) => State)).toEqual(["ACTIVE", "DEGRADED"]);
    await region.open("delta");
    await hsmsActive(cluster.client, cluster.clusterId, 2);
    await deleteLeader();
  }, 60_000);

  it("is a bucket: its restore fails, and the HSM can be deleted", async () => {
    await region.close("bucket");
    const hsmId = await createHsm();
    await until(hsms, (rows) => rows[1]?.State === "DEGRADED", 30_000);
    await deleteHsm(hsmId);
    await until(hsms, (rows) => rows.length === 1, 30_000);
    await region.open("bucket");
  }, 60_000);
});

describe("a leader that is held for an HSM that joins", () => {
  const HOLD_MS = 3_000;
  beforeAll(() => begin(HOLD_MS), 120_000);
  afterAll(end);
  beforeEach(logIn);

  it("takes writes again though nobody releases it, and they are on the new HSM", async () => {
    await region.close("compared");
    await createHsm();
    await atGate("compared");
    await region.loseAlarm();
    const path = `${cluster.path}/keys:generate`;
    const order = { type: "aes", sizeBits: 256, label: "held" };
    const refused = await rest(edge, "POST", path, order, { session: alice });
    expect(refused.body.error.code).toBe("hsm_frozen");
    await writeUntilTaken("once the hold was over");
    await region.open("compared");
    await hsmsActive(cluster.client, cluster.clusterId, 2);
    await deleteLeader();
  }, 60_000);

  it("takes writes again when the HSM that is rebuilt is deleted, whenever that is", async () => {
    await addHsm(cluster.client, cluster.clusterId, 2);
    await writeUntilTaken("on both");
    await region.close("compared");
    await region.failNext("applyDelta", 2);
    expect(await write("on the leader alone")).toBe(201);
    const peer = await until(
      async () => (await hsms()).find(({ State }) => State === "DEGRADED"),
      (row) => row !== undefined,
      30_000,
    );
    await atGate("compared");
    await deleteHsm(peer?.HsmId ?? "");
    await region.open("compared");
    await until(hsms, (rows) => rows.length === 1, 30_000);
    await writeUntilTaken("after it is gone");
    const { length } = await backupsReady(cluster.client, cluster.clusterId, 1);
    expect(length).toBeGreaterThan(0);
    expect(await labels()).toEqual(expect.arrayContaining(acknowledged));
  }, 60_000);
});
