/**
 * Starts scripts/edge/edge.ts as a child and waits for its word.
 *
 * `npm start` keeps the child in its own process group, so that one signal to the group ends all of
 * it; the crash tests give it a group of its own, to kill that alone. What a child has started, it
 * tells: killed, it leaves workerd behind, with its port.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, mkdirSync, openSync, readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import type { EdgeMessage, EdgeOrder } from "./edge.ts";
import { OWNER_ONLY } from "./owner-only.ts";

/** Where `npm start` notes the address of the edge for other commands. */
export const EDGE_FILE = ".holdfast/edge.json";

/** The child waits for an `EdgeOrder` before it starts. */
const WAITS = "HOLDFAST_WAITS";
const PROGRAM = "scripts/edge/edge.ts";
const READY_TIMEOUT_MS = 60_000;
const STOP_TIMEOUT_MS = 10_000;
const LOG_TAIL_LINES = 20;

export interface EdgeProcess {
  readonly child: ChildProcess;
  readonly url: string;
  /** Resolves when nothing of it runs any more, whoever ended it: why, in its own words, or how. */
  readonly ended: Promise<string>;
}

export interface EdgeProcessOptions {
  /** Everything the edge and the worker print. Appended. */
  readonly log: string;
  readonly environment?: Record<string, string>;
  readonly detached?: boolean;
  /** Ends it, also while it starts. */
  readonly signal?: AbortSignal;
}

/** @throws Error with the child's own words, or the end of its log, when it does not come up. */
export async function spawnEdge(options: EdgeProcessOptions): Promise<EdgeProcess> {
  const child = spawnChild(options);
  const ended = allEnded(child);
  options.signal?.addEventListener("abort", () => void stopChild(child));
  return { child, ended, url: await firstWord(child, options.log) };
}

/** Ends it in good order, or by force where that takes too long. */
export async function stopEdge({ child, ended }: EdgeProcess): Promise<void> {
  await Promise.all([stopChild(child), ended]);
}

/**
 * A child in a group of its own that has loaded all it needs and waits to be told its environment:
 * most of the time that a start takes is over by then.
 */
export class SpareEdge {
  readonly log: string;
  readonly #child: ChildProcess;

  /**
   * @param log - everything the edge and the worker will print.
   * @param program - edge.ts, or what was built of it.
   */
  constructor(log: string, program: string) {
    this.log = log;
    this.#child = spawnChild({ log, detached: true, environment: { [WAITS]: "1" } }, program);
  }

  /** @throws Error as `spawnEdge`. */
  async begin(environment: Readonly<Record<string, string>>): Promise<EdgeProcess> {
    this.#child.send({ environment } satisfies EdgeOrder);
    const ended = allEnded(this.#child);
    return { child: this.#child, ended, url: await firstWord(this.#child, this.log) };
  }

  /** Ends it; for one that was never begun. */
  discard(): void {
    this.#child.kill("SIGKILL");
  }
}

function spawnChild(options: EdgeProcessOptions, program = PROGRAM): ChildProcess {
  mkdirSync(dirname(options.log), { recursive: true, mode: OWNER_ONLY.folder });
  const log = openSync(options.log, "a", OWNER_ONLY.file);
  try {
    const translator = program.endsWith(".ts") ? ["--import", "tsx/esm"] : [];
    return spawn(process.execPath, [...translator, resolve(program)], {
      stdio: ["ignore", log, log, "ipc"],
      env: { ...process.env, ...options.environment },
      detached: options.detached ?? false,
    });
  } finally {
    closeSync(log);
  }
}

/** Resolves when the child is gone, with the signal that ended it or its exit code. */
function exited(child: ChildProcess): Promise<string> {
  const how = () => child.signalCode ?? `code ${child.exitCode}`;
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve(how());
  return new Promise((done) => child.once("exit", () => done(how())));
}

async function stopChild(child: ChildProcess): Promise<void> {
  child.kill("SIGTERM");
  const timer = setTimeout(() => child.kill("SIGKILL"), STOP_TIMEOUT_MS);
  await exited(child);
  clearTimeout(timer);
}

/** Resolves once the child, and what it had started, is ended. */
async function allEnded(child: ChildProcess): Promise<string> {
  const started: number[] = [];
  let reason: string | null = null;
  child.on("message", (message: EdgeMessage) => {
    if ("started" in message) started.push(message.started);
    if ("ending" in message) reason = message.ending;
  });
  const how = await exited(child);
  // What it said last may come after its end.
  if (child.connected) await once(child, "disconnect");
  for (const pid of started) endOrphan(pid);
  return reason ?? how;
}

function endOrphan(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

/** The address, once the child has told it. */
function firstWord(child: ChildProcess, log: string): Promise<string> {
  return new Promise((ready, failed) => {
    const settle = (act: () => void) => {
      clearTimeout(timer);
      child.off("message", onMessage);
      child.off("exit", onExit);
      act();
    };
    const onMessage = (message: EdgeMessage) => {
      if ("ready" in message) settle(() => ready(message.ready));
      if ("failed" in message) settle(() => failed(new Error(message.failed)));
    };
    const onExit = (code: number | null, signal: string | null) =>
      settle(() => {
        const how = signal ?? `code ${code}`;
        failed(new Error(`The edge ended (${how}). ${log} ends with:\n${tail(log)}`));
      });
    const onTimeout = () => {
      const seconds = READY_TIMEOUT_MS / 1000;
      settle(() => failed(new Error(`The edge did not start within ${seconds} s: see ${log}`)));
    };
    const timer = setTimeout(onTimeout, READY_TIMEOUT_MS);
    child.on("message", onMessage);
    child.on("exit", onExit);
  });
}

function tail(file: string): string {
  return readFileSync(file, "utf8").trimEnd().split("\n").slice(-LOG_TAIL_LINES).join("\n");
}
