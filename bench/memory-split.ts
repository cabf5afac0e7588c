/**
 * Where the time of a backup goes, in memory and without an edge: the engine alone, in Node.
 */
import { createBackup } from "../src/backup/create.ts";
import type { Keyring } from "../src/backup/format/keys.ts";
import { restoreBackup } from "../src/backup/restore.ts";
import type { CustomerKey } from "../src/backup/seal/kms.ts";
import { localKms } from "../src/backup/seal/kms.ts";
import { Core } from "../src/crypto/core.ts";
import { SecretKey } from "../src/crypto/secret-key.ts";
import type { Subtle } from "../src/crypto/web-crypto.ts";
import { MemoryStore } from "../src/hsm/memory/memory-store.ts";
import type { SnapshotRecord, SnapshotSource } from "../src/hsm/memory/record.ts";
import { restoreRecord, snapshotSource, stateDigest } from "../src/hsm/memory/snapshot.ts";
import { coreModule, loadCore } from "../test/lib/core.ts";
import { generateFullCluster, importFullCluster } from "../test/lib/generator.ts";
import { CHEAP, newHsm, PRECO_PASSWORD } from "../test/lib/hsm.ts";
import { type Part, Stopwatch, WatchedCore, watchedSubtle } from "./stopwatch.ts";

export const REPETITIONS = 9;
const USERS = 1_024;

/** One direction, in ms: the whole by itself, and the parts of other runs with a watch on them. */
export interface Share {
  readonly wholeMs: number;
  readonly partsMs: Readonly<Record<Part, number>>;
}

export interface Split {
  readonly keys: number;
  readonly containerBytes: number;
  /** From the HSM's state to body and envelope, read back once. */
  readonly create: Share;
  /** From body and envelope to the state of another HSM. */
  readonly restore: Share;
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

/**
 * Calls `work` further down the stack: where its frames lie there may halve the speed of the lanes
 * for as long as they lie there (V8 11.3), so that the best of repetitions has to have been
 * elsewhere too.
 */
function deeper<T>(frames: number, work: () => T): T {
  return frames === 0 ? work() : deeper(frames - 1, work);
}

/** Whole and parts of `work`, each of them the best of the repetitions. */
async function share(work: (watch: Stopwatch | null) => Promise<void>): Promise<Share> {
  let wholeMs = Number.POSITIVE_INFINITY;
  const watches: Stopwatch[] = [];
  for (let n = 0; n < REPETITIONS; n++) {
    const startedAt = performance.now();
    await deeper(n, () => work(null));
    wholeMs = Math.min(wholeMs, performance.now() - startedAt);
    const watch = new Stopwatch();
    await deeper(n, () => work(watch));
    watches.push(watch);
  }
  const best = (part: Part): number => Math.min(...watches.map(({ ms }) => ms[part]));
  return {
    wholeMs,
    partsMs: {
      "key wrap": best("key wrap"),
      hashing: best("hashing"),
      "AES-GCM": best("AES-GCM"),
      records: best("records"),
    },
  };
}

/** Measures one size; throws if what was restored is not what was backed up. */
export async function measureSplit(keys: number): Promise<Split> {
  const { hsm, store } = await newHsm();
  const { token } = await hsm.login("admin", PRECO_PASSWORD);
  hsm.initialize("certificate", "anchor");
  await hsm.activate(token, "officer-password");
  const cluster = await generateFullCluster({ keys, users: USERS, passwordCost: CHEAP });
  await importFullCluster(hsm, cluster, token);
  const ring = keyring();
  const cmks: CustomerKey[] = [
    { id: "local/bench", state: "active", key: new SecretKey(random(32)) },
  ];
  const kms = localKms(crypto.subtle, random, cmks);
  const spool = new MemorySpool();
  const body: Uint8Array[] = [];
  let envelope = new Uint8Array(0);
  let containerBytes = 0;
  let bodyBytes = 0;
  let restored = new MemoryStore();

  const create = await share(async (watch) => {
    using core = coreFor(watch);
    const engine = { core, subtle: subtleFor(watch), random };
    const source = sourceFor(store, watch);
    body.length = 0;
    const made = await createBackup(
      engine,
      ring,
      { kms, recoveryKeys: [] },
      { origin: ORIGIN, location: LOCATION, source },
      {
        spool,
        putBody: async (_id, _length, pieces) => {
          for await (const piece of pieces) body.push(piece.slice());
        },
        putEnvelope: async (_id, bytes) => {
          envelope = bytes.slice();
        },
      },
    );
    containerBytes = made.containerBytes;
    bodyBytes = made.bodyBytes;
  });
  const restore = await share(async (watch) => {
    using core = coreFor(watch);
    const target = new MemoryStore();
    const take = (record: SnapshotRecord): void => restoreRecord(target, record);
    const put =
      watch === null ? take : (record: SnapshotRecord) => watch.time("records", () => take(record));
    await restoreBackup(
      { core, subtle: subtleFor(watch) },
      ring,
      { kms, recoveryKeys: [] },
      { envelope, body, bodyBytes },
      {
        put: (record) => target.transaction(() => put(record)),
        commit: () => {
          restored = target;
        },
        discard: () => undefined,
      },
      { expected: { location: LOCATION } },
    );
  });
  using core = await loadCore();
  if (!core.equal(stateDigest(store, core), stateDigest(restored, core))) {
    throw new Error("the restored state is another one");
  }
  return { keys, containerBytes, create, restore };
}

function coreFor(watch: Stopwatch | null): Core {
  return watch === null ? new Core(coreModule()) : new WatchedCore(coreModule(), watch);
}

function subtleFor(watch: Stopwatch | null): Subtle {
  return watch === null ? crypto.subtle : watchedSubtle(crypto.subtle, watch);
}

function sourceFor(store: MemoryStore, watch: Stopwatch | null): SnapshotSource {
  const source = snapshotSource(store);
  if (watch === null) return source;
  return {
    entries: () => watch.items("records", source.entries()),
    records: () => watch.items("records", source.records()),
  };
}
