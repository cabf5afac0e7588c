/**
 * `npm run bench -- core`: the module against Node's OpenSSL and @noble/ciphers, as ratios of one run.
 *
 * Contenders take turns within a process, so that a busy machine slows all of them; each ratio is the
 * best of three fresh processes. Nothing here fails on a timing.
 */
import { execFileSync } from "node:child_process";
import { cpus } from "node:os";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import { Core } from "../src/crypto/core.ts";
import { coreModule } from "../test/lib/core.ts";
import { type BenchCase, coreCases } from "./core-cases.ts";

const PROCESSES = 3;
const ROUNDS = 7;
const TURN_MS = 25;
const CONTENDERS = ["core", "node", "noble"] as const;

type Contender = (typeof CONTENDERS)[number];
type Rival = Exclude<Contender, "core">;
interface Timing {
  /** Microseconds of the core's best turn. */
  readonly coreUs: number;
  /** Rival's time over the core's, round by round: the median. */
  readonly ratios: Readonly<Record<Rival, number>>;
  /** Peak of the process's memory so far. */
  readonly peakMiB: number;
}
interface Measured {
  readonly timings: readonly Timing[];
  readonly oneThread: number;
  readonly twoThreads: number;
}

function verifySameBytes(one: BenchCase): void {
  const expected = one.core();
  for (const contender of ["node", "noble"] as const) {
    if (Buffer.compare(one[contender](), expected) !== 0) {
      throw new Error(`${one.name}: ${contender} gives other bytes`);
    }
  }
}

/** Microseconds of one run of `work`, over about `TURN_MS`. */
function timeTurn(work: () => unknown): number {
  const start = performance.now();
  let runs = 0;
  do {
    work();
    runs++;
  } while (performance.now() - start < TURN_MS);
  return ((performance.now() - start) * 1000) / runs;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}

function timeCase(one: BenchCase): Timing {
  verifySameBytes(one);
  for (const contender of CONTENDERS) timeTurn(one[contender]);
  const rounds = Array.from({ length: ROUNDS }, () => ({
    core: timeTurn(one.core),
    node: timeTurn(one.node),
    noble: timeTurn(one.noble),
  }));
  const ratio = (rival: Rival): number => median(rounds.map((us) => us[rival] / us.core));
  return {
    coreUs: Math.min(...rounds.map((us) => us.core)),
    ratios: { node: ratio("node"), noble: ratio("noble") },
    peakMiB: process.resourceUsage().maxRSS / 1024,
  };
}

/** MB/s of `count` threads together, wrapping 32 chunks of 4 KiB each for a second. */
async function threadSpeed(count: number): Promise<number> {
  // tsx does not reach into worker threads by itself: a script without types loads the one with.
  const url = JSON.stringify(new URL("./core-thread.ts", import.meta.url).href);
  const script = `import("tsx/esm/api").then((tsx) => tsx.tsImport(${url}, ${url}))`;
  const options = { eval: true, workerData: { module: coreModule(), timeMs: 1000 } };
  const workers = Array.from({ length: count }, () => new Worker(script, options));
  const next = (worker: Worker): Promise<unknown> =>
    new Promise((resolve, reject) => {
      worker.once("message", resolve);
      worker.once("error", reject);
    });
  await Promise.all(workers.map(next)); // warm
  const speeds = workers.map(next);
  for (const worker of workers) worker.postMessage("go");
  const sum = (await Promise.all(speeds)).reduce<number>((total, x) => total + Number(x), 0);
  await Promise.all(workers.map((worker) => worker.terminate()));
  return sum;
}

async function measure(): Promise<Measured> {
  using core = new Core(coreModule());
  const timings = coreCases(core).map(timeCase);
  return { timings, oneThread: await threadSpeed(1), twoThreads: await threadSpeed(2) };
}

function row(one: BenchCase, index: number, runs: readonly Measured[]): string {
  const timings = runs.flatMap((run) => run.timings[index] ?? []);
  const best = (pick: (timing: Timing) => number): number => Math.max(...timings.map(pick));
  const speed = best(({ coreUs }) => one.bytes / coreUs);
  const ratio = (rival: Rival, goal: number | null): string => {
    const value = best(({ ratios }) => ratios[rival]);
    const mark = goal === null ? "" : value >= goal ? ` (≥ ${goal})` : ` (GOAL ${goal})`;
    return `${value.toFixed(2)}${mark}`.padEnd(16);
  };
  const time = Math.min(...timings.map(({ coreUs }) => coreUs));
  const peak = Math.min(...timings.map(({ peakMiB }) => peakMiB));
  return (
    one.name.padEnd(38) +
    `${time.toFixed(2)} µs`.padStart(14) +
    `${speed.toFixed(1)} MB/s`.padStart(13) +
    `   ${ratio("node", one.goal[0])}${ratio("noble", one.goal[1])}${peak.toFixed(0)} MiB`
  );
}

/** Prints the table. */
export async function runCoreBench(): Promise<void> {
  const self = fileURLToPath(import.meta.url);
  const runs: Measured[] = [];
  for (let i = 0; i < PROCESSES; i++) {
    console.error(`process ${i + 1} of ${PROCESSES} …`);
    const out = execFileSync(process.execPath, ["--import", "tsx", self, "--measure"], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "inherit"],
    });
    runs.push(JSON.parse(out) as Measured);
  }
  using core = new Core(coreModule());
  const cases = coreCases(core);
  console.log(`Node ${process.version}, OpenSSL ${process.versions.openssl}, ${cpus()[0]?.model}`);
  console.log(
    "Ratio: rival's time / core's, median of the rounds of a process, best of three processes.",
  );
  console.log(
    "Peak: resident memory of the whole process up to that case, all contenders included.",
  );
  console.log(
    `${"".padEnd(38)}${"core".padStart(14)}${"".padEnd(16)}${"node:crypto".padEnd(16)}${"noble".padEnd(16)}peak`,
  );
  for (const [index, one] of cases.entries()) console.log(row(one, index, runs));
  const threads = Math.max(...runs.map((run) => run.twoThreads / run.oneThread));
  console.log(
    `Two worker threads: ${threads.toFixed(2)} × one (goal 1.9), ` +
      `${Math.max(...runs.map((run) => run.twoThreads)).toFixed(1)} MB/s.`,
  );
  // Loaded late, so that the measured processes stay small.
  const { runEdgeBench } = await import("./core-edge.ts");
  await runEdgeBench();
}

/** The face of every suite of bench/run.ts. */
export async function bench(_options: readonly string[]): Promise<void> {
  await runCoreBench();
}

if (process.argv.includes("--measure")) process.stdout.write(JSON.stringify(await measure()));
