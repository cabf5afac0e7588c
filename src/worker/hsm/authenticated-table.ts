/**
 * A table whose rows are authenticated: each is written with its MAC and read by it, and what is written
 * or removed is counted in a sum.
 *
 * Spec: docs/STORAGE.md, "Rows are authenticated".
 */
import type { SqlValue } from "./row-encoding.ts";
import type { HsmRows, RowSum } from "./row-macs.ts";

export type Binding = string | number | null | Uint8Array;

/** Name and columns of a table; `mac` is a column of every one, after these. */
export interface TableShape {
  readonly name: string;
  readonly columns: readonly string[];
}

/** Values of a row, by column. */
export type AuthenticatedRow = Readonly<Record<string, SqlValue>>;

export class AuthenticatedTable {
  readonly #rows: HsmRows;
  readonly #shape: TableShape;
  /** Columns as a statement lists them, `mac` the last. */
  readonly #list: string;
  readonly #insert: string;

  constructor(rows: HsmRows, shape: TableShape) {
    this.#rows = rows;
    this.#shape = shape;
    this.#list = `${shape.columns.join(", ")}, mac`;
    const marks = "?, ".repeat(shape.columns.length);
    this.#insert = `INSERT OR REPLACE INTO ${shape.name} (${this.#list}) VALUES (${marks}?)`;
  }

  /**
   * Rows of a query that ends `SELECT … FROM table`.
   *
   * @param sum - to which each is added. @throws MemoryChanged if one is not ours.
   */
  read(rest: string, bindings: readonly Binding[] = [], sum?: RowSum): AuthenticatedRow[] {
    const found: AuthenticatedRow[] = [];
    for (const values of this.#select(rest, bindings)) {
      const row = this.#verified(values);
      sum?.add(this.#elementOf(row));
      found.push(row);
    }
    return found;
  }

  first(rest: string, bindings: readonly Binding[] = []): AuthenticatedRow | null {
    return this.read(rest, bindings)[0] ?? null;
  }

  /**
   * Inserts, or replaces the row of the same primary key.
   *
   * @param key - the columns of the primary key; [] where no such row can be there.
   */
  put(row: AuthenticatedRow, key: readonly string[], sum: RowSum): void {
    const { sql, macs } = this.#rows;
    const { name, columns } = this.#shape;
    if (key.length > 0) this.#forget(row, key, sum);
    const values = columns.map((column) => row[column] ?? null);
    const mac = macs.mac(name, values);
    sql.exec(this.#insert, ...values.map(bindable), mac);
    sum.add(macs.element(mac));
  }

  /**
   * Takes a row that is about to be replaced out of the sum: by the same statements whether it is there.
   * It is verified first: a MAC that was put beside another row would take that one out.
   */
  #forget(row: AuthenticatedRow, key: readonly string[], sum: RowSum): void {
    const where = key.map((column) => `${column} = ?`).join(" AND ");
    const bindings = key.map((column) => bindable(row[column] ?? null));
    for (const held of this.read(`WHERE ${where}`, bindings)) sum.remove(this.#elementOf(held));
  }

  /**
   * @param rest - of the statement, from WHERE on. @returns how many rows there were.
   * @throws MemoryChanged if one of them is not ours.
   */
  delete(rest: string, bindings: readonly Binding[], sum: RowSum): number {
    const statement = `DELETE FROM ${this.#shape.name} ${rest} RETURNING ${this.#list}`;
    const gone = [...this.#rows.sql.rows(statement, bindings)];
    for (const values of gone) sum.remove(this.#elementOf(this.#verified(values)));
    return gone.length;
  }

  /** Reads every row and adds it to `sum`; one at a time, as some are long. */
  tally(sum: RowSum): void {
    for (const values of this.#select("", [])) sum.add(this.#elementOf(this.#verified(values)));
  }

  count(): number {
    return this.#rows.sql.exec<{ n: number }>(`SELECT count(*) AS n FROM ${this.#shape.name}`).one()
      .n;
  }

  /** Whether any row of the table verifies, however many do not. */
  someVerifies(): boolean {
    for (const values of this.#select("", [])) {
      const mac = values.pop() ?? null;
      if (this.#rows.macs.isOurs(this.#shape.name, values, mac)) return true;
    }
    return false;
  }

  #select(rest: string, bindings: readonly Binding[]): IterableIterator<SqlStorageValue[]> {
    const statement = `SELECT ${this.#list} FROM ${this.#shape.name} ${rest}`;
    return this.#rows.sql.rows(statement, bindings);
  }

  /** @param values - taken over. @returns the row, `mac` with it. */
  #verified(values: SqlValue[]): AuthenticatedRow {
    const { name, columns } = this.#shape;
    const mac = values.pop() ?? null;
    this.#rows.macs.verify(name, values, mac);
    const row: Record<string, SqlValue> = { mac };
    for (let i = 0; i < columns.length; i++) row[columns[i] ?? ""] = values[i] ?? null;
    return row;
  }

  /** Of a row that was verified. */
  #elementOf(row: AuthenticatedRow): Uint8Array {
    return this.#rows.macs.element(new Uint8Array(row["mac"] as ArrayBuffer));
  }
}

function bindable(value: SqlValue): Binding {
  return value instanceof ArrayBuffer ? new Uint8Array(value) : value;
}
