/**
 * A peer that cannot be caught up: it leaves service, is filled again from a backup of the leader, and
 * nothing that was acknowledged is lost. It goes astray here as in a split: it is told that it leads.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DeleteHsmCommand } from "@aws-sdk/client-cloudhsm-v2";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { WORKER_NAME } from "../../../scripts/edge/embedded.ts";
import {
  ACCOUNT,
  backupsReady,
  cloudHsm,
  describeCluster,
  hsmsActive,
  REGION,
  until,
} from "../../lib/aws.ts";
import { type Edge, QUICK_SCHEDULE, startEdge, testSecrets } from "../../lib/mf.ts";
import { ALICE_PASSWORD, login, ok, rest, type ServingCluster } from "../../lib/rest.ts";
import { servingEdge } from "../../lib/serving-edge.ts";
import { type WrappedBundle, wrappedBundle } from "../wrapped-bundle.ts";

/** The worker as built, with HSMs that say the number of the latest order that they took. */
const ENTRY = `
import worker, * as built from "./built.js";
export class Hsm extends built.Hsm {
  orderNumber() {
    const [duty] = this.ctx.storage.sql.exec("SELECT value FROM local WHERE name = 'duty'");
    return JSON.parse(duty.value).number;
  }
}
export const { Reader, Region, Registry } = built;
export default worker;
`;

const CALLER = { accessKeyId: "AKIADEGRADEDPEER", requestId: "", session: "" };

/** What `Region` and a client ask of an HSM. Answers stay behind the proxy. */
interface HsmCalls {
  orderNumber(): Promise<number>;
  serve(order: object): Promise<unknown>;
  call(operation: "login", caller: object, input: object): Promise<unknown>;
}

let bundle: WrappedBundle;
let edge: Edge;
let cluster: ServingCluster;
let peerId: string;
/** Folder of an edge that is started again. */
let persist: string | undefined;

beforeAll(async () => {
  bundle = await wrappedBundle(ENTRY);
});
afterAll(() => bundle.remove());
beforeEach(async () => {
  ({ edge, cluster } = await servingEdge({ bundle: bundle.folder }, "paired"));
  await until(
    () => generateKey("before"),
    ({ status }) => status === 201,
  );
  const { hsms } = await digest();
  peerId = hsms.find(({ hsmId }) => hsmId !== cluster.hsmId)?.hsmId ?? "";
}, 120_000);
afterEach(async () => {
  await edge.stop();
  if (persist !== undefined) await rm(persist, { recursive: true, force: true });
});

function generateKey(label: string, session = cluster.alice) {
  const order = { type: "aes", sizeBits: 256, label };
  return rest(edge, "POST", `${cluster.path}/keys:generate`, order, { session });
}

function digest() {
  return ok(edge, "GET", `${cluster.path}/digest`);
}

/** Labels of all keys, by the HSM that leads. */
async function labels(): Promise<string[]> {
  const session = await login(edge, cluster.path, "alice", ALICE_PASSWORD);
  const { keys } = await ok(edge, "GET", `${cluster.path}/keys?limit=1000`, undefined, { session });
  return keys.map(({ label }: { label: string }) => label);
}

async function hsm(hsmId: string) {
  const { Hsms = [] } = await describeCluster(cluster.client, cluster.clusterId);
  return Hsms.find(({ HsmId }) => HsmId === hsmId);
}

/**
 * The peer begins a history of its own and counts a wrong password that no other HSM has seen; told to
 * lead once more, it takes the count into its records.
 */
async function leadAstray(hsmId: string): Promise<void> {
  const hsms = await edge.mf.getDurableObjectNamespace("HSM", WORKER_NAME);
  const id = hsms.idFromName(`${ACCOUNT}/${REGION}/${hsmId}`);
  const peer = hsms.get(id) as unknown as HsmCalls;
  const order = { number: await peer.orderNumber(), peers: [], joining: null, obeyed: 0 };
  await peer.serve({ ...order, leader: true });
  await peer.call("login", CALLER, { username: "alice", password: "wrong-password" });
  await peer.serve({ ...order, leader: true });
  await peer.serve({ ...order, leader: false });
  expect((await digest()).equal).toBe(false);
}

describe("a peer that is on another line than its leader", () => {
  it("is out of service before the next write is acknowledged, and is rebuilt", async () => {
    await leadAstray(peerId);
    const { status } = await generateKey("acknowledged without it");
    expect(status).toBe(201);
    expect(await hsm(peerId)).toMatchObject({
      State: "DEGRADED",
      StateMessage: "HSM missed a write and is being rebuilt.",
    });
    const acknowledged = ["before", "acknowledged without it"];
    for (let i = 0; (await hsm(peerId))?.State === "DEGRADED"; i++) {
      const label = `meanwhile ${i}`;
      if ((await generateKey(label)).status === 201) acknowledged.push(label);
    }
    await hsmsActive(cluster.client, cluster.clusterId, 2);
    await until(
      () => generateKey("after"),
      (answer) => answer.status === 201,
    );
    const { equal, hsms } = await digest();
    expect(equal).toBe(true);
    expect(hsms.map(({ hsmId }: { hsmId: string }) => hsmId)).toEqual([cluster.hsmId, peerId]);
    expect(await labels()).toEqual(expect.arrayContaining([...acknowledged, "after"]));
    const backups = await backupsReady(cluster.client, cluster.clusterId, 3);
    expect(backups.length).toBeGreaterThanOrEqual(3);

    // What was acknowledged while the peer was away is on the peer: it goes on alone.
    const { client, clusterId, hsmId } = cluster;
    await client.send(new DeleteHsmCommand({ ClusterId: clusterId, HsmId: hsmId }));
    await hsmsActive(client, clusterId, 1);
    expect(await labels()).toEqual(expect.arrayContaining([...acknowledged, "after"]));
  });

  it("does not take the lead over from one that is removed before it has been rebuilt", async () => {
    await leadAstray(peerId);
    const { client, clusterId, hsmId } = cluster;
    await client.send(new DeleteHsmCommand({ ClusterId: clusterId, HsmId: hsmId }));
    const { Hsms = [] } = await hsmsActive(client, clusterId, 1);
    expect(Hsms[0]?.HsmId).toBe(peerId);
    const [newest] = await backupsReady(client, clusterId, 3);
    const row = await ok(edge, "GET", `/v1/backups/${newest?.BackupId}`);
    expect(row.trigger).toBe("hsm_removed");
    expect((await digest()).stateDigest).toBe(row.stateDigest);
    expect(await labels()).toContain("before");
  });
});

describe("a leader whose removal fails because its backup cannot be made", () => {
  it("comes back out of service, so that what the others took meanwhile is kept", async () => {
    persist = await mkdtemp(join(tmpdir(), "holdfast-stale-"));
    await edge.stop();
    ({ edge, cluster } = await servingEdge({ persist }, "paired"));
    await edge.stop();

    const ring = JSON.parse((await testSecrets()).bindings["LOCAL_KMS"] ?? "");
    for (const key of ring.keys) key.state = "retired";
    const SCHEDULE = JSON.stringify({ ...QUICK_SCHEDULE, retryMs: 10 });
    edge = await startEdge({ persist, bindings: { LOCAL_KMS: JSON.stringify(ring), SCHEDULE } });
    const { clusterId, hsmId } = cluster;
    cluster = { ...cluster, client: await cloudHsm(edge) };
    await cluster.client.send(new DeleteHsmCommand({ ClusterId: clusterId, HsmId: hsmId }));
    await until(
      () => hsm(hsmId),
      (row) => row?.State === "DEGRADED",
      30_000,
    );
    const alice = await login(edge, cluster.path, "alice", ALICE_PASSWORD);
    await until(
      () => generateKey("taken meanwhile", alice),
      ({ status }) => status === 201,
      30_000,
    );
    const { hsms } = await digest();
    expect(hsms.map((row: { hsmId: string }) => row.hsmId)).not.toContain(hsmId);
    expect(await labels()).toContain("taken meanwhile");
  });
});
