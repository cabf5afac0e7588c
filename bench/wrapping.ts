/**
 * What a thread of the bench does, in a Web Worker as in a worker thread: wraps
 * for a while, and says how fast it was.
 */
import { Core } from "../src/crypto/core.ts";
import { SecretKey } from "../src/crypto/secret-key.ts";

const CHUNK_BYTES = 4096;
const WARM_MS = 150;

/** Over one core, warm. @returns what wraps for so many milliseconds; MB/s. */
export function startWrapping(module: WebAssembly.Module): (forMs: number) => number {
  const core = new Core(module); // For as long as the thread lives.
  const kek = core.kek(new SecretKey(new Uint8Array(32).fill(9)));
  const plain = new Uint8Array(32 * CHUNK_BYTES);
  const wrapFor = (forMs: number): number => {
    let bytes = 0;
    const start = performance.now();
    while (performance.now() - start < forMs) {
      kek.kwpWrapChunks(plain, CHUNK_BYTES);
      bytes += plain.length;
    }
    return bytes / (performance.now() - start) / 1000;
  };
  wrapFor(WARM_MS);
  return wrapFor;
}
