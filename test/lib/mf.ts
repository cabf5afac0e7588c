/**
 * The edge as it is deployed: the dry-run bundle with the bindings of wrangler.toml, in workerd.
 *
 * A `persist` folder outlives the instance, so a test can stop the edge and start it again.
 */
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { Miniflare, type WorkerOptions } from "miniflare";
import { unstable_getMiniflareWorkerOptions } from "wrangler";
import { type DevelopmentSecrets, generateSecrets } from "../../scripts/dev-secrets.ts";

export const WORKER_NAME = "holdfast";

/** One set of secrets per test process: all edges of a file share keys unless told otherwise. */
let shared: Promise<DevelopmentSecrets> | undefined;

export function testSecrets(): Promise<DevelopmentSecrets> {
  shared ??= generateSecrets();
  return shared;
}

/** Everything fast: what takes a day or a week in service takes a moment here. */
export const QUICK_SCHEDULE = {
  transitionMs: 20,
  retryMs: 50,
};

export interface EdgeOptions {
  /** Folder that keeps R2 and Durable Objects; absent: in memory. */
  readonly persist?: string;
  readonly port?: number;
  /** Over the secrets and the quick schedule. */
  readonly bindings?: Record<string, string>;
  /** Folder of the bundle; `build/worker` unless a trial build is meant. */
  readonly bundle?: string;
}

export interface Edge {
  readonly mf: Miniflare;
  readonly url: URL;
  stop(): Promise<void>;
}

export async function startEdge(options: EdgeOptions = {}): Promise<Edge> {
  const { workerOptions } = unstable_getMiniflareWorkerOptions("wrangler.toml");
  const { assets, bindings: _devVars, ...rest } = workerOptions;
  const secrets = await testSecrets();
  const mf = new Miniflare({
    cf: false,
    host: "127.0.0.1",
    port: options.port ?? 0,
    ...(options.persist === undefined ? {} : { defaultPersistRoot: options.persist }),
    workers: [
      {
        ...rest,
        ...(assets !== undefined && existsSync(assets.directory) ? { assets } : {}),
        name: WORKER_NAME,
        rootPath: resolve(options.bundle ?? process.env["HOLDFAST_BUNDLE"] ?? "build/worker"),
        scriptPath: "index.js",
        modules: true,
        modulesRules: [
          { type: "CompiledWasm", include: ["**/*.wasm"] },
          { type: "ESModule", include: ["**/*.js"] },
        ],
        bindings: {
          ...secrets.bindings,
          SCHEDULE: JSON.stringify(QUICK_SCHEDULE),
          ...options.bindings,
        },
      } as WorkerOptions,
    ],
  });
  return { mf, url: await mf.ready, stop: () => mf.dispose() };
}
