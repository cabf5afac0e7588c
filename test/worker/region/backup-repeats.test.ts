/**
 * Backups asked for twice, during writes, and across restarts: one good backup each, nothing lost.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { backupsReady, until } from "../../lib/aws.ts";
import { type Edge, startEdge } from "../../lib/mf.ts";
import { backUp, ok, rest, type ServingCluster, servingCluster } from "../../lib/rest.ts";

let persist: string;
let edge: Edge;
let cluster: ServingCluster;

beforeAll(async () => {
  persist = await mkdtemp(join(tmpdir(), "holdfast-repeats-"));
  edge = await startEdge({ persist });
  cluster = await servingCluster(edge);
}, 60_000);

afterAll(async () => {
  await edge.stop();
  await rm(persist, { recursive: true });
});

function generateKey(label: string) {
  const order = { type: "aes", sizeBits: 256, label };
  const options = { session: cluster.alice };
  return rest(edge, "POST", `${cluster.path}/keys:generate`, order, options);
}

async function verified(backupId: string): Promise<{ stateDigest: string; records: number }> {
  return ok(edge, "POST", `/v1/backups/${backupId}/verify`, {});
}

describe("a backup", () => {
  it("is made once when it is asked for twice at once", async () => {
    const path = `${cluster.path}/backups`;
    const answers = await Promise.all([1, 2, 3].map(() => rest(edge, "POST", path, {})));
    const begun = answers.filter((answer) => answer.status === 202);
    expect(begun.length).toBeGreaterThanOrEqual(1);
    for (const answer of answers) {
      expect([202, 409]).toContain(answer.status);
    }
    const ids = new Set(begun.map((answer) => answer.body.backupId));
    for (const backupId of ids) {
      const row = await until(
        () => ok(edge, "GET", `/v1/backups/${backupId}`),
        (view) => view.state !== "CREATE_IN_PROGRESS",
      );
      expect(row).toMatchObject({ state: "READY", failure: null });
      await verified(backupId);
    }
  });

  it("holds one moment of a memory that is being written to", async () => {
    const writes = Array.from({ length: 30 }, (_, i) => generateKey(`during-${i}`));
    const [row, ...answers] = await Promise.all([backUp(edge, cluster), ...writes]);
    expect(answers.every((answer) => answer.status === 201)).toBe(true);
    const facts = await verified(row.backupId);
    expect(facts.stateDigest).toBe(row.stateDigest);
    const later = await backUp(edge, cluster);
    const now = await ok(edge, "GET", `${cluster.path}/digest`);
    expect(later.stateDigest).toBe(now.stateDigest);
    expect((await verified(later.backupId)).records).toBeGreaterThanOrEqual(facts.records);
  });

  it("becomes READY after the edge stopped while it was being made", async () => {
    const before = (await backupsReady(cluster.client, cluster.clusterId, 1)).length;
    const { backupId } = await ok(edge, "POST", `${cluster.path}/backups`, {});
    await edge.stop();
    edge = await startEdge({ persist });
    const row = await until(
      () => ok(edge, "GET", `/v1/backups/${backupId}`),
      (view) => view.state !== "CREATE_IN_PROGRESS",
      60_000,
    );
    expect(row).toMatchObject({ state: "READY", failure: null });
    await verified(backupId);
    const bucket = await edge.mf.getR2Bucket("BACKUPS_US_EAST_1", "holdfast");
    const { objects } = await bucket.list({ prefix: `clusters/${cluster.clusterId}/` });
    const named = objects.filter(({ key }) => key.includes(backupId));
    expect(named.length).toBeGreaterThanOrEqual(2);
    expect(before).toBeGreaterThan(0);
  });

  it("finds every acknowledged key and session after a restart", async () => {
    const made = await generateKey("kept");
    expect(made.status).toBe(201);
    const { stateDigest } = await ok(edge, "GET", `${cluster.path}/digest`);
    await edge.stop();
    edge = await startEdge({ persist });
    expect((await ok(edge, "GET", `${cluster.path}/digest`)).stateDigest).toBe(stateDigest);
    const options = { session: cluster.alice };
    const key = `${cluster.path}/keys/${made.body.handle}`;
    expect(await ok(edge, "GET", key, undefined, options)).toMatchObject({ label: "kept" });
  });
});

describe("an HSM's memory at rest", () => {
  it("does not open under another storage key, and says so", async () => {
    await edge.stop();
    const STORAGE_KEY = Buffer.alloc(32, 5).toString("base64");
    edge = await startEdge({ persist, bindings: { STORAGE_KEY } });
    const answer = await rest(edge, "POST", `${cluster.path}/sessions`, {
      username: "alice",
      password: "alice-password-1",
    });
    expect([answer.status, answer.body.error.code]).toEqual([503, "hsm_memory_unreadable"]);
    await edge.stop();
    edge = await startEdge({ persist });
    await ok(edge, "GET", `${cluster.path}/digest`);
  });
});
