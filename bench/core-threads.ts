/**
 * Two worker threads against one: chunks are independent, so a second thread should be worth a
 * first.
 */
import { Worker } from "node:worker_threads";
import type { ThreadSpeeds } from "./turns.ts";

const ROUNDS = 4;
const ROUND_MS = 400;

/** One thread and two take turns; both workers are warm before the first. */
export async function measureThreads(module: WebAssembly.Module): Promise<ThreadSpeeds> {
  // tsx does not reach into worker threads by itself: a script without types loads the one with.
  const url = JSON.stringify(new URL("./core-thread.ts", import.meta.url).href);
  const script = `import("tsx/esm/api").then((tsx) => tsx.tsImport(${url}, ${url}))`;
  const options = { eval: true, workerData: { module, timeMs: ROUND_MS } };
  const workers = [new Worker(script, options), new Worker(script, options)];
  await Promise.all(workers.map(nextMessage)); // warm
  const speedOf = async (some: readonly Worker[]): Promise<number> => {
    const speeds = some.map(nextMessage);
    for (const worker of some) worker.postMessage("go");
    return (await Promise.all(speeds)).reduce<number>((total, speed) => total + Number(speed), 0);
  };
  const best = { one: 0, two: 0 };
  for (let round = 0; round < ROUNDS; round++) {
    best.one = Math.max(best.one, await speedOf(workers.slice(0, 1)));
    best.two = Math.max(best.two, await speedOf(workers));
  }
  await Promise.all(workers.map((worker) => worker.terminate()));
  return best;
}

function nextMessage(worker: Worker): Promise<unknown> {
  return new Promise((resolve, reject) => {
    worker.once("message", resolve);
    worker.once("error", reject);
  });
}
