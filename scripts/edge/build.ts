/**
 * Builds what the edge runs, unless nothing has changed since the last time.
 *
 * `wrangler deploy --dry-run` runs the build command of wrangler.toml (module, pages), then bundles
 * the worker: the bytes that a real deployment uploads. The module among them is then verified.
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { verifyBundle } from "../core/module.ts";
import { OWNER_ONLY } from "./owner-only.ts";

const CORE = {
  outputs: ["build/core.wasm"],
  inputs: ["assembly", "scripts/core", "package.json", "package-lock.json"],
  stamp: "build/core.stamp",
};
const EDGE = {
  outputs: [
    ...CORE.outputs,
    "dist/web/index.html",
    "dist/restore/restore.html",
    "build/worker/index.js",
  ],
  inputs: [...CORE.inputs, "src", "scripts/web", "tsconfig.json", "wrangler.toml"],
  stamp: "build/edge.stamp",
};
const BUNDLE = "build/worker";
const WRANGLER = "node_modules/wrangler/bin/wrangler.js";
const LOG_TAIL_LINES = 30;

/**
 * Whether everything is there and no input is newer than the beginning of the build that made it.
 */
export function isBuilt(): boolean {
  return isUpToDate(EDGE);
}

/** Of a build that is there. @throws ModuleHashError. */
export function verifyBuilt(): Promise<void> {
  return verifyBundle(BUNDLE);
}

/** The module alone, unless nothing has changed. @throws Error if it is not the committed one. */
export function ensureCore(): void {
  if (isUpToDate(CORE)) return;
  const begunAtMs = Date.now();
  execFileSync("npm", ["run", "-s", "build:wasm"], { stdio: "pipe" });
  stampAt(CORE.stamp, begunAtMs);
}

function isUpToDate({ outputs, inputs, stamp }: typeof EDGE): boolean {
  if (![...outputs, stamp].every((file) => existsSync(file))) return false;
  const begunAtMs = statSync(stamp).mtimeMs;
  return inputs.every((input) => newestMs(input) <= begunAtMs);
}

/** Written last, and only of a build that has succeeded: what was edited while it ran is newer. */
function stampAt(stamp: string, begunAtMs: number): void {
  writeFileSync(stamp, "");
  utimesSync(stamp, begunAtMs / 1000, begunAtMs / 1000);
}

/** Of a folder, its own time too: that is when something in it was added or taken away. */
function newestMs(path: string): number {
  const stats = statSync(path);
  if (!stats.isDirectory()) return stats.mtimeMs;
  return Math.max(stats.mtimeMs, ...readdirSync(path).map((name) => newestMs(join(path, name))));
}

/**
 * @param signal - ends the build, with all the processes it has by then.
 * @throws Error with the end of the build's output, all of which is in `log`; ModuleHashError.
 */
export async function build(log: string, signal?: AbortSignal): Promise<void> {
  mkdirSync(dirname(log), { recursive: true, mode: OWNER_ONLY.folder });
  const begunAtMs = Date.now();
  const child = spawn(process.execPath, [WRANGLER, "deploy", "--dry-run", "--outdir", BUNDLE], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, NODE_ENV: "production" },
    detached: signal !== undefined,
  });
  signal?.addEventListener("abort", () => endGroup(child));
  const output: Buffer[] = [];
  child.stdout.on("data", (chunk: Buffer) => output.push(chunk));
  child.stderr.on("data", (chunk: Buffer) => output.push(chunk));
  const code = await new Promise<number | null>((done, failed) => {
    child.once("error", failed);
    child.once("close", done);
  });
  writeFileSync(log, Buffer.concat(output), { mode: OWNER_ONLY.file });
  // Of a build that was told to end, the code says nothing: wrangler ends with 0 then.
  signal?.throwIfAborted();
  if (code === 0) {
    await verifyBundle(BUNDLE);
    stampAt(CORE.stamp, begunAtMs);
    stampAt(EDGE.stamp, begunAtMs);
    return;
  }
  const lines = readFileSync(log, "utf8").trimEnd().split("\n").slice(-LOG_TAIL_LINES);
  throw new Error(`The build failed. ${log} ends with:\n${lines.join("\n")}`);
}

function endGroup({ pid, exitCode, signalCode }: ChildProcess): void {
  if (pid !== undefined && exitCode === null && signalCode === null) process.kill(-pid, "SIGTERM");
}
