/**
 * A region whose rows and tasks a test moves: what takes days by the clock is due when the test says so.
 */
import { regionObject, until } from "../../lib/aws.ts";
import type { Edge } from "../../lib/mf.ts";

/** The worker as built. `Region` answers in JSON, as objects would stay behind the proxy. */
export const MOVABLE_ENTRY = `
import worker, { Hsm, Reader, Region as Built, Registry } from "./built.js";
const events = [];
const { error } = console;
console.error = (line) => { events.push(line); error(line); };
export class Region extends Built {
  async query(text, ...values) {
    return JSON.stringify(this.ctx.storage.sql.exec(text, ...values).toArray());
  }
  async wake() {
    await this.ctx.storage.setAlarm(Date.now() + 1);
  }
  async events() {
    return JSON.stringify(events.map((line) => JSON.parse(line)));
  }
}
export { Hsm, Reader, Registry };
export default worker;
`;

interface Movable {
  query(text: string, ...values: (string | number | null)[]): Promise<string>;
  wake(): Promise<void>;
  events(): Promise<string>;
}

export class MovableRegion {
  readonly #edge: Pick<Edge, "mf">;

  constructor(edge: Pick<Edge, "mf">) {
    this.#edge = edge;
  }

  /** Rows that the statement answers with. */
  async query<Row>(text: string, ...values: (string | number | null)[]): Promise<Row[]> {
    return JSON.parse(await (await this.#object()).query(text, ...values));
  }

  /** Has the task run now, if the region has it, and waits until nothing is due or at work. */
  async run(task: string, subject: string): Promise<void> {
    await this.query("UPDATE due SET dueAtMs = 0 WHERE task = ? AND subject = ?", task, subject);
    await (await this.#object()).wake();
    await until(
      () =>
        this.query<{ task: string }>(
          "SELECT task FROM due WHERE leased <> 0 OR dueAtMs <= ?",
          Date.now(),
        ),
      (rows) => rows.length === 0,
      30_000,
    );
  }

  /** What the region raised, of any backup. */
  async events(): Promise<Record<string, unknown>[]> {
    return JSON.parse(await (await this.#object()).events());
  }

  #object(): Promise<Movable> {
    return regionObject<Movable>(this.#edge);
  }
}
