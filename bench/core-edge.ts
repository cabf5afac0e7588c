/**
 * Key wrap in workerd: the core against WebCrypto's AES-KW, timed from outside.
 *
 * BoringSSL has AES instructions, which WebAssembly has not: big payloads are its field. Part of
 * `npm run bench -- core`.
 */
import { fileURLToPath } from "node:url";
import { Miniflare } from "miniflare";
import { build } from "vite";
import { coreBytes } from "../scripts/core-module.ts";

const TURN_MS = 200;
const ROUNDS = 5;

/** The worker as one script, the compiled module left outside. */
async function bundle(): Promise<string> {
  const entry = fileURLToPath(new URL("./core-edge-worker.ts", import.meta.url));
  const built = await build({
    configFile: false,
    logLevel: "silent",
    build: {
      write: false,
      target: "es2022",
      lib: { entry, formats: ["es"], fileName: "worker" },
      rolldownOptions: { external: ["./core.wasm"] },
    },
  });
  const [output] = Array.isArray(built) ? built : [built];
  const chunk = output && "output" in output ? output.output[0] : undefined;
  if (chunk === undefined) throw new Error("unreachable: vite built nothing");
  return chunk.code;
}

async function startWorker(): Promise<Miniflare> {
  return new Miniflare({
    cf: false,
    compatibilityDate: "2026-04-20",
    modulesRoot: "/",
    modules: [
      { type: "ESModule", path: "/worker.js", contents: await bundle() },
      {
        type: "CompiledWasm",
        path: "/core.wasm",
        contents: await coreBytes(),
      },
    ],
  });
}

/** Microseconds of one run of `work` on `bytes`: enough runs that the request itself does not count. */
async function timeWork(worker: Miniflare, work: string, bytes: number): Promise<number> {
  const run = async (runs: number): Promise<number> => {
    const start = performance.now();
    const url = `http://bench/?work=${work}&bytes=${bytes}&runs=${runs}`;
    const response = await worker.dispatchFetch(url);
    if (!response.ok) throw new Error(`${work}: ${await response.text()}`);
    await response.text();
    return performance.now() - start;
  };
  let runs = 10;
  let taken = await run(runs);
  while (taken < TURN_MS / 4) {
    runs *= 4;
    taken = await run(runs);
  }
  return (taken * 1000) / runs;
}

/** Prints the table of workerd. */
export async function runEdgeBench(): Promise<void> {
  const worker = await startWorker();
  try {
    console.log("In workerd, wrap, against WebCrypto AES-KW (its bytes as an HMAC key):");
    for (const bytes of [64, 4096, 65_536, 1024 * 1024]) {
      const best = { core: Infinity, lanes: Infinity, webcrypto: Infinity };
      for (let round = 0; round < ROUNDS; round++) {
        for (const work of ["core", "lanes", "webcrypto"] as const) {
          if (work === "lanes" && bytes < 4096) continue;
          best[work] = Math.min(best[work], await timeWork(worker, work, bytes));
        }
      }
      const show = (us: number): string =>
        us === Infinity
          ? "–".padStart(22)
          : `${(bytes / us).toFixed(1)} MB/s (${(best.webcrypto / us).toFixed(2)})`.padStart(22);
      console.log(
        `${`${bytes} B`.padEnd(12)}one message${show(best.core)}   in 32 chunks${show(best.lanes)}   ` +
          `WebCrypto${show(best.webcrypto)}`,
      );
    }
  } finally {
    await worker.dispose();
  }
}
