/**
 * Key wrap in workerd and in Chromium: the core against the platform's WebCrypto, timed from
 * outside.
 *
 * BoringSSL, behind both, has AES and SHA instructions, which WebAssembly has not: big payloads are
 * its field. Part of `npm run bench -- core`.
 */
import { startPage } from "./core-page.ts";
import { startWorkerd } from "./core-workerd.ts";
import { CONTENDERS, type Contender, PLATFORM_CASES, type Platform } from "./platform-cases.ts";
import { watchGrowth } from "./process-usage.ts";
import { median, printRow, type ThreadSpeeds } from "./turns.ts";

const MIB = 1024 * 1024;
const PROCESSES = 3;
const ROUNDS = 3;
const TURN_MS = 60;
/** Orders that do nothing: what asking takes. */
const IDLE_ORDERS = 10;

type PerContender = Readonly<Record<Contender, number>>;

interface Timing {
  /** Microseconds, best of the rounds. */
  readonly us: PerContender;
  /** WebCrypto's time over the core's, round by round: the median. */
  readonly ratios: PerContender;
  readonly peakMiB: PerContender;
}

export async function runPlatforms(): Promise<void> {
  for (const start of [startWorkerd, startPage]) print(await measure(start));
}

interface Measured {
  readonly platformName: string;
  /** Of each process, of each case. */
  readonly runs: readonly (readonly Timing[])[];
  /** Of each process; empty where there are no threads. */
  readonly threads: readonly ThreadSpeeds[];
}

async function measure(start: () => Promise<Platform>): Promise<Measured> {
  const runs: Timing[][] = [];
  const threads: ThreadSpeeds[] = [];
  let platformName = "";
  for (let n = 0; n < PROCESSES; n++) {
    const platform = await start();
    platformName = platform.name;
    console.error(`${platformName}, process ${n + 1} of ${PROCESSES} …`);
    try {
      const timings: Timing[] = [];
      for (const caseIndex of PLATFORM_CASES.keys()) {
        timings.push(await timeCase(platform, caseIndex));
      }
      runs.push(timings);
      if (platform.threads !== null) threads.push(await platform.threads());
    } finally {
      await platform.stop();
    }
  }
  return { platformName, runs, threads };
}

function print({ platformName, runs, threads }: Measured): void {
  console.log(
    `\nIn ${platformName}, against its WebCrypto: AES-KW on the same chunks, and on the payload as one message.` +
      "\nRatios as above; peak: growth of the process that does the work, in the first turns of each.",
  );
  printRow("", "core", "", "same chunks", "one message", "peak, MiB");
  for (const [index, { name, count, bytes }] of PLATFORM_CASES.entries()) {
    const timings = runs.flatMap((run) => run[index] ?? []);
    const time = Math.min(...timings.map(({ us }) => us.core));
    const ratio = (rival: Contender): string =>
      Math.max(...timings.map(({ ratios }) => ratios[rival])).toFixed(2);
    const peak = (contender: Contender): string =>
      Math.min(...timings.map(({ peakMiB }) => peakMiB[contender])).toFixed(1);
    printRow(
      name,
      `${time.toFixed(2)} µs`,
      `${((count * bytes) / time).toFixed(1)} MB/s`,
      ratio("chunks"),
      ratio("whole"),
      CONTENDERS.map(peak).join(" · "),
    );
  }
  if (threads.length > 0) printThreads(threads);
}

function printThreads(threads: readonly ThreadSpeeds[]): void {
  const ratio = Math.max(...threads.map(({ one, two }) => two / one));
  const fastest = Math.max(...threads.map(({ two }) => two));
  console.log(
    `Two Web Workers: ${ratio.toFixed(2)} times the speed of one, ${fastest.toFixed(1)} MB/s.`,
  );
}

async function timeCase(platform: Platform, caseIndex: number): Promise<Timing> {
  const ask = async (contender: Contender, runs: number): Promise<number> => {
    const startedAt = performance.now();
    await platform.run({ caseIndex, contender, runs });
    return performance.now() - startedAt;
  };
  const runs = { core: 1, chunks: 1, whole: 1 };
  const peakMiB = { core: 0, chunks: 0, whole: 0 };
  for (const contender of CONTENDERS) {
    await ask(contender, 1);
    const growth = watchGrowth(platform.pid);
    while ((await ask(contender, runs[contender])) < TURN_MS) runs[contender] *= 2;
    peakMiB[contender] = growth() / MIB;
  }
  let idleMs = Number.POSITIVE_INFINITY;
  for (let i = 0; i < IDLE_ORDERS; i++) idleMs = Math.min(idleMs, await ask("core", 0));
  const us = async (contender: Contender): Promise<number> =>
    (((await ask(contender, runs[contender])) - idleMs) * 1000) / runs[contender];
  const rounds: PerContender[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    rounds.push({ core: await us("core"), chunks: await us("chunks"), whole: await us("whole") });
  }
  const best = (contender: Contender): number => Math.min(...rounds.map((of) => of[contender]));
  const ratio = (contender: Contender): number =>
    median(rounds.map((of) => of[contender] / of.core));
  return {
    us: { core: best("core"), chunks: best("chunks"), whole: best("whole") },
    ratios: { core: 1, chunks: ratio("chunks"), whole: ratio("whole") },
    peakMiB,
  };
}
