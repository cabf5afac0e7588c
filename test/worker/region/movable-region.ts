/**
 * A region whose rows, tasks and clock a test moves, and whose HSMs and bucket it holds up: what takes
 * days or an outage in service happens when the test says so.
 */
import { REGION, regionObject, until } from "../../lib/aws.ts";
import type { BackupNames } from "../../lib/bucket.ts";
import type { Edge } from "../../lib/mf.ts";

/** The worker as built. `Region` answers in JSON, as objects would stay behind the proxy. */
export const MOVABLE_ENTRY = `
import worker, { Hsm as BuiltHsm, Reader as BuiltReader, Region as Built, Registry } from "./built.js";

const controls = {
  aheadMs: 0, silentClusters: [], silentHeads: 0, listLimit: null, brokenRegions: [], silentRegions: [],
  rotten: {},
};
const now = Date.now.bind(Date);
Date.now = () => now() + controls.aheadMs;
const events = [];
for (const method of ["log", "warn", "error"]) {
  const write = console[method];
  console[method] = (line) => { events.push(line); write.call(console, line); };
}
let alarms = 0;
let headsWaiting = 0;

const silence = async (lasts) => { while (lasts()) await scheduler.wait(20); };

const movedEnvs = new WeakMap();
function moved(env) {
  if (!movedEnvs.has(env)) {
    const bindings = Object.entries(env).map(([name, value]) =>
      [name, name.startsWith("BACKUPS_") ? movedBucket(value) : value]);
    movedEnvs.set(env, Object.fromEntries(bindings));
  }
  return movedEnvs.get(env);
}
function movedBucket(bucket) {
  const methods = {
    async head(key) {
      if (controls.silentHeads > 0) {
        controls.silentHeads -= 1;
        headsWaiting += 1;
        await silence(() => controls.silentHeads >= 0);
        headsWaiting -= 1;
      }
      return bucket.head(key);
    },
    async get(key, options) {
      const object = await bucket.get(key, options);
      const rot = controls.rotten[key];
      if (rot === undefined || rot.reads === 0 || !object?.body) return object;
      rot.reads -= 1;
      return changed(object, rot);
    },
    list: (options) => bucket.list({ ...options, limit: controls.listLimit ?? options.limit }),
  };
  return new Proxy(bucket, {
    get(target, name) {
      const value = methods[name] ?? target[name];
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

async function changed(object, { at, cut }) {
  const bytes = new Uint8Array(await object.arrayBuffer());
  bytes[Math.floor(at * bytes.length)] ^= 1;
  const { size, etag } = object;
  const read = cut ? bytes.subarray(0, -cut) : bytes;
  return { size, etag, body: new Response(read).body, arrayBuffer: async () => read.slice().buffer };
}

export class Hsm extends BuiltHsm {
  constructor(state, env) {
    super(state, moved(env));
  }
  async manufacture(order) {
    await silence(() => controls.silentClusters.includes(order.location.clusterId));
    return super.manufacture(order);
  }
}
export class Region extends Built {
  constructor(state, env) {
    super(state, moved(env));
  }
  async alarm() {
    alarms += 1;
    await super.alarm();
  }
  async watch() {
    const name = this.ctx.id.name;
    await silence(() => controls.silentRegions.includes(name));
    if (controls.brokenRegions.includes(name)) throw new Error("broken");
    await super.watch();
  }
  async query(text, ...values) {
    return JSON.stringify(this.ctx.storage.sql.exec(text, ...values).toArray());
  }
  async wake() {
    await this.ctx.storage.setAlarm(Date.now() + 1);
  }
  async loseAlarm() {
    await this.ctx.storage.deleteAlarm();
  }
  async alarmAtMs() {
    return await this.ctx.storage.getAlarm();
  }
  async alarms() {
    return alarms;
  }
  async headsWaiting() {
    return headsWaiting;
  }
  async control(changes) {
    Object.assign(controls, JSON.parse(changes));
  }
  async events() {
    return JSON.stringify(events.map((line) => JSON.parse(line)));
  }
}
export class Reader extends BuiltReader {
  constructor(state, env) {
    super(state, moved(env));
  }
}
export { Registry };
export default worker;
`;

interface Rot {
  /** Where a bit is another, as a part of the length. */
  readonly at: number;
  /** Bytes that do not come at the end, though the bucket says that they are there. */
  readonly cut?: number;
  /** How many of the next readings find it so. */
  readonly reads: number;
}

interface Controls {
  /** By how much the worker's clock is ahead. */
  readonly aheadMs: number;
  /** Clusters whose HSMs do not answer when they are to be made. */
  readonly silentClusters: readonly string[];
  /** How many of the next questions to the bucket wait; -1 lets those go that do. */
  readonly silentHeads: number;
  /** Objects in a page of the bucket's list; null: as many as are asked for. */
  readonly listLimit: number | null;
  /** Objects that changed beneath size and etag, by name. */
  readonly rotten: Readonly<Record<string, Rot>>;
  /** Regions, as `account/region`, whose `watch` throws, or does not answer. */
  readonly brokenRegions: readonly string[];
  readonly silentRegions: readonly string[];
}

interface Movable {
  query(text: string, ...values: (string | number | null)[]): Promise<string>;
  wake(): Promise<void>;
  loseAlarm(): Promise<void>;
  alarmAtMs(): Promise<number | null>;
  alarms(): Promise<number>;
  headsWaiting(): Promise<number>;
  control(changes: string): Promise<void>;
  events(): Promise<string>;
}

export class MovableRegion {
  readonly #edge: Pick<Edge, "mf">;
  readonly #region: string;

  constructor(edge: Pick<Edge, "mf">, region = REGION) {
    this.#edge = edge;
    this.#region = region;
  }

  /** Rows that the statement answers with. */
  async query<Row>(text: string, ...values: (string | number | null)[]): Promise<Row[]> {
    return JSON.parse(await (await this.object()).query(text, ...values));
  }

  /** The cluster's backups, oldest first. */
  backups(clusterId: string): Promise<BackupNames[]> {
    return this.query<BackupNames>(
      "SELECT clusterId, backupId FROM backups WHERE clusterId = ? ORDER BY chainNumber",
      clusterId,
    );
  }

  /** State and mark of each of the cluster's backups, oldest first. */
  async catalogue(clusterId: string): Promise<(string | null)[][]> {
    const rows = await this.query<{ state: string; damage: string | null }>(
      "SELECT state, damage FROM backups WHERE clusterId = ? ORDER BY chainNumber",
      clusterId,
    );
    return rows.map(({ state, damage }) => [state, damage]);
  }

  /** Has the task due now, if the region has it. */
  async begin(task: string, subject: string): Promise<void> {
    await this.query("UPDATE due SET dueAtMs = 0 WHERE task = ? AND subject = ?", task, subject);
    await (await this.object()).wake();
  }

  /** Has the task run now, and waits until nothing is due or at work. */
  async run(task: string, subject: string): Promise<void> {
    await this.begin(task, subject);
    await this.idle();
  }

  /** When nothing is due or at work. */
  async idle(): Promise<void> {
    const query = "SELECT task FROM due WHERE leased <> 0 OR dueAtMs <= ?";
    await until(
      () => this.query<{ task: string }>(query, Date.now()),
      (rows) => rows.length === 0,
      30_000,
    );
  }

  async control(changes: Partial<Controls>): Promise<void> {
    await (await this.object()).control(JSON.stringify(changes));
  }

  /** What was raised, in any region. */
  async events(): Promise<Record<string, unknown>[]> {
    return JSON.parse(await (await this.object()).events());
  }

  /** Questions to the bucket that wait. */
  async silentHeads(): Promise<number> {
    return await (await this.object()).headsWaiting();
  }

  object(): Promise<Movable> {
    return regionObject<Movable>(this.#edge, this.#region);
  }
}
