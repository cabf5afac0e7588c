/**
 * Where the time of a backup goes, in memory and without an edge: the engine alone, in Node.
 */
import { createBackup, spoolContainer } from "../src/backup/create.ts";
import type { Keyring } from "../src/backup/keys.ts";
import type { CustomerKey } from "../src/backup/kms.ts";
import { localKms } from "../src/backup/kms.ts";
import { restoreBackup } from "../src/backup/restore.ts";
import { SecretKey } from "../src/crypto/secret-key.ts";
import { MemoryStore } from "../src/hsm/memory-store.ts";
import { restoreRecord, snapshotSource, stateDigest } from "../src/hsm/snapshot.ts";
import { loadCore } from "../test/lib/core.ts";
import { generateFullCluster, importFullCluster } from "../test/lib/generator.ts";
import { CHEAP, newHsm, PRECO_PASSWORD } from "../test/lib/hsm.ts";

const REPETITIONS = 3;
const USERS = 1_024;

/** Best of the repetitions, in ms. */
export interface Split {
  readonly keys: number;
  readonly containerBytes: number;
  readonly encodeMs: number;
  readonly digestMs: number;
  readonly containerMs: number;
  readonly createMs: number;
  readonly restoreMs: number;
}

function random(length: number): Uint8Array<ArrayBuffer> {
  return crypto.getRandomValues(new Uint8Array(length));
}

function keyring(): Keyring {
  const version = () => ({
    id: random(16),
    version: 1,
    state: "active" as const,
    key: new SecretKey(random(32)),
  });
  return { manufacturer: "bench", mkbk: [version()], akbk: [version()] };
}

const ORIGIN = {
  backupId: "backup-aaaaaaaaaaa",
  clusterId: "cluster-aaaaaaaaaaa",
  lineageId: "cluster-aaaaaaaaaaa",
  hsmType: "hsm2m.medium",
  mode: "FIPS" as const,
  region: "us-east-1",
  createdAtMs: 1_700_000_000_000,
  chainNumber: 1,
  previousDigest: new Uint8Array(0),
};
const LOCATION = {
  account: "123456789012",
  region: "us-east-1",
  clusterId: ORIGIN.clusterId,
  backupId: ORIGIN.backupId,
};

/** Parts in memory: what the edge keeps in rows. */
class MemorySpool {
  parts: Uint8Array[] = [];

  write(parts: Iterable<Uint8Array>): void {
    this.parts = [...parts];
  }

  read(): Uint8Array[] {
    return this.parts;
  }
}

async function bestOf<T>(work: () => Promise<T> | T): Promise<{ bestMs: number; result: T }> {
  const timed = async () => {
    const startedAt = performance.now();
    const result = await work();
    return { bestMs: performance.now() - startedAt, result };
  };
  let best = await timed();
  for (let n = 1; n < REPETITIONS; n++) {
    const next = await timed();
    if (next.bestMs < best.bestMs) best = next;
  }
  return best;
}

/** Measures one size; throws if what was restored is not what was backed up. */
export async function measureSplit(keys: number): Promise<Split> {
  const { hsm, store } = await newHsm();
  const { token } = await hsm.login("admin", PRECO_PASSWORD);
  await hsm.activate(token, "officer-password");
  const cluster = await generateFullCluster({ keys, users: USERS, passwordCost: CHEAP });
  await importFullCluster(hsm, cluster, token);
  using core = await loadCore();
  const engine = { core, subtle: crypto.subtle, random };
  const ring = keyring();
  const cmks: CustomerKey[] = [
    { id: "local/bench", state: "active", key: new SecretKey(random(32)) },
  ];
  const kms = localKms(crypto.subtle, random, cmks);
  const spool = new MemorySpool();

  const encode = await bestOf(() => {
    let bytes = 0;
    for (const record of snapshotSource(store).records()) bytes += record.bytes.length;
    return bytes;
  });
  const digest = await bestOf(() => stateDigest(store, core));
  const source = snapshotSource(store);
  const order = { origin: ORIGIN, location: LOCATION, source };
  const container = await bestOf(() => spoolContainer(engine, ring, order, spool));
  const body: Uint8Array[] = [];
  let envelope = new Uint8Array(0);
  const create = await bestOf(() => {
    body.length = 0;
    return createBackup(engine, ring, { kms, recoveryPublicKey: null }, order, {
      spool,
      putBody: async (_id, _length, pieces) => {
        for await (const piece of pieces) body.push(piece.slice());
      },
      putEnvelope: async (_id, bytes) => {
        envelope = bytes.slice();
      },
    });
  });
  const restore = await bestOf(async () => {
    const restored = new MemoryStore();
    await restoreBackup(
      engine,
      ring,
      { kms, recoveryKey: null },
      { envelope, body, location: LOCATION },
      {
        put: (record) => restored.transaction(() => restoreRecord(restored, record)),
        commit: () => undefined,
        discard: () => undefined,
      },
    );
    return Buffer.from(stateDigest(restored, core)).toString("hex");
  });
  const expected = Buffer.from(digest.result).toString("hex");
  if (restore.result !== expected) throw new Error("the restored state is another one");
  return {
    keys,
    containerBytes: container.result.containerBytes,
    encodeMs: encode.bestMs,
    digestMs: digest.bestMs,
    containerMs: container.bestMs,
    createMs: create.bestMs,
    restoreMs: restore.bestMs,
  };
}
