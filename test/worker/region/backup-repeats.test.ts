/**
 * Backups asked for twice, during writes, and across restarts: one good backup each, nothing lost.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { WORKER_NAME } from "../../../scripts/edge/embedded.ts";
import { backupsReady, until } from "../../lib/aws.ts";
import { type Edge, startEdge } from "../../lib/mf.ts";
import { backUp, ok, rest, type ServingCluster } from "../../lib/rest.ts";
import { servingEdge } from "../../lib/serving-edge.ts";

let persist: string;
let edge: Edge;
let cluster: ServingCluster;

beforeAll(async () => {
  persist = await mkdtemp(join(tmpdir(), "holdfast-repeats-"));
  ({ edge, cluster } = await servingEdge({ persist }));
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

/** Keys of the backup's objects, in order. */
async function objectsOf(backupId: string): Promise<string[]> {
  const bucket = await edge.mf.getR2Bucket("BACKUPS_US_EAST_1", WORKER_NAME);
  const prefix = `clusters/${cluster.clusterId}/backups/${backupId}/`;
  return (await bucket.list({ prefix })).objects.map(({ key }) => key);
}

async function verified(backupId: string): Promise<{ stateDigest: string; records: number }> {
  return ok(edge, "POST", `/v1/backups/${backupId}/verify`, {});
}

describe("a backup", () => {
  it("is made once when it is asked for twice at once", async () => {
    const path = `${cluster.path}/backups`;
    const answers = await Promise.all([1, 2, 3, 4, 5].map(() => rest(edge, "POST", path, {})));
    const begun = answers.filter((answer) => answer.status === 202);
    expect(begun.length).toBeGreaterThanOrEqual(1);
    for (const { status, body } of answers) {
      if (status === 202) continue;
      expect([status, body.error.code]).toEqual([409, "backup_in_progress"]);
    }
    const ids = new Set(begun.map((answer) => answer.body.backupId));
    expect(ids.size).toBe(begun.length);
    for (const backupId of ids) {
      const row = await until(
        () => ok(edge, "GET", `/v1/backups/${backupId}`),
        (view) => view.state !== "CREATE_IN_PROGRESS",
      );
      expect(row).toMatchObject({ state: "READY", failure: null });
      await verified(backupId);
    }
    // Two at once would both follow the same one, whenever the answers came.
    const all = await backupsReady(cluster.client, cluster.clusterId, 1 + ids.size);
    const chain = await Promise.all(
      all.map(({ BackupId }) => ok(edge, "GET", `/v1/backups/${BackupId}`)),
    );
    chain.sort((a, b) => a.chainNumber - b.chainNumber);
    expect(chain.map((row) => row.chainNumber)).toEqual(chain.map((_, i) => i + 1));
    expect(chain.map((row) => row.previousDigest)).toEqual([
      "",
      ...chain.slice(0, -1).map((row) => row.containerDigest),
    ]);
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
    await edge.stop();
    edge = await startEdge({ persist, bindings: { PAUSE_AT: "backup_body_put" } });
    const { backupId } = await ok(edge, "POST", `${cluster.path}/backups`, {});
    const [body] = await until(
      () => objectsOf(backupId),
      (keys) => keys.length > 0,
    );
    expect(body).toContain("/body-");
    await edge.stop();
    edge = await startEdge({ persist });
    expect(await ok(edge, "GET", `/v1/backups/${backupId}`)).toMatchObject({ failure: null });
    const row = await until(
      () => ok(edge, "GET", `/v1/backups/${backupId}`),
      (view) => view.state !== "CREATE_IN_PROGRESS",
      60_000,
    );
    expect(row).toMatchObject({ state: "READY", failure: null });
    await verified(backupId);
    // The attempt that died leaves its body to the sweep; the one that was made has a seal of its own.
    const made = (await objectsOf(backupId)).filter((key) => key !== body);
    expect(made).toEqual([
      expect.stringMatching(/\/body-[0-9a-f]{32}$/),
      expect.stringMatching(/\/envelope-[0-9a-f]{32}-1$/),
    ]);
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
    expect([answer.status, answer.body.error.code]).toEqual([503, "storage_key_mismatch"]);
    await edge.stop();
    edge = await startEdge({ persist });
    await ok(edge, "GET", `${cluster.path}/digest`);
  });
});
