/**
 * What every route of the REST surface shares: who is calling, what a refusal looks like,
 * and asking the HSM that leads a cluster.
 *
 * Spec: docs/API.md, "Requests" and "Errors". A request is read within a limit, authenticated, and
 * only then parsed. Nothing of a body, a session or a key reaches the log.
 */
import { OpenAPIHono, z } from "@hono/zod-openapi";
import type { Context, MiddlewareHandler } from "hono";
import { HTTPException } from "hono/http-exception";
import { isPermitted } from "../../cluster/permissions.ts";
import type { Refusal } from "../../cluster/refusal.ts";
import { parseJson } from "../access/json.ts";
import { authenticate, type Principal, SIGNATURE_CODES } from "../access/sigv4.ts";
import type { Input, OperationName, Output } from "../contracts/data-plane.ts";
import type { HsmObject } from "../contracts/durable-objects.ts";
import { granted, Refused } from "../contracts/result.ts";
import type { Deployment } from "../platform/deployment.ts";
import { refusalsOf, unexpectedRefusal } from "../platform/fault-response.ts";
import { boundOf } from "./bounds.ts";

/** The door sets the deployment, `authenticated` the principal. */
export type RestEnv = { Variables: { principal: Principal; deployment: Deployment } };

/** Signing names of the REST surface: its own, and the AWS wire's for tools that know no other. */
const SIGNING_NAMES = ["holdfast", "cloudhsm"] as const;

/** A longer message is of no use to anybody, and what it repeats came from the request. */
const MAX_ISSUE_CHARACTERS = 200;
/** Requests that change nothing although they are not GET. */
const READING_PATH = /^\/v1\/backups\/[^/]+\/verify$/;

const BODILESS = new Set(["GET", "HEAD"]);
/** RFC 8259 §11: there is no charset parameter; clients that send one mean UTF-8. */
const JSON_TYPE = /^application\/json\s*(;\s*charset\s*=\s*"?utf-8"?\s*)?$/i;
const PROBLEM_TYPE = "application/problem+json";

const SESSION_HEADER = "holdfast-session";

const errorSchema = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    error: z.object({ code: z.string(), message: z.string() }),
  })
  .openapi("Error");

function problem(description: string) {
  return { description, content: { [PROBLEM_TYPE]: { schema: errorSchema } } } as const;
}

/** The refusals that any authenticated route may answer with, for its OpenAPI description. */
export const refusals = {
  400: problem("The request is malformed or asks for what cannot be."),
  401: problem("No valid signature, or no valid session."),
  403: problem("The role or the user may not do this."),
  404: problem("There is no such thing in this account and region."),
  409: problem("Not in this state."),
  413: problem("The body is too large."),
  429: problem("Too much at once. `Retry-After` says when to ask again."),
  503: problem("Not available now; try again."),
} as const;

export function answer<T extends z.ZodType>(description: string, schema: T) {
  return { description, content: { "application/json": { schema } } } as const;
}

export function jsonBody<T extends z.ZodType>(schema: T) {
  return { required: true, content: { "application/json": { schema } } } as const;
}

const CLUSTER_ID = "cluster-[2-7a-z]{11,16}";
const CLUSTER_PATH = new RegExp(`^/v1/clusters/(${CLUSTER_ID})/`);

export const clusterParams = z.object({
  clusterId: z
    .string()
    .regex(new RegExp(`^${CLUSTER_ID}$`))
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
        message: `${path}: ${issue?.message ?? "malformed"}`.slice(0, MAX_ISSUE_CHARACTERS),
      });
    },
  });
}

/** Authenticates a request, checks the role and that the body is JSON, and hands it on. */
export const authenticated: MiddlewareHandler<RestEnv> = async (c, next) => {
  const request = c.req.raw;
  const bound = boundOf(c.req.path);
  const outcome = await authenticate(request, c.get("deployment"), {
    services: SIGNING_NAMES,
    maxBodyBytes: bound.bytes,
    nowMs: Date.now(),
    admit: (principal) => refusalsOf(() => admitLongBody(c, principal, bound.permission)),
  });
  if (!outcome.ok) return refusalResponse(outcome.refusal, unauthenticatedStatus(outcome.refusal));
  const { principal, body } = outcome.value;
  const isReading = request.method === "GET" || READING_PATH.test(c.req.path);
  if (!isPermitted(principal.role, isReading ? "read" : "write")) {
    return refusalResponse({
      kind: "denied",
      code: "role_insufficient",
      message: `The role '${principal.role}' of this access key may not do this.`,
    });
  }
  c.set("principal", principal);
  const fault = body.length > 0 ? bodyFault(request, body) : null;
  if (fault !== null) return fault;
  // It has been read, and a validator reads it again; a GET has no use for one.
  if (!BODILESS.has(request.method)) c.req.raw = new Request(request, { body });
  return next();
};

/** Asks the HSM whether its user may do what a long body is for, before the body is read. */
async function admitLongBody(
  c: RestContext,
  principal: Principal,
  permission: Input<"admit"> | null,
): Promise<void> {
  const [, clusterId] = CLUSTER_PATH.exec(c.req.path) ?? [];
  if (permission === null || clusterId === undefined) return;
  c.set("principal", principal);
  await askHsm(c, clusterId, "admit", permission);
}

/** Whoever is not known is 401; who is, may still not send this much, or not now. */
function unauthenticatedStatus(refusal: Refusal): number {
  if (refusal.code === "body_too_large") return 413;
  return SIGNATURE_CODES.has(refusal.code) ? 401 : statusOf(refusal);
}

/** The answer to a body that is not JSON, or does not say that it is. */
function bodyFault(request: Request, body: Uint8Array): Response | null {
  if (!JSON_TYPE.test(request.headers.get("content-type") ?? "")) {
    const message = "content-type: a body must be application/json, in UTF-8";
    return refusalResponse({ kind: "invalid", code: "content_type_invalid", message });
  }
  const parsed = parseJson(body);
  return parsed.ok ? null : refusalResponse(parsed.refusal);
}

/**
 * An error with the status that fits its kind; `status` where one kind means something else. It is a
 * problem in the sense of RFC 9457, and an `error` as this surface always had it.
 */
export function refusalResponse(refusal: Refusal, status: number = statusOf(refusal)): Response {
  const { code, message, retryAfterS } = refusal;
  const retry = retryAfterS === undefined ? {} : { "retry-after": String(retryAfterS) };
  return Response.json(
    {
      type: `urn:holdfast:error:${code}`,
      title: titleOf(code),
      status,
      detail: message,
      error: { code, message },
    },
    { status, headers: { "content-type": PROBLEM_TYPE, ...retry } },
  );
}

/** A code as words, the same for all occurrences (RFC 9457 §3.1.3). */
function titleOf(code: string): string {
  const words = code.replaceAll("_", " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** The answer to whatever a handler threw: a refusal as such, anything else without details. */
export function answerToError(error: unknown): Response {
  if (error instanceof HTTPException && error.status === 400) {
    const message = "body: this request needs a body, as application/json";
    return refusalResponse({ kind: "invalid", code: "body_malformed", message });
  }
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
    case "limit":
      return 409;
    case "busy":
      return 429;
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
  return await askHsm(c, c.req.param("clusterId") ?? "", name, input);
}

async function askHsm<K extends OperationName>(
  c: RestContext,
  clusterId: string,
  name: K,
  input: Input<K>,
): Promise<Output<K>> {
  const leader = await leaderOf(c, clusterId);
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
