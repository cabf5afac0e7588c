/**
 * Activation needs a claimed cluster; and what an HSM holds decides whether it goes without a backup.
 */
import { type CloudHSMV2Client, DeleteHsmCommand } from "@aws-sdk/client-cloudhsm-v2";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { WORKER_NAME } from "../../../scripts/edge/embedded.ts";
import type { HsmApi } from "../../../src/worker/contracts/hsm-api.ts";
import {
  ACCOUNT,
  backupsReady,
  cloudHsm,
  clusterInState,
  createCluster,
  describeCluster,
  hsmsActive,
  initializedCluster,
  REGION,
} from "../../lib/aws.ts";
import { type Edge, startEdge } from "../../lib/mf.ts";
import { ADMIN_PASSWORD, addHsm, login, ok, rest } from "../../lib/rest.ts";
import { type WrappedBundle, wrappedBundle } from "../wrapped-bundle.ts";

/** The worker as built, with a region that hears of no activation. */
const ENTRY = `
import worker, * as built from "./built.js";
export class Registry extends built.Registry {}
export class Reader extends built.Reader {}
export class Hsm extends built.Hsm {}
export class Region extends built.Region {
  noteActivated() {
    return Promise.resolve({ ok: false, refusal: { kind: "unavailable", code: "lost", message: "" } });
  }
}
export default worker;
`;

let bundle: WrappedBundle;
let edge: Edge;
let client: CloudHSMV2Client;
beforeAll(async () => {
  bundle = await wrappedBundle(ENTRY);
  edge = await startEdge({ bundle: bundle.folder });
  client = await cloudHsm(edge);
}, 60_000);
afterAll(async () => {
  await edge.stop();
  await bundle.remove();
});

async function hsmObject(hsmId: string): Promise<HsmApi> {
  const hsms = await edge.mf.getDurableObjectNamespace("HSM", WORKER_NAME);
  return hsms.get(hsms.idFromName(`${ACCOUNT}/${REGION}/${hsmId}`)) as unknown as HsmApi;
}

async function activate(clusterId: string) {
  const { PreCoPassword } = await describeCluster(client, clusterId);
  const passwords = { password: PreCoPassword, newPassword: ADMIN_PASSWORD };
  return await rest(edge, "POST", `/v1/clusters/${clusterId}/activate`, passwords);
}

async function removed(clusterId: string, hsmId: string) {
  await client.send(new DeleteHsmCommand({ ClusterId: clusterId, HsmId: hsmId }));
  return await hsmsActive(client, clusterId, 0);
}

/** A cluster with one HSM that nobody has claimed. */
async function unclaimedCluster(): Promise<{ clusterId: string; hsmId: string }> {
  const clusterId = await createCluster(client);
  await clusterInState(client, clusterId, "UNINITIALIZED");
  await addHsm(client, clusterId, 1);
  const { Hsms = [] } = await describeCluster(client, clusterId);
  return { clusterId, hsmId: Hsms[0]?.HsmId ?? "" };
}

describe("before InitializeCluster", () => {
  it("a cluster is not activated, by either of the two ways; its HSM goes without a backup", async () => {
    const { clusterId, hsmId } = await unclaimedCluster();
    const refused = { status: 409, body: { error: { code: "not_initialized" } } };
    expect(await activate(clusterId)).toMatchObject(refused);
    const path = `/v1/clusters/${clusterId}`;
    const { PreCoPassword = "" } = await describeCluster(client, clusterId);
    const session = await login(edge, path, "admin", PreCoPassword);
    const password = { password: ADMIN_PASSWORD };
    const change = await rest(edge, "PUT", `${path}/users/admin/password`, password, { session });
    expect(change).toMatchObject(refused);
    expect(await ok(edge, "GET", `${path}/sessions/current`, undefined, { session })).toMatchObject(
      {
        role: "PRECO",
      },
    );
    expect(await ok(edge, "GET", `${path}/configuration`)).toMatchObject({ activated: false });
    expect((await removed(clusterId, hsmId)).State).toBe("UNINITIALIZED");
    expect(await backupsReady(client, clusterId, 0)).toEqual([]);
  });
});

describe("an HSM that was activated while its region did not hear of it", () => {
  it("is backed up before it goes, and what it held comes back", async () => {
    const { clusterId, hsmId } = await initializedCluster(client);
    expect((await activate(clusterId)).status).toBe(200);
    expect((await describeCluster(client, clusterId)).State).toBe("INITIALIZED");
    expect((await removed(clusterId, hsmId)).State).toBe("ACTIVE");
    expect(await backupsReady(client, clusterId, 1)).toHaveLength(1);
    await addHsm(client, clusterId, 1);
    await login(edge, `/v1/clusters/${clusterId}`, "admin", ADMIN_PASSWORD);
  });

  it("is backed up also of a cluster that counts as unclaimed", async () => {
    const { clusterId, hsmId } = await unclaimedCluster();
    await (await hsmObject(hsmId)).initialize("certificate", "anchor");
    expect((await activate(clusterId)).status).toBe(200);
    expect((await describeCluster(client, clusterId)).State).toBe("UNINITIALIZED");
    await removed(clusterId, hsmId);
    expect(await backupsReady(client, clusterId, 1)).toHaveLength(1);
  });

  it("goes without a backup when it is claimed and no more", async () => {
    const { clusterId, hsmId } = await initializedCluster(client);
    expect((await removed(clusterId, hsmId)).State).toBe("UNINITIALIZED");
    expect(await backupsReady(client, clusterId, 0)).toEqual([]);
  });
});
