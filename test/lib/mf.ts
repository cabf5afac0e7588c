/**
 * The edge as it is deployed: the dry-run bundle with the bindings of wrangler.toml, in workerd.
 *
 * A `persist` folder outlives the instance, so a test can stop the edge and start it again.
 */
import { createHash } from "node:crypto";
import { existsSync, linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import type { Miniflare } from "miniflare";
import { type DevelopmentSecrets, generateSecrets } from "../../scripts/edge/dev-secrets.ts";
import { type EmbeddedEdgeOptions, startEmbeddedEdge } from "../../scripts/edge/embedded.ts";

const SECRETS_SOURCE = "scripts/edge/dev-secrets.ts";
const SECRETS_FOLDER = "build/test-secrets";
const OWNER_ONLY = 0o600;

let shared: Promise<DevelopmentSecrets> | undefined;

/**
 * One set of secrets for all edges of all tests, unless a test is told otherwise: a deployment of its own
 * that lives as long as the folder of the build, as its RSA key takes longer to make than an edge to start.
 */
export function testSecrets(): Promise<DevelopmentSecrets> {
  shared ??= readSecrets();
  return shared;
}

async function readSecrets(): Promise<DevelopmentSecrets> {
  const made = createHash("sha256").update(readFileSync(SECRETS_SOURCE)).digest("hex");
  const file = `${SECRETS_FOLDER}/${made}.json`;
  if (!existsSync(file)) {
    mkdirSync(SECRETS_FOLDER, { recursive: true });
    const own = `${file}.${process.pid}`;
    writeFileSync(own, JSON.stringify(await generateSecrets()), { mode: OWNER_ONLY });
    // Whichever process is first: a link is not made over one that is there.
    try {
      linkSync(own, file);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
    rmSync(own);
  }
  return JSON.parse(readFileSync(file, "utf8")) as DevelopmentSecrets;
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
