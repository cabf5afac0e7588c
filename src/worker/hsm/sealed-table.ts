/**
 * A table whose rows are authenticated: each is written with its MAC and read by it, and what is written
 * or removed is counted in a sum.
 *
 * Spec: docs/STORAGE.md, "Rows are authenticated".
 */
import type { HsmRows, RowSum, SqlValue } from "./row-seal.ts";
import { MemoryChanged } from "./storage-key.ts";

type Binding = string | number | null | Uint8Array;

/** Name and columns of a table; `mac` is a column of every one, after these. */
export interface TableShape {
  readonly name: string;
  readonly columns: readonly string[];
}

/** Values of a row, by column. */
export type SealedRow = Readonly<Record<string, SqlValue>>;

export class SealedTable {
  readonly #rows: HsmRows;
  readonly #shape: TableShape;
  readonly #select: string;

  constructor(rows: HsmRows, shape: TableShape) {
    this.#rows = rows;
    this.#shape = shape;
    this.#select = `SELECT ${shape.columns.join(", ")}, mac FROM ${shape.name}`;
  }

  /** Rows of a query that ends `SELECT … FROM table`. @throws MemoryChanged if one is not ours. */
  *read(rest: string, ...bindings: Binding[]): Generator<SealedRow> {
    const { sql, seal } = this.#rows;
    const cursor = sql.exec<Record<string, SqlStorageValue>>(
      `${this.#select} ${rest}`,
      ...bindings,
    );
    for (const row of [...cursor]) {
      seal.verify(this.#shape.name, this.#valuesOf(row), row["mac"] ?? null);
      yield row;
    }
  }

  first(rest: string, ...bindings: Binding[]): SealedRow | null {
    for (const row of this.read(rest, ...bindings)) return row;
    return null;
  }

  /**
   * Inserts, or replaces the row of the same primary key.
   *
   * @param key - the columns of the primary key; [] where no such row can be there.
   */
  put(row: SealedRow, key: readonly string[], sum: RowSum): void {
    const { sql, seal } = this.#rows;
    const { name, columns } = this.#shape;
    if (key.length > 0) this.#forget(row, key, sum);
    const values = this.#valuesOf(row);
    const mac = seal.mac(name, values);
    const marks = columns.map(() => "?").join(", ");
    sql.exec(
      `INSERT OR REPLACE INTO ${name} (${columns.join(", ")}, mac) VALUES (${marks}, ?)`,
      ...values.map(bindable),
      mac,
    );
    sum.add(seal.element(mac));
  }

  /** Takes a row that is about to be replaced out of the sum: by the same statements whether it is there. */
  #forget(row: SealedRow, key: readonly string[], sum: RowSum): void {
    const { sql, seal } = this.#rows;
    const where = key.map((column) => `${column} = ?`).join(" AND ");
    const held = sql.exec<{ mac: SqlStorageValue }>(
      `SELECT mac FROM ${this.#shape.name} WHERE ${where}`,
      ...key.map((column) => bindable(row[column] ?? null)),
    );
    for (const { mac } of [...held]) sum.remove(seal.element(macOf(mac, this.#shape.name)));
  }

  /** @param rest - of the statement, from WHERE on. @returns how many rows there were. */
  delete(rest: string, sum: RowSum, ...bindings: Binding[]): number {
    const { sql, seal } = this.#rows;
    const gone = sql.exec<{ mac: SqlStorageValue }>(
      `DELETE FROM ${this.#shape.name} ${rest} RETURNING mac`,
      ...bindings,
    );
    let count = 0;
    for (const { mac } of [...gone]) {
      sum.remove(seal.element(macOf(mac, this.#shape.name)));
      count += 1;
    }
    return count;
  }

  /** Reads every row of a query and adds it to `sum`. */
  tally(sum: RowSum, rest = "", ...bindings: Binding[]): number {
    const { seal } = this.#rows;
    let count = 0;
    for (const row of this.read(rest, ...bindings)) {
      sum.add(seal.element(new Uint8Array(row["mac"] as ArrayBuffer)));
      count += 1;
    }
    return count;
  }

  #valuesOf(row: SealedRow): SqlValue[] {
    return this.#shape.columns.map((column) => row[column] ?? null);
  }
}

function macOf(value: SqlStorageValue, table: string): Uint8Array {
  if (!(value instanceof ArrayBuffer)) throw new MemoryChanged(table);
  return new Uint8Array(value);
}

function bindable(value: SqlValue): Binding {
  return value instanceof ArrayBuffer ? new Uint8Array(value) : value;
}
