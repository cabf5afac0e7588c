/**
 * Every statement that the worker's objects carry out: how SQLite finds its rows, and how many it reads.
 */
import { WORKER_NAME } from "../../scripts/edge/embedded.ts";
import { ACCOUNT, REGION } from "../lib/aws.ts";
import type { Edge } from "../lib/mf.ts";

/**
 * The worker as built, with a watch on `SqlStorage`. All objects of an edge share one isolate, so any of
 * them tells of the statements of all. A plan does not depend on how many rows there are: nobody
 * runs ANALYZE.
 */
export const WATCHED_STATEMENTS = `
import worker, * as built from "./built.js";

const plans = new Map();
let cursors = [];
let exec;
function watch(sql) {
  if (exec !== undefined) return;
  const prototype = Object.getPrototypeOf(sql);
  exec = prototype.exec;
  prototype.exec = function (query, ...bindings) {
    if (!plans.has(query) && /^\\s*(SELECT|INSERT|UPDATE|DELETE|WITH)\\b/.test(query)) {
      const steps = [...exec.call(this, "EXPLAIN QUERY PLAN " + query, ...bindings)];
      plans.set(query, steps.map(({ detail }) => detail));
    }
    const cursor = exec.call(this, query, ...bindings);
    if (cursors !== null) cursors.push([query, cursor]);
    return cursor;
  };
}

const Watched = (Base) => class extends Base {
  constructor(ctx, env) {
    watch(ctx.storage.sql);
    super(ctx, env);
  }
  plans() {
    return JSON.stringify([...plans]);
  }
  rowsRead() {
    const read = new Map();
    for (const [query, { rowsRead }] of cursors ?? []) {
      read.set(query, (read.get(query) ?? 0) + rowsRead);
    }
    cursors = [];
    return JSON.stringify([...read].sort((a, b) => b[1] - a[1]));
  }
  ignore() {
    cursors = null;
  }
  run(query, bindings = "[]") {
    return JSON.stringify([...exec.call(this.ctx.storage.sql, query, ...JSON.parse(bindings))]);
  }
  abort() {
    this.ctx.abort("a test ends it");
  }
};

const callerOf = (session) =>
  ({ accessKeyId: "AKTEST", requestId: "00000000-0000-4000-8000-000000000000", session });

export class Hsm extends Watched(built.Hsm) {
  async importAesKeys(session, count) {
    const keys = Array.from({ length: count }, (_, i) => {
      const raw = btoa(String.fromCharCode(...crypto.getRandomValues(new Uint8Array(32))));
      const material = { format: "raw", type: "aes", raw };
      return { material, attributes: { label: "full-" + i, encrypt: true, decrypt: true } };
    });
    const answer = await this.call("importKeys", callerOf(session), keys);
    if (!answer.ok) throw new Error(answer.refusal.message);
  }
  async importUsers(session, count) {
    const verifier = { salt: btoa("0123456789abcdef"), calls: 6, roundsPerCall: 100_000 };
    const digest = btoa("0123456789abcdef0123456789abcdef");
    const users = Array.from({ length: count }, (_, i) =>
      ({ username: "user_" + i, role: "CU", verifier: { ...verifier, digest } }));
    const answer = await this.call("importUsers", callerOf(session), users);
    if (!answer.ok) throw new Error(answer.refusal.message);
  }
}
export class Region extends Watched(built.Region) {}
export class Registry extends built.Registry {}
export class Reader extends built.Reader {}
export default worker;
`;

/** Of whatever columns the statement asks for. */
export type Row = Readonly<Record<string, string | number | null>>;

/** Statement and number of its rows, the most first. */
export type RowsRead = readonly (readonly [statement: string, rows: number])[];

interface Calls {
  plans(): Promise<string>;
  rowsRead(): Promise<string>;
  ignore(): Promise<void>;
  run(query: string, bindings: string): Promise<string>;
  abort(): Promise<void>;
  importAesKeys(session: string, count: number): Promise<void>;
  importUsers(session: string, count: number): Promise<void>;
}

export class StatementWatch {
  /** A stub of an object that has ended is broken: each call takes a new one. */
  readonly #calls: () => Calls;

  private constructor(calls: () => Calls) {
    this.#calls = calls;
  }

  /** @param hsmId - absent: of the region's own object. */
  static async of(edge: Pick<Edge, "mf">, hsmId?: string): Promise<StatementWatch> {
    const binding = hsmId === undefined ? "REGION" : "HSM";
    const objects = await edge.mf.getDurableObjectNamespace(binding, WORKER_NAME);
    const place = `${ACCOUNT}/${REGION}`;
    const id = objects.idFromName(hsmId === undefined ? place : `${place}/${hsmId}`);
    return new StatementWatch(() => objects.get(id) as unknown as Calls);
  }

  /** Steps that walk a table or an index from end to end, or sort what was found: `statement: step`. */
  async walks(): Promise<string[]> {
    const plans: [string, string[]][] = JSON.parse(await this.#calls().plans());
    return plans.flatMap(([statement, steps]) =>
      steps
        .filter((step) => /^SCAN |USE TEMP B-TREE/.test(step) && step !== "SCAN CONSTANT ROW")
        .map((step) => `${statement.replace(/\s+/g, " ").trim()}: ${step}`),
    );
  }

  /** Since it was asked last. */
  async rowsRead(): Promise<RowsRead> {
    return JSON.parse(await this.#calls().rowsRead());
  }

  /** What `work` reads, by whatever object. @param of - which statements count. */
  async rowsReadBy(
    work: () => Promise<unknown>,
    of = /./,
  ): Promise<{ total: number; most: RowsRead }> {
    await this.rowsRead();
    await work();
    const read = (await this.rowsRead()).filter(([statement]) => of.test(statement));
    return { total: read.reduce((sum, [, rows]) => sum + rows, 0), most: read.slice(0, 3) };
  }

  /** Keeps nothing until `rowsRead` is asked for: work with very many statements follows. */
  ignore(): Promise<void> {
    return this.#calls().ignore();
  }

  async run(query: string, bindings: readonly unknown[] = []): Promise<Row[]> {
    return JSON.parse(await this.#calls().run(query, JSON.stringify(bindings)));
  }

  /** Ends the object as an eviction does; the next request starts it anew. */
  async abort(): Promise<void> {
    await this.#calls()
      .abort()
      .catch(() => undefined);
  }

  importAesKeys(session: string, count: number): Promise<void> {
    return this.#calls().importAesKeys(session, count);
  }

  /** Users `user_0` and on, who have no password that anybody knows. */
  importUsers(session: string, count: number): Promise<void> {
    return this.#calls().importUsers(session, count);
  }
}
