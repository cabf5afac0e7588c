/**
 * The page's side of the worker: one call at a time each way, answers matched by number.
 *
 * All keys, the kit and the HSM live in the worker. Ending it is how a verification is cancelled
 * and how the page forgets.
 */
import { ModuleHashError } from "../../crypto/module-hash.ts";
import type { CallName, Calls, FromWorker, ToWorker } from "../engine/calls.ts";
import type { Answer, CheckReport, ShownRefusal } from "../engine/shown.ts";

const STOPPED: ShownRefusal = {
  code: "stopped",
  title: "Stopped",
  message: "The work was stopped and nothing of it was kept. Start again when you are ready.",
};

const NO_START: ShownRefusal = {
  code: "worker_start",
  title: "This browser did not start the tool's worker",
  message:
    "The part of the page that reads backups could not run. Use a current Chrome, Edge, Firefox " +
    "or Safari, or save the page again and reopen it.",
};

const CHANGED_CORE: ShownRefusal = {
  code: "core_changed",
  title: "This page is not as it was built",
  message:
    "The part that computes has another SHA-256 than the one this page was built with, so " +
    "nothing is run. Do not use this copy: take one from a source you trust and compare its SHA-256.",
};

/** Starts the worker of this build; its WASM module, or a ModuleHashError. */
export interface EngineParts {
  startWorker(): Worker;
  module: Promise<WebAssembly.Module>;
}

export class EngineClient {
  readonly #worker: Worker;
  readonly #pending = new Map<number, (answer: Answer<unknown>) => void>();
  readonly #onReport: (report: CheckReport) => void;
  readonly #started: Promise<void>;
  #nextId = 1;
  #broken: ShownRefusal | null = null;

  constructor(parts: EngineParts, onReport: (report: CheckReport) => void) {
    this.#onReport = onReport;
    this.#worker = parts.startWorker();
    this.#worker.onmessage = (event: MessageEvent<FromWorker>) => this.#receive(event.data);
    this.#worker.onerror = () => this.#break(NO_START);
    this.#started = parts.module.then(
      (module) => this.#send({ kind: "start", module }),
      (error: unknown) => this.#break(error instanceof ModuleHashError ? CHANGED_CORE : NO_START),
    );
  }

  /** Calls the worker; resolves with its answer or its refusal, and never rejects. */
  async call<Name extends CallName>(
    name: Name,
    ...args: Parameters<Calls[Name]>
  ): Promise<Answer<ReturnType<Calls[Name]>>> {
    await this.#started;
    if (this.#broken !== null) return { ok: false, refusal: this.#broken };
    const id = this.#nextId++;
    const answer = new Promise<Answer<unknown>>((resolve) => this.#pending.set(id, resolve));
    this.#send({ kind: "call", id, name, args });
    // The worker answers call `id` with the type that `Calls` gives to `name`.
    return (await answer) as Answer<ReturnType<Calls[Name]>>;
  }

  /** Ends the worker at once: its memory, keys included, goes back to the browser. */
  stop(): void {
    this.#worker.terminate();
    this.#break(STOPPED);
  }

  /** Lets the worker wipe its keys, then ends it; does not wait for a worker that is busy. */
  async forget(): Promise<void> {
    const patience = new Promise((resolve) => setTimeout(resolve, 500));
    await Promise.race([this.call("forget"), patience]);
    this.stop();
  }

  #send(message: ToWorker): void {
    this.#worker.postMessage(message);
  }

  #receive(message: FromWorker): void {
    if (message.kind === "report") this.#onReport(message.report);
    else if (message.kind === "broken") this.#break(message.refusal);
    else {
      this.#pending.get(message.id)?.(message.answer);
      this.#pending.delete(message.id);
    }
  }

  #break(refusal: ShownRefusal): void {
    this.#broken ??= refusal;
    for (const resolve of this.#pending.values()) resolve({ ok: false, refusal });
    this.#pending.clear();
  }
}
