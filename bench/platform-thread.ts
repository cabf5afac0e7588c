/**
 * A Web Worker of bench/core-page.ts: wraps for a while whenever it is told to, and says how fast
 * it was.
 */
import { Core } from "../src/crypto/core.ts";
import { SecretKey } from "../src/crypto/secret-key.ts";

/** A module to begin with; after that, for how many milliseconds to work. */
export type ThreadOrder = WebAssembly.Module | number;

const CHUNK_BYTES = 4096;
const WARM_MS = 150;
const plain = new Uint8Array(32 * CHUNK_BYTES);
let kek: ReturnType<Core["kek"]> | null = null;

/** MB/s over `forMs`. */
function wrapFor(forMs: number): number {
  let bytes = 0;
  const start = performance.now();
  while (performance.now() - start < forMs) {
    kek?.kwpWrapChunks(plain, CHUNK_BYTES);
    bytes += plain.length;
  }
  return bytes / (performance.now() - start) / 1000;
}

addEventListener("message", ({ data }: MessageEvent<ThreadOrder>) => {
  if (typeof data !== "number") {
    kek = new Core(data).kek(new SecretKey(new Uint8Array(32).fill(9)));
  }
  postMessage(wrapFor(typeof data === "number" ? data : WARM_MS));
});
