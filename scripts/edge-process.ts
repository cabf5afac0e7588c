/**
 * Starts scripts/edge.ts as a child and waits for its word.
 *
 * `npm start` keeps the child in its own process group, so that one signal to the group ends all of
 * it; the crash tests give it a group of its own, to kill that alone.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, mkdirSync, openSync, readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import type { EdgeMessage } from "./edge.ts";

/** Where `npm start` notes the address of the edge for other commands. */
export const EDGE_FILE = ".holdfast/edge.json";

const READY_TIMEOUT_MS = 60_000;
const LOG_TAIL_LINES = 20;

export interface EdgeProcess {
  readonly child: ChildProcess;
  readonly url: string;
}

export interface EdgeProcessOptions {
  /** Everything the edge and the worker print. Appended. */
  readonly log: string;
  readonly environment?: Record<string, string>;
  readonly detached?: boolean;
}

/** @throws Error with the child's own words, or the end of its log, when it does not come up. */
export async function spawnEdge(options: EdgeProcessOptions): Promise<EdgeProcess> {
  mkdirSync(dirname(options.log), { recursive: true });
  const log = openSync(options.log, "a");
  const child = spawn(process.execPath, ["--import", "tsx", resolve("scripts/edge.ts")], {
    stdio: ["ignore", log, log, "ipc"],
    env: { ...process.env, ...options.environment },
    detached: options.detached ?? false,
  });
  closeSync(log);
  const url = await new Promise<string>((ready, failed) => {
    const fail = (reason: string) => failed(new Error(reason));
    const timer = setTimeout(
      () => fail(`The edge did not start within ${READY_TIMEOUT_MS / 1000} s: see ${options.log}`),
      READY_TIMEOUT_MS,
    );
    child.once("message", (message: EdgeMessage) => {
      clearTimeout(timer);
      if ("ready" in message) ready(message.ready);
      else fail(message.failed);
    });
    child.once("exit", (code, signal) => {
      clearTimeout(timer);
      fail(
        `The edge ended (${signal ?? `code ${code}`}). ${options.log} ends with:\n${tail(options.log)}`,
      );
    });
  });
  return { child, url };
}

function tail(file: string): string {
  return readFileSync(file, "utf8").trimEnd().split("\n").slice(-LOG_TAIL_LINES).join("\n");
}
