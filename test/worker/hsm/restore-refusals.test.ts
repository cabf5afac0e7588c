/**
 * A restore that cannot be: the HSM stays blank, says why, and takes the next good backup.
 */

import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CreateHsmCommand, DescribeClustersCommand } from "@aws-sdk/client-cloudhsm-v2";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { cloudHsm, createCluster, refusal, until, ZONE } from "../../lib/aws.ts";
import { type Edge, startEdge, testSecrets } from "../../lib/mf.ts";
import { addHsm, backUp, ok, removeHsm, type ServingCluster } from "../../lib/rest.ts";
import { servingEdge } from "../../lib/serving-edge.ts";

let persist: string;
let edge: Edge;
let cluster: ServingCluster;
let digest: string;

beforeAll(async () => {
  persist = await mkdtemp(join(tmpdir(), "holdfast-refusals-"));
  ({ edge, cluster } = await servingEdge({ persist }));
  await backUp(edge, cluster);
  digest = (await ok(edge, "GET", `${cluster.path}/digest`)).stateDigest;
  await removeHsm(cluster.client, cluster.clusterId);
}, 60_000);

afterAll(async () => {
  await edge.stop();
  await rm(persist, { recursive: true });
});

async function restartWithOtherAkbk(): Promise<void> {
  const { bindings } = await testSecrets();
  const operator = JSON.parse(bindings["OPERATOR"] ?? "{}");
  const key = randomBytes(32).toString("base64");
  const akbk = [{ ...operator.akbk[0], id: randomBytes(16).toString("hex"), key }];
  await edge.stop();
  const OPERATOR = JSON.stringify({ ...operator, akbk });
  edge = await startEdge({ persist, bindings: { OPERATOR } });
}

describe("an HSM that holds another operator's key", () => {
  it("does not take the cluster's backup, and the cluster says which key is missing", async () => {
    await restartWithOtherAkbk();
    const client = await cloudHsm(edge);
    const ClusterId = cluster.clusterId;
    await client.send(new CreateHsmCommand({ ClusterId, AvailabilityZone: ZONE }));
    const described = await until(
      async () => {
        const { Clusters = [] } = await client.send(
          new DescribeClustersCommand({ Filters: { clusterIds: [ClusterId] } }),
        );
        return Clusters[0]?.Hsms?.[0];
      },
      (hsm) => hsm?.State === "DEGRADED",
      60_000,
    );
    expect(described?.StateMessage).toContain("AKBK");
    await removeHsm(client, ClusterId);
  });

  it("is replaced by one with the right key, which restores everything", async () => {
    await edge.stop();
    edge = await startEdge({ persist });
    const client = await cloudHsm(edge);
    await addHsm(client, cluster.clusterId, 1);
    expect((await ok(edge, "GET", `${cluster.path}/digest`)).stateDigest).toBe(digest);
  });
});

describe("a cluster of another type or mode", () => {
  it("is not created from the backup", async () => {
    const client = await cloudHsm(edge);
    const row = await backUp(edge, cluster);
    const SourceBackupId = row.backupId;
    // The SDK's model is older than `Mode`; unknown members are sent all the same.
    const otherMode = { SourceBackupId, Mode: "NON_FIPS" };
    expect((await refusal(createCluster(client, otherMode))).message).toContain("NON_FIPS");
    const order = { SourceBackupId, HsmType: "hsm1.medium" };
    expect((await refusal(createCluster(client, order))).message).toContain("hsm1.medium");
  });
});
