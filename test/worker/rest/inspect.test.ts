/**
 * What `inspect` tells of a backup: the clear part of its envelope as it lies in the bucket, and no key.
 */
import { createHash } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { decodeEnvelope } from "../../../src/backup/seal/envelope.ts";
import { ACCOUNT, REGION } from "../../lib/aws.ts";
import { type Edge, startEdge } from "../../lib/mf.ts";
import { backUp, ok, restFetch, type ServingCluster, servingCluster } from "../../lib/rest.ts";

async function sealedFile(edge: Edge, backupId: string): Promise<Uint8Array> {
  const response = await restFetch(edge, "GET", `/v1/backups/${backupId}/download`);
  return new Uint8Array(await response.arrayBuffer());
}

describe("the envelope of a backup with a kit", () => {
  let edge: Edge;
  let cluster: ServingCluster;
  beforeAll(async () => {
    edge = await startEdge();
    cluster = await servingCluster(edge);
  }, 120_000);
  afterAll(() => edge.stop());

  it("is told with seal, body, location and recipients, and without a wrapped key", async () => {
    const { backupId } = await backUp(edge, cluster);
    const { envelope } = await ok(edge, "GET", `/v1/backups/${backupId}/inspect`);
    const file = await sealedFile(edge, backupId);
    const { clear, byteLength } = decodeEnvelope(file);
    const body = file.subarray(byteLength);
    expect(envelope).toEqual({
      sealId: Buffer.from(clear.sealId).toString("hex"),
      bodyBytes: body.length,
      bodyDigest: createHash("sha256").update(body).digest("hex"),
      location: { account: ACCOUNT, region: REGION, clusterId: cluster.clusterId, backupId },
      recipients: clear.recipients.map(({ kind, keyId }) => ({ kind, keyId })),
      restorableOffline: true,
    });
    expect(envelope.recipients.map(({ kind }: { kind: string }) => kind)).toEqual([
      "kms",
      "recovery",
    ]);
    const row = await ok(edge, "GET", `/v1/backups/${backupId}`);
    expect(envelope.bodyBytes).toBe(row.bodyBytes);
  });
});

describe("the envelope of a backup of a deployment without a recovery key", () => {
  it("names the KMS alone", async () => {
    const edge = await startEdge({ bindings: { RECOVERY_PUBLIC_KEY: "" } });
    try {
      const { backupId } = await backUp(edge, await servingCluster(edge));
      const { envelope } = await ok(edge, "GET", `/v1/backups/${backupId}/inspect`);
      expect(envelope.recipients).toEqual([{ kind: "kms", keyId: expect.any(String) }]);
      expect(envelope.restorableOffline).toBe(false);
    } finally {
      await edge.stop();
    }
  });
});
