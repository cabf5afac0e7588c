/**
 * The worker's side of the calls: takes a message, runs it, answers. Knows no backup and no key.
 *
 * What a call throws becomes a refusal in `refusalOf`; an error nobody expected says so and no
 * more.
 */
import type { CallName, FromWorker, Service, ToWorker } from "./calls.ts";
import type { CheckReport, Refusal } from "./views.ts";

/** What this file uses of the worker's global scope; the DOM's types describe the page's. */
interface WorkerScope {
  onmessage: ((event: MessageEvent<ToWorker>) => void) | null;
  postMessage(message: FromWorker): void;
}

export type CreateService = (
  module: WebAssembly.Module,
  report: (report: CheckReport) => void,
) => Service;

/** @param refusalOf - translates what a call threw; null for an error that is a defect of ours. */
export function serve(
  scope: WorkerScope,
  create: CreateService,
  refusalOf: (error: unknown) => Refusal,
): void {
  let service: Service | null = null;
  const answer = async (id: number, name: CallName, args: unknown[]): Promise<void> => {
    try {
      if (service === null) throw new Error("unreachable: called before it was started");
      // The page's client calls each name with the arguments that `Calls` gives to it.
      const call = service[name] as (...args: unknown[]) => unknown;
      const value = await call.apply(service, args);
      scope.postMessage({ kind: "answer", id, outcome: { ok: true, value } });
    } catch (error) {
      scope.postMessage({ kind: "answer", id, outcome: { ok: false, refusal: refusalOf(error) } });
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
