/**
 * The tables of a Durable Object, brought to the version that this build knows.
 *
 * Spec: docs/STORAGE.md §1, "Versions of the tables". SQLite's own place for such a number, `PRAGMA
 * user_version`, is closed to Durable Objects: a table holds it.
 */
import { log } from "./log.ts";

/** Statements that lead from one version to the next. Once released, a step is never changed. */
export type SchemaStep = readonly string[];

/**
 * Runs the steps that this object's tables have not had, all or none.
 *
 * @param steps - from nothing to today, in order; their number is the version of today.
 * @throws Error if a newer build has been here: nothing is read or written then.
 */
export function migrate(
  storage: DurableObjectStorage,
  name: string,
  steps: readonly SchemaStep[],
): void {
  storage.transactionSync(() => {
    const { sql } = storage;
    sql.exec(
      `CREATE TABLE IF NOT EXISTS schema (
        one INTEGER PRIMARY KEY CHECK (one = 1), version INTEGER NOT NULL)`,
    );
    const [row] = sql.exec<{ version: number }>("SELECT version FROM schema").toArray();
    const version = row?.version ?? 0;
    if (version > steps.length) throw newer(name, version, steps.length);
    if (version === steps.length) return;
    for (const statement of steps.slice(version).flat()) sql.exec(statement);
    sql.exec(
      "INSERT INTO schema VALUES (1, ?) ON CONFLICT DO UPDATE SET version = excluded.version",
      steps.length,
    );
  });
}

/** Logged as well: whoever called the object learns no more than that it does not answer. */
function newer(name: string, version: number, known: number): Error {
  const reason =
    `The tables of ${name} have version ${version}; this build knows them up to ${known}. They ` +
    "were written by a newer build: deploy that one again.";
  log("alarm", "schema_newer", { reason });
  return new Error(reason);
}
