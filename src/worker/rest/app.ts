/**
 * What every route of the REST surface shares: who is calling, what a refusal looks like,
 * and asking the HSM that leads a cluster.
 *
 * Spec: docs/API.md, "Requests" and "Errors". A request is read within a limit, authenticated, and
 * only then parsed. Nothing of a body, a session or a key reaches the log.
 */
import { OpenAPIHono, z } from "@hono/zod-openapi";
import type { Context, MiddlewareHandler } from "hono";
import { isPermitted } from "../../cluster/permissions.ts";
import type { Refusal } from "../../cluster/refusal.ts";
import { authenticate, type Principal, readBody } from "../access/sigv4.ts";
import type { Input, OperationName, Output } from "../contracts/data-plane.ts";
import type { HsmObject } from "../contracts/durable-objects.ts";
import { granted, Refused } from "../contracts/result.ts";
import type { Deployment } from "../platform/deployment.ts";
import { unexpectedRefusal } from "../platform/fault-response.ts";

/** The door sets the deployment, `authenticated` the principal. */
export type RestEnv = { Variables: { principal: Principal; deployment: Deployment } };

/** Signing names of the REST surface: its own, and the AWS wire's for tools that know no other. */
const SIGNING_NAMES = ["holdfast", "cloudhsm"] as const;

const MAX_BODY_BYTES = 1024 * 1024;
const MAX_BULK_BODY_BYTES = 8 * 1024 * 1024;
/** Paths whose bodies are bulk imports. */
const BULK_PATH = /:import$/;
/** Requests that change nothing although they are not GET. */
const READING_PATH = /^\/v1\/backups\/[^/]+\/verify$/;

const SESSION_HEADER = "holdfast-session";

const errorSchema = z
  .object({ error: z.object({ code: z.string(), message: z.string() }) })
  .openapi("Error");

/** The refusals that any authenticated route may answer with, for its OpenAPI description. */
export const refusals = {
  400: answer("The request is malformed or asks for what cannot be.", errorSchema),
  401: answer("No valid signature, or no valid session.", errorSchema),
  403: answer("The role or the user may not do this.", errorSchema),
  404: answer("There is no such thing in this account and region.", errorSchema),
  409: answer("Not in this state.", errorSchema),
  413: answer("The body is too large.", errorSchema),
  503: answer("Not available now; try again.", errorSchema),
} as const;

export function answer<T extends z.ZodType>(description: string, schema: T) {
  return { description, content: { "application/json": { schema } } } as const;
}

export function jsonBody<T extends z.ZodType>(schema: T) {
  return { required: true, content: { "application/json": { schema } } } as const;
}

export const clusterParams = z.object({
  clusterId: z
    .string()
    .regex(/^cluster-[2-7a-z]{11,16}$/)
    .openapi({ param: { name: "clusterId", in: "path" }, example: "cluster-dygnwhmscg5" }),
});

export const sessionHeaders = z.object({
  [SESSION_HEADER]: z
    .string()
    .max(128)
    .optional()
    .openapi({ description: "Token of a session of an HSM user, from POST …/sessions." }),
});

/** What a route takes that asks an HSM in somebody's session. */
export const sessionRequest = { params: clusterParams, headers: sessionHeaders };

/** An application of routes; a malformed request is refused with the first place that is wrong. */
export function restApp(): OpenAPIHono<RestEnv> {
  return new OpenAPIHono<RestEnv>({
    defaultHook: (parsed) => {
      if (parsed.success) return undefined;
      const [issue] = parsed.error.issues;
      const path = issue?.path.join(".") || "body";
      return refusalResponse({
        kind: "invalid",
        code: "request_invalid",
        message: `${path}: ${issue?.message ?? "malformed"}`,
      });
    },
  });
}

/** Reads the body within its limit, authenticates it, checks the role, and hands the body on. */
export const authenticated: MiddlewareHandler<RestEnv> = async (c, next) => {
  const request = c.req.raw;
  const limit = BULK_PATH.test(c.req.path) ? MAX_BULK_BODY_BYTES : MAX_BODY_BYTES;
  const body = await readBody(request, limit);
  if (body === null) {
    const message = `The body may have at most ${limit} bytes. Send less at a time.`;
    return c.json({ error: { code: "body_too_large", message } }, 413);
  }
  const principal = await authenticate(
    request,
    body,
    c.get("deployment"),
    SIGNING_NAMES,
    Date.now(),
  );
  if (!principal.ok) return refusalResponse(principal.refusal, 401);
  const isReading = request.method === "GET" || READING_PATH.test(c.req.path);
  const { role } = principal.value;
  if (!isPermitted(role, isReading ? "read" : "write")) {
    return refusalResponse({
      kind: "denied",
      code: "role_insufficient",
      message: `The role '${role}' of this access key may not do this.`,
    });
  }
  c.set("principal", principal.value);
  if (body.length > 0) c.req.raw = new Request(request, { body });
  return next();
};

/** An error with the status that fits its kind; `status` where one kind means something else. */
export function refusalResponse(refusal: Refusal, status: number = statusOf(refusal)): Response {
  const { code, message } = refusal;
  return Response.json({ error: { code, message } }, { status });
}

/** The answer to whatever a handler threw: a refusal as such, anything else without details. */
export function answerToError(error: unknown): Response {
  return refusalResponse(unexpectedRefusal(error));
}

function statusOf(refusal: Refusal): number {
  if (UNAUTHENTICATED.has(refusal.code)) return 401;
  switch (refusal.kind) {
    case "invalid":
      return 400;
    case "denied":
      return 403;
    case "not_found":
      return 404;
    case "conflict":
      return 409;
    case "limit":
      return 409;
    case "unavailable":
      return 503;
  }
}

/** Codes by which a client knows that it has to log in (again). */
const UNAUTHENTICATED = new Set(["session_invalid", "login_failed"]);

export type RestContext = Context<RestEnv>;

/** The region of whoever signed. */
export function regionOf(c: RestContext) {
  const { account, region } = c.get("principal");
  return c.get("deployment").region(account, region);
}

/** The HSM that leads a cluster's data plane. @throws Refused if none is in service. */
async function leaderOf(c: RestContext, clusterId: string): Promise<HsmObject> {
  const [leader] = granted(await regionOf(c).servingHsms(clusterId));
  if (leader !== undefined) return c.get("deployment").hsm(leader);
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
  const leader = await leaderOf(c, c.req.param("clusterId") ?? "");
  return granted(await leader.call(name, c.req.header(SESSION_HEADER) ?? "", input));
}

/**
 * Optional fields without `undefined`: a schema types an absent field so, JSON has no such value,
 * and the HSM's inputs are typed exactly. This is the one place that says so.
 */
type Exact<T> = T extends readonly (infer E)[]
  ? Exact<E>[]
  : T extends object
    ? { [K in keyof T]: Exact<Exclude<T[K], undefined>> }
    : T;

export function exact<T>(value: T): Exact<T> {
  return value as Exact<T>;
}
