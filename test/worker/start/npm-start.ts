/**
 * `npm start` in a fresh folder: what was built is linked there, state and secrets are its own.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { groupGone, runningOf } from "../../../scripts/crash/rig.ts";

const LINKED = [
  ...["package.json", "package-lock.json", "tsconfig.json", "wrangler.toml", "node_modules"],
  ...["assembly", "scripts", "src", "dist"],
  ...["build/core.wasm", "build/core.stamp", "build/edge.stamp", "build/worker"],
];

export class Folder {
  readonly path = mkdtempSync(join(tmpdir(), "holdfast-start-"));

  constructor() {
    for (const name of LINKED) {
      mkdirSync(dirname(join(this.path, name)), { recursive: true });
      symlinkSync(resolve(name), join(this.path, name));
    }
  }

  /** A file as one of an earlier version: others may read it. */
  leaveOpen(name: string): void {
    const path = join(this.path, name);
    mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
    writeFileSync(path, "");
    chmodSync(path, 0o644);
  }

  remove(): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

export class NpmStart {
  readonly child: ChildProcess;
  /** All that it has printed. */
  output = "";
  #heard: () => void = () => undefined;

  /** In a group of its own, with the modes of files that most accounts have. */
  constructor({ path }: Folder, ...options: string[]) {
    const command = `umask 022; exec npm start -- ${options.join(" ")}`;
    this.child = spawn("sh", ["-c", command], {
      cwd: path,
      detached: true,
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, PORT: "0" },
    });
    this.child.once("exit", () => this.#heard());
    for (const stream of [this.child.stdout, this.child.stderr]) {
      stream?.on("data", (chunk: Buffer) => {
        this.output += chunk.toString();
        this.#heard();
      });
    }
  }

  /** Resolves once it has printed `text`. @throws Error with its output if it ends before. */
  async said(text: string): Promise<void> {
    while (!this.output.includes(text)) {
      if (this.child.exitCode !== null) throw new Error(`npm start ended:\n${this.output}`);
      await new Promise<void>((next) => {
        this.#heard = next;
      });
    }
  }

  get url(): string {
    const [url] = /http:\/\/127\.0\.0\.1:\d+/.exec(this.output) ?? [];
    if (url === undefined) throw new Error(`no address in:\n${this.output}`);
    return url;
  }

  /** Sends the signal to npm alone; resolves when nothing that it started runs. */
  async end(signal: NodeJS.Signals): Promise<void> {
    this.child.kill(signal);
    await groupGone(this.child.pid ?? 0);
  }

  /** Kills workerd alone, as a machine out of memory would; resolves when nothing runs any more. */
  async killWorkerd(): Promise<void> {
    const { pid = 0 } = this.child;
    const workerds = runningOf(pid).filter(({ command }) => command === "workerd");
    if (workerds.length !== 1) throw new Error(`${workerds.length} workerds run`);
    const closed = once(this.child, "close");
    for (const workerd of workerds) process.kill(workerd.pid, "SIGKILL");
    await closed;
    await groupGone(pid);
  }

  /** Ends whatever a failed test has left. */
  async kill(): Promise<void> {
    const { pid = 0 } = this.child;
    try {
      process.kill(-pid, "SIGKILL");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
    }
    await groupGone(pid);
  }
}
