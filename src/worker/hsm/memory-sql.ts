/**
 * Statements over an HSM's database. What SQLite finds damaged while it reads, a page or an index, is a
 * changed memory.
 *
 * Spec: docs/STORAGE.md, "Rows are authenticated".
 */
import { MemoryChanged } from "./storage-key.ts";

type Binding = string | number | null | Uint8Array;

const DAMAGED = "its database is damaged";

export class MemorySql {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
  }

  /**
   * As that of `SqlStorage`. Rows behind the first are read as they are taken: for more than a few there is
   * `rows`. @throws MemoryChanged where the database is damaged.
   */
  exec<Row extends Record<string, SqlStorageValue>>(
    statement: string,
    ...bindings: Binding[]
  ): SqlStorageCursor<Row> {
    try {
      return this.#sql.exec<Row>(statement, ...bindings);
    } catch (error) {
      throw told(error);
    }
  }

  /** Reads every page of every table and index, also those that no row is read by. @throws MemoryChanged. */
  verifyPages(): void {
    const [found] = this.exec<{ quick_check: string }>("PRAGMA quick_check(1)").toArray();
    if (found?.quick_check !== "ok") throw new MemoryChanged(DAMAGED);
  }

  /** Rows without the names of their columns. @throws MemoryChanged where the database is damaged. */
  *rows<Row extends SqlStorageValue[]>(
    statement: string,
    bindings: readonly Binding[],
  ): Generator<Row> {
    // Names would be given to each row anew, at twice the price.
    const found = this.exec(statement, ...bindings).raw<Row>();
    try {
      yield* found;
    } catch (error) {
      throw told(error);
    }
  }
}

/** As workerd has it: SQLite's own words, and the name of its code. */
function told(error: unknown): unknown {
  const isDamage = error instanceof Error && /\bSQLITE_(CORRUPT|NOTADB)/.test(error.message);
  return isDamage ? new MemoryChanged(DAMAGED) : error;
}
