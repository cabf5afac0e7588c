/**
 * The script that bench/core-page.ts runs in a page: what it puts into `globalThis` is called from
 * outside.
 */
import { requireBase64 } from "../src/crypto/base-encodings.ts";
import { PlatformBench, type PlatformOrder } from "./platform-cases.ts";
import { THREAD_ROUND_MS, type ThreadSpeeds, threadSpeeds } from "./turns.ts";

let module: WebAssembly.Module | null = null;
let bench: PlatformBench | null = null;

async function startBench(wasmBase64: string): Promise<void> {
  module = await WebAssembly.compile(requireBase64(wasmBase64));
  bench = new PlatformBench(module);
}

async function runBench(order: PlatformOrder): Promise<void> {
  await bench?.run(order);
}

/** One Web Worker and two take turns. @param script - bench/platform-thread.ts, bundled. */
async function runThreads(script: string): Promise<ThreadSpeeds> {
  const url = URL.createObjectURL(new Blob([script], { type: "text/javascript" }));
  const workers = [1, 2].map(() => new Worker(url, { type: "module" }));
  const speedOf = async (some: readonly Worker[], order: unknown): Promise<number> => {
    const speeds = some.map(
      (worker) =>
        new Promise<number>((done, failed) => {
          worker.onmessage = ({ data }) => done(data);
          worker.onerror = ({ message }) => failed(new Error(message));
        }),
    );
    for (const worker of some) worker.postMessage(order);
    return (await Promise.all(speeds)).reduce((total, speed) => total + speed, 0);
  };
  await speedOf(workers, module);
  const best = await threadSpeeds((threads) => speedOf(workers.slice(0, threads), THREAD_ROUND_MS));
  for (const worker of workers) worker.terminate();
  return best;
}

Object.assign(globalThis, { startBench, runBench, runThreads });
