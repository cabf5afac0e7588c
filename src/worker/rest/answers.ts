/**
 * What a route answers: its success as the OpenAPI document has it, and a refusal as a problem.
 *
 * Spec: docs/API.md, "Errors"; RFC 9457.
 */
import { z } from "@hono/zod-openapi";
import { HTTPException } from "hono/http-exception";
import type { Refusal } from "../../cluster/refusal.ts";
import { refusalFor } from "../platform/fault-response.ts";

const PROBLEM_TYPE = "application/problem+json";

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

/**
 * The answer to whatever a handler threw: a refusal as such, anything else without details.
 *
 * @param requestId - under which the log has them.
 */
export function answerToError(error: unknown, requestId: string): Response {
  if (error instanceof HTTPException && error.status === 400) {
    const message = "body: this request needs a body, as application/json";
    return refusalResponse({ kind: "invalid", code: "body_malformed", message });
  }
  return refusalResponse(refusalFor(error, requestId));
}

export function statusOf(refusal: Refusal): number {
  if (UNAUTHENTICATED.has(refusal.code)) return 401;
  // To ask again is of no use.
  if (refusal.code === "deployment_invalid") return 500;
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
