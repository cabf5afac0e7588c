/**
 * What `inspect` tells of a backup: the clear part of its envelope as it lies in the bucket, no key, and
 * nothing from which one is found.
 */
import { createHash } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ManifestEntry } from "../../../src/backup/container/manifest.ts";
import { memoryFile } from "../../../src/backup/file.ts";
import { inspectBackup } from "../../../src/backup/inspect.ts";
import { parseKit } from "../../../src/backup/kit/kit.ts";
import { decodeEnvelope } from "../../../src/backup/seal/envelope.ts";
import type { RestBody } from "../../lib/answers.ts";
import { ACCOUNT, REGION } from "../../lib/aws.ts";
import { loadCore } from "../../lib/core.ts";
import { type Edge, testSecrets } from "../../lib/mf.ts";
import { backUp, ok, restFetch, type ServingCluster } from "../../lib/rest.ts";
import { servingEdge } from "../../lib/serving-edge.ts";

async function sealedFile(edge: Edge, backupId: string): Promise<Uint8Array> {
  const response = await restFetch(edge, "GET", `/v1/backups/${backupId}/download`);
  return new Uint8Array(await response.arrayBuffer());
}

describe("the envelope of a backup with a kit", () => {
  let edge: Edge;
  let cluster: ServingCluster;
  beforeAll(async () => {
    ({ edge, cluster } = await servingEdge());
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
      containerDigest: Buffer.from(clear.containerDigest).toString("hex"),
      envelopeNumber: 1,
      recipients: clear.recipients.map(({ keyId }, i) => ({
        kind: ["kms", "recovery"][i],
        keyId,
      })),
    });
    expect(envelope.recipients.map(({ kind }) => kind)).toEqual(["kms", "recovery"]);
    const row = await ok(edge, "GET", `/v1/backups/${backupId}`);
    expect(envelope.containerDigest).toBe(row.containerDigest);
    expect(envelope.bodyBytes).toBe(row.bodyBytes);
  });
});

describe("the digest of a record that may hold a secret", () => {
  let edge: Edge;
  let cluster: ServingCluster;
  let backupId: string;
  let manifest: readonly ManifestEntry[];
  beforeAll(async () => {
    ({ edge, cluster } = await servingEdge());
    const material = { format: "raw", type: "generic-secret", raw: "NDgzMQ==" };
    const session = { session: cluster.alice };
    const key = { material, extractable: false, sign: true };
    await ok(edge, "POST", `${cluster.path}/keys`, key, session);
    ({ backupId } = await backUp(edge, cluster));
    using core = await loadCore();
    using kit = parseKit((await testSecrets()).kit);
    const openers = { kms: null, recoveryKeys: kit.recoveryKeys };
    const file = memoryFile(await sealedFile(edge, backupId));
    const platform = { core, subtle: crypto.subtle };
    ({ manifest } = await inspectBackup(platform, kit.ring, openers, file));
  }, 120_000);
  afterAll(() => edge.stop());

  it.each(["owner", "auditor"] as const)("is on no page of inspect, for an %s", async (role) => {
    const shown: { type: string; digest: string | null }[] = [];
    for (let after: number | null = 0; after !== null; ) {
      const path = `/v1/backups/${backupId}/inspect?limit=2&after=${after}`;
      const page: RestBody = await ok(edge, "GET", path, undefined, { role });
      shown.push(...page.manifest);
      after = page.next;
    }
    expect(shown.map(({ type, digest }) => [type, digest !== null])).toEqual([
      ["configuration", true],
      ["policy", true],
      ["user", false],
      ["user", false],
      ["user", false],
      ["key", false],
    ]);
  });

  it("is in no answer about the backup or its cluster", async () => {
    const secretOnes = manifest.filter(({ type }) => type === 3 || type === 5);
    expect(secretOnes).toHaveLength(4);
    const { path, admin, alice } = cluster;
    const answers = await Promise.all([
      restFetch(edge, "GET", `/v1/backups/${backupId}`),
      restFetch(edge, "GET", `/v1/backups/${backupId}/inspect?limit=1000`),
      restFetch(edge, "POST", `/v1/backups/${backupId}/verify`),
      restFetch(edge, "GET", `${path}/digest`),
      restFetch(edge, "GET", `${path}/users`, undefined, { session: admin }),
      restFetch(edge, "GET", `${path}/keys`, undefined, { session: alice }),
      restFetch(edge, "GET", `${path}/keys/1`, undefined, { session: alice }),
    ]);
    for (const answer of answers) {
      expect(answer.status).toBe(200);
      const text = await answer.text();
      for (const { digest } of secretOnes) {
        expect(text).not.toContain(Buffer.from(digest).toString("hex"));
        expect(text).not.toContain(Buffer.from(digest).toString("base64"));
      }
    }
  });
});

describe("the envelope of a backup of a deployment without a recovery key", () => {
  it("names the KMS alone", async () => {
    const { edge, cluster } = await servingEdge({ bindings: { RECOVERY_PUBLIC_KEY: "" } });
    try {
      const { backupId } = await backUp(edge, cluster);
      const { envelope } = await ok(edge, "GET", `/v1/backups/${backupId}/inspect`);
      expect(envelope.recipients).toEqual([{ kind: "kms", keyId: expect.any(String) }]);
    } finally {
      await edge.stop();
    }
  });
});
