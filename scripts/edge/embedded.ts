/**
 * The embedded default: the built worker on workerd, with R2 and Durable Objects on local disk.
 *
 * It runs the very bundle that `wrangler deploy` uploads, with the bindings of
 * wrangler.toml. Nothing is reached but 127.0.0.1.
 */
import { existsSync, readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { resolve } from "node:path";
import type { Miniflare, MiniflareOptions, ModuleDefinition, WorkerOptions } from "miniflare";
import { workerOptions } from "./worker-options.ts";

export interface EmbeddedEdge {
  readonly mf: Miniflare;
  readonly url: URL;
  /** Calls the worker's cron handler: workerd fires no cron by itself. */
  tick(): Promise<void>;
  stop(): Promise<void>;
}

export interface EmbeddedEdgeOptions {
  /** The worker's variables: those of `.dev.vars` are not read. */
  readonly bindings: Record<string, string>;
  /** A folder that outlives the instance; without it state is gone after `stop`. */
  readonly persist?: string;
  /** 0, the default, takes any free port. */
  readonly port?: number;
  readonly inspectorPort?: number;
  /** Folder of the bundle; default HOLDFAST_BUNDLE, for a trial build, else build/worker. */
  readonly bundle?: string;
  /**
   * Workers in the same process: a test's, that ask the objects more at once than a client could.
   */
  readonly beside?: readonly WorkerOptions[];
}

// Required, not imported: the loaders of modules would read its four megabytes through once more.
const miniflare = createRequire(import.meta.url)("miniflare") as typeof import("miniflare");

export const WORKER_NAME = "holdfast";
const CRON = "*/10 * * * *";

/** Named one by one: to find them itself, Miniflare would parse two megabytes at every start. */
function modulesOf(bundle: string): ModuleDefinition[] {
  const entry = "index.js";
  // The entry comes first. A bundle has no other script; one that a test has wrapped has.
  const names = [entry, ...readdirSync(bundle).filter((name) => name !== entry)];
  const modules = (ending: string, type: ModuleDefinition["type"]) =>
    names
      .filter((name) => name.endsWith(ending))
      .map((name) => ({ type, path: resolve(bundle, name) }) as ModuleDefinition);
  return [...modules(".js", "ESModule"), ...modules(".wasm", "CompiledWasm")];
}

/** Starts the bundle, and the pages in dist/web where they have been built. */
export async function startEmbeddedEdge(options: EmbeddedEdgeOptions): Promise<EmbeddedEdge> {
  const { assets, ...rest } = await workerOptions();
  const bundle = resolve(options.bundle ?? process.env["HOLDFAST_BUNDLE"] ?? "build/worker");
  const worker = {
    ...rest,
    ...(assets !== undefined && existsSync(assets.directory) ? { assets } : {}),
    name: WORKER_NAME,
    rootPath: bundle,
    modulesRoot: bundle,
    modules: modulesOf(bundle),
    bindings: options.bindings,
  } as WorkerOptions;
  const mf = new miniflare.Miniflare({
    cf: false,
    host: "127.0.0.1",
    port: options.port ?? 0,
    log: new miniflare.Log(miniflare.LogLevel.WARN),
    ...(options.persist === undefined ? {} : { defaultPersistRoot: resolve(options.persist) }),
    ...(options.inspectorPort === undefined ? {} : { inspectorPort: options.inspectorPort }),
    workers: [worker, ...(options.beside ?? [])],
  } as MiniflareOptions);
  const url = await mf.ready;
  return {
    mf,
    url,
    async tick() {
      const fetcher = await mf.getWorker(WORKER_NAME);
      await fetcher.scheduled({ cron: CRON, scheduledTime: new Date() });
    },
    stop: () => mf.dispose(),
  };
}
