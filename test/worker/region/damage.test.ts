/**
 * Backups whose objects were changed or lost in the bucket: seen, marked, not counted on, and never what
 * the purge keeps instead of a sound one.
 */
import {
  type CloudHSMV2Client,
  CreateHsmCommand,
  DeleteBackupCommand,
  DescribeBackupsCommand,
  ListTagsCommand,
  ModifyBackupAttributesCommand,
  RestoreBackupCommand,
  TagResourceCommand,
  UntagResourceCommand,
} from "@aws-sdk/client-cloudhsm-v2";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { activeCluster, cloudHsm, createCluster, refusal, until, ZONE } from "../../lib/aws.ts";
import { type BackupNames, objectKey, readObject, writeObject } from "../../lib/bucket.ts";
import { type Edge, startEdge } from "../../lib/mf.ts";
import { addHsm, backUp, ok, removeHsm, rest } from "../../lib/rest.ts";
import { type WrappedBundle, wrappedBundle } from "../wrapped-bundle.ts";
import { MOVABLE_ENTRY, MovableRegion } from "./movable-region.ts";

const DAY_MS = 86_400_000;
const BODY_MISSING = "The body is missing.";

let bundle: WrappedBundle;
let edge: Edge;
let region: MovableRegion;
let cluster: { client: CloudHSMV2Client; clusterId: string; path: string };
/** The cluster's, oldest first. */
let backups: BackupNames[];

beforeAll(async () => {
  bundle = await wrappedBundle(MOVABLE_ENTRY);
  edge = await startEdge({ bundle: bundle.folder });
  region = new MovableRegion(edge);
});
afterAll(async () => {
  await edge.stop();
  await bundle.remove();
});

beforeEach(async () => {
  const client = await cloudHsm(edge);
  const { clusterId } = await activeCluster(edge, client);
  cluster = { client, clusterId, path: `/v1/clusters/${clusterId}` };
  await backUp(edge, cluster);
  await backUp(edge, cluster);
  backups = await namesInOrder();
  expect(backups).toHaveLength(3);
});

const namesInOrder = () => region.backups(cluster.clusterId);
const catalogue = () => region.catalogue(cluster.clusterId);

function backup(index: number): BackupNames {
  const names = backups.at(index);
  if (names === undefined) throw new Error(`no backup ${index}`);
  return names;
}

/** Removes an object, and hands out what puts it back. */
async function lose(index: number, part: "body" | "envelope"): Promise<() => Promise<void>> {
  const key = await objectKey(edge, backup(index), part);
  const bytes = await readObject(edge, key);
  await writeObject(edge, key, null);
  return () => writeObject(edge, key, bytes);
}

/** As if the backups were so much older. */
async function age(days: number): Promise<void> {
  await region.query(
    `UPDATE backups SET createdAtMs = createdAtMs - ? WHERE clusterId = ?`,
    days * DAY_MS,
    cluster.clusterId,
  );
}

/** The end of the graces that run. */
async function endGraces(): Promise<void> {
  await region.query("UPDATE backups SET deleteAtMs = 0 WHERE deleteAtMs > 0");
  for (const { backupId } of backups) await region.run("backup_delete", backupId);
}

async function checkToday(): Promise<void> {
  await region.query("UPDATE backups SET checkedAtMs = 0");
  await region.run("backup_check", cluster.clusterId);
}

async function eventsOf(index: number): Promise<Record<string, unknown>[]> {
  const { backupId } = backup(index);
  return (await region.events()).filter((event) => event["backupId"] === backupId);
}

describe("the daily check", () => {
  it("marks a backup without its body on both wires, raises an event once, and unmarks it", async () => {
    const { backupId } = backup(2);
    const putBack = await lose(2, "body");
    await checkToday();
    await checkToday();
    expect((await ok(edge, "GET", `/v1/backups/${backupId}`)).damage).toBe(BODY_MISSING);
    const mark = { Key: "holdfast:damaged", Value: BODY_MISSING };
    const { client } = cluster;
    const describeIt = new DescribeBackupsCommand({ Filters: { backupIds: [backupId] } });
    expect((await client.send(describeIt)).Backups?.[0]?.TagList).toEqual([mark]);
    const tags = new ListTagsCommand({ ResourceId: backupId });
    expect((await client.send(tags)).TagList).toEqual([mark]);
    expect(await eventsOf(2)).toEqual([
      expect.objectContaining({
        event: "backup_damaged",
        level: "alarm",
        clusterId: cluster.clusterId,
        damage: BODY_MISSING,
        newestSound: backup(1).backupId,
      }),
    ]);

    await putBack();
    await checkToday();
    expect((await ok(edge, "GET", `/v1/backups/${backupId}`)).damage).toBeNull();
    expect((await client.send(tags)).TagList).toEqual([]);
    expect((await eventsOf(2)).map(({ event, level }) => [event, level])).toEqual([
      ["backup_damaged", "alarm"],
      ["backup_sound_again", "info"],
    ]);
  });

  it("sees every way in which an object is another, in words that a tag may have", async () => {
    const key = await objectKey(edge, backup(0), "envelope");
    const bytes = await readObject(edge, key);
    const changed = Uint8Array.from(bytes);
    changed[bytes.length - 1] = (changed.at(-1) ?? 0) ^ 1;
    const seen: (string | null)[] = [];
    for (const other of [null, new Uint8Array(), changed, bytes]) {
      await writeObject(edge, key, other);
      await checkToday();
      seen.push((await catalogue())[0]?.[1] ?? null);
    }
    expect(seen).toEqual([
      "The envelope is missing.",
      `The envelope has 0 bytes instead of ${bytes.length}.`,
      "The envelope is not the object that was put: its etag is another.",
      null,
    ]);
    for (const text of seen) expect(text ?? "").toMatch(/^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$/u);
  });

  it("looks at one that is on its way out too, and at each once in an interval", async () => {
    await cluster.client.send(new DeleteBackupCommand({ BackupId: backup(0).backupId }));
    await lose(0, "envelope");
    await checkToday();
    const missing = "The envelope is missing.";
    expect(await catalogue()).toEqual([
      ["PENDING_DELETION", missing],
      ["READY", null],
      ["READY", null],
    ]);
    // A check of today: nothing is looked at again before its time.
    await lose(1, "body");
    await region.run("backup_check", cluster.clusterId);
    expect((await catalogue())[1]).toEqual(["READY", null]);
    await region.query("UPDATE backups SET checkedAtMs = ?", Date.now() + 400 * DAY_MS);
    await region.run("backup_check", cluster.clusterId);
    expect((await catalogue())[1]).toEqual(["READY", BODY_MISSING]);
  });

  it("comes to all of many, fifty at a time", async () => {
    const columns = (
      await region.query<{ name: string }>("SELECT name FROM pragma_table_info('backups')")
    ).map(({ name }) => name);
    // Rows beside the first one, with its objects.
    const values = columns.map((name) => {
      if (name === "backupId") return "backupId || value";
      return name === "chainNumber" ? "100 + value" : name;
    });
    await region.query(
      `WITH RECURSIVE n (value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM n WHERE value < 120)
       INSERT INTO backups (${columns.join(", ")})
       SELECT ${values.join(", ")} FROM backups, n WHERE backupId = ?`,
      backup(0).backupId,
    );
    await lose(0, "body");
    await checkToday();
    const marked = (await catalogue()).filter(([, damage]) => damage === BODY_MISSING);
    expect(marked).toHaveLength(121);
  });

  it("marks a backup of a build whose bytes are not read here", async () => {
    const forget = "UPDATE backups SET envelopeDigest = '' WHERE backupId = ?";
    const [known] = await region.query<{ envelopeDigest: string }>(
      "SELECT envelopeDigest FROM backups WHERE backupId = ?",
      backup(1).backupId,
    );
    await region.query(forget, backup(1).backupId);
    await checkToday();
    expect((await catalogue()).map(([, damage]) => damage)).toEqual([
      null,
      "An earlier build made it and this one does not read it.",
      null,
    ]);
    const restore = "UPDATE backups SET envelopeDigest = ? WHERE backupId = ?";
    await region.query(restore, known?.envelopeDigest ?? "", backup(1).backupId);
    await checkToday();
    expect((await catalogue()).map(([, damage]) => damage)).toEqual([null, null, null]);
  });
});

describe("the purge", () => {
  it("keeps what it would otherwise have deleted for the sake of one whose objects are gone", async () => {
    await lose(2, "body");
    await age(200);
    await region.run("retention", cluster.clusterId);
    expect(await catalogue()).toEqual([
      ["PENDING_DELETION", null],
      ["READY", null],
      ["READY", BODY_MISSING],
    ]);
  });

  it("deletes nothing while no backup is sound, and goes on when one is again", async () => {
    const putBack = await lose(1, "body");
    await lose(2, "envelope");
    await lose(0, "envelope");
    await age(200);
    await region.run("retention", cluster.clusterId);
    expect((await catalogue()).map(([state]) => state)).toEqual(["READY", "READY", "READY"]);
    await putBack();
    await checkToday();
    expect((await catalogue()).map(([state]) => state)).toEqual([
      "PENDING_DELETION",
      "READY",
      "READY",
    ]);
  });

  it("takes its deletion back when its time comes and nothing newer is sound", async () => {
    await age(200);
    await region.run("retention", cluster.clusterId);
    const marked = ["PENDING_DELETION", "PENDING_DELETION", "READY"];
    expect((await catalogue()).map(([state]) => state)).toEqual(marked);
    await lose(2, "body");
    await endGraces();
    // Each came back as its time came; then there was one for whose sake the first could go again.
    expect(await catalogue()).toEqual([
      ["PENDING_DELETION", null],
      ["READY", null],
      ["READY", BODY_MISSING],
    ]);
    expect(await eventsOf(1)).toContainEqual(
      expect.objectContaining({ event: "purge_withdrawn", level: "alarm" }),
    );
    await ok(edge, "POST", `/v1/backups/${backup(1).backupId}/verify`);
    await ok(edge, "POST", `/v1/backups/${backup(0).backupId}/verify`);
  });

  it("looks at the next one where the one that it would keep is deleted meanwhile", async () => {
    await age(200);
    await region.control({ silentHeads: 2 });
    await region.begin("retention", cluster.clusterId);
    await until(
      () => region.silentHeads(),
      (waiting) => waiting === 2,
    );
    await cluster.client.send(new DeleteBackupCommand({ BackupId: backup(2).backupId }));
    await lose(1, "body");
    await region.control({ silentHeads: -1 });
    await region.idle();
    expect(await catalogue()).toEqual([
      ["READY", null],
      ["READY", BODY_MISSING],
      ["PENDING_DELETION", null],
    ]);
  });

  it("leaves what a person brought back, for the whole retention once more", async () => {
    const { client } = cluster;
    const BackupId = backup(0).backupId;
    await age(200);
    await region.run("retention", cluster.clusterId);
    expect((await catalogue())[0]?.[0]).toBe("PENDING_DELETION");
    await client.send(new RestoreBackupCommand({ BackupId }));
    await region.idle();
    await region.run("retention", cluster.clusterId);
    expect((await catalogue())[0]?.[0]).toBe("READY");
    // By age again, counted from the restore.
    await region.query(
      "UPDATE backups SET restoredAtMs = restoredAtMs - ? WHERE backupId = ?",
      91 * DAY_MS,
      BackupId,
    );
    await region.query(
      "INSERT OR REPLACE INTO due (task, subject, clusterId, dueAtMs) VALUES ('retention', ?1, ?1, 0)",
      cluster.clusterId,
    );
    await region.run("retention", cluster.clusterId);
    expect((await catalogue())[0]?.[0]).toBe("PENDING_DELETION");
  });

  it("leaves a person's deletion as it is, of the last sound one too", async () => {
    await lose(2, "body");
    await lose(1, "body");
    await cluster.client.send(new DeleteBackupCommand({ BackupId: backup(0).backupId }));
    await endGraces();
    expect((await catalogue())[0]?.[0]).toBe("DELETED");
  });

  it("goes by the order of the chain, not by a date that a wrong clock gave", async () => {
    await age(200);
    await region.query(
      "UPDATE backups SET createdAtMs = ? WHERE backupId = ?",
      Date.now() + 400 * DAY_MS,
      backup(1).backupId,
    );
    await region.run("retention", cluster.clusterId);
    expect((await catalogue()).map(([state]) => state)).toEqual([
      "PENDING_DELETION",
      "READY",
      "READY",
    ]);
  });
});

describe("a damaged backup", () => {
  it("is passed over by CreateHsm, which takes the newest sound one", async () => {
    const digest = (await ok(edge, "GET", `${cluster.path}/digest`)).stateDigest;
    await removeHsm(cluster.client, cluster.clusterId);
    backups = await namesInOrder();
    await lose(-1, "envelope");
    await addHsm(cluster.client, cluster.clusterId, 1);
    expect((await ok(edge, "GET", `${cluster.path}/digest`)).stateDigest).toBe(digest);
    expect((await catalogue()).at(-1)).toEqual(["READY", "The envelope is missing."]);
  });

  it("leaves CreateHsm nothing where all are damaged, until one is looked at again", async () => {
    await removeHsm(cluster.client, cluster.clusterId);
    backups = await namesInOrder();
    const putBack = await lose(0, "body");
    for (const index of [1, 2, 3]) await lose(index, "body");
    await checkToday();
    const order = new CreateHsmCommand({ ClusterId: cluster.clusterId, AvailabilityZone: ZONE });
    expect((await refusal(cluster.client.send(order))).message).toContain("marked as damaged");
    await putBack();
    await ok(edge, "POST", `/v1/backups/${backup(0).backupId}/verify`);
    expect((await catalogue())[0]).toEqual(["READY", null]);
    await addHsm(cluster.client, cluster.clusterId, 1);
  });

  it("makes no cluster, and makes one when its objects are back", async () => {
    const SourceBackupId = backup(2).backupId;
    const putBack = await lose(2, "body");
    const refused = await refusal(createCluster(cluster.client, { SourceBackupId }));
    expect(refused.message).toContain("The body of backup");
    expect((await catalogue())[2]).toEqual(["READY", BODY_MISSING]);
    await putBack();
    await createCluster(cluster.client, { SourceBackupId });
    expect((await catalogue())[2]).toEqual(["READY", null]);
  });

  it("is refused to whoever reads it, and marked by that", async () => {
    const path = `/v1/backups/${backup(1).backupId}`;
    await lose(1, "body");
    for (const [method, verb] of [
      ["GET", "download"],
      ["POST", "verify"],
      ["GET", "inspect"],
    ] as const) {
      const { status, body } = await rest(edge, method, `${path}/${verb}`);
      expect([status, body.error.code]).toEqual([409, "backup_object_missing"]);
      expect(body.error.message).toContain(BODY_MISSING);
    }
    expect((await catalogue())[1]).toEqual(["READY", BODY_MISSING]);
  });

  it("is deleted, brought back and exempted like any other, and stays marked", async () => {
    const { client } = cluster;
    const BackupId = backup(2).backupId;
    await lose(2, "body");
    await checkToday();
    const marked = { TagList: [{ Key: "holdfast:damaged", Value: BODY_MISSING }] };
    const exempt = new ModifyBackupAttributesCommand({ BackupId, NeverExpires: true });
    expect((await client.send(exempt)).Backup).toMatchObject({ ...marked, NeverExpires: true });
    const { Backup: gone } = await client.send(new DeleteBackupCommand({ BackupId }));
    expect(gone).toMatchObject({ ...marked, BackupState: "PENDING_DELETION" });
    const { Backup: back } = await client.send(new RestoreBackupCommand({ BackupId }));
    expect(back).toMatchObject({ ...marked, BackupState: "READY" });
  });

  it.each<[string, string, () => Promise<void>]>([
    [
      "the last of an HSM that is being removed",
      "hsm_removed",
      () => removeHsm(cluster.client, cluster.clusterId),
    ],
    [
      "what an HSM beside others is filled with",
      "hsm_added",
      () => addHsm(cluster.client, cluster.clusterId, 2),
    ],
  ])("may not be %s: another is made first", async (_, trigger, change) => {
    const before = backups.length;
    // As if its body were changed as soon as it is there, and before anybody looks at it.
    await region.query(
      `CREATE TRIGGER lost AFTER UPDATE OF state ON backups
       WHEN new.state = 'READY' AND new.trigger = '${trigger}'
        AND (SELECT count(*) FROM backups WHERE clusterId = new.clusterId
             AND trigger = new.trigger) = 1
       BEGIN UPDATE backups SET bodyEtag = 'another' WHERE backupId = new.backupId; END`,
    );
    try {
      await change();
    } finally {
      await region.query("DROP TRIGGER lost");
    }
    const rows = await catalogue();
    expect(rows.slice(before)).toEqual([
      ["READY", "The body is not the object that was put: its etag is another."],
      ["READY", null],
    ]);
  });
});

describe("tags that begin with holdfast:", () => {
  it("are nobody's to set or to remove, and do not count among fifty", async () => {
    const ResourceId = backup(2).backupId;
    const { client } = cluster;
    const many = Array.from({ length: 50 }, (_, n) => ({ Key: `k${n}`, Value: "" }));
    await client.send(new TagResourceCommand({ ResourceId, TagList: many }));
    await lose(2, "body");
    await checkToday();
    const again = new TagResourceCommand({ ResourceId, TagList: [{ Key: "k0", Value: "1" }] });
    await client.send(again);
    expect((await client.send(new ListTagsCommand({ ResourceId }))).TagList).toHaveLength(51);
    const own = { Key: "Holdfast:Damaged", Value: "" };
    const set = client.send(new TagResourceCommand({ ResourceId, TagList: [own] }));
    expect((await refusal(set)).name).toBe("CloudHsmTagException");
    const TagKeyList = ["holdfast:damaged"];
    const removed = client.send(new UntagResourceCommand({ ResourceId, TagKeyList }));
    expect((await refusal(removed)).name).toBe("CloudHsmTagException");
  });
});
