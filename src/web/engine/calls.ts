/**
 * The calls between page and worker: names, arguments, answers, and the messages that carry them.
 *
 * Key material crosses only in `exportKey`, because a user asked for it; passwords and the kit
 * cross inwards only.
 */
import type {
  BackupFacts,
  CheckReport,
  Contents,
  ExportedKey,
  ExportForm,
  FileKind,
  KitFacts,
  Outcome,
  Refusal,
  SessionView,
} from "./views.ts";

/** What the worker does. Every method may refuse. */
export interface Calls {
  identify(file: File): FileKind;
  readKit(kit: File | string): KitFacts;
  /** Authenticates the whole file, then reads the same bytes again into the page's HSM. */
  open(file: File): BackupFacts;
  contents(): Contents;
  login(name: string, password: string): SessionView;
  logout(): null;
  sign(handle: number, mechanism: string, data: Blob): Uint8Array;
  verify(handle: number, mechanism: string, data: Blob, signature: Uint8Array): boolean;
  encrypt(handle: number, mechanism: string, data: Blob): Uint8Array;
  decrypt(handle: number, mechanism: string, data: Blob): Uint8Array;
  exportKey(handle: number, form: ExportForm): ExportedKey;
  /** Disposes of every key and forgets the backup; the last call before the worker is ended. */
  forget(): null;
}

export type CallName = keyof Calls;

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
  | { readonly kind: "answer"; readonly id: number; readonly outcome: Outcome<unknown> }
  | { readonly kind: "report"; readonly report: CheckReport }
  | { readonly kind: "broken"; readonly refusal: Refusal };
