/**
 * One worker thread of the bench: wraps for a while, then says how many bytes.
 */
import { parentPort, workerData } from "node:worker_threads";
import { Core } from "../src/crypto/core.ts";
import { SecretKey } from "../src/crypto/secret-key.ts";

interface Order {
  readonly module: WebAssembly.Module;
  readonly timeMs: number;
}

const { module, timeMs } = workerData as Order;
using core = new Core(module);
using kek = core.kek(new SecretKey(new Uint8Array(32).fill(9)));
const plain = new Uint8Array(32 * 4096);
for (const end = performance.now() + 150; performance.now() < end; ) {
  kek.kwpWrapChunks(plain, 4096);
}
parentPort?.once("message", () => {
  let bytes = 0;
  const start = performance.now();
  while (performance.now() - start < timeMs) {
    kek.kwpWrapChunks(plain, 4096);
    bytes += plain.length;
  }
  parentPort?.postMessage(bytes / (performance.now() - start) / 1000);
});
parentPort?.postMessage("warm");
