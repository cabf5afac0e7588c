/**
 * The edge as a process of its own: the child of `npm start` and of the crash tests.
 *
 * With HOLDFAST_WAITS set it first waits for its parent to send an `EdgeOrder`, which completes its
 * environment. Takes PORT (default 8787), HOLDFAST_STATE (default .holdfast/state) and
 * HOLDFAST_DEV_VARS (default .dev.vars); PAUSE_AT and SCHEDULE of the environment are handed on.
 * Tells its parent when it is ready, and ends when its parent is gone, or workerd is. No other edge runs
 * on its state meanwhile.
 */
import type { ChildProcess } from "node:child_process";
import { subscribe } from "node:diagnostics_channel";
import { once } from "node:events";
import { createServer } from "node:net";
import { basename } from "node:path";
import { DEV_VARS_FILE, readDevVars } from "./dev-vars.ts";
import { type EmbeddedEdge, startEmbeddedEdge } from "./embedded.ts";
import { keepToOwner } from "./owner-only.ts";
import { DEFAULT_PORT, parsePort } from "./port.ts";
import { type StateLock, takeState } from "./state-lock.ts";

const WATCHDOG_INTERVAL_MS = 600_000;
const FIRST_LOOK_MS = 3_000;
const HANDED_ON = ["PAUSE_AT", "SCHEDULE"];

/**
 * What the parent process is told: each process that is started, once how the start went, and why it ends
 * without having been told to.
 */
export type EdgeMessage =
  | { readonly started: number }
  | { readonly ready: string }
  | { readonly failed: string }
  | { readonly ending: string };

/** What a waiting edge is sent: variables over those of its environment. */
export interface EdgeOrder {
  readonly environment: Readonly<Record<string, string>>;
}

let edge: EmbeddedEdge | null = null;
let lock: StateLock | null = null;
let stopping = false;

function tell(message: EdgeMessage): void {
  if (process.connected) process.send?.(message);
  else if ("ready" in message) console.log(`ready at ${message.ready}`);
  else if ("failed" in message) console.log(message.failed);
}

/** Miniflare keeps workerd to itself; Node says of every process that it is about to be started. */
function watchWhatStarts(): void {
  subscribe("child_process", (message) => {
    const { process: child } = message as { process: ChildProcess };
    child.once("spawn", () => {
      if (child.pid === undefined) return;
      lock?.enter(child.pid);
      tell({ started: child.pid });
    });
    child.once("exit", (code, signal) => {
      const isWorkerd = basename(child.spawnfile).startsWith("workerd");
      if (isWorkerd) void endWithoutWorkerd(signal ?? `code ${code}`);
    });
  });
}

/** Miniflare does not start another one, and nobody would answer on the port. */
async function endWithoutWorkerd(how: string): Promise<void> {
  // Of a start Miniflare itself says that it failed, and why.
  if (stopping || edge === null) return;
  stopping = true;
  const reason = `workerd ended: ${how}`;
  console.error(reason);
  tell({ ending: reason });
  await edge.stop();
  process.exit(1);
}

/** Rejects when another process listens there: workerd itself would only say that it could not. */
function verifyPortFree(port: number): Promise<void> {
  return new Promise((free, taken) => {
    const probe = createServer();
    probe.once("error", (error: NodeJS.ErrnoException) =>
      taken(
        error.code === "EADDRINUSE"
          ? new Error(
              `Port ${port} of 127.0.0.1 is taken by another process. End it (perhaps an earlier ` +
                "start), or choose another port: PORT=8788 npm start",
            )
          : error,
      ),
    );
    probe.listen({ port, host: "127.0.0.1", exclusive: true }, () => probe.close(() => free()));
  });
}

async function start(): Promise<EmbeddedEdge> {
  const port = parsePort(process.env["PORT"], DEFAULT_PORT);
  const persist = process.env["HOLDFAST_STATE"] ?? ".holdfast/state";
  // Before the port is looked at: another one would be no help.
  lock = await takeState(persist);
  if (port !== 0) await verifyPortFree(port);
  const file = process.env["HOLDFAST_DEV_VARS"] ?? DEV_VARS_FILE;
  const bindings = readDevVars(file);
  if (bindings === null) throw new Error(`There is no ${file} here: run \`npm start\` first.`);
  const extra = HANDED_ON.flatMap((name) => {
    const value = process.env[name];
    return value === undefined ? [] : [[name, value]];
  });
  return await startEmbeddedEdge({
    bindings: { ...bindings, ...Object.fromEntries(extra) },
    persist,
    port,
  });
}

async function stop(): Promise<void> {
  if (stopping) return;
  stopping = true;
  await edge?.stop();
  process.exit(0);
}

keepToOwner();
watchWhatStarts();
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
  process.on(signal, () => void stop());
process.on("disconnect", () => void stop());
process.on("exit", () => lock?.release());

try {
  if (process.env["HOLDFAST_WAITS"]) {
    const [order] = (await once(process, "message")) as [EdgeOrder];
    Object.assign(process.env, order.environment);
  }
  edge = await start();
  const { tick } = edge;
  const watchdog = () => tick().catch((error) => console.error("watchdog:", error));
  setInterval(watchdog, WATCHDOG_INTERVAL_MS);
  // A moment later, so as not to hold up whoever waits for the edge.
  setTimeout(watchdog, FIRST_LOOK_MS);
  tell({ ready: edge.url.origin });
} catch (error) {
  tell({ failed: error instanceof Error ? error.message : String(error) });
  process.exitCode = 1;
  if (process.connected) process.disconnect();
}
