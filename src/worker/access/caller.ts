/**
 * What the headers of a request alone say of its signature: that it is whole, in date, for this deployment,
 * and by a key that is known.
 *
 * Spec: docs/AWS.md, "Signatures".
 */
import { type Result, success } from "../contracts/result.ts";
import type { AccessKey, Deployment } from "../platform/deployment.ts";
import { type Authorization, parseAuthorization } from "./authorization.ts";
import { denied } from "./denied.ts";

/** Accepted distance between the request's date and the clock, either way. */
const MAX_CLOCK_SKEW_MS = 5 * 60_000;
/** How far the clocks of two machines of the deployment may lie apart. */
const CLOCK_MARGIN_MS = 60_000;

const AMZ_DATE = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/;
/** Headers that change what a request means: one that is sent must be under the signature. */
const MEANINGFUL_HEADER = /^(x-amz-.*|holdfast-.*|idempotency-key|content-type)$/;
/** Signed headers that the network in front may keep to itself; what is signed is known otherwise. */
const REWRITTEN_HEADERS = new Set(["host", "content-length", "accept-encoding"]);

export interface CallerRules {
  /** Signing names that are accepted, such as `cloudhsm`. */
  readonly services: readonly string[];
  /** The clock the request's date is compared with. */
  readonly nowMs: number;
}

/** Whoever says that they signed, and is known; the signature itself has not been verified. */
export interface Caller {
  readonly authorization: Authorization;
  readonly key: AccessKey;
  /** From when on the signature is refused for its date, by every clock. */
  readonly expiresAtMs: number;
}

/** What the headers alone say: a whole signature, in date, by a known key. */
export function callerOf(
  request: Request,
  deployment: Deployment,
  { services, nowMs }: CallerRules,
): Result<Caller> {
  const header = request.headers.get("authorization");
  if (header === null) {
    return denied("authentication_missing", "Request is missing Authentication Token");
  }
  const authorization = parseAuthorization(header);
  if (typeof authorization === "string") return denied("signature_incomplete", authorization);
  const fault = signedHeadersFault(request, authorization.signedHeaders);
  if (fault !== null) return denied("signature_incomplete", fault);
  const scope = verifyScope(request, authorization, deployment, services);
  if (scope !== null) return scope;
  if (request.headers.has("x-amz-security-token")) {
    return denied(
      "security_token_unknown",
      "The security token included in the request is invalid: access keys of this deployment have " +
        "none. Unset AWS_SESSION_TOKEN.",
    );
  }
  const key = deployment.accessKeys.find(
    (known) => known.accessKeyId === authorization.accessKeyId,
  );
  if (key === undefined) {
    return denied("access_key_unknown", "The security token included in the request is invalid.");
  }
  const signedAtMs = signingTime(request);
  const late = verifyTime(request.headers.get("x-amz-date") ?? "", signedAtMs, nowMs);
  const expiresAtMs = signedAtMs + MAX_CLOCK_SKEW_MS + CLOCK_MARGIN_MS;
  return late ?? success({ authorization, key, expiresAtMs });
}

/** A sentence about a header that had to be signed and was not, or the other way round. */
function signedHeadersFault(request: Request, signedHeaders: readonly string[]): string | null {
  const sent = [...request.headers.keys()].filter((name) => MEANINGFUL_HEADER.test(name));
  // SDK for JavaScript v2 does not sign the content type; the signed hash still fixes the body.
  const optional = signedHeaders.includes("x-amz-content-sha256") ? "content-type" : null;
  const required = ["host", "x-amz-date", ...sent].filter((name) => name !== optional);
  const unsigned = required.find((name) => !signedHeaders.includes(name));
  if (unsigned !== undefined) {
    return `'${unsigned}' must be a 'SignedHeader' in the AWS Credential.`;
  }
  const unsent = signedHeaders.find(
    (name) => !REWRITTEN_HEADERS.has(name) && !request.headers.has(name),
  );
  return unsent === undefined ? null : `SignedHeaders names '${unsent}', which was not sent.`;
}

function verifyScope(
  request: Request,
  authorization: Authorization,
  deployment: Deployment,
  services: readonly string[],
): Result<never> | null {
  if (!services.includes(authorization.service)) {
    const names = services.map((service) => `'${service}'`).join(" or ");
    return denied("scope_invalid", `Credential should be scoped to correct service: ${names}.`);
  }
  if (!deployment.regions.includes(authorization.region)) {
    return denied(
      "scope_invalid",
      "Credential should be scoped to a valid region. This deployment serves: " +
        `${deployment.regions.join(", ")}.`,
    );
  }
  const date = request.headers.get("x-amz-date") ?? "";
  if (date.slice(0, 8) !== authorization.date) {
    return denied(
      "scope_invalid",
      "Date in Credential scope does not match YYYYMMDD of X-Amz-Date.",
    );
  }
  return null;
}

/** NaN where the date is none. */
function signingTime(request: Request): number {
  const text = request.headers.get("x-amz-date") ?? "";
  return AMZ_DATE.test(text)
    ? Date.parse(text.replace(AMZ_DATE, "$1-$2-$3T$4:$5:$6Z"))
    : Number.NaN;
}

function verifyTime(text: string, atMs: number, nowMs: number): Result<never> | null {
  if (Number.isNaN(atMs)) {
    return denied("signature_incomplete", "X-Amz-Date must have the form YYYYMMDDTHHMMSSZ.");
  }
  if (atMs < nowMs - MAX_CLOCK_SKEW_MS) {
    const limit = amzDate(nowMs - MAX_CLOCK_SKEW_MS);
    return denied(
      "signature_expired",
      `Signature expired: ${text} is now earlier than ${limit} (${amzDate(nowMs)} - 5 min.)`,
    );
  }
  if (atMs > nowMs + MAX_CLOCK_SKEW_MS) {
    const limit = amzDate(nowMs + MAX_CLOCK_SKEW_MS);
    return denied(
      "signature_expired",
      `Signature not yet current: ${text} is still later than ${limit} ` +
        `(${amzDate(nowMs)} + 5 min.)`,
    );
  }
  return null;
}

function amzDate(atMs: number): string {
  return new Date(atMs).toISOString().replace(/[:-]|\.\d{3}/g, "");
}
