/**
 * The calls between page and worker: names, arguments, answers, the messages that carry them, and
 * who takes them in the worker.
 *
 * Key material crosses only in `exportKey`, because a user asked for it; passwords and the kit
 * cross inwards only.
 */
import type {
  Answer,
  CheckReport,
  ChosenKind,
  ExportedFile,
  ExportForm,
  FileKind,
  OpenedBackup,
  ShownContents,
  ShownKit,
  ShownRefusal,
  ShownSession,
} from "./shown.ts";

/** What the worker does. Every method may refuse. */
export interface Calls {
  /** Null for a file that is neither a backup nor a challenge. */
  identify(file: File): ChosenKind | null;
  /** The answer to a challenge, by the kit. */
  answer(challenge: File): string;
  readKit(kit: File | string): ShownKit;
  /** Authenticates the whole file, then reads the same bytes again into the page's HSM. */
  open(file: File, kind: FileKind): OpenedBackup;
  /** As they are now: failed logins count. */
  contents(): ShownContents;
  login(name: string, password: string): ShownSession;
  logout(): null;
  sign(handle: number, mechanism: string, data: Blob): Uint8Array;
  verify(handle: number, mechanism: string, data: Blob, signature: Uint8Array): boolean;
  encrypt(handle: number, mechanism: string, data: Blob): Uint8Array;
  decrypt(handle: number, mechanism: string, data: Blob): Uint8Array;
  exportKey(handle: number, form: ExportForm): ExportedFile;
  /** Disposes of every key and forgets the backup; the last call before the worker is ended. */
  forget(): null;
}

export type CallName = keyof Calls;

/** What can be done with a key, as the page asks for it. */
export type KeyCalls = {
  readonly [Name in "sign" | "verify" | "encrypt" | "decrypt" | "exportKey"]: (
    ...args: Parameters<Calls[Name]>
  ) => Promise<Answer<ReturnType<Calls[Name]>>>;
};

/** The worker's side: as `Calls`, but in its own time. */
export type Service = {
  [Name in CallName]: (
    ...args: Parameters<Calls[Name]>
  ) => ReturnType<Calls[Name]> | Promise<ReturnType<Calls[Name]>>;
};

export type ToWorker =
  | { readonly kind: "start"; readonly module: WebAssembly.Module }
  | {
      readonly kind: "call";
      readonly id: number;
      readonly name: CallName;
      readonly args: unknown[];
    };

export type FromWorker =
  | { readonly kind: "answer"; readonly id: number; readonly answer: Answer<unknown> }
  | { readonly kind: "report"; readonly report: CheckReport }
  | { readonly kind: "broken"; readonly refusal: ShownRefusal };

/** What `serve` uses of the worker's global scope; the DOM's types describe the page's. */
interface WorkerScope {
  onmessage: ((event: MessageEvent<ToWorker>) => void) | null;
  postMessage(message: FromWorker): void;
}

export type CreateService = (
  module: WebAssembly.Module,
  report: (report: CheckReport) => void,
) => Service;

/**
 * The worker's side: takes a message, runs it, answers. Knows no backup and no key.
 *
 * @param refusalOf - translates what a call threw; an error nobody expected says so and no more.
 */
export function serve(
  scope: WorkerScope,
  create: CreateService,
  refusalOf: (error: unknown) => ShownRefusal,
): void {
  let service: Service | null = null;
  const answer = async (id: number, name: CallName, args: unknown[]): Promise<void> => {
    try {
      if (service === null) throw new Error("unreachable: called before it was started");
      // The page's client calls each name with the arguments that `Calls` gives to it.
      const call = service[name] as (...args: unknown[]) => unknown;
      const value = await call.apply(service, args);
      scope.postMessage({ kind: "answer", id, answer: { ok: true, value } });
    } catch (error) {
      scope.postMessage({ kind: "answer", id, answer: { ok: false, refusal: refusalOf(error) } });
    }
  };
  // One call at a time: what a later one sees is what the earlier one left.
  let last = Promise.resolve();
  scope.onmessage = (event) => {
    const message = event.data;
    if (message.kind === "call") {
      const { id, name, args } = message;
      last = last.then(() => answer(id, name, args));
      return;
    }
    try {
      service = create(message.module, (report) => scope.postMessage({ kind: "report", report }));
    } catch (error) {
      scope.postMessage({ kind: "broken", refusal: refusalOf(error) });
    }
  };
}
