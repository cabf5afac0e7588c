/**
 * Builds what the edge runs, unless nothing has changed since the last time.
 *
 * `wrangler deploy --dry-run` runs the build command of wrangler.toml (module, pages), then bundles
 * the worker: the bytes that a real deployment uploads. The module among them is then verified.
 */
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { verifyBundle } from "../core/module.ts";

const OUTPUTS = [
  "build/core.wasm",
  "dist/web/index.html",
  "dist/restore/restore.html",
  "build/worker/index.js",
];
const CORE_INPUTS = ["assembly", "scripts/core", "package.json", "package-lock.json"];
const INPUTS = [...CORE_INPUTS, "src", "scripts/web", "tsconfig.json", "wrangler.toml"];
const BUNDLE = "build/worker";
const WRANGLER = "node_modules/wrangler/bin/wrangler.js";
const LOG_TAIL_LINES = 30;

/** Whether everything is there and no input is newer. */
export function isBuilt(): boolean {
  return isNewer(OUTPUTS, INPUTS, "build/worker/index.js");
}

/** The same of the module alone. */
export function isCoreBuilt(): boolean {
  return isNewer(["build/core.wasm"], CORE_INPUTS, "build/core.wasm.sha256");
}

/** @param last - what a build writes last, and only if it succeeds. */
function isNewer(outputs: readonly string[], inputs: readonly string[], last: string): boolean {
  if (![...outputs, last].every((file) => existsSync(file))) return false;
  const builtAtMs = statSync(last).mtimeMs;
  return inputs.every((input) => newestMs(input) <= builtAtMs);
}

/** Of a folder, its own time too: that is when something in it was added or taken away. */
function newestMs(path: string): number {
  const stats = statSync(path);
  if (!stats.isDirectory()) return stats.mtimeMs;
  return Math.max(stats.mtimeMs, ...readdirSync(path).map((name) => newestMs(join(path, name))));
}

/** @throws Error with the end of the build's output, all of which is in `log`; ModuleHashError. */
export async function build(log: string): Promise<void> {
  mkdirSync(dirname(log), { recursive: true });
  const child = spawn(process.execPath, [WRANGLER, "deploy", "--dry-run", "--outdir", BUNDLE], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, NODE_ENV: "production" },
  });
  const output: Buffer[] = [];
  child.stdout.on("data", (chunk: Buffer) => output.push(chunk));
  child.stderr.on("data", (chunk: Buffer) => output.push(chunk));
  const code = await new Promise<number | null>((done, failed) => {
    child.once("error", failed);
    child.once("close", done);
  });
  writeFileSync(log, Buffer.concat(output));
  if (code === 0) return await verifyBundle(BUNDLE);
  const lines = readFileSync(log, "utf8").trimEnd().split("\n").slice(-LOG_TAIL_LINES);
  throw new Error(`The build failed. ${log} ends with:\n${lines.join("\n")}`);
}
