/**
 * Two worker threads against one: chunks are independent, so a second thread should be worth a
 * first.
 */
import { Worker } from "node:worker_threads";
import { THREAD_ROUND_MS, type ThreadSpeeds, threadSpeeds } from "./turns.ts";

/** Both workers are warm before the first round. */
export async function measureThreads(module: WebAssembly.Module): Promise<ThreadSpeeds> {
  // tsx does not reach into worker threads by itself: a script without types loads the one with.
  const url = JSON.stringify(new URL("./core-thread.ts", import.meta.url).href);
  const script = `import("tsx/esm/api").then((tsx) => tsx.tsImport(${url}, ${url}))`;
  const options = { eval: true, workerData: { module, timeMs: THREAD_ROUND_MS } };
  const workers = [new Worker(script, options), new Worker(script, options)];
  await Promise.all(workers.map(nextMessage)); // warm
  const best = await threadSpeeds(async (threads) => {
    const some = workers.slice(0, threads);
    const speeds = some.map(nextMessage);
    for (const worker of some) worker.postMessage("go");
    return (await Promise.all(speeds)).reduce<number>((total, speed) => total + Number(speed), 0);
  });
  await Promise.all(workers.map((worker) => worker.terminate()));
  return best;
}

function nextMessage(worker: Worker): Promise<unknown> {
  return new Promise((resolve, reject) => {
    worker.once("message", resolve);
    worker.once("error", reject);
  });
}
