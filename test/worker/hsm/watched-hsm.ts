/**
 * HSMs that a test looks into: their rows, and what each request makes them derive, write and push.
 */
import { WORKER_NAME } from "../../../scripts/edge/embedded.ts";
import { ACCOUNT, REGION } from "../../lib/aws.ts";
import { type Edge, QUICK_SCHEDULE } from "../../lib/mf.ts";
import type { Row } from "../statement-watch.ts";

/**
 * The worker as built, with HSMs that tell what they do. What they all share is what one isolate
 * shares: `seen` counts for all of them.
 */
export const WATCHED = `
import worker, * as built from "./built.js";

const CALLER = { accessKeyId: "AKIAWATCHEDHSM00", requestId: "", session: "", obeyed: 0 };
const seen = { derivations: [], pushes: 0, written: [] };
const { deriveBits } = SubtleCrypto.prototype;
SubtleCrypto.prototype.deriveBits = function (algorithm, ...rest) {
  if (algorithm.name === "PBKDF2") seen.derivations.push(algorithm.iterations);
  return deriveBits.call(this, algorithm, ...rest);
};
let exec;
function watch(sql) {
  if (exec !== undefined) return;
  const prototype = Object.getPrototypeOf(sql);
  exec = prototype.exec;
  prototype.exec = function (query, ...bindings) {
    const cursor = exec.call(this, query, ...bindings);
    if (cursor.rowsWritten > 0) {
      const [, table] = /(?:INTO|UPDATE|FROM)\\s+(\\w+)/.exec(query) ?? [];
      seen.written.push([table, cursor.rowsWritten]);
    }
    return cursor;
  };
}

export class Hsm extends built.Hsm {
  constructor(ctx, env) {
    super(ctx, env);
    watch(ctx.storage.sql);
  }
  rows(query) {
    return JSON.stringify([...this.ctx.storage.sql.exec(query)]);
  }
  abort() {
    this.ctx.abort("a test ends it");
  }
  applyDelta(delta) {
    seen.pushes++;
    return super.applyDelta(delta);
  }
  async order(name) {
    const [row] = this.ctx.storage.sql.exec("SELECT value FROM local WHERE name = 'duty'");
    const duty = JSON.parse(row.value);
    const given = { hold: "hsm-aaaaaaaaaaa", serve: { ...duty, joining: null, obeyed: 0 }, retire: duty.number };
    const answer = await this[name](given[name]);
    if (!answer.ok) throw new Error(answer.refusal.message);
  }
  async login(username, password) {
    const answer = await this.call("login", CALLER, { username, password });
    return answer.ok ? "" : answer.refusal.code;
  }
  seen() {
    const text = JSON.stringify(seen);
    Object.assign(seen, { derivations: [], pushes: 0, written: [] });
    return text;
  }
}
export class Region extends built.Region {}
export class Registry extends built.Registry {}
export class Reader extends built.Reader {}
export default worker;
`;

/** A hold lasts until a test ends it, however slow the machine is. */
export const LONG_HOLD = { SCHEDULE: JSON.stringify({ ...QUICK_SCHEDULE, holdMs: 3_600_000 }) };

/** What HSMs did since they were asked last. */
export interface Seen {
  /** Iterations of each call of PBKDF2. */
  readonly derivations: readonly number[];
  /** Deltas that peers were given. */
  readonly pushes: number;
  /** Table and number of rows of each statement that wrote. */
  readonly written: readonly (readonly [table: string, rows: number])[];
}

/** What a test asks of an HSM besides what anybody may. Answers that are no text stay behind the proxy. */
interface WatchedCalls {
  rows(query: string): Promise<string>;
  abort(): Promise<void>;
  order(name: "hold" | "serve" | "retire"): Promise<void>;
  login(username: string, password: string): Promise<string>;
  seen(): Promise<string>;
}

export class WatchedHsm {
  /** A stub of an object that has ended is broken: each call takes a new one. */
  readonly #calls: () => WatchedCalls;

  private constructor(calls: () => WatchedCalls) {
    this.#calls = calls;
  }

  static async of(edge: Pick<Edge, "mf">, hsmId: string): Promise<WatchedHsm> {
    const hsms = await edge.mf.getDurableObjectNamespace("HSM", WORKER_NAME);
    const id = hsms.idFromName(`${ACCOUNT}/${REGION}/${hsmId}`);
    return new WatchedHsm(() => hsms.get(id) as unknown as WatchedCalls);
  }

  /** Carries out one statement. */
  async rows(query: string): Promise<Row[]> {
    return JSON.parse(await this.#calls().rows(query));
  }

  /** Ends the object as an eviction does; the next request starts it anew. */
  async abort(): Promise<void> {
    await this.#calls()
      .abort()
      .catch(() => undefined);
  }

  /** Has it take no changes, as while another HSM joins it. */
  hold(): Promise<void> {
    return this.#calls().order("hold");
  }

  /** Has it do its duty as before, and take changes. */
  serve(): Promise<void> {
    return this.#calls().order("serve");
  }

  /** Has it take no changes any more, as before its removal. */
  retire(): Promise<void> {
    return this.#calls().order("retire");
  }

  /** @returns the code that the login is refused with, "" if it is not. */
  login(username: string, password: string): Promise<string> {
    return this.#calls().login(username, password);
  }

  async seen(): Promise<Seen> {
    return JSON.parse(await this.#calls().seen());
  }
}
