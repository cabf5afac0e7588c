/**
 * `npm run bench -- core`: the module against other implementations of the same work, as ratios of
 * one run.
 *
 * Contenders take turns within a process, so that a busy machine slows all of them; each ratio is
 * the best of three fresh processes. Nothing here fails on a timing.
 */
import { execFileSync } from "node:child_process";
import { cpus } from "node:os";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { choice, readOptions } from "../scripts/terminal/options.ts";
import { Core } from "../src/crypto/core.ts";
import { CoreMemory } from "../src/crypto/memory.ts";
import { selfTest } from "../src/crypto/self-test.ts";
import { coreModule } from "../test/lib/core.ts";
import { type BenchCase, coreCases } from "./core-cases.ts";
import { measureThreads } from "./core-threads.ts";
import { median, printRow, type ThreadSpeeds, timeTurn } from "./turns.ts";

const PROCESSES = 3;
const SELF_TEST_PROCESSES = 15;
const ROUNDS = 7;
const TURN_MS = 25;
const SELF_TEST_GOAL_MS = 2;
const THREADS_GOAL = 1.9;
const CONTENDERS = ["core", "node", "noble"] as const;

type Contender = (typeof CONTENDERS)[number];
type Rival = Exclude<Contender, "core">;

interface Timing {
  /** Microseconds of the core's best turn. */
  readonly coreUs: number;
  /** Rival's time over the core's, round by round: the median. */
  readonly ratios: Readonly<Record<Rival, number>>;
}

const USAGE = `usage: npm run bench -- core [--only node|platforms]

node        every case against node:crypto and @noble/ciphers, worker threads, the self-test
platforms   key wrap in workerd and in Chromium, against their WebCrypto

Needs a build (npm start, or npm test, makes one). Takes some four minutes on a quiet machine.`;

/** The face of every suite of bench/run.ts. */
export async function bench(options: readonly string[]): Promise<void> {
  const values = readOptions(USAGE, { only: { type: "string" } }, options);
  const only = choice("only", values.only, ["node", "platforms"]);
  console.log(`${cpus()[0]?.model}, Node ${process.version}, OpenSSL ${process.versions.openssl}`);
  if (only !== "platforms") printNode();
  if (only === "node") return;
  // Loaded late, so that the measured processes stay small.
  const { runPlatforms } = await import("./platforms.ts");
  await runPlatforms();
}

function printNode(): void {
  using core = new Core(coreModule());
  const cases = coreCases(core);
  const idleMiB = child<number>("--peak", "none");
  console.log(
    "\nRatio: rival's time / core's, median of the rounds of a process, best of three processes." +
      "\nPeak: resident memory of a fresh process that does the case by one contender alone: core, node," +
      `\nnoble. One that does nothing has ${idleMiB.toFixed(0)} MiB.`,
  );
  printRow("", "core", "", "node:crypto", "noble", "peak, MiB");
  for (const [index, one] of cases.entries()) {
    const timings = Array.from({ length: PROCESSES }, () => child<Timing>("--case", `${index}`));
    const peaks = CONTENDERS.map((contender) =>
      child<number>("--case", `${index}`, "--peak", contender).toFixed(0),
    );
    printRow(one.name, ...cells(one, timings), peaks.join(" · "));
  }
  const threads = Array.from({ length: PROCESSES }, () => child<ThreadSpeeds>("--threads"));
  const ratio = Math.max(...threads.map(({ one, two }) => two / one));
  const fastest = Math.max(...threads.map(({ two }) => two));
  console.log(
    `Two worker threads: ${mark(ratio, THREADS_GOAL)} times the speed of one, ${fastest.toFixed(1)} MB/s.`,
  );
  const tests = Array.from({ length: SELF_TEST_PROCESSES }, () => child<number>("--self-test"));
  const sorted = tests.toSorted((a, b) => a - b);
  const [best = 0, worst = 0] = [sorted[0], sorted.at(-1)];
  const middle = median(tests);
  console.log(
    `Self-test, first in a fresh process, ${SELF_TEST_PROCESSES} processes: median ${middle.toFixed(2)} ms ` +
      `(goal ${SELF_TEST_GOAL_MS}), ${best.toFixed(2)} to ${worst.toFixed(2)}.`,
  );
}

/** What a fresh process measures. */
function child<T>(...flags: string[]): T {
  const self = fileURLToPath(import.meta.url);
  const out = execFileSync(process.execPath, ["--import", "tsx", self, "--measure", ...flags], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
  });
  return JSON.parse(out) as T;
}

function cells(one: BenchCase, timings: readonly Timing[]): string[] {
  const ratio = (rival: Rival, goal: number | null): string =>
    mark(Math.max(...timings.map(({ ratios }) => ratios[rival])), goal);
  const time = Math.min(...timings.map(({ coreUs }) => coreUs));
  return [
    `${time.toFixed(2)} µs`,
    `${(one.bytes / time).toFixed(1)} MB/s`,
    ratio("node", one.goal[0]),
    ratio("noble", one.goal[1]),
  ];
}

/** A ratio and what is aimed at. */
function mark(value: number, goal: number | null): string {
  if (goal === null) return value.toFixed(2);
  return `${value.toFixed(2)} (${value >= goal ? "≥" : "GOAL"} ${goal})`;
}

function verifySameBytes(one: BenchCase): void {
  const expected = one.core();
  for (const contender of ["node", "noble"] as const) {
    if (Buffer.compare(one[contender](), expected) !== 0) {
      throw new Error(`${one.name}: ${contender} gives other bytes`);
    }
  }
}

function timeCase(one: BenchCase): Timing {
  verifySameBytes(one);
  for (const contender of CONTENDERS) timeTurn(one[contender], TURN_MS);
  const rounds = Array.from({ length: ROUNDS }, () => ({
    core: timeTurn(one.core, TURN_MS),
    node: timeTurn(one.node, TURN_MS),
    noble: timeTurn(one.noble, TURN_MS),
  }));
  const ratio = (rival: Rival): number => median(rounds.map((us) => us[rival] / us.core));
  return {
    coreUs: Math.min(...rounds.map((us) => us.core)),
    ratios: { node: ratio("node"), noble: ratio("noble") },
  };
}

/** Peak resident memory of this process, in MiB, after `ROUNDS` turns of one contender. */
function peakOf(one: BenchCase | undefined, contender: string): number {
  const known = CONTENDERS.find((name) => name === contender);
  if (known !== undefined && one !== undefined) {
    for (let round = 0; round < ROUNDS; round++) timeTurn(one[known], TURN_MS);
  }
  return process.resourceUsage().maxRSS / 1024;
}

/** Milliseconds of the first self-test of this process. */
function timeSelfTest(): number {
  const memory = new CoreMemory(coreModule());
  const start = performance.now();
  selfTest(memory);
  return performance.now() - start;
}

async function measure(flags: readonly string[]): Promise<unknown> {
  const { values } = parseArgs({
    args: [...flags],
    options: {
      case: { type: "string" },
      peak: { type: "string" },
      threads: { type: "boolean" },
      "self-test": { type: "boolean" },
    },
  });
  if (values["self-test"]) return timeSelfTest();
  if (values.threads) return await measureThreads(coreModule());
  using core = new Core(coreModule());
  const one = coreCases(core)[Number(values.case)];
  if (values.peak !== undefined) return peakOf(one, values.peak);
  if (one === undefined) throw new Error(`no case ${values.case}`);
  return timeCase(one);
}

const [, , first, ...flags] = process.argv;
if (first === "--measure") process.stdout.write(JSON.stringify(await measure(flags)));
