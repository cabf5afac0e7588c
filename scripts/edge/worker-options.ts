/**
 * The bindings of wrangler.toml as Miniflare takes them, kept under build/.
 *
 * Wrangler translates; loading it takes seconds, and every test process and every restart would
 * pay. What is kept is made anew when wrangler.toml has changed or the folder has moved.
 */
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import type { SourcelessWorkerOptions } from "wrangler";

const KEPT_FILE = "build/worker-options.json";
const CONFIGURATION_FILE = "wrangler.toml";

/** Without source and without variables: those of `.dev.vars` are secrets and are never kept. */
export type WorkerOptions = Omit<SourcelessWorkerOptions, "bindings">;

interface Kept {
  readonly root: string;
  readonly configuration: string;
  readonly options: WorkerOptions;
}

export async function workerOptions(): Promise<WorkerOptions> {
  const root = resolve(".");
  const configuration = readFileSync(CONFIGURATION_FILE, "utf8");
  const kept = readKept();
  if (kept?.root === root && kept.configuration === configuration) return kept.options;
  const { unstable_getMiniflareWorkerOptions } = await import("wrangler");
  const { workerOptions: translated } = unstable_getMiniflareWorkerOptions(
    resolve(CONFIGURATION_FILE),
  );
  const { bindings: _variables, ...options } = translated;
  writeKept({ root, configuration, options });
  return options;
}

function readKept(): Kept | null {
  return existsSync(KEPT_FILE) ? (JSON.parse(readFileSync(KEPT_FILE, "utf8")) as Kept) : null;
}

/** In one step: another process may be reading. */
function writeKept(kept: Kept): void {
  const partial = `${KEPT_FILE}.${process.pid}`;
  mkdirSync(dirname(KEPT_FILE), { recursive: true });
  writeFileSync(partial, JSON.stringify(kept));
  renameSync(partial, KEPT_FILE);
}
