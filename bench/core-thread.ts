/**
 * One worker thread of the bench: wraps for a while whenever it is told to.
 */
import { parentPort, workerData } from "node:worker_threads";
import { startWrapping } from "./wrapping.ts";

interface Order {
  readonly module: WebAssembly.Module;
  readonly timeMs: number;
}

const { module, timeMs } = workerData as Order;
const port = parentPort;
if (port === null) throw new Error("core-thread.ts runs in a worker thread");
const wrapFor = startWrapping(module);
port.on("message", () => port.postMessage(wrapFor(timeMs)));
port.postMessage("warm");
