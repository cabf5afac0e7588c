/**
 * What every route of the REST surface shares: a request is known before it is read, and read before it
 * acts.
 *
 * Spec: docs/API.md, "Requests" and "Errors". A request is read within a limit, authenticated, and
 * only then parsed. Nothing of a body, a session or a key reaches the log.
 */
import { OpenAPIHono, z } from "@hono/zod-openapi";
import type { MiddlewareHandler } from "hono";
import { isPermitted } from "../../cluster/permissions.ts";
import type { Refusal } from "../../cluster/refusal.ts";
import { SIGNATURE_CODES } from "../access/denied.ts";
import { parseJson } from "../access/json.ts";
import { authenticate, type Principal } from "../access/sigv4.ts";
import type { Input } from "../contracts/data-plane.ts";
import { refusalsOf } from "../platform/fault-response.ts";
import { refusalResponse, statusOf } from "./answers.ts";
import {
  askHsm,
  CLUSTER_ID,
  clusterIdOf,
  type RestContext,
  type RestEnv,
  SESSION_HEADER,
} from "./context.ts";
import { actOnce } from "./once.ts";
import { rulesOf } from "./route-rules.ts";

/** Signing names of the REST surface: its own, and the AWS wire's for tools that know no other. */
const SIGNING_NAMES = ["holdfast", "cloudhsm"] as const;

/** A longer message is of no use to anybody, and what it repeats came from the request. */
const MAX_ISSUE_CHARACTERS = 200;

const BODILESS = new Set(["GET", "HEAD"]);
/** RFC 8259 §11: there is no charset parameter; clients that send one mean UTF-8. */
const JSON_TYPE = /^application\/json\s*(;\s*charset\s*=\s*"?utf-8"?\s*)?$/i;

export function jsonBody<T extends z.ZodType>(schema: T) {
  return { required: true, content: { "application/json": { schema } } } as const;
}

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

/** An integer of a path or a query, in digits alone: `1e0`, `0x1` and `01` are no numbers of ours. */
export function decimal(minimum: number, maximum: number = Number.MAX_SAFE_INTEGER) {
  return z
    .string()
    .regex(/^(0|[1-9][0-9]{0,15})$/, "expected an integer in decimal digits")
    .transform(Number)
    .pipe(z.int().min(minimum).max(maximum))
    .openapi({ type: "integer", minimum, maximum });
}

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

/** Authenticates a request, checks the role and that the body is one for the route, and hands it on. */
export const authenticated: MiddlewareHandler<RestEnv> = async (c, next) => {
  const request = c.req.raw;
  const rules = rulesOf(request.method, c.req.path);
  const outcome = await authenticate(request, c.get("deployment"), {
    services: SIGNING_NAMES,
    maxBodyBytes: rules.maxBodyBytes,
    nowMs: Date.now(),
    admit: (principal) => refusalsOf(() => admitLongBody(c, principal, rules.permission)),
  });
  if (!outcome.ok) return refusalResponse(outcome.refusal, unauthenticatedStatus(outcome.refusal));
  const { principal, body } = outcome.value;
  if (!isPermitted(principal.role, rules.effect === "reads" ? "read" : "write")) {
    return refusalResponse({
      kind: "denied",
      code: "role_insufficient",
      message: `The role '${principal.role}' of this access key may not do this.`,
    });
  }
  c.set("principal", principal);
  const fault = body.length > 0 ? bodyFault(request, body, rules.takesBody) : null;
  if (fault !== null) return fault;
  // It has been read, and a validator reads it again; a GET has no use for one.
  if (!BODILESS.has(request.method)) c.req.raw = new Request(request, { body });
  return actOnce(c, body, next);
};

/** Asks the HSM whether its user may do what a long body is for, before the body is read. */
async function admitLongBody(
  c: RestContext,
  principal: Principal,
  permission: Input<"admit"> | null,
): Promise<void> {
  const clusterId = clusterIdOf(c);
  if (permission === null || clusterId === null) return;
  c.set("principal", principal);
  await askHsm(c, clusterId, "admit", permission);
}

/** Whoever is not known is 401; who is, may still not send this much, or not now. */
function unauthenticatedStatus(refusal: Refusal): number {
  if (refusal.code === "body_too_large") return 413;
  return SIGNATURE_CODES.has(refusal.code) ? 401 : statusOf(refusal);
}

/** The answer to a body that is not JSON, does not say that it is, or is one where none belongs. */
function bodyFault(request: Request, body: Uint8Array, isTaken: boolean): Response | null {
  if (!JSON_TYPE.test(request.headers.get("content-type") ?? "")) {
    const message = "content-type: a body must be application/json, in UTF-8";
    return refusalResponse({ kind: "invalid", code: "content_type_invalid", message });
  }
  const parsed = parseJson(body);
  if (!parsed.ok) return refusalResponse(parsed.refusal);
  if (isTaken || isEmptyObject(parsed.value)) return null;
  const message = "body: this request takes none; send none, or {}";
  return refusalResponse({ kind: "invalid", code: "request_invalid", message });
}

function isEmptyObject(value: unknown): boolean {
  const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
  return isObject && Object.keys(value).length === 0;
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
