/**
 * An edge to be killed: real processes in a group of their own, on a state folder that outlives them.
 */
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { eventually } from "../customer/control-plane.ts";
import type { RestAccess } from "../customer/rest-client.ts";
import type { DevelopmentAccessKey } from "../edge/dev-secrets.ts";
import { encodeDevVars } from "../edge/dev-vars.ts";
import { type EdgeProcess, SpareEdge } from "../edge/process.ts";
import { edgeProgram } from "./program.ts";

const REGION = "us-east-1";
const GONE_POLL_MS = 20;
const GONE_PATIENCE_MS = 120_000;

/** Short enough for a test to see a week pass, long enough that nothing expires under its hands. */
export const CRASH_SCHEDULE = {
  transitionMs: 20,
  retryMs: 50,
  undeleteMs: 1_500,
  sweepMs: 300,
  sweepGraceMs: 200,
};

export class CrashRig {
  readonly folder: string;
  readonly bindings: Record<string, string>;
  readonly #program: string;
  #edge: EdgeProcess | null = null;
  #spare: SpareEdge | null = null;
  #starts = 0;
  /** Of the edge that was started last. */
  #log = "";

  private constructor(folder: string, bindings: Record<string, string>, program: string) {
    this.folder = folder;
    this.bindings = bindings;
    this.#program = program;
  }

  /** A rig with empty state, in a fresh folder. */
  static async create(bindings: Record<string, string>): Promise<CrashRig> {
    const program = await edgeProgram();
    const folder = mkdtempSync(join(tmpdir(), "holdfast-crash-"));
    mkdirSync(join(folder, "state"));
    writeFileSync(join(folder, "dev-vars"), encodeDevVars(bindings), { mode: 0o600 });
    return new CrashRig(folder, bindings, program);
  }

  /** Takes over a copy of another rig's state. That one must not be running. */
  takeStateOf(other: CrashRig): void {
    if (other.#edge !== null) throw new Error("stop the edge before its state is copied");
    cpSync(other.state, this.state, { recursive: true });
  }

  /** What the edges print. */
  get logs(): string {
    return join(this.folder, "logs");
  }

  get state(): string {
    return join(this.folder, "state");
  }

  get access(): RestAccess {
    if (this.#edge === null) throw new Error("the edge does not run");
    return this.accessAt(this.#edge.url);
  }

  /** The owner's access to an edge on this state at another address. */
  accessAt(endpoint: string): RestAccess {
    const keys = JSON.parse(this.bindings["ACCESS_KEYS"] ?? "[]") as DevelopmentAccessKey[];
    const owner = keys.find((key) => key.role === "owner");
    if (owner === undefined) throw new Error("ACCESS_KEYS lists no owner");
    const { accessKeyId, secretAccessKey } = owner;
    return { endpoint, region: REGION, accessKeyId, secretAccessKey };
  }

  /** Starts the edge; with `pauseAt` it stops dead after that storage step. */
  async start(pauseAt?: string): Promise<void> {
    if (this.#edge !== null) throw new Error("the edge runs already");
    const spare = this.warmUp();
    this.#spare = null;
    this.#log = spare.log;
    this.#edge = await spare.begin({
      PORT: "0",
      HOLDFAST_STATE: this.state,
      HOLDFAST_DEV_VARS: join(this.folder, "dev-vars"),
      SCHEDULE: JSON.stringify(CRASH_SCHEDULE),
      PAUSE_AT: pauseAt ?? "",
    });
  }

  /** Has the processes of the next start load what they need while something else is waited for. */
  warmUp(): SpareEdge {
    this.#spare ??= new SpareEdge(join(this.logs, `${++this.#starts}.edge.log`), this.#program);
    return this.#spare;
  }

  /** Resolves once the worker has said that it stands still at `step`. */
  async paused(step: string, patienceMs?: number): Promise<void> {
    const said = async () => (this.#logText().includes(`paused at ${step}`) ? true : null);
    await eventually(`a pause at ${step}`, said, patienceMs);
  }

  /** Ends the edge in good order. */
  async stop(): Promise<void> {
    const edge = this.#edge;
    if (edge === null) return;
    this.#edge = null;
    const gone = new Promise<void>((done) => edge.child.once("exit", () => done()));
    edge.child.kill("SIGTERM");
    await gone;
  }

  /** Kills the whole process group, as a power cut would. Resolves when nothing of it is left. */
  async kill(): Promise<void> {
    const edge = this.#edge;
    if (edge === null) return;
    this.#edge = null;
    const { pid } = edge.child;
    if (pid === undefined) return;
    const gone = new Promise<void>((done) => {
      if (edge.child.exitCode !== null || edge.child.signalCode !== null) done();
      else edge.child.once("exit", () => done());
    });
    signalGroup(pid, "SIGKILL");
    await gone;
    await groupGone(pid);
  }

  /** Ends the edge and removes the folder. */
  async remove(): Promise<void> {
    await this.kill();
    this.#spare?.discard();
    rmSync(this.folder, { recursive: true, force: true });
  }

  #logText(): string {
    return existsSync(this.#log) ? readFileSync(this.#log, "utf8") : "";
  }
}

/** Resolves when no process of the group runs any more. @throws Error after `GONE_PATIENCE_MS`. */
export async function groupGone(pid: number): Promise<void> {
  const deadline = performance.now() + GONE_PATIENCE_MS;
  while (groupRuns(pid)) {
    if (performance.now() > deadline) {
      throw new Error(
        `waited ${GONE_PATIENCE_MS / 1000} s in vain for the process group to be gone`,
      );
    }
    await new Promise((next) => setTimeout(next, GONE_POLL_MS));
  }
}

/** @returns whether there was a process to be signalled. */
function signalGroup(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(-pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ESRCH") return false;
    throw error;
  }
}

/** Whether this machine tells of all its processes: where there is /proc. */
export const KNOWS_PROCESSES = existsSync("/proc/self/stat");

/**
 * Whether a process of the group still runs. One that is dead and waits for its parent to take note runs
 * no more; where there is /proc, that shows.
 */
function groupRuns(pid: number): boolean {
  if (!signalGroup(pid, 0)) return false;
  return !KNOWS_PROCESSES || runningOf(pid).length > 0;
}

/** What runs of a process group, where that is known. */
export function runningOf(group: number): { readonly pid: number; readonly command: string }[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map((name) => ({ pid: Number(name), ...processStat(name) }))
    .filter((one) => one.group === group && one.state !== "Z");
}

/** From /proc/PID/stat (proc_pid_stat(5)): the name in brackets may hold anything, so what follows it. */
function processStat(pid: string): { command: string; state: string; group: number } {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "utf8");
    const end = text.lastIndexOf(")");
    const [state = "", , group = ""] = text.slice(end + 2).split(" ");
    return { command: text.slice(text.indexOf("(") + 1, end), state, group: Number(group) };
  } catch {
    return { command: "", state: "Z", group: 0 }; // It went while the list was read.
  }
}
