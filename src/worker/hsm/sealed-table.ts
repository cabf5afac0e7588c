/**
 * A table whose rows are authenticated: each is written with its MAC and read by it, and what is written
 * or removed is counted in a sum.
 *
 * Spec: docs/STORAGE.md, "Rows are authenticated".
 */
import type { HsmRows, RowSum, SqlValue } from "./row-seal.ts";

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

  /**
   * Takes a row that is about to be replaced out of the sum: by the same statements whether it is there.
   * It is verified first: a MAC that was put beside another row would take that one out.
   */
  #forget(row: SealedRow, key: readonly string[], sum: RowSum): void {
    const where = key.map((column) => `${column} = ?`).join(" AND ");
    const bindings = key.map((column) => bindable(row[column] ?? null));
    for (const held of this.read(`WHERE ${where}`, ...bindings)) sum.remove(this.#elementOf(held));
  }

  /**
   * @param rest - of the statement, from WHERE on. @returns how many rows there were.
   * @throws MemoryChanged if one of them is not ours.
   */
  delete(rest: string, sum: RowSum, ...bindings: Binding[]): number {
    const { sql, seal } = this.#rows;
    const { name, columns } = this.#shape;
    const gone = sql.exec<Record<string, SqlStorageValue>>(
      `DELETE FROM ${name} ${rest} RETURNING ${columns.join(", ")}, mac`,
      ...bindings,
    );
    let count = 0;
    for (const row of [...gone]) {
      seal.verify(name, this.#valuesOf(row), row["mac"] ?? null);
      sum.remove(this.#elementOf(row));
      count += 1;
    }
    return count;
  }

  /** Reads every row of a query and adds it to `sum`. */
  tally(sum: RowSum, rest = "", ...bindings: Binding[]): number {
    let count = 0;
    for (const row of this.read(rest, ...bindings)) {
      sum.add(this.#elementOf(row));
      count += 1;
    }
    return count;
  }

  count(): number {
    return this.#rows.sql.exec<{ n: number }>(`SELECT count(*) AS n FROM ${this.#shape.name}`).one()
      .n;
  }

  /** Whether any row of the table verifies, however many do not. */
  someVerifies(): boolean {
    const { sql, seal } = this.#rows;
    const { name } = this.#shape;
    for (const row of sql.exec<Record<string, SqlStorageValue>>(this.#select)) {
      if (seal.isOurs(name, this.#valuesOf(row), row["mac"] ?? null)) return true;
    }
    return false;
  }

  /** Of a row that was verified. */
  #elementOf(row: SealedRow): Uint8Array {
    return this.#rows.seal.element(new Uint8Array(row["mac"] as ArrayBuffer));
  }

  #valuesOf(row: SealedRow): SqlValue[] {
    return this.#shape.columns.map((column) => row[column] ?? null);
  }
}

function bindable(value: SqlValue): Binding {
  return value instanceof ArrayBuffer ? new Uint8Array(value) : value;
}
