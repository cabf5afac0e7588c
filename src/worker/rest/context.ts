/**
 * Whom a route asks: the region of whoever signed, and the HSM that leads a cluster there.
 *
 * Nothing of a session reaches the log.
 */
import type { Context } from "hono";
import type { Principal } from "../access/sigv4.ts";
import type { Input, OperationName, Output } from "../contracts/data-plane.ts";
import type { ServingHsm } from "../contracts/region-api.ts";
import { granted, Refused } from "../contracts/result.ts";
import type { Deployment } from "../platform/deployment.ts";

/** The door sets the deployment and the request's id, `authenticated` the principal. */
export type RestEnv = {
  Variables: { principal: Principal; deployment: Deployment; requestId: string };
};

export const SESSION_HEADER = "holdfast-session";

export const CLUSTER_ID = "cluster-[2-7a-z]{11,16}";
const CLUSTER_PATH = new RegExp(`^/v1/clusters/(${CLUSTER_ID})/`);

export type RestContext = Context<RestEnv>;

/** The cluster of the path, for whoever looks before a route has been found; null if it names none. */
export function clusterIdOf(c: RestContext): string | null {
  return CLUSTER_PATH.exec(c.req.path)?.[1] ?? null;
}

/** The region of whoever signed. */
export function regionOf(c: RestContext) {
  const { account, region } = c.get("principal");
  return c.get("deployment").region(account, region);
}

/** The HSM that leads a cluster's data plane. @throws Refused if none is in service. */
async function leaderOf(c: RestContext, clusterId: string): Promise<ServingHsm> {
  const [leader] = granted(await regionOf(c).servingHsms(clusterId));
  if (leader !== undefined) return leader;
  const message = `Cluster '${clusterId}' has no HSM in service. Add one with CreateHsm.`;
  throw new Refused({ kind: "conflict", code: "hsm_absent", message });
}

/**
 * Carries out an operation on the HSM that leads the cluster of the path: it answers reads and
 * takes writes. The session token goes to it in the call and is not kept. @throws Refused.
 */
export async function ask<K extends OperationName>(
  c: RestContext,
  name: K,
  input: Input<K>,
): Promise<Output<K>> {
  return await askHsm(c, c.req.param("clusterId") ?? "", name, input);
}

export async function askHsm<K extends OperationName>(
  c: RestContext,
  clusterId: string,
  name: K,
  input: Input<K>,
): Promise<Output<K>> {
  const { obeyed, ...leader } = await leaderOf(c, clusterId);
  const { accessKeyId } = c.get("principal");
  const session = c.req.header(SESSION_HEADER) ?? "";
  const caller = { accessKeyId, requestId: c.get("requestId"), session, obeyed };
  return granted(await c.get("deployment").hsm(leader).call(name, caller, input));
}
