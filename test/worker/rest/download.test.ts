/**
 * A download: the two objects of the backup as the catalogue knows them, or a refusal that says which of
 * them is not.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type BackupNames, objectKey, readObject, writeObject } from "../../lib/bucket.ts";
import type { Edge } from "../../lib/mf.ts";
import { backUp, rest, restFetch } from "../../lib/rest.ts";
import { servingEdge } from "../../lib/serving-edge.ts";

let edge: Edge;
/** Two backups of one memory: their envelopes are of one length. */
let backup: BackupNames;
let sibling: BackupNames;

beforeAll(async () => {
  const began = await servingEdge();
  edge = began.edge;
  const { cluster } = began;
  backup = await backUp(edge, cluster);
  sibling = await backUp(edge, cluster);
}, 60_000);
afterAll(() => edge.stop());

async function download(): Promise<Response> {
  return restFetch(edge, "GET", `/v1/backups/${backup.backupId}/download`);
}

describe("a download", () => {
  it.each<[string, "body" | "envelope", (bytes: Uint8Array) => Promise<Uint8Array | null>]>([
    ["that is missing", "envelope", async () => null],
    ["that was emptied", "envelope", async () => new Uint8Array()],
    ["that has grown", "envelope", async (bytes) => Buffer.concat([bytes, new Uint8Array(1)])],
    [
      "of another backup",
      "envelope",
      async () => readObject(edge, await objectKey(edge, sibling, "envelope")),
    ],
    ["that is missing", "body", async () => null],
    ["that was emptied", "body", async () => new Uint8Array()],
    [
      "of another backup",
      "body",
      async () => readObject(edge, await objectKey(edge, sibling, "body")),
    ],
  ])("is refused with an object %s: the %s", async (_, part, changed) => {
    const key = await objectKey(edge, backup, part);
    const bytes = await readObject(edge, key);
    await writeObject(edge, key, await changed(bytes));
    try {
      const path = `/v1/backups/${backup.backupId}/download`;
      const answer = await rest(edge, "GET", path);
      expect(answer.status).toBe(409);
      expect(answer.body.error.code).toBe("backup_object_missing");
      expect(answer.body.error.message).toContain(
        `Backup '${backup.backupId}' is damaged. The ${part}`,
      );
    } finally {
      await writeObject(edge, key, bytes);
    }
    expect((await download()).status).toBe(200);
  });

  it("is envelope and body, one after the other", async () => {
    const parts = await Promise.all(
      (["envelope", "body"] as const).map(async (part) =>
        readObject(edge, await objectKey(edge, backup, part)),
      ),
    );
    const response = await download();
    expect(Number(response.headers.get("content-length"))).toBe(Buffer.concat(parts).length);
    const file = Buffer.from(await response.arrayBuffer());
    expect(file.equals(Buffer.concat(parts))).toBe(true);
  });
});
