/**
 * Asking a cluster's HSM on behalf of a request.
 *
 * Spec: docs/API.md, "Requests". The leader answers reads and takes writes; the session token goes to
 * it in the call and is not kept.
 */
import type { Input, OperationName, Output } from "../contracts/data-plane.ts";
import { granted } from "../contracts/result.ts";
import { leaderOf, type RestContext, SESSION_HEADER } from "./app.ts";

/** Carries out an operation on the HSM that leads the cluster of the path. @throws Refused. */
export async function ask<K extends OperationName>(
  c: RestContext,
  name: K,
  input: Input<K>,
): Promise<Output<K>> {
  const leader = await leaderOf(c, c.req.param("clusterId") ?? "");
  return granted(await leader.call(name, c.req.header(SESSION_HEADER) ?? "", input));
}

/**
 * Optional fields without `undefined`: a schema types an absent field so, JSON has no such value, and
 * the HSM's inputs are typed exactly. This is the one place that says so.
 */
export type Exact<T> = T extends readonly (infer E)[]
  ? Exact<E>[]
  : T extends object
    ? { [K in keyof T]: Exact<Exclude<T[K], undefined>> }
    : T;

export function exact<T>(value: T): Exact<T> {
  return value as Exact<T>;
}
