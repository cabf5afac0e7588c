/**
 * A cluster backed up and restored: at the edge (CPU time, peak memory) and in memory (where time
 * goes).
 *
 * Limits that production sets and Miniflare does not: 128 MB for an isolate, 30 s of CPU. The aim
 * is 64 MiB, 5 s for a full backup, and a time per 1,000 keys that does not grow.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { arch, cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { ControlPlane } from "../scripts/customer/control-plane.ts";
import { DataPlane } from "../scripts/customer/data-plane.ts";
import type { RestAccess } from "../scripts/customer/rest-client.ts";
import type { DevelopmentAccessKey } from "../scripts/edge/dev-secrets.ts";
import { generateSecrets } from "../scripts/edge/dev-secrets.ts";
import { type EmbeddedEdge, startEmbeddedEdge } from "../scripts/edge/embedded.ts";
import { choice, readOptions, sizes } from "../scripts/terminal/options.ts";
import { EDGE_PARTS, type EdgePart, splitProfile } from "./edge-profile.ts";
import { fillCluster } from "./full-cluster.ts";
import { Inspector, type MemorySample } from "./inspector.ts";
import { measureSplit, REPETITIONS } from "./memory-split.ts";
import { cpuMs, peakResidentBytes, workerdPid } from "./process-usage.ts";
import { PARTS } from "./stopwatch.ts";

const USERS = 1_024;
const SIZES = "1000,4000,16666";
/** A full hsm2m.medium. */
const MOST_KEYS = 16_666;
const MIB = 1024 * 1024;
const INSPECTOR_PORT = 9_239;
const REGION = "us-east-1";
const BUNDLE = "build/worker";

const USAGE = `usage: npm run bench -- cluster [--sizes ${SIZES}] [--only edge|memory]

Needs a build (npm start, or npm test, makes one). A full cluster takes some minutes to fill.`;

interface EdgeFigures {
  readonly keys: number;
  readonly what: "back up" | "restore";
  readonly wallMs: number;
  readonly cpuMs: number;
  readonly idle: MemorySample;
  readonly peak: MemorySample;
  readonly residentBytes: number;
  /** Of another run, with a profiler on it. */
  readonly parts: Readonly<Record<EdgePart, number>>;
}

export async function bench(options: readonly string[]): Promise<void> {
  const values = readOptions(
    USAGE,
    { sizes: { type: "string", default: SIZES }, only: { type: "string" } },
    options,
  );
  const only = choice("only", values.only, ["edge", "memory"]);
  const keys = sizes("sizes", values.sizes, 1, MOST_KEYS);
  console.log(
    `\n${cpus()[0]?.model ?? arch()}, Node ${process.version}, ${new Date().toISOString()}`,
  );
  if (only !== "edge") await printMemory(keys);
  if (only !== "memory") await printEdge(keys);
}

/** How much of the work is key wrap, and what the rest is. */
async function printMemory(counts: readonly number[]): Promise<void> {
  console.log(
    "\nIn memory, Node: state to sealed backup, read back once, and to a restored state.",
  );
  console.log(`ms, best of ${REPETITIONS}; the parts are of other runs, with a watch on each.`);
  row("keys", "bytes", "what", "whole", ...PARTS, "other", "wrap : rest");
  for (const count of counts) {
    const { keys, containerBytes, create, restore } = await measureSplit(count);
    for (const [what, of] of [
      ["create", [create]],
      ["restore", [restore]],
      ["both", [create, restore]],
    ] as const) {
      const whole = sum(of.map(({ wholeMs }) => wholeMs));
      const parts = PARTS.map((part) => sum(of.map(({ partsMs }) => partsMs[part])));
      const [wrap = 0] = parts;
      const times = [whole, ...parts, whole - sum(parts)].map((ms) => ms.toFixed(1));
      row(keys, containerBytes, what, ...times, (wrap / (whole - wrap)).toFixed(2));
    }
  }
}

async function printEdge(counts: readonly number[]): Promise<void> {
  console.log(
    "\nAt the edge, workerd. CPU time is that of the whole process, R2's stand-in included.",
  );
  console.log("Memory, MiB: heap and backing stores of the worker's isolate, garbage included.");
  row(
    "keys",
    "what",
    "wall ms",
    "CPU ms",
    "CPU/1,000",
    "idle",
    "heap",
    "backing",
    "sum",
    "resident",
  );
  const all: EdgeFigures[] = [];
  for (const count of counts) {
    for (const figures of await measureEdge(count)) {
      all.push(figures);
      const { keys, what, wallMs, idle, peak } = figures;
      const perThousand = (figures.cpuMs / keys) * 1_000;
      row(
        ...[keys, what, wallMs.toFixed(0), figures.cpuMs.toFixed(0), perThousand.toFixed(0)],
        ...[idle.heapBytes + idle.backingBytes, peak.heapBytes, peak.backingBytes].map(mib),
        ...[peak.heapBytes + peak.backingBytes, figures.residentBytes].map(mib),
      );
    }
  }
  console.log(
    "\nWhere the time goes in the worker's isolate, ms, from a CPU profile of another run.",
  );
  row("keys", "what", ...EDGE_PARTS);
  for (const { keys, what, parts } of all) {
    row(keys, what, ...EDGE_PARTS.map((part) => parts[part].toFixed(0)));
  }
}

interface Bench {
  readonly keys: number;
  readonly bindings: Record<string, string>;
  readonly persist: string;
}

/** Filled by one edge; measured on others, fresh for each figure, so that peaks do not mix. */
async function measureEdge(keys: number): Promise<EdgeFigures[]> {
  const { bindings } = await generateSecrets();
  const persist = mkdtempSync(join(tmpdir(), "holdfast-bench-"));
  const where = { keys, bindings, persist };
  try {
    const edge = await startEmbeddedEdge({ bindings, persist });
    const { clusterId } = await fillCluster(accessTo(edge, bindings), { keys, users: USERS });
    const digest = await new DataPlane(accessTo(edge, bindings), clusterId).stateDigest();
    await edge.stop();
    const backUp = await measure(where, {
      what: "back up",
      prepare: async () => undefined,
      work: async (access) => {
        await new DataPlane(access, clusterId).backUp();
      },
    });
    const restore = await measure(where, {
      what: "restore",
      prepare: async (access) => {
        const control = new ControlPlane(access);
        const hsmId = (await control.cluster(clusterId))?.Hsms?.[0]?.HsmId ?? "";
        await control.deleteHsm(clusterId, hsmId);
      },
      work: async (access) => {
        await new ControlPlane(access).createHsm(clusterId);
      },
    });
    await onFreshEdge(where, async (access) => {
      const restored = await new DataPlane(access, clusterId).stateDigest();
      if (restored !== digest) throw new Error("the restored state is another one");
    });
    return [backUp, restore];
  } finally {
    rmSync(persist, { recursive: true, force: true });
  }
}

interface Operation {
  readonly what: EdgeFigures["what"];
  /** Brings the cluster to where `work` begins, on an edge of its own. */
  prepare(access: RestAccess): Promise<void>;
  work(access: RestAccess): Promise<void>;
}

/** Once for time and memory, once more with a profiler on it. */
async function measure(where: Bench, { what, prepare, work }: Operation): Promise<EdgeFigures> {
  await onFreshEdge(where, prepare);
  const figures = await onFreshEdge(where, async (access) => {
    const inspector = await Inspector.connect(INSPECTOR_PORT);
    try {
      const pid = workerdPid();
      const idle = await inspector.memory();
      const cpuBeforeMs = cpuMs(pid);
      const startedAt = performance.now();
      const { peak } = await inspector.peakDuring(() => work(access));
      const wallMs = performance.now() - startedAt;
      return {
        ...{ keys: where.keys, what, wallMs, idle, peak },
        cpuMs: cpuMs(pid) - cpuBeforeMs,
        residentBytes: peakResidentBytes(pid),
      };
    } finally {
      inspector.close();
    }
  });
  await onFreshEdge(where, prepare);
  return await onFreshEdge(where, async (access) => {
    const inspector = await Inspector.connect(INSPECTOR_PORT);
    try {
      const profile = await inspector.profileDuring(() => work(access));
      return { ...figures, parts: splitProfile(profile, BUNDLE) };
    } finally {
      inspector.close();
    }
  });
}

async function onFreshEdge<T>(
  { bindings, persist }: Bench,
  work: (access: RestAccess) => Promise<T>,
): Promise<T> {
  const edge = await startEmbeddedEdge({ bindings, persist, inspectorPort: INSPECTOR_PORT });
  try {
    return await work(accessTo(edge, bindings));
  } finally {
    await edge.stop();
  }
}

function accessTo({ url }: EmbeddedEdge, bindings: Record<string, string>): RestAccess {
  const keys = JSON.parse(bindings["ACCESS_KEYS"] ?? "[]") as DevelopmentAccessKey[];
  const { accessKeyId = "", secretAccessKey = "" } = keys[0] ?? {};
  return { endpoint: url.origin, region: REGION, accessKeyId, secretAccessKey };
}

const COLUMN_WIDTH = 13;

function row(...cells: readonly (string | number)[]): void {
  console.log(cells.map((cell) => String(cell).padStart(COLUMN_WIDTH)).join(""));
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function mib(bytes: number): string {
  return (bytes / MIB).toFixed(1);
}
