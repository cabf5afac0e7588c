/**
 * Who is calling: AWS Signature Version 4, checked by signing again what the client says it signed.
 *
 * Spec: docs/AWS.md, "Signatures". The hash of the body is always our own. Refusals name what is
 * wrong with the request; nothing of a secret key, and no expected signature, ever appears in one.
 */

import { AwsV4Signer } from "aws4fetch";
import type { AccessRole } from "../../cluster/permissions.ts";
import { encodeHex } from "../../crypto/base-encodings.ts";
import { type Result, refusal, success } from "../contracts/result.ts";
import type { AccessKey, Deployment } from "../platform/deployment.ts";

/** Whoever signed the request, and the region their credential is scoped to. */
export interface Principal {
  readonly accessKeyId: string;
  readonly account: string;
  readonly role: AccessRole;
  readonly region: string;
}

/** Accepted distance between the request's date and the clock, either way. */
const MAX_CLOCK_SKEW_MS = 5 * 60_000;

const ALGORITHM = "AWS4-HMAC-SHA256";
const MAX_SIGNED_HEADERS = 64;
const AMZ_DATE = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/;
/** RFC 9110 §5.1, in lower case. */
const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9a-z-]+$/;
/** Headers that change what a request means: one that is sent must be under the signature. */
const MEANINGFUL_HEADER = /^(x-amz-.*|holdfast-.*|idempotency-key|content-type)$/;

interface Authorization {
  readonly accessKeyId: string;
  readonly date: string;
  readonly region: string;
  readonly service: string;
  readonly signedHeaders: readonly string[];
  /** 64 hexadecimal digits. */
  readonly signature: string;
}

/**
 * Authenticates a request whose body has been read.
 *
 * @param body - every byte of the body; borrowed. Its SHA-256 is computed here.
 * @param services - signing names that are accepted, such as `cloudhsm`.
 * @param nowMs - the clock the request's date is compared with.
 */
export async function authenticate(
  request: Request,
  body: Uint8Array,
  deployment: Deployment,
  services: readonly string[],
  nowMs: number,
): Promise<Result<Principal>> {
  const header = request.headers.get("authorization");
  if (header === null) {
    return denied("authentication_missing", "Request is missing Authentication Token");
  }
  const authorization = parseAuthorization(header);
  if (typeof authorization === "string") return denied("signature_incomplete", authorization);
  const omission = unsignedHeader(request, authorization.signedHeaders);
  if (omission !== null) {
    return denied(
      "signature_incomplete",
      `'${omission}' must be a 'SignedHeader' in the AWS Credential.`,
    );
  }
  const scope = checkScope(request, authorization, deployment, services);
  if (scope !== null) return scope;
  const key = deployment.accessKeys.find(
    (known) => known.accessKeyId === authorization.accessKeyId,
  );
  if (key === undefined) {
    return denied("access_key_unknown", "The security token included in the request is invalid.");
  }
  const late = checkTime(request, nowMs);
  if (late !== null) return late;
  const declared = await checkDeclaredHash(request, body);
  if (declared !== null) return declared;
  const expected = await sign(request, body, authorization, key);
  if (!equalHex(expected, authorization.signature)) {
    return denied(
      "signature_mismatch",
      "The request signature we calculated does not match the signature you provided. Check your " +
        "AWS Secret Access Key and signing method. Consult the service documentation for details.",
    );
  }
  const { accessKeyId, account, role } = key;
  return success({ accessKeyId, account, role, region: authorization.region });
}

function denied(code: string, message: string): Result<never> {
  return refusal("denied", code, message);
}

/** The parts of an `Authorization` header, or a sentence saying which one is missing. */
function parseAuthorization(header: string): Authorization | string {
  if (!header.startsWith(`${ALGORITHM} `)) {
    return `Authorization header requires the algorithm ${ALGORITHM}.`;
  }
  const fields = new Map<string, string>();
  for (const field of header.slice(ALGORITHM.length).split(",")) {
    const equals = field.indexOf("=");
    fields.set(field.slice(0, equals).trim(), field.slice(equals + 1).trim());
  }
  for (const name of ["Credential", "SignedHeaders", "Signature"]) {
    if (!fields.get(name)) return `Authorization header requires '${name}' parameter.`;
  }
  const scope = (fields.get("Credential") ?? "").split("/");
  const [accessKeyId, date, region, service, terminator] = scope;
  if (
    scope.length !== 5 ||
    !accessKeyId ||
    !date ||
    !region ||
    !service ||
    terminator !== "aws4_request"
  ) {
    return "Credential must have the form KEY/DATE/REGION/SERVICE/aws4_request.";
  }
  const signature = fields.get("Signature") ?? "";
  if (!/^[0-9a-f]{64}$/.test(signature)) return "Signature must be 64 hexadecimal digits.";
  const signedHeaders = (fields.get("SignedHeaders") ?? "").toLowerCase().split(";");
  if (signedHeaders.length > MAX_SIGNED_HEADERS) return "SignedHeaders names too many headers.";
  if (!signedHeaders.every((name) => HEADER_NAME.test(name))) {
    return "SignedHeaders must be header names joined by semicolons.";
  }
  return { accessKeyId, date, region, service, signedHeaders, signature };
}

/** A header that had to be signed and was not; null if there is none. */
function unsignedHeader(request: Request, signedHeaders: readonly string[]): string | null {
  const sent = [...request.headers.keys()].filter((name) => MEANINGFUL_HEADER.test(name));
  // SDK for JavaScript v2 does not sign the content type; the signed hash still fixes the body.
  const optional = signedHeaders.includes("x-amz-content-sha256") ? "content-type" : null;
  const required = ["host", "x-amz-date", ...sent].filter((name) => name !== optional);
  return required.find((name) => !signedHeaders.includes(name)) ?? null;
}

function checkScope(
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

function checkTime(request: Request, nowMs: number): Result<never> | null {
  const text = request.headers.get("x-amz-date") ?? "";
  const atMs = AMZ_DATE.test(text) ? Date.parse(text.replace(AMZ_DATE, "$1-$2-$3T$4:$5:$6Z")) : NaN;
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

/** A hash that the client states must be that of the body; a stated lack of one is refused. */
async function checkDeclaredHash(
  request: Request,
  body: Uint8Array,
): Promise<Result<never> | null> {
  const declared = request.headers.get("x-amz-content-sha256");
  if (declared === null) return null;
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", body));
  if (declared.toLowerCase() === encodeHex(digest)) return null;
  return denied(
    "signature_mismatch",
    "The value of x-amz-content-sha256 is not the SHA-256 of the body that arrived. Unsigned and " +
      "chunk-signed payloads are not accepted.",
  );
}

/** The signature this request must carry, as 64 hexadecimal digits. */
async function sign(
  request: Request,
  body: Uint8Array,
  authorization: Authorization,
  key: AccessKey,
): Promise<string> {
  const url = new URL(request.url);
  const host = request.headers.get("host");
  if (host !== null) url.host = host; // As the client saw it, whatever the worker's own URL says.
  const headers = new Headers();
  for (const name of authorization.signedHeaders) {
    if (name !== "host") headers.set(name, signedValue(request, name, body));
  }
  const signer = new AwsV4Signer({
    method: request.method,
    url: url.toString(),
    headers,
    body,
    accessKeyId: key.accessKeyId,
    secretAccessKey: key.secretAccessKey,
    service: authorization.service,
    region: authorization.region,
    datetime: request.headers.get("x-amz-date") ?? "",
    allHeaders: true,
  });
  return signer.signature();
}

/** Headers that the network in front of the worker rewrites are taken from what it reports. */
function signedValue(request: Request, name: string, body: Uint8Array): string {
  if (name === "content-length") return String(body.length);
  if (name === "accept-encoding") {
    const reported: unknown = request.cf?.["clientAcceptEncoding"];
    if (typeof reported === "string") return reported;
  }
  return request.headers.get(name) ?? "";
}

/** Equality of two signatures in time that does not depend on where they differ. */
function equalHex(a: string, b: string): boolean {
  const encoder = new TextEncoder();
  const [left, right] = [encoder.encode(a), encoder.encode(b)];
  return left.length === right.length && crypto.subtle.timingSafeEqual(left, right);
}

/**
 * Reads a body of at most `limitBytes`; null if there is more. Nothing beyond the limit is kept.
 */
export async function readBody(request: Request, limitBytes: number): Promise<Uint8Array | null> {
  const declared = Number(request.headers.get("content-length") ?? 0);
  if (declared > limitBytes) return null;
  if (request.body === null) return new Uint8Array();
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const part of request.body) {
    length += part.length;
    if (length > limitBytes) return null;
    parts.push(part);
  }
  const body = new Uint8Array(length);
  let offset = 0;
  for (const part of parts) {
    body.set(part, offset);
    offset += part.length;
  }
  return body;
}
