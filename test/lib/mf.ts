/**
 * The edge as it is deployed: the dry-run bundle with the bindings of wrangler.toml, in workerd.
 *
 * A `persist` folder outlives the instance, so a test can stop the edge and start it again.
 */
import type { Miniflare } from "miniflare";
import { type DevelopmentSecrets, generateSecrets } from "../../scripts/edge/dev-secrets.ts";
import { type EmbeddedEdgeOptions, startEmbeddedEdge } from "../../scripts/edge/embedded.ts";

/** One set of secrets per test process: all its edges share keys unless told otherwise. */
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
  readonly beside?: EmbeddedEdgeOptions["beside"];
}

export interface Edge {
  readonly mf: Miniflare;
  readonly url: URL;
  stop(): Promise<void>;
}

export async function startEdge(options: EdgeOptions = {}): Promise<Edge> {
  const secrets = await testSecrets();
  const bundle = options.bundle ?? process.env["HOLDFAST_BUNDLE"];
  return await startEmbeddedEdge({
    ...(options.persist === undefined ? {} : { persist: options.persist }),
    ...(options.port === undefined ? {} : { port: options.port }),
    ...(bundle === undefined ? {} : { bundle }),
    ...(options.beside === undefined ? {} : { beside: options.beside }),
    bindings: {
      ...secrets.bindings,
      SCHEDULE: JSON.stringify(QUICK_SCHEDULE),
      ...options.bindings,
    },
  });
}
