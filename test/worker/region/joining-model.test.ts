/**
 * Invariant J of docs/STORAGE.md §8 under random sequences: while an HSM joins, clients write, changes
 * get lost on their way, and objects die. The model is a list of what was acknowledged: at every
 * moment all of it is on every HSM that is ACTIVE. Sequences come from a fixed seed.
 */
import { CreateHsmCommand, DeleteHsmCommand } from "@aws-sdk/client-cloudhsm-v2";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { WORKER_NAME } from "../../../scripts/edge/embedded.ts";
import { ACCOUNT, hsmsActive, REGION, regionObject, until, ZONE } from "../../lib/aws.ts";
import { type Edge, QUICK_SCHEDULE } from "../../lib/mf.ts";
import { ALICE_PASSWORD, login, rest, type ServingCluster } from "../../lib/rest.ts";
import { servingEdge } from "../../lib/serving-edge.ts";
import { type WrappedBundle, wrappedBundle } from "../wrapped-bundle.ts";

const SEED = 20_261_128;
const ROUNDS = 8;
/** Of one round, at most. */
const EVENTS = 7;
const PATIENCE_MS = 60_000;

/** The worker as built: an attempt to join stops at gates, changes are lost, objects die. */
const ENTRY = `
import worker, * as built from "./built.js";
const closed = new Set();
const passed = { compared: 0, joined: 0, told: 0 };
const losses = { applyDelta: 0, restore: 0 };
async function pass(gate) {
  passed[gate] += 1;
  while (closed.has(gate)) await scheduler.wait(5);
}
function lose(what) {
  if (losses[what] === 0) return;
  losses[what] -= 1;
  throw new Error("lost: " + what);
}
export class Hsm extends built.Hsm {
  async restore(...order) {
    lose("restore");
    return await super.restore(...order);
  }
  async bringUp(peer) {
    const result = await super.bringUp(peer);
    await pass("compared");
    return result;
  }
  async serve(order) {
    // The row says ACTIVE, and the leader has not heard of it.
    if (!order.joining && order.leader) await pass("told");
    const result = await super.serve(order);
    if (order.joining) await pass("joined");
    return result;
  }
  async applyDelta(delta) {
    lose("applyDelta");
    return await super.applyDelta(delta);
  }
  async digest() {
    return (await super.stateDigest()).value;
  }
  // Of the keys that serve.
  labels() {
    const rows = this.ctx.storage.sql.exec(
      "SELECT name FROM records JOIN generations USING (generation) WHERE current = 1 AND type = 5",
    );
    return rows.toArray().map(({ name }) => name).join("|");
  }
  async die() {
    this.ctx.abort("a test ends it");
  }
}
export class Region extends built.Region {
  async close(gate) {
    closed.add(gate);
    passed[gate] = 0;
  }
  async open(gate) {
    closed.delete(gate);
  }
  async timesPassed(gate) {
    return passed[gate];
  }
  async loseNext(what, times) {
    losses[what] = times;
  }
  async query(text) {
    return JSON.stringify(this.ctx.storage.sql.exec(text).toArray());
  }
  async die() {
    this.ctx.abort("a test ends it");
  }
}
export const { Reader, Registry } = built;
export default worker;
`;

type Gate = "compared" | "joined" | "told";

interface GatedRegion {
  close(gate: Gate): Promise<void>;
  open(gate: Gate): Promise<void>;
  timesPassed(gate: Gate): Promise<number>;
  loseNext(what: "applyDelta" | "restore", times: number): Promise<void>;
  query(text: string): Promise<string>;
  die(): Promise<void>;
}

interface ModelHsm {
  labels(): Promise<string>;
  digest(): Promise<string>;
  die(): Promise<void>;
}

/** Where an attempt to join stands: begun, then stopped at one of the gates. */
const PLACES = ["begun", "compared", "joined", "told"] as const;

const EVENT_NAMES = [
  ...["write", "three writes", "a write that nobody waits for"],
  ...["a delta is lost", "a write that the other one misses", "a restore fails"],
  ...["the leader dies", "the one that joins dies", "the region dies"],
] as const;

interface Event {
  readonly at: (typeof PLACES)[number];
  readonly what: (typeof EVENT_NAMES)[number];
}

interface HsmRow {
  readonly hsmId: string;
  readonly state: string;
  readonly joined: number;
}

let bundle: WrappedBundle;
let edge: Edge;
let cluster: ServingCluster;
let alice: string;
let written = 0;
/** The model: labels of keys whose making was acknowledged. */
const acknowledged: string[] = [];
/** Writes that nobody has waited for. */
const underWay: Promise<number>[] = [];

beforeAll(async () => {
  bundle = await wrappedBundle(ENTRY);
  // A leader is not held: nothing but the order of the steps keeps the invariant.
  const SCHEDULE = JSON.stringify({ ...QUICK_SCHEDULE, holdMs: 0 });
  ({ edge, cluster } = await servingEdge({ bundle: bundle.folder, bindings: { SCHEDULE } }));
  ({ alice } = cluster);
}, 120_000);
afterAll(async () => {
  await edge.stop();
  await bundle.remove();
});

/** Anew for each call: one whose object died is broken. */
const region = () => regionObject<GatedRegion>(edge);

async function hsmObject(hsmId: string): Promise<ModelHsm> {
  const namespace = await edge.mf.getDurableObjectNamespace("HSM", WORKER_NAME);
  const id = namespace.idFromName(`${ACCOUNT}/${REGION}/${hsmId}`);
  return namespace.get(id) as unknown as ModelHsm;
}

async function hsms(): Promise<HsmRow[]> {
  const text = await (await region()).query(
    `SELECT hsmId, state, joined FROM hsms WHERE state <> 'DELETED' AND clusterId = '${cluster.clusterId}' ORDER BY rowid`,
  );
  return JSON.parse(text);
}

async function write(): Promise<number> {
  const label = `key ${++written}`;
  const order = { type: "aes", sizeBits: 256, label };
  const path = `${cluster.path}/keys:generate`;
  const { status } = await rest(edge, "POST", path, order, { session: alice });
  if (status === 201) acknowledged.push(label);
  return status;
}

/** Looks at two HSMs in service. */
let looks = 0;

/** J, as far as it can be seen from outside: of an HSM that is ACTIVE before and after the look. */
async function verifyInvariant(): Promise<void> {
  const told = [...acknowledged];
  const before = await hsms();
  const held = new Map<string, string[]>();
  for (const { hsmId, state } of before) {
    if (state !== "ACTIVE") continue;
    held.set(hsmId, (await (await hsmObject(hsmId)).labels()).split("|"));
  }
  const after = await hsms();
  if (held.size > 1) looks += 1;
  for (const { hsmId, state, joined } of before) {
    const stayed = after.some(
      (row) => row.hsmId === hsmId && row.state === state && row.joined === joined,
    );
    if (state !== "ACTIVE" || !stayed) continue;
    const labels = new Set(held.get(hsmId));
    expect(told.filter((label) => !labels.has(label))).toEqual([]);
  }
}

async function atGate(gate: Gate, times = 1): Promise<void> {
  const passed = async () => await (await region()).timesPassed(gate);
  await until(passed, (count) => count >= times, PATIENCE_MS);
}

/** The object begins anew with the next call. */
async function kill(object: { die(): Promise<void> }): Promise<void> {
  await object.die().catch(() => undefined);
}

async function happen({ what, at }: Event): Promise<void> {
  const [leader] = await hsms();
  const joining = (await hsms()).at(-1);
  const passed = at === "begun" ? 0 : await (await region()).timesPassed(at);
  switch (what) {
    case "write":
      await write();
      break;
    case "three writes":
      await Promise.all([write(), write(), write()]);
      break;
    case "a write that nobody waits for":
      underWay.push(write());
      break;
    case "a delta is lost":
      await (await region()).loseNext("applyDelta", 1);
      break;
    case "a write that the other one misses":
      await (await region()).loseNext("applyDelta", 2);
      await write();
      break;
    case "a restore fails":
      await (await region()).loseNext("restore", 1);
      break;
    case "the one that joins dies":
      await kill(await hsmObject(joining?.hsmId ?? ""));
      break;
    case "the leader dies":
      await kill(await hsmObject(leader?.hsmId ?? ""));
      break;
    case "the region dies":
      await kill(await region());
      break;
  }
  // The attempt died with it; what comes next happens to the attempt that follows.
  const isCutOff = what === "the leader dies" || what === "the region dies";
  if (isCutOff && at !== "begun") await atGate(at, passed + 1);
}

/** One HSM joins while all that happens; then it is alone, and leads the next round. */
async function round(events: readonly Event[]): Promise<void> {
  const { client, clusterId } = cluster;
  for (const gate of ["compared", "joined"] as const) await (await region()).close(gate);
  const [leader] = await hsms();
  await client.send(new CreateHsmCommand({ ClusterId: clusterId, AvailabilityZone: ZONE }));
  for (const place of PLACES) {
    if (place !== "begun") await atGate(place);
    await verifyInvariant();
    for (const event of events.filter(({ at }) => at === place)) {
      await happen(event);
      await verifyInvariant();
    }
    // While an attempt is at work nobody else tells the leader its duty.
    if (place === "joined") await (await region()).close("told");
    if (place !== "begun") await (await region()).open(place);
  }
  await until(hsms, (rows) => rows.every(({ state }) => state === "ACTIVE"), PATIENCE_MS);
  await verifyInvariant();
  await Promise.all(underWay.splice(0));
  await (await region()).loseNext("applyDelta", 0);
  await until(write, (status) => status === 201, PATIENCE_MS);
  await until(hsms, (rows) => rows.every(({ state }) => state === "ACTIVE"), PATIENCE_MS);
  await verifyInvariant();
  const digests = await Promise.all(
    (await hsms()).map(async ({ hsmId }) => (await hsmObject(hsmId)).digest()),
  );
  expect(digests).toEqual([digests[0], digests[0]]);
  await client.send(new DeleteHsmCommand({ ClusterId: clusterId, HsmId: leader?.hsmId ?? "" }));
  await hsmsActive(client, clusterId, 1);
  await verifyInvariant();
  alice = await until(
    () => login(edge, cluster.path, "alice", ALICE_PASSWORD).catch(() => ""),
    (token) => token !== "",
    PATIENCE_MS,
  );
}

describe("an HSM that joins while anything may happen", () => {
  it("is ACTIVE only with all that was acknowledged", async () => {
    const event = fc.record({
      // Most of what can go wrong goes wrong in the middle.
      at: fc.constantFrom(...PLACES, "compared", "joined"),
      what: fc.constantFrom(...EVENT_NAMES),
    });
    const events = fc.array(event, { minLength: 3, maxLength: EVENTS });
    // Rounds follow one another on one cluster: a failure is not tried again with less.
    const bounds = { seed: SEED, numRuns: ROUNDS, endOnFailure: true };
    await fc.assert(fc.asyncProperty(events, round), bounds);
    expect(acknowledged.length).toBeGreaterThan(2 * ROUNDS);
    expect(looks).toBeGreaterThan(2 * ROUNDS);
  }, 300_000);
});
