/**
 * The worker's log: one line of JSON for each event.
 *
 * Spec: docs/DEPLOY.md, "Looking after it". Facts are names, numbers and codes; nothing of a body, a key, a
 * password or a session ever is one.
 */

/** `alarm`: wants a person. */
type Level = "info" | "warning" | "alarm";

const METHOD = { info: "log", warning: "warn", alarm: "error" } as const;

export function log(level: Level, event: string, facts: Readonly<Record<string, unknown>>): void {
  console[METHOD[level]](JSON.stringify({ event, level, ...facts }));
}

/** What an error says of itself; its text may name things, but holds no secret where it is logged. */
export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
