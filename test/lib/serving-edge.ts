/**
 * Edges that begin with clusters in service, on copies of states that a run of the tests makes once.
 */
import { existsSync } from "node:fs";
import { cp, mkdir, mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { cloudHsm, until } from "./aws.ts";
import { type Edge, type EdgeOptions, startEdge } from "./mf.ts";
import { addHsm, type ServingCluster, servingCluster } from "./rest.ts";
import { statesFolder } from "./states-folder.ts";

/**
 * `one` cluster in service, `two` of them, or one whose two HSMs are `paired`. Each but the first is made from
 * the first.
 */
type Beginning = "one" | "two" | "paired";

/** What is the same on every edge that runs on the state: all but the client. */
type Known = Omit<ServingCluster, "client">;

/** Sessions end when they have not been used for 15 minutes: no state is taken that is so old. */
const FRESH_MS = 600_000;

/** How long a process waits for a state that another makes. */
const PATIENCE_MS = 60_000;

const prepared = new Map<string, Promise<string>>();

export interface ServingEdge {
  /** Its folder goes when it stops, unless it is the caller's. */
  readonly edge: Edge;
  readonly cluster: ServingCluster;
  /** The second of `two`. */
  readonly other: ServingCluster;
}

/** @param options - with `persist`, the state is copied into that folder, which must be empty. */
export async function servingEdge(
  options: EdgeOptions = {},
  beginning: Beginning = "one",
): Promise<ServingEdge> {
  const state = await stateOf(beginning);
  const persist = options.persist ?? (await mkdtemp(join(tmpdir(), "holdfast-serving-")));
  await cp(join(state, "objects"), persist, { recursive: true });
  const edge = await startEdge({ ...options, persist });
  const stop = async () => {
    await edge.stop();
    if (options.persist === undefined) await rm(persist, { recursive: true });
  };
  const client = await cloudHsm(edge);
  const [cluster, other = cluster] = (await knownIn(state)).map((known) => ({ client, ...known }));
  if (cluster === undefined || other === undefined) throw new Error(`no cluster in ${state}`);
  return { edge: { ...edge, stop }, cluster, other };
}

/** The folder of a state: what the edge has kept, and the clusters that are in it. */
function stateOf(beginning: Beginning): Promise<string> {
  const folder = join(statesFolder(), `${beginning}-${Math.floor(Date.now() / FRESH_MS)}`);
  const known = prepared.get(folder) ?? makeState(beginning, folder);
  prepared.set(folder, known);
  return known;
}

/** Of the processes that need the same one at once, the first makes it and the others wait. */
async function makeState(beginning: Beginning, folder: string): Promise<string> {
  if (!(await isFirst(folder))) return await until(async () => folder, existsSync, PATIENCE_MS);
  const own = await mkdtemp(`${folder}-`);
  const persist = join(own, "objects");
  const clusters = beginning === "one" ? await makeOne(persist) : await extend(beginning, persist);
  await writeFile(join(own, "clusters.json"), JSON.stringify(clusters));
  await rename(own, folder);
  return folder;
}

async function isFirst(folder: string): Promise<boolean> {
  try {
    await mkdir(`${folder}.begun`);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    return false;
  }
}

async function makeOne(persist: string): Promise<Known[]> {
  const edge = await startEdge({ persist });
  try {
    const { client: _, ...cluster } = await servingCluster(edge);
    return [cluster];
  } finally {
    await edge.stop();
  }
}

async function extend(beginning: Exclude<Beginning, "one">, persist: string): Promise<Known[]> {
  const { edge, cluster } = await servingEdge({ persist });
  try {
    const clusters = [cluster];
    if (beginning === "two") clusters.push(await servingCluster(edge));
    else await addHsm(cluster.client, cluster.clusterId, 2);
    return clusters.map(({ client: _, ...known }) => known);
  } finally {
    await edge.stop();
  }
}

async function knownIn(state: string): Promise<Known[]> {
  return JSON.parse(await readFile(join(state, "clusters.json"), "utf8"));
}
