/**
 * The bucket behind an edge, as somebody who can write to it sees it: a backup's two objects.
 */
import { WORKER_NAME } from "../../scripts/edge/embedded.ts";
import type { Edge } from "./mf.ts";

export type BackupPart = "body" | "envelope";

/** Names of a backup as its row under /v1 has them. */
export interface BackupNames {
  readonly clusterId: string;
  readonly backupId: string;
}

type Bucket = Awaited<ReturnType<Edge["mf"]["getR2Bucket"]>>;

export async function bucketOf(edge: Pick<Edge, "mf">): Promise<Bucket> {
  return edge.mf.getR2Bucket("BACKUPS_US_EAST_1", WORKER_NAME);
}

/** Name of the object. @throws if the bucket has none, or several. */
export async function objectKey(
  edge: Pick<Edge, "mf">,
  { clusterId, backupId }: BackupNames,
  part: BackupPart,
): Promise<string> {
  const bucket = await bucketOf(edge);
  const prefix = `clusters/${clusterId}/backups/${backupId}/${part}-`;
  const { objects } = await bucket.list({ prefix });
  const [object] = objects;
  if (object === undefined || objects.length !== 1) {
    throw new Error(`${objects.length} objects begin with ${prefix}`);
  }
  return object.key;
}

export async function readObject(edge: Pick<Edge, "mf">, key: string): Promise<Uint8Array> {
  const object = await (await bucketOf(edge)).get(key);
  if (object === null) throw new Error(`no object ${key}`);
  return new Uint8Array(await object.arrayBuffer());
}

/** Puts other bytes in the object's place; null: removes it. */
export async function writeObject(
  edge: Pick<Edge, "mf">,
  key: string,
  bytes: Uint8Array | null,
): Promise<void> {
  const bucket = await bucketOf(edge);
  if (bytes === null) await bucket.delete(key);
  else await bucket.put(key, Uint8Array.from(bytes)); // A Buffer does not get through the proxy.
}
