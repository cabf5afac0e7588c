/**
 * What the page does with the worker: choose, verify, log in, use, forget; each move told to the
 * state.
 *
 * Of the kit the page keeps at most the `File` it was chosen as. Pasted text goes to the worker
 * only.
 */
import type { Outcome, Refusal } from "../engine/views.ts";
import { EngineClient, type EngineParts } from "./engine-client.ts";
import type { InsideOperations } from "./inside.tsx";
import type { Move } from "./restore-state.ts";

type Dispatch = (move: Move) => void;

export class Desk {
  readonly #parts: EngineParts;
  readonly #dispatch: Dispatch;
  #engine: EngineClient;
  #backup: File | null = null;
  #kit: File | null = null;

  constructor(parts: EngineParts, dispatch: Dispatch) {
    this.#parts = parts;
    this.#dispatch = dispatch;
    this.#engine = this.#start();
  }

  #start(): EngineClient {
    return new EngineClient(this.#parts, (report) => this.#dispatch({ to: "report", report }));
  }

  /** Until the file is known for what it is, none is chosen: the way on stays closed. */
  async chooseBackup(file: File): Promise<void> {
    this.#dispatch({ to: "backup", backup: null });
    const engine = this.#engine;
    const outcome = await engine.call("identify", file);
    if (engine !== this.#engine) return; // Started over meanwhile.
    if (!outcome.ok) {
      // Nothing is wrong with the file: nobody looked at it.
      this.#dispatch({ to: "verify" });
      return this.#dispatch({ to: "refused", refusal: outcome.refusal });
    }
    this.#backup = file;
    this.#dispatch({ to: "backup", backup: { file, kind: outcome.value } });
  }

  async chooseKit(kit: File | string): Promise<void> {
    this.#dispatch({ to: "kit", kit: null });
    const engine = this.#engine;
    const outcome = await engine.call("readKit", kit);
    if (engine !== this.#engine) return; // Started over meanwhile.
    const file = typeof kit === "string" ? null : kit;
    this.#kit = outcome.ok ? file : null;
    const chosen = outcome.ok
      ? { file, facts: outcome.value, refusal: null }
      : { file, facts: null, refusal: outcome.refusal };
    this.#dispatch({ to: "kit", kit: chosen });
  }

  async verify(): Promise<void> {
    if (this.#backup === null) return;
    this.#dispatch({ to: "verify" });
    const engine = this.#engine;
    const facts = await engine.call("open", this.#backup);
    if (engine !== this.#engine) return; // Stopped meanwhile.
    if (!facts.ok) return this.#dispatch({ to: "refused", refusal: facts.refusal });
    const contents = await engine.call("contents");
    if (!contents.ok) return this.#dispatch({ to: "refused", refusal: contents.refusal });
    this.#dispatch({ to: "verified", facts: facts.value, contents: contents.value });
  }

  /** Stops a verification by ending its worker. A kit from a file is read again by the next. */
  async stop(): Promise<void> {
    this.#engine.stop();
    this.#engine = this.#start();
    this.#dispatch({ to: "choose" });
    if (this.#kit === null) this.#dispatch({ to: "kit", kit: null });
    else await this.chooseKit(this.#kit);
  }

  back(): void {
    this.#dispatch({ to: "choose" });
  }

  inside(): void {
    this.#dispatch({ to: "inside" });
  }

  /** Forgets everything: the old worker wipes its keys and is ended. */
  async startOver(): Promise<void> {
    const old = this.#engine;
    this.#backup = null;
    this.#kit = null;
    this.#engine = this.#start();
    this.#dispatch({ to: "start" });
    await old.forget();
  }

  async login(name: string, password: string): Promise<Refusal | null> {
    const engine = this.#engine;
    const outcome = await engine.call("login", name, password);
    if (engine !== this.#engine) return null; // Started over meanwhile.
    if (outcome.ok) this.#dispatch({ to: "session", session: outcome.value });
    const contents = await this.#engine.call("contents"); // Failures count, and the table shows it.
    if (contents.ok) this.#dispatch({ to: "contents", contents: contents.value });
    return outcome.ok ? null : outcome.refusal;
  }

  async logout(): Promise<void> {
    await this.#engine.call("logout");
    this.#dispatch({ to: "session", session: null });
  }

  /** Passes an answer on; one that says the session has ended also ends it on the page. */
  #noted<T>(outcome: Outcome<T>): Outcome<T> {
    if (!outcome.ok && outcome.refusal.code === "session_invalid") {
      this.#dispatch({ to: "session", session: null });
    }
    return outcome;
  }

  readonly operations: InsideOperations = {
    sign: async (...args) => this.#noted(await this.#engine.call("sign", ...args)),
    verify: async (...args) => this.#noted(await this.#engine.call("verify", ...args)),
    encrypt: async (...args) => this.#noted(await this.#engine.call("encrypt", ...args)),
    decrypt: async (...args) => this.#noted(await this.#engine.call("decrypt", ...args)),
    exportKey: async (...args) => this.#noted(await this.#engine.call("exportKey", ...args)),
  };
}
