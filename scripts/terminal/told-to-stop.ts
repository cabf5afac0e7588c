/**
 * Being told to stop: by a signal, or by the end of the npm that started this.
 *
 * npm hands SIGINT and SIGTERM on. When it is killed or hung up, nobody is told: hence the look at
 * whose child this is.
 */
const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
const LOOK_MS = 250;

/** Aborts once, with the first telling; further ones change nothing. Keeps no process alive. */
export function toldToStop(): AbortSignal {
  const controller = new AbortController();
  const tell = () => controller.abort();
  for (const signal of SIGNALS) process.on(signal, tell);
  const parent = process.ppid;
  const startedByNpm = process.env["npm_lifecycle_event"] !== undefined;
  if (startedByNpm) setInterval(() => process.ppid === parent || tell(), LOOK_MS).unref();
  return controller.signal;
}
