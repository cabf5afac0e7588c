/**
 * What the page does with the worker: choose, verify, log in, use, forget; each move told to the
 * state.
 *
 * Of the kit the page keeps at most the `File` it was chosen as. Pasted text goes to the worker
 * only.
 */
import type { KeyCalls } from "../engine/calls.ts";
import type { Answer, FileKind, ShownRefusal } from "../engine/shown.ts";
import { EngineClient, type EngineParts } from "./engine-client.ts";
import type { Move } from "./restore-state.ts";

type Dispatch = (move: Move) => void;

export class RestoreController {
  readonly #parts: EngineParts;
  readonly #dispatch: Dispatch;
  #engine: EngineClient;
  #backup: { readonly file: File; readonly kind: FileKind } | null = null;
  #challenge: File | null = null;
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
    const answer = await engine.call("identify", file);
    if (engine !== this.#engine) return; // Started over meanwhile.
    if (!answer.ok) {
      // Nothing is wrong with the file: nobody looked at it.
      this.#dispatch({ to: "verify" });
      return this.#dispatch({ to: "refused", refusal: answer.refusal });
    }
    const kind = answer.value;
    this.#backup = kind === null || kind === "challenge" ? null : { file, kind };
    this.#challenge = kind === "challenge" ? file : null;
    this.#dispatch({ to: "backup", backup: { file, kind } });
  }

  async chooseKit(kit: File | string): Promise<void> {
    this.#dispatch({ to: "kit", kit: null });
    const engine = this.#engine;
    const answer = await engine.call("readKit", kit);
    if (engine !== this.#engine) return; // Started over meanwhile.
    const file = typeof kit === "string" ? null : kit;
    this.#kit = answer.ok ? file : null;
    const chosen = answer.ok
      ? { file, facts: answer.value, refusal: null }
      : { file, facts: null, refusal: answer.refusal };
    this.#dispatch({ to: "kit", kit: chosen });
  }

  async answer(): Promise<void> {
    if (this.#challenge === null) return;
    const engine = this.#engine;
    const answer = await engine.call("answer", this.#challenge);
    if (engine !== this.#engine) return; // Started over meanwhile.
    this.#dispatch({ to: "answered", answer });
  }

  async verify(): Promise<void> {
    if (this.#backup === null) return;
    this.#dispatch({ to: "verify" });
    const engine = this.#engine;
    const { file, kind } = this.#backup;
    const answer = await engine.call("open", file, kind);
    if (engine !== this.#engine) return; // Stopped meanwhile.
    if (answer.ok) this.#dispatch({ to: "opened", opened: answer.value });
    else this.#dispatch({ to: "refused", refusal: answer.refusal });
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
    this.#challenge = null;
    this.#kit = null;
    this.#engine = this.#start();
    this.#dispatch({ to: "start" });
    await old.forget();
  }

  async login(name: string, password: string): Promise<ShownRefusal | null> {
    const engine = this.#engine;
    const answer = await engine.call("login", name, password);
    if (engine !== this.#engine) return null; // Started over meanwhile.
    if (answer.ok) this.#dispatch({ to: "session", session: answer.value });
    const contents = await this.#engine.call("contents"); // Failures count, and the table shows it.
    if (contents.ok) this.#dispatch({ to: "contents", contents: contents.value });
    return answer.ok ? null : answer.refusal;
  }

  async logout(): Promise<void> {
    await this.#engine.call("logout");
    this.#dispatch({ to: "session", session: null });
  }

  /** Passes an answer on; one that says the session has ended also ends it on the page. */
  #noted<T>(answer: Answer<T>): Answer<T> {
    if (!answer.ok && answer.refusal.code === "session_invalid") {
      this.#dispatch({ to: "session", session: null });
    }
    return answer;
  }

  readonly calls: KeyCalls = {
    sign: async (...args) => this.#noted(await this.#engine.call("sign", ...args)),
    verify: async (...args) => this.#noted(await this.#engine.call("verify", ...args)),
    encrypt: async (...args) => this.#noted(await this.#engine.call("encrypt", ...args)),
    decrypt: async (...args) => this.#noted(await this.#engine.call("decrypt", ...args)),
    exportKey: async (...args) => this.#noted(await this.#engine.call("exportKey", ...args)),
  };
}
