/**
 * Tables of another build: an earlier one's are taken over with what is in them, a newer one's are left
 * alone.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DeleteBackupCommand, ListTagsCommand } from "@aws-sdk/client-cloudhsm-v2";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { activeCluster, cloudHsm, rawCall, until } from "../../lib/aws.ts";
import { type Edge, startEdge } from "../../lib/mf.ts";
import { addHsm, backUp, ok, removeHsm } from "../../lib/rest.ts";
import { type WrappedBundle, wrappedBundle } from "../wrapped-bundle.ts";
import { MOVABLE_ENTRY, MovableRegion } from "./movable-region.ts";

/** What builds before there were versions did not have. */
const LATER = [
  "DROP INDEX backupsSound",
  "DROP INDEX backupsLookedAt",
  "ALTER TABLE backups DROP COLUMN envelopeEtag",
  "ALTER TABLE backups ADD COLUMN restorableOffline INTEGER NOT NULL DEFAULT 0",
  "ALTER TABLE backups DROP COLUMN recoveryKeyIds",
  "ALTER TABLE backups DROP COLUMN envelopeNumber",
  "ALTER TABLE backups DROP COLUMN envelopeDigest",
  "ALTER TABLE backups DROP COLUMN damage",
  "ALTER TABLE backups DROP COLUMN readFault",
  "DROP INDEX backupsExpiringByKept",
  "ALTER TABLE backups DROP COLUMN restoredAtMs",
  "ALTER TABLE backups DROP COLUMN checkedAtMs",
  "ALTER TABLE backups DROP COLUMN deletedBy",
  "ALTER TABLE clusters DROP COLUMN orderNumber",
  "ALTER TABLE hsms DROP COLUMN joined",
  "ALTER TABLE hsms DROP COLUMN obeyed",
  "DELETE FROM due WHERE task = 'backup_check'",
];
const UNREAD = "An earlier build made it and this one does not read it.";
const FIRST_TABLES = ["place", "clusters", "hsms", "backups", "tags", "due"];

let bundle: WrappedBundle;
let persist: string;
let edge: Edge;
let region: MovableRegion;

async function start(): Promise<void> {
  edge = await startEdge({ persist, bundle: bundle.folder });
  region = new MovableRegion(edge);
}

/** Takes from the tables what later builds have added. */
async function makeFirst(): Promise<void> {
  for (const statement of LATER) await region.query(statement);
  const tables = await region.query<{ name: string }>(
    "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '\\_cf%' ESCAPE '\\'",
  );
  for (const { name } of tables) {
    if (!FIRST_TABLES.includes(name)) await region.query(`DROP TABLE ${name}`);
  }
}

beforeAll(async () => {
  bundle = await wrappedBundle(MOVABLE_ENTRY);
  persist = await mkdtemp(join(tmpdir(), "holdfast-schema-"));
  await start();
});
afterAll(async () => {
  await edge.stop();
  await rm(persist, { recursive: true });
  await bundle.remove();
});

describe("a region's tables", () => {
  it("of a build before there were versions are taken over, and its backups looked at", async () => {
    const client = await cloudHsm(edge);
    const { clusterId, backupId } = await activeCluster(edge, client);
    const second = await backUp(edge, { path: `/v1/clusters/${clusterId}` });
    await client.send(new DeleteBackupCommand({ BackupId: backupId }));
    const putTag = "INSERT INTO tags VALUES (?, ?, 'x')";
    for (const key of ["Holdfast:mine", "mine"]) await region.query(putTag, backupId, key);
    await makeFirst();
    await edge.stop();

    await start();
    const known = await ok(edge, "GET", `/v1/backups/${second.backupId}`);
    // Of what a build of then was sealed for nothing is known.
    expect(known).toEqual({ ...second, restorableOffline: "no" });
    await region.run("backup_check", clusterId);
    const marks = await region.query("SELECT damage FROM backups WHERE state = 'READY'");
    expect(marks).toEqual([{ damage: UNREAD }]);
    expect(await region.query("SELECT state, deletedBy FROM backups ORDER BY chainNumber")).toEqual(
      [
        { state: "PENDING_DELETION", deletedBy: "purge" },
        { state: "READY", deletedBy: null },
      ],
    );
    const again = await cloudHsm(edge);
    const { TagList } = await again.send(new ListTagsCommand({ ResourceId: backupId }));
    expect(TagList).toEqual([
      { Key: "holdfast:damaged", Value: UNREAD },
      { Key: "mine", Value: "x" },
    ]);
    await removeHsm(again, clusterId);
    await addHsm(again, clusterId, 1);
  });

  it("of a newer build are not touched, and the log says which build is needed", async () => {
    const [version] = await region.query<{ version: number }>("SELECT version FROM schema");
    await region.query("UPDATE schema SET version = 1000");
    await edge.stop();
    const logged = vi.spyOn(console, "error").mockImplementation(() => undefined);
    try {
      edge = await startEdge({ persist, bundle: bundle.folder });
      const { status } = await rawCall(edge, "DescribeClusters", {});
      expect(status).toBe(500);
      await until(
        async () => logged.mock.calls.flat().join(),
        (text) =>
          text.includes('"event":"schema_newer"') &&
          text.includes(`have version 1000; this build knows them up to ${version?.version}.`),
      );
    } finally {
      logged.mockRestore();
    }
  });
});
