/**
 * `POST /`: the AWS JSON 1.1 protocol of CloudHSM V2, from bytes to bytes.
 *
 * Spec: docs/AWS.md. Order: bound the body, authenticate, find the operation, ask the role, parse,
 * answer. Every answer carries a request id; what goes wrong inside is logged under it, not told.
 */

import { isPermitted } from "../../cluster/permissions.ts";
import { parseJson } from "../access/json.ts";
import { authenticate } from "../access/sigv4.ts";
import { type Result, refusal, success } from "../contracts/result.ts";
import type { Deployment } from "../platform/deployment.ts";
import { log, reasonOf } from "../platform/log.ts";
import { type AwsError, awsError, errorBody, INTERNAL_FAILURE } from "./errors.ts";
import { AWS_OPERATIONS, NOT_OFFERED } from "./operations.ts";
import type { Shape } from "./shapes.ts";

const MAX_WIRE_BODY_BYTES = 256 * 1024;

const SERVICES = ["cloudhsm"];
const TARGET_PREFIX = "BaldrApiService.";
const MEDIA_TYPE = "application/x-amz-json-1.1";

type Answer =
  | { readonly ok: true; readonly value: Shape }
  | { readonly ok: false; readonly error: AwsError };

export async function answerAwsRequest(
  request: Request,
  deployment: Deployment,
  nowMs: number,
): Promise<Response> {
  const requestId = crypto.randomUUID();
  const answer = await guarded(request, deployment, nowMs, requestId);
  const headers = { "content-type": MEDIA_TYPE, "x-amzn-RequestId": requestId };
  if (answer.ok) return new Response(JSON.stringify(answer.value), { headers });
  const { error } = answer;
  return new Response(errorBody(error), {
    status: error.status,
    headers: { ...headers, "x-amzn-ErrorType": error.type },
  });
}

/** The one place where a throw ends: the world behind the worker failed, and clients may retry. */
async function guarded(
  request: Request,
  deployment: Deployment,
  nowMs: number,
  requestId: string,
): Promise<Answer> {
  try {
    return await answerRequest(request, deployment, nowMs);
  } catch (error) {
    log("warning", "aws_request_failed", { requestId, reason: reasonOf(error) });
    return { ok: false, error: INTERNAL_FAILURE };
  }
}

async function answerRequest(
  request: Request,
  deployment: Deployment,
  nowMs: number,
): Promise<Answer> {
  const rules = { services: SERVICES, maxBodyBytes: MAX_WIRE_BODY_BYTES, nowMs };
  const authenticated = await authenticate(request, deployment, rules);
  if (!authenticated.ok) return { ok: false, error: awsError(authenticated.refusal) };
  const { principal, body } = authenticated.value;
  const name = operationName(request);
  const operation = AWS_OPERATIONS.get(name);
  if (operation === undefined) return unknownOperation(name);
  const { role, account, region } = principal;
  if (!isPermitted(role, operation.action)) return notPermitted(name, role);
  const input = parseBody(body);
  if (!input.ok) return { ok: false, error: awsError(input.refusal) };
  const scope = {
    region: deployment.region(account, region),
    reader: () => deployment.reader(account, region),
    place: { account, region },
    role,
  };
  return toAnswer(await operation.answer(scope, input.value));
}

function operationName(request: Request): string {
  const target = request.headers.get("x-amz-target") ?? "";
  return target.startsWith(TARGET_PREFIX) ? target.slice(TARGET_PREFIX.length) : "";
}

function unknownOperation(name: string): Answer {
  if (!NOT_OFFERED.includes(name)) {
    return clientError("UnknownOperationException", "The requested operation is not known.");
  }
  return clientError(
    "CloudHsmInvalidRequestException",
    `${name} is not offered by this deployment yet (docs/AWS.md lists what is).`,
  );
}

function notPermitted(name: string, role: string): Answer {
  return clientError(
    "CloudHsmAccessDeniedException",
    `The access key's role '${role}' may not perform ${name}.`,
  );
}

/** A JSON object; an empty body counts as `{}`, as some clients send it. */
function parseBody(body: Uint8Array): Result<unknown> {
  const parsed: Result<unknown> = body.length === 0 ? success({}) : parseJson(body);
  if (!parsed.ok || isObject(parsed.value)) return parsed;
  return refusal("invalid", "body_malformed", "The body is not a JSON object.");
}

function isObject(value: unknown): boolean {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function toAnswer(result: Result<Shape>): Answer {
  return result.ok ? result : { ok: false, error: awsError(result.refusal) };
}

function clientError(type: string, message: string): Answer {
  return { ok: false, error: { type, message, status: 400 } };
}
