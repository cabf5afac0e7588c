/**
 * A storage key that is lost before anybody activated the cluster: what the message says can be done in
 * every state, and what somebody put in is not thrown away with it.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type CloudHSMV2Client,
  CreateHsmCommand,
  DeleteClusterCommand,
  DeleteHsmCommand,
  InitializeClusterCommand,
} from "@aws-sdk/client-cloudhsm-v2";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { testAuthority } from "../../lib/authority.ts";
import {
  cloudHsm,
  clusterInState,
  createCluster,
  describeCluster,
  hsmsActive,
  initializedCluster,
  regionObject,
  until,
  ZONE,
} from "../../lib/aws.ts";
import { type Edge, startEdge } from "../../lib/mf.ts";
import { ADMIN_PASSWORD, addHsm, ok, rest } from "../../lib/rest.ts";
import { type WrappedBundle, wrappedBundle } from "../wrapped-bundle.ts";

/** The worker as built, with a region that hears of no activation and lets a test change its rows. */
const ENTRY = `
import worker, * as built from "./built.js";
export class Region extends built.Region {
  async run(text) { return JSON.stringify(this.ctx.storage.sql.exec(text).toArray()); }
  noteActivated() {
    return Promise.resolve({ ok: false, refusal: { kind: "unavailable", code: "lost", message: "" } });
  }
}
export const { Hsm, Reader, Registry } = built;
export default worker;
`;

const LOST = { STORAGE_KEY: Buffer.alloc(32, 9).toString("base64") };

let bundle: WrappedBundle;
let persist: string;
let edge: Edge;
let client: CloudHSMV2Client;

const clusters: Record<string, string> = {};

beforeAll(async () => {
  bundle = await wrappedBundle(ENTRY);
  persist = await mkdtemp(join(tmpdir(), "holdfast-lost-key-"));
  edge = await startEdge({ persist, bundle: bundle.folder });
  client = await cloudHsm(edge);
  for (const name of ["unclaimed", "being made"]) clusters[name] = await unclaimedCluster();
  for (const name of ["being claimed", "claimed", "activated"]) {
    clusters[name] = (await initializedCluster(client)).clusterId;
  }
  await activate(clusters["activated"] ?? "");
  await leaveAsKilled();
  await restart(LOST);
}, 120_000);
afterAll(async () => {
  await edge.stop();
  await rm(persist, { recursive: true });
  await bundle.remove();
});

async function unclaimedCluster(): Promise<string> {
  const clusterId = await createCluster(client);
  await clusterInState(client, clusterId, "UNINITIALIZED");
  await addHsm(client, clusterId, 1);
  return clusterId;
}

async function activate(clusterId: string): Promise<void> {
  const { PreCoPassword } = await describeCluster(client, clusterId);
  const passwords = { password: PreCoPassword, newPassword: ADMIN_PASSWORD };
  await ok(edge, "POST", `/v1/clusters/${clusterId}/activate`, passwords);
}

/** As a process leaves it that dies between what the HSM did and the region's row. */
async function leaveAsKilled(): Promise<void> {
  const region = await regionObject<{ run(text: string): Promise<string> }>(edge);
  const claimed = `clusterId = '${clusters["being claimed"]}'`;
  const made = `clusterId = '${clusters["being made"]}'`;
  await region.run(`UPDATE clusters SET state = 'INITIALIZE_IN_PROGRESS' WHERE ${claimed}`);
  await region.run(`UPDATE hsms SET state = 'CREATE_IN_PROGRESS', filled = 0, joined = 0
    WHERE ${made}`);
  const due = "INSERT OR REPLACE INTO due (task, subject, clusterId, dueAtMs)";
  await region.run(`${due} SELECT 'cluster_initialize', clusterId, clusterId, 1 FROM clusters
    WHERE ${claimed}`);
  await region.run(`${due} SELECT 'hsm_create', hsmId, clusterId, 1 FROM hsms WHERE ${made}`);
}

async function restart(bindings: Record<string, string>): Promise<void> {
  await edge.stop();
  edge = await startEdge({ persist, bundle: bundle.folder, bindings });
  client = await cloudHsm(edge);
}

async function deleteHsms(clusterId: string): Promise<void> {
  const { Hsms = [] } = await describeCluster(client, clusterId);
  for (const { HsmId = "" } of Hsms) {
    await client.send(new DeleteHsmCommand({ ClusterId: clusterId, HsmId }));
  }
}

async function claimAndActivate(clusterId: string): Promise<void> {
  const { Certificates } = await describeCluster(client, clusterId);
  const authority = await testAuthority();
  const SignedCert = await authority.sign(Certificates?.ClusterCsr ?? "");
  await client.send(
    new InitializeClusterCommand({ ClusterId: clusterId, SignedCert, TrustAnchor: authority.pem }),
  );
  await clusterInState(client, clusterId, "INITIALIZED");
  await activate(clusterId);
}

describe("with the storage key lost, a cluster that was never activated", () => {
  it("says what to do", async () => {
    const path = `/v1/clusters/${clusters["claimed"]}/sessions`;
    const credentials = { username: "admin", password: ADMIN_PASSWORD };
    const { status, body } = await rest(edge, "POST", path, credentials);
    expect([status, body.error.code]).toEqual([503, "storage_key_mismatch"]);
    expect(body.error.message).toMatch(/DeleteHsm, then CreateHsm.*never activated/);
  });

  it.each(["unclaimed", "being made", "being claimed", "claimed"])(
    "begins anew by it, where it was %s",
    async (name) => {
      const clusterId = clusters[name] ?? "";
      await deleteHsms(clusterId);
      await hsmsActive(client, clusterId, 0);
      await clusterInState(client, clusterId, "UNINITIALIZED");
      await client.send(new CreateHsmCommand({ ClusterId: clusterId, AvailabilityZone: ZONE }));
      await hsmsActive(client, clusterId, 1);
      await claimAndActivate(clusterId);
    },
    60_000,
  );

  it("or goes", async () => {
    const clusterId = await createCluster(client);
    await clusterInState(client, clusterId, "UNINITIALIZED");
    await addHsm(client, clusterId, 1);
    await restart({});
    await deleteHsms(clusterId);
    await hsmsActive(client, clusterId, 0);
    await client.send(new DeleteClusterCommand({ ClusterId: clusterId }));
    await clusterInState(client, clusterId, "DELETED");
  }, 60_000);
});

describe("an HSM that was activated without the region's knowing", () => {
  it("keeps what was put in, until the key is back", async () => {
    const clusterId = clusters["activated"] ?? "";
    await restart(LOST);
    await deleteHsms(clusterId);
    const { Hsms } = await until(
      () => describeCluster(client, clusterId),
      ({ Hsms: rows = [] }) => rows[0]?.StateMessage?.includes("was activated") === true,
      30_000,
    );
    expect(Hsms?.map(({ State }) => State)).toEqual(["DELETE_IN_PROGRESS"]);
    await restart({});
    await hsmsActive(client, clusterId, 0);
    const { State } = await describeCluster(client, clusterId);
    expect(State).toBe("ACTIVE");
    await client.send(new CreateHsmCommand({ ClusterId: clusterId, AvailabilityZone: ZONE }));
    await hsmsActive(client, clusterId, 1);
    const credentials = { username: "admin", password: ADMIN_PASSWORD };
    await ok(edge, "POST", `/v1/clusters/${clusterId}/sessions`, credentials);
  }, 60_000);
});
