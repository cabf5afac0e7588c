/**
 * One worker thread of the bench: wraps for a while whenever it is told to, and says how fast it
 * was.
 */
import { parentPort, workerData } from "node:worker_threads";
import { Core } from "../src/crypto/core.ts";
import { SecretKey } from "../src/crypto/secret-key.ts";

interface Order {
  readonly module: WebAssembly.Module;
  readonly timeMs: number;
}

const { module, timeMs } = workerData as Order;
const port = parentPort;
if (port === null) throw new Error("core-thread.ts runs in a worker thread");
const core = new Core(module); // For as long as the thread lives.
const kek = core.kek(new SecretKey(new Uint8Array(32).fill(9)));
const plain = new Uint8Array(32 * 4096);

/** Wraps for `forMs`; MB/s. */
function wrapFor(forMs: number): number {
  let bytes = 0;
  const start = performance.now();
  while (performance.now() - start < forMs) {
    kek.kwpWrapChunks(plain, 4096);
    bytes += plain.length;
  }
  return bytes / (performance.now() - start) / 1000;
}

wrapFor(150);
port.on("message", () => port.postMessage(wrapFor(timeMs)));
port.postMessage("warm");
