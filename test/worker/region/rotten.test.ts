/**
 * Backups whose bits changed beneath size and etag: whoever reads them finds it, and that marks the row as
 * a look at the bucket does; what speaks of keys, or was found once and not again, marks nothing.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ListTagsCommand } from "@aws-sdk/client-cloudhsm-v2";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { activeCluster, cloudHsm, createCluster, refusal } from "../../lib/aws.ts";
import { type BackupNames, type BackupPart, objectKey } from "../../lib/bucket.ts";
import { type Edge, startEdge, testSecrets } from "../../lib/mf.ts";
import { addHsm, backUp, ok, removeHsm, rest } from "../../lib/rest.ts";
import { type WrappedBundle, wrappedBundle } from "../wrapped-bundle.ts";
import { MOVABLE_ENTRY, MovableRegion } from "./movable-region.ts";

const DAY_MS = 86_400_000;
const ALWAYS = 1_000;
const BODY_DAMAGED = "Its bytes are not those of this backup: body_damaged.";
const ENVELOPE_DAMAGED = "Its bytes are not those of this backup: envelope_damaged.";

let persist: string;
let bundle: WrappedBundle;
let edge: Edge;
let region: MovableRegion;
let cluster: Awaited<ReturnType<typeof serving>>;
/** The cluster's, oldest first. */
let backups: BackupNames[];

async function start(bindings: Record<string, string> = {}): Promise<void> {
  edge = await startEdge({ bundle: bundle.folder, persist, bindings });
  region = new MovableRegion(edge);
}

beforeAll(async () => {
  persist = await mkdtemp(join(tmpdir(), "holdfast-rotten-"));
  bundle = await wrappedBundle(MOVABLE_ENTRY);
  await start();
});
afterAll(async () => {
  await edge.stop();
  await bundle.remove();
  await rm(persist, { recursive: true });
});

async function serving() {
  const client = await cloudHsm(edge);
  const { clusterId } = await activeCluster(edge, client);
  return { client, clusterId, path: `/v1/clusters/${clusterId}` };
}

beforeEach(async () => {
  cluster = await serving();
  await backUp(edge, cluster);
  await backUp(edge, cluster);
  backups = await namesInOrder();
});
afterEach(() => region.control({ rotten: {} }));

const namesInOrder = () => region.backups(cluster.clusterId);
const catalogue = () => region.catalogue(cluster.clusterId);

const MIDDLE = { at: 0.5, reads: ALWAYS };

/** From now on the object is read changed. */
async function rot(index: number, part: BackupPart, how: object = MIDDLE): Promise<void> {
  const names = backups.at(index);
  if (names === undefined) throw new Error(`no backup ${index}`);
  const key = await objectKey(edge, names, part);
  await region.control({ rotten: { [key]: { ...MIDDLE, ...how } } });
}

function pathOf(index: number): string {
  return `/v1/backups/${backups.at(index)?.backupId}`;
}

async function codeOf(method: string, path: string): Promise<string | null> {
  const { body } = await rest(edge, method, path);
  return body.error?.code ?? null;
}

async function eventsOf(index: number): Promise<Record<string, unknown>[]> {
  const backupId = backups.at(index)?.backupId;
  return (await region.events()).filter((event) => event["backupId"] === backupId);
}

async function checkToday(): Promise<void> {
  await region.query("UPDATE backups SET checkedAtMs = 0");
  await region.run("backup_check", cluster.clusterId);
}

describe("bits that change beneath an etag", () => {
  it.each<[string, string, BackupPart, object, string]>([
    ["verify", "POST", "body", {}, "body_damaged"],
    ["inspect", "GET", "body", {}, "body_damaged"],
    ["verify", "POST", "envelope", { at: 0 }, "not_ours"],
    ["verify", "POST", "envelope", { at: 0.99 }, "envelope_damaged"],
    ["verify", "POST", "body", { at: 0.99 }, "body_damaged"],
    ["verify", "POST", "body", { cut: 100 }, "truncated"],
  ])(
    "are found by %s (%s) of the %s with %o: the row is marked on both wires",
    async (verb, method, part, how, code) => {
      await rot(2, part, how);
      expect(await codeOf(method, `${pathOf(2)}/${verb}`)).toBe(code);
      const damage = `Its bytes are not those of this backup: ${code}.`;
      expect((await ok(edge, "GET", pathOf(2))).damage).toBe(damage);
      const tags = new ListTagsCommand({ ResourceId: backups.at(2)?.backupId });
      expect((await cluster.client.send(tags)).TagList).toEqual([
        { Key: "holdfast:damaged", Value: damage },
      ]);
      expect(await eventsOf(2)).toEqual([
        expect.objectContaining({
          event: "backup_damaged",
          level: "alarm",
          damage,
          newestSound: backups.at(1)?.backupId,
        }),
      ]);
    },
  );

  it("stay marked when the bucket is looked at, until all of it is read whole again", async () => {
    await rot(2, "body");
    await codeOf("POST", `${pathOf(2)}/verify`);
    await checkToday();
    expect((await catalogue())[2]).toEqual(["READY", BODY_DAMAGED]);
    await codeOf("POST", `${pathOf(2)}/verify`);
    await region.control({ rotten: {} });
    await checkToday();
    expect((await catalogue())[2]).toEqual(["READY", BODY_DAMAGED]);
    expect(await codeOf("POST", `${pathOf(2)}/verify`)).toBeNull();
    expect((await catalogue())[2]).toEqual(["READY", null]);
    expect((await eventsOf(2)).map(({ event }) => event)).toEqual([
      "backup_damaged",
      "backup_sound_again",
    ]);
  });

  it("mark nothing where a second reading finds the backup whole", async () => {
    await rot(2, "body", { reads: 1 });
    expect(await codeOf("POST", `${pathOf(2)}/verify`)).toBe("body_damaged");
    expect((await catalogue())[2]).toEqual(["READY", null]);
    expect((await eventsOf(2)).map(({ event }) => event)).toEqual(["backup_misread"]);
  });

  it("make no cluster; the front of a marked one is not enough", async () => {
    const SourceBackupId = backups.at(2)?.backupId;
    await rot(2, "envelope", { at: 0.99 });
    const refused = await refusal(createCluster(cluster.client, { SourceBackupId }));
    expect(refused.message).toContain("envelope of this backup is damaged");
    expect((await catalogue())[2]).toEqual(["READY", ENVELOPE_DAMAGED]);
    // The end of the body, where a probe does not come.
    await rot(2, "body", { at: 0.99 });
    await refusal(createCluster(cluster.client, { SourceBackupId }));
    expect((await catalogue())[2]).toEqual(["READY", BODY_DAMAGED]);
    await region.control({ rotten: {} });
    await createCluster(cluster.client, { SourceBackupId });
    expect((await catalogue())[2]).toEqual(["READY", null]);
  });

  it("keep the purge from the sound ones that stand behind it", async () => {
    await rot(2, "body");
    await codeOf("POST", `${pathOf(2)}/verify`);
    await region.query("UPDATE backups SET createdAtMs = createdAtMs - ?", 200 * DAY_MS);
    await region.run("retention", cluster.clusterId);
    expect(await catalogue()).toEqual([
      ["PENDING_DELETION", null],
      ["READY", null],
      ["READY", BODY_DAMAGED],
    ]);
  });
});

describe("CreateHsm", () => {
  it("marks the newest backup that does not open, and goes on to the newest sound one", async () => {
    const { client, clusterId } = cluster;
    const digest = (await ok(edge, "GET", `${cluster.path}/digest`)).stateDigest;
    await removeHsm(client, clusterId);
    backups = await namesInOrder();
    await rot(-1, "body");
    await addHsm(client, clusterId, 1);
    expect((await catalogue()).map(([, damage]) => damage)).toEqual([
      null,
      null,
      null,
      BODY_DAMAGED,
    ]);
    expect((await ok(edge, "GET", `${cluster.path}/digest`)).stateDigest).toBe(digest);
  });

  it("takes it again where only the HSM had read it wrong", async () => {
    const { client, clusterId } = cluster;
    await removeHsm(client, clusterId);
    backups = await namesInOrder();
    await rot(-1, "body", { reads: 1 });
    await addHsm(client, clusterId, 1);
    expect((await catalogue()).map(([, damage]) => damage)).toEqual([null, null, null, null]);
    expect((await eventsOf(-1)).map(({ event }) => event)).toEqual(["backup_misread"]);
  });
});

describe("keys that are not those of the backups", () => {
  const otherKey = Buffer.alloc(32, 7).toString("base64");

  it.each([
    ["MANUFACTURER", "mkbk", "key_mismatch_pbk"],
    ["LOCAL_KMS", "keys", "key_mismatch_cmk"],
  ])("mark no backup: %s mistyped", async (name, kind, code) => {
    const { bindings } = await testSecrets();
    const value = JSON.parse(bindings[name] ?? "null");
    value[kind][0].key = otherKey;
    await edge.stop();
    await start({ [name]: JSON.stringify(value) });
    expect(await codeOf("POST", `${pathOf(2)}/verify`)).toBe(code);
    expect(await codeOf("GET", `${pathOf(2)}/inspect`)).toBe(code);
    const client = await cloudHsm(edge);
    await refusal(createCluster(client, { SourceBackupId: backups.at(2)?.backupId }));
    expect((await catalogue()).map(([, damage]) => damage)).toEqual([null, null, null]);
    await edge.stop();
    await start();
    expect(await codeOf("POST", `${pathOf(2)}/verify`)).toBeNull();
  });

  it("are not what an envelope asks for whose own bytes changed: that is marked", async () => {
    const codes = new Set<string | null>();
    for (let part = 0; part < 40; part++) {
      await rot(2, "envelope", { at: part / 40 });
      codes.add(await codeOf("POST", `${pathOf(2)}/verify`));
    }
    const told = [...codes].filter((code) => code?.startsWith("key_mismatch"));
    expect([told, codes.has(null)]).toEqual([[], false]);
    expect((await catalogue())[2]?.[1]).toContain("Its bytes are not those of this backup");
  });
});
