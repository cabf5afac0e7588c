/**
 * `POST /`: the AWS JSON 1.1 protocol of CloudHSM V2, from bytes to bytes.
 *
 * Spec: docs/AWS.md. Order: bound the body, authenticate, find the operation, ask the role, parse,
 * answer. Every answer carries a request id; what goes wrong inside is logged under it, not told.
 */
import { isPermitted } from "../../cluster/permissions.ts";
import { authenticate, readBody } from "../access/sigv4.ts";
import type { Result } from "../contracts/result.ts";
import type { Deployment } from "../platform/deployment.ts";
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
    const reason = error instanceof Error ? error.message : String(error);
    console.error(JSON.stringify({ event: "aws_request_failed", requestId, reason }));
    return { ok: false, error: INTERNAL_FAILURE };
  }
}

async function answerRequest(
  request: Request,
  deployment: Deployment,
  nowMs: number,
): Promise<Answer> {
  const body = await readBody(request, MAX_WIRE_BODY_BYTES);
  if (body === null) return tooLarge();
  const principal = await authenticate(request, body, deployment, SERVICES, nowMs);
  if (!principal.ok) return { ok: false, error: awsError(principal.refusal) };
  const name = operationName(request);
  const operation = AWS_OPERATIONS.get(name);
  if (operation === undefined) return unknownOperation(name);
  const { role, account, region } = principal.value;
  if (!isPermitted(role, operation.action)) return notPermitted(name, role);
  const input = parseBody(body);
  if (!input.ok) return clientError("SerializationException", "The body is not a JSON object.");
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
  return target.startsWith(TARGET_PREFIX) ? target.slice(TARGET_PREFIX.length) : target;
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

function tooLarge(): Answer {
  const message = `The request is larger than ${MAX_WIRE_BODY_BYTES} bytes.`;
  return { ok: false, error: { type: "RequestEntityTooLargeException", message, status: 413 } };
}

/** A JSON object; an empty body counts as `{}`, as some clients send it. */
function parseBody(body: Uint8Array): { ok: true; value: unknown } | { ok: false } {
  if (body.length === 0) return { ok: true, value: {} };
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: false }).decode(body);
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null && !Array.isArray(value)) {
      return { ok: true, value };
    }
    return { ok: false };
  } catch {
    return { ok: false }; // Not UTF-8 or not JSON: the client learns that much and no more.
  }
}

function toAnswer(result: Result<Shape>): Answer {
  return result.ok ? result : { ok: false, error: awsError(result.refusal) };
}

function clientError(type: string, message: string): Answer {
  return { ok: false, error: { type, message, status: 400 } };
}
