/**
 * Several HSMs in one cluster: a write is on all of them before it is acknowledged, whoever leads.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DeleteHsmCommand } from "@aws-sdk/client-cloudhsm-v2";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { cloudHsm, describeCluster, hsmsActive, until } from "../../lib/aws.ts";
import { type Edge, startEdge } from "../../lib/mf.ts";
import { ALICE_PASSWORD, addHsm, login, ok, rest, type ServingCluster } from "../../lib/rest.ts";
import { servingEdge } from "../../lib/serving-edge.ts";
import { type WrappedBundle, wrappedBundle } from "../wrapped-bundle.ts";

/** The worker as built, with HSMs that are slow to take a change over: one that is not awaited shows. */
const ENTRY = `
import worker, * as built from "./built.js";
export class Hsm extends built.Hsm {
  async applyDelta(delta) {
    await scheduler.wait(150);
    return super.applyDelta(delta);
  }
}
export const { Reader, Region, Registry } = built;
export default worker;
`;

let bundle: WrappedBundle;
let persist: string;
let edge: Edge;
let cluster: ServingCluster;
let alice: string;

beforeAll(async () => {
  bundle = await wrappedBundle(ENTRY);
  persist = await mkdtemp(join(tmpdir(), "holdfast-peers-"));
  ({ edge, cluster } = await servingEdge({ bundle: bundle.folder, persist }, "paired"));
  await writable();
  await generateKey("before", cluster.alice);
  await addHsm(cluster.client, cluster.clusterId, 3);
  await writable();
}, 120_000);
afterAll(async () => {
  await edge.stop();
  await rm(persist, { recursive: true });
  await bundle.remove();
});

/** Members are told their duties after a change of membership; until then writes are refused. */
async function writable(): Promise<void> {
  const { path } = cluster;
  alice = await until(
    async () => {
      const body = { username: "alice", password: ALICE_PASSWORD };
      const session = (await rest(edge, "POST", `${path}/sessions`, body)).body.token ?? "";
      const order = { type: "aes", sizeBits: 128, label: "probe" };
      const made = await rest(edge, "POST", `${path}/keys:generate`, order, { session });
      return made.status === 201 ? session : "";
    },
    (session) => session !== "",
  );
}

function generateKey(label: string, session = alice) {
  const order = { type: "aes", sizeBits: 256, label, encrypt: true, decrypt: true };
  return ok(edge, "POST", `${cluster.path}/keys:generate`, order, { session });
}

function digest() {
  return ok(edge, "GET", `${cluster.path}/digest`);
}

describe("a cluster of three HSMs", () => {
  it("has equal state after each kind of write", async () => {
    const { path } = cluster;
    const session = alice;
    const { handle } = await generateKey("on all");
    expect(await digest()).toMatchObject({ equal: true, hsms: [{}, {}, {}] });
    await ok(edge, "PATCH", `${path}/keys/${handle}`, { label: "changed" }, { session });
    expect((await digest()).equal).toBe(true);
    await ok(edge, "DELETE", `${path}/keys/${handle}`, undefined, { session });
    expect((await digest()).equal).toBe(true);
    const wrong = { username: "alice", password: "wrong-password" };
    await rest(edge, "POST", `${path}/sessions`, wrong);
    expect((await digest()).equal).toBe(true);
  });

  it("has equal state after many writes at once", async () => {
    await Promise.all(Array.from({ length: 20 }, (_, i) => generateKey(`many-${i}`)));
    const { equal, hsms } = await digest();
    expect(equal).toBe(true);
    expect(hsms).toHaveLength(3);
    const { Hsms } = await describeCluster(cluster.client, cluster.clusterId);
    expect(Hsms?.every((hsm) => hsm.State === "ACTIVE")).toBe(true);
  });

  it("goes on, with all keys, when the HSM that led is deleted", async () => {
    const before = await digest();
    const HsmId = before.hsms[0]?.hsmId ?? "";
    const ClusterId = cluster.clusterId;
    await cluster.client.send(new DeleteHsmCommand({ ClusterId, HsmId }));
    await hsmsActive(cluster.client, ClusterId, 2);
    await writable();
    const after = await digest();
    expect(after.equal).toBe(true);
    expect(after.hsms.map((hsm: { hsmId: string }) => hsm.hsmId)).not.toContain(HsmId);
    const session = await login(edge, cluster.path, "alice", ALICE_PASSWORD);
    const { keys } = await ok(edge, "GET", `${cluster.path}/keys?label=before`, undefined, {
      session,
    });
    expect(keys).toHaveLength(1);
    await generateKey("under the new leader");
    expect((await digest()).equal).toBe(true);
  });

  it("acknowledges no write that has not left the leader", async () => {
    await edge.stop();
    edge = await startEdge({
      bundle: bundle.folder,
      persist,
      bindings: { PAUSE_AT: "write_committed" },
    });
    const order = { type: "aes", sizeBits: 256, label: "unacknowledged" };
    const path = `${cluster.path}/keys:generate`;
    const answer = rest(edge, "POST", path, order, { session: alice }).then(
      ({ status }) => status,
      () => "the edge was stopped",
    );
    // An answer would be here by the time that another object has answered as often.
    const client = await cloudHsm(edge);
    for (let i = 0; i < 20; i++) await describeCluster(client, cluster.clusterId);
    await edge.stop();
    expect(await answer).toBe("the edge was stopped");
    edge = await startEdge({ bundle: bundle.folder, persist });
    await writable();
    expect(await digest()).toMatchObject({ equal: true, hsms: [{}, {}] });
  });
});
