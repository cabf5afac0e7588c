/**
 * Readers: what they open, how many at once, and that they leave nothing behind.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { WORKER_NAME } from "../../scripts/edge/embedded.ts";
import type { StoredBackupOrder } from "../../src/worker/contracts/hsm-api.ts";
import type { ReaderApi } from "../../src/worker/contracts/reader-api.ts";
import type { RegionApi } from "../../src/worker/contracts/region-api.ts";
import {
  ACCOUNT,
  cloudHsm,
  clusterInState,
  createCluster,
  REGION,
  rawCall,
  SUBNET,
} from "../lib/aws.ts";
import { type Edge, startEdge } from "../lib/mf.ts";
import { backUp, ok, rest, restFetch, type ServingCluster, servingCluster } from "../lib/rest.ts";
import { type WrappedBundle, wrappedBundle } from "./wrapped-bundle.ts";

const READERS = 4;

/** A worker with the same objects: no client could ask as much before the first answer is made. */
const CALLER = {
  name: "caller",
  compatibilityDate: "2026-04-20",
  modules: true,
  script: `export default {
    async fetch(request, { REGION, READER }) {
      const { place, backupId, count, cluster } = await request.json();
      const region = REGION.get(REGION.idFromName(place.account + "/" + place.region));
      const { value: order } = await region.readableBackup(backupId);
      const verifications = (n) => {
        const reader = READER.get(READER.idFromName("reader/" + n));
        return Array.from({ length: count }, () => reader.verify(order));
      };
      if (cluster === undefined) return Response.json(await Promise.all(verifications(0)));
      const busy = [0, 1, 2, 3].map(verifications);
      const created = region.createCluster(place, { ...cluster, sourceBackup: backupId });
      // By then the region has asked for its probe, which waits behind the others.
      await Promise.all(busy.map(([first]) => first));
      const deleted = await region.deleteBackup(backupId);
      const results = [deleted, await created];
      await Promise.all(busy.flat());
      return Response.json(results);
    },
  };`,
  durableObjects: {
    REGION: { className: "Region", scriptName: WORKER_NAME },
    READER: { className: "Reader", scriptName: WORKER_NAME },
  },
};

/** The worker as built, with readers that can hold up their openings and count those that have begun. */
const ENTRY = `
import worker, * as built from "./built.js";
export class Region extends built.Region {}
export class Hsm extends built.Hsm {}
export class Registry extends built.Registry {}
export class Reader extends built.Reader {
  #begun = 0;
  #held = undefined;

  constructor(state, env) {
    const bucket = env.BACKUPS_US_EAST_1;
    const get = async (key, options) => {
      if (key.includes("/envelope-")) {
        this.#begun += 1;
        await this.#held;
      }
      return bucket.get(key, options);
    };
    const holding = new Proxy(bucket, { get: (_, name) => (name === "get" ? get : bucket[name]) });
    super(state, { ...env, BACKUPS_US_EAST_1: holding });
  }

  /** How many of the verifications asked for in one turn run before one of them ends. */
  async begunOf(order, count) {
    let release;
    this.#held = new Promise((resolve) => (release = resolve));
    this.#begun = 0;
    const all = Promise.all(Array.from({ length: count }, () => this.verify(order)));
    await scheduler.wait(200);
    const begun = this.#begun;
    release();
    const results = await all;
    return JSON.stringify({ begun, opened: results.filter(({ ok }) => ok).length });
  }
}
export default worker;
`;

let persist: string;
let bundle: WrappedBundle;
let edge: Edge;
beforeAll(async () => {
  persist = await mkdtemp(join(tmpdir(), "holdfast-reader-"));
  bundle = await wrappedBundle(ENTRY);
  edge = await startEdge({ persist, bundle: bundle.folder, beside: [CALLER] });
});
afterAll(async () => {
  await edge.stop();
  await bundle.remove();
  await rm(persist, { recursive: true });
});

interface Burst {
  readonly backupId: string;
  /** Of verifications that one reader is asked for in one turn. */
  readonly count: number;
  /** Made from the backup, which is deleted before its turn to be probed has come. */
  readonly cluster?: Record<string, unknown>;
}

/** Results in the order of asking; with a cluster, those of DeleteBackup and CreateCluster. */
async function burst(what: Burst): Promise<Record<string, unknown>[]> {
  const caller = await edge.mf.getWorker(CALLER.name);
  const body = JSON.stringify({ place: { account: ACCOUNT, region: REGION }, ...what });
  const answer = await caller.fetch("http://caller/", { method: "POST", body });
  return (await answer.json()) as Record<string, unknown>[];
}

/** Files of the objects of a class that has been asked for something; `metadata` is the platform's own. */
function databases(className: string): string[] {
  const folder = join(persist, "do", `holdfast-${className}`);
  if (!existsSync(folder)) return [];
  const files = readdirSync(folder).filter((name) => /^[0-9a-f]{64}\.sqlite(-wal)?$/.test(name));
  return files.map((name) => join(folder, name));
}

function objectsOf(className: string): number {
  return databases(className).filter((file) => file.endsWith(".sqlite")).length;
}

/** Names of all tables that ever stood in these databases: SQLite keeps their statements as text. */
function tables(files: readonly string[]): Set<string> {
  const texts = files.map((file) => readFileSync(file, "latin1"));
  const statements = texts.flatMap((text) => [
    ...text.matchAll(/CREATE TABLE\s+(?:IF NOT EXISTS\s+)?"?(\w+)/gi),
  ]);
  return new Set(statements.map(([, name]) => name ?? ""));
}

describe("the first password of PRECO", () => {
  it("is asked of no reader for an auditor, nor while a cluster is made", async () => {
    const owner = await cloudHsm(edge);
    const auditor = await cloudHsm(edge, { role: "auditor" });
    const clusterId = await createCluster(owner);
    const seen = await clusterInState(auditor, clusterId, "UNINITIALIZED");
    expect(seen.PreCoPassword).toBeUndefined();
    expect(objectsOf("Region")).toBe(1);
    expect(objectsOf("Reader")).toBe(0);
  });

  it("is asked of one reader, and is the same every time", async () => {
    const owner = await cloudHsm(edge);
    const others = [await createCluster(owner), await createCluster(owner)];
    for (const id of others) await clusterInState(owner, id, "UNINITIALIZED");
    const { body } = await rawCall(edge, "DescribeClusters", {});
    const passwords = body.Clusters.map((cluster) => cluster.PreCoPassword);
    expect(passwords).toHaveLength(3);
    for (const password of passwords) expect(password).toMatch(/^[a-z2-7]{16}$/);
    expect(new Set(passwords).size).toBe(3);
    const again = await rawCall(edge, "DescribeClusters", {});
    expect(again.body).toEqual(body);
    expect(objectsOf("Reader")).toBe(1);
  });
});

describe("a reader", () => {
  let cluster: ServingCluster;
  let backup: { backupId: string; stateDigest: string };
  beforeAll(async () => {
    cluster = await servingCluster(edge);
    backup = await backUp(edge, cluster);
  }, 60_000);

  const verify = () => rest(edge, "POST", `/v1/backups/${backup.backupId}/verify`);

  it("answers verify with these members in this order", async () => {
    const path = `/v1/backups/${backup.backupId}/verify`;
    const text = await (await restFetch(edge, "POST", path)).text();
    const { recoveryKeys } = JSON.parse(text);
    expect(recoveryKeys).toEqual([{ keyId: expect.stringMatching(/^[0-9a-f]{32}$/), fits: true }]);
    const facts = { verified: true, stateDigest: backup.stateDigest, records: 5, recoveryKeys };
    expect(text).toBe(JSON.stringify(facts));
  });

  it("answers inspect with these members in this order", async () => {
    const path = `/v1/backups/${backup.backupId}/inspect?limit=1&after=1`;
    const text = await (await restFetch(edge, "GET", path)).text();
    const { envelope: e, header: h, manifest, ...others } = JSON.parse(text);
    const { sealId, bodyBytes, bodyDigest, containerDigest, envelopeNumber } = e;
    const { location, recipients } = e;
    const { account, region, clusterId, backupId } = location;
    const { lineageId, hsmType, mode, manufacturer, createdAtMs, chainNumber, previousDigest } = h;
    const expected = {
      envelope: {
        sealId,
        bodyBytes,
        bodyDigest,
        containerDigest,
        envelopeNumber,
        location: { account, region, clusterId, backupId },
        recipients: recipients.map((one: Record<string, string>) => ({
          kind: one["kind"],
          keyId: one["keyId"],
        })),
      },
      header: {
        ...{ backupId, clusterId, lineageId, hsmType, mode, manufacturer, region },
        ...{ createdAtMs, chainNumber, previousDigest },
      },
      counts: [
        { type: "configuration", count: 1 },
        { type: "policy", count: 1 },
        { type: "user", count: 3 },
        { type: "certificate", count: 0 },
        { type: "key", count: 0 },
      ],
      stateDigest: backup.stateDigest,
      manifest: [{ type: "policy", id: 0, digest: manifest[0].digest }],
      next: 2,
    };
    expect(text).toBe(JSON.stringify(expected));
    expect(Object.keys(others)).toEqual(["counts", "stateDigest", "next"]);
  });

  async function backupOrder(): Promise<StoredBackupOrder> {
    const regions = await edge.mf.getDurableObjectNamespace("REGION", WORKER_NAME);
    const region = regions.get(regions.idFromName(`${ACCOUNT}/${REGION}`)) as unknown as RegionApi;
    const order = await region.readableBackup(backup.backupId);
    if (!order.ok) throw new Error("the backup cannot be read");
    // A copy: what comes through the proxy is asked for member by member.
    return JSON.parse(JSON.stringify(order.value));
  }

  async function readerObject() {
    const readers = await edge.mf.getDurableObjectNamespace("READER", WORKER_NAME);
    return readers.get(readers.idFromName("reader/0")) as unknown as Pick<ReaderApi, "verify"> & {
      begunOf(order: StoredBackupOrder, count: number): Promise<string>;
    };
  }

  it("opens two at a time", async () => {
    const reader = await readerObject();
    expect(JSON.parse(await reader.begunOf(await backupOrder(), 5))).toEqual({
      begun: 2,
      opened: 5,
    });
  });

  it("takes eighteen, opening or waiting; refuses the nineteenth; and opens again", async () => {
    const recoveryKeys = [{ keyId: expect.any(String), fits: true }];
    const value = { stateDigest: backup.stateDigest, records: 5, recoveryKeys };
    const opened = { ok: true, value };
    const refused = expect.objectContaining({ kind: "unavailable", code: "reader_busy" });
    const at = await burst({ backupId: backup.backupId, count: 25 });
    expect(at.slice(0, 18)).toEqual(Array(18).fill(opened));
    expect(at.slice(18)).toEqual(Array(7).fill({ ok: false, refusal: refused }));
    expect(await burst({ backupId: backup.backupId, count: 18 })).toEqual(Array(18).fill(opened));
  });

  it("refuses a genuine envelope that is not the newest one of the row", async () => {
    const reader = await readerObject();
    const known = await backupOrder();
    const refused = { ok: false, refusal: { kind: "invalid", code: "envelope_replaced" } };
    const newer = { ...known, envelopeNumber: known.envelopeNumber + 1 };
    const other = { ...known, envelopeDigest: "00".repeat(32) };
    for (const order of [newer, other]) {
      expect(await reader.verify(order)).toMatchObject(refused);
    }
    expect(await reader.verify(known)).toMatchObject({ ok: true });
  });

  it("gives its place back when it fails: more failures than places, then an opening", async () => {
    const order = {
      Mode: "FIPS",
      HsmType: "hsm2m.medium",
      SubnetIds: [SUBNET],
    };
    const bucket = await edge.mf.getR2Bucket("BACKUPS_US_EAST_1", "holdfast");
    const { objects } = await bucket.list({ prefix: `clusters/${cluster.clusterId}/` });
    const envelope = objects.find(
      ({ key }) => key.includes(backup.backupId) && key.includes("/envelope-"),
    );
    const key = envelope?.key ?? "";
    const bytes = await (await bucket.get(key))?.arrayBuffer();
    const damaged = new Uint8Array(bytes ?? new ArrayBuffer(0)).slice();
    damaged[damaged.length - 1] = (damaged.at(-1) ?? 0) ^ 1;
    const known = await backupOrder();
    await bucket.put(key, damaged);
    // The region would refuse what is not the object that was put, but of this one it knew no etag.
    const reader = await readerObject();
    for (let i = 0; i < 20; i += 1) {
      const answer = await reader.verify({ ...known, envelopeEtag: "" });
      expect(answer).toMatchObject({ ok: false, refusal: { code: "envelope_damaged" } });
    }
    const { body } = await rawCall(edge, "CreateCluster", {
      ...order,
      SourceBackupId: backup.backupId,
    });
    expect(body.__type).toBe("CloudHsmInvalidRequestException");
    await bucket.put(key, bytes ?? new ArrayBuffer(0));
    expect((await verify()).status).toBe(200);
  });

  it("may say yes to a backup that is deleted meanwhile: no cluster is made from it", async () => {
    const { backupId } = await backUp(edge, cluster);
    const order = {
      hsmType: "hsm2m.medium",
      mode: "FIPS",
      subnetIds: [SUBNET],
      networkType: "IPV4",
    };
    const settings = { ...order, retentionDays: null, tags: [] };
    const [deleted, created] = await burst({ backupId, count: 10, cluster: settings });
    expect(deleted).toMatchObject({ ok: true });
    const refusal = { kind: "invalid", message: expect.stringContaining("PENDING_DELETION") };
    expect(created).toMatchObject({ ok: false, refusal });
  });

  it("has nothing in its storage, and there are no more of them than there are names", async () => {
    for (let i = 0; i < READERS; i += 1) {
      const { backupId } = await backUp(edge, cluster);
      await ok(edge, "POST", `/v1/backups/${backupId}/verify`);
    }
    expect(objectsOf("Reader")).toBeGreaterThan(0);
    expect(objectsOf("Reader")).toBeLessThanOrEqual(READERS);
    expect([...tables(databases("Reader"))].filter((name) => !name.startsWith("_cf_"))).toEqual([]);
    expect(tables(databases("Hsm"))).toContain("records");
  }, 60_000);
});
