/**
 * Who is calling: AWS Signature Version 4, checked by signing again what the client says it signed.
 *
 * Spec: docs/AWS.md, "Signatures". Headers come first: a body that states its hash is read only after the
 * signature over that hash holds, and one that does not is read only while it is short. Refusals name what
 * is wrong with the request; nothing of a secret key, and no expected signature, ever appears in one.
 */
import type { AccessRole } from "../../cluster/permissions.ts";
import { encodeHex } from "../../crypto/base-encodings.ts";
import { type Result, refusal, success } from "../contracts/result.ts";
import type { AccessKey, Deployment } from "../platform/deployment.ts";
import { type Authorization, parseAuthorization } from "./authorization.ts";
import { declaredLength, drain, readBody } from "./body.ts";
import { CanonicalRequest } from "./canonical-request.ts";

/** Whoever signed the request, and the region their credential is scoped to. */
export interface Principal {
  readonly accessKeyId: string;
  readonly account: string;
  readonly role: AccessRole;
  readonly region: string;
  /** Of the request: 64 hexadecimal digits, the same only for a request that says the same. */
  readonly signature: string;
  /** From when on it is refused for its date, by every clock. */
  readonly expiresAtMs: number;
  /** HMAC-SHA-256 under the secret of the access key, hexadecimal: of no use without it. */
  mac(data: Uint8Array): Promise<string>;
}

/** A request of which every byte is known to be the principal's. */
export interface Authenticated {
  readonly principal: Principal;
  readonly body: Uint8Array;
}

export interface AuthenticationRules {
  /** Signing names that are accepted, such as `cloudhsm`. */
  readonly services: readonly string[];
  readonly maxBodyBytes: number;
  /** The clock the request's date is compared with. */
  readonly nowMs: number;
  /** Asked before a long body is read, when its signature holds already. */
  readonly admit?: (principal: Principal) => Promise<Result<unknown>>;
}

/** Codes by which a client knows that it is not known. */
export const SIGNATURE_CODES: ReadonlySet<string> = new Set([
  "authentication_missing",
  "signature_incomplete",
  "signature_mismatch",
  "signature_expired",
  "scope_invalid",
  "access_key_unknown",
  "security_token_unknown",
  "body_hash_missing",
]);

/** Accepted distance between the request's date and the clock, either way. */
const MAX_CLOCK_SKEW_MS = 5 * 60_000;
/** How far the clocks of two machines of the deployment may lie apart. */
const CLOCK_MARGIN_MS = 60_000;
/** Longest body that is read before the signature has been checked: some clients state no hash. */
const MAX_UNDECLARED_BODY_BYTES = 64 * 1024;

const AMZ_DATE = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/;
const SHA256_HEX = /^[0-9a-f]{64}$/;
/** Headers that change what a request means: one that is sent must be under the signature. */
const MEANINGFUL_HEADER = /^(x-amz-.*|holdfast-.*|idempotency-key|content-type)$/;
/** Signed headers that the network in front may keep to itself; what is signed is known otherwise. */
const REWRITTEN_HEADERS = new Set(["host", "content-length", "accept-encoding"]);

/** Authenticates a request and reads its body. */
export async function authenticate(
  request: Request,
  deployment: Deployment,
  rules: AuthenticationRules,
): Promise<Result<Authenticated>> {
  const caller = callerOf(request, deployment, rules);
  const outcome = caller.ok ? await authenticateCaller(request, caller.value, rules) : caller;
  // A connection whose request was not read to its end cannot be used again; short ones are read.
  if (!outcome.ok) await drain(request, MAX_UNDECLARED_BODY_BYTES);
  return outcome;
}

async function authenticateCaller(
  request: Request,
  caller: Caller,
  rules: AuthenticationRules,
): Promise<Result<Authenticated>> {
  const declared = request.headers.get("x-amz-content-sha256");
  if (declared !== null && !SHA256_HEX.test(declared)) return denied(...HASH_REFUSED);
  const principal = principalOf(caller);
  // A signed length that did not arrive is known only when the body has been read.
  const isLengthKnown =
    !caller.authorization.signedHeaders.includes("content-length") ||
    request.headers.has("content-length");
  const isCheckedFirst = declared !== null && isLengthKnown;
  if (isCheckedFirst) {
    const mismatch = await checkSignature(request, caller, declared, null);
    const refused = mismatch ?? (await admitBody(request, principal, rules));
    if (refused !== null) return refused;
  }
  const read = await readWithin(request, rules.maxBodyBytes, isCheckedFirst);
  if (!read.ok) return read;
  const body = read.value;
  const hash = encodeHex(new Uint8Array(await crypto.subtle.digest("SHA-256", body)));
  if (declared !== null && declared !== hash) return denied(...HASH_REFUSED);
  const refused = isCheckedFirst ? null : await checkSignature(request, caller, hash, body.length);
  return refused ?? success({ principal, body });
}

/** A body that is long, though not too long, is read for those alone who have a use for it. */
async function admitBody(
  request: Request,
  principal: Principal,
  { maxBodyBytes, admit }: AuthenticationRules,
): Promise<Result<never> | null> {
  const bytes = declaredLength(request);
  if (bytes <= MAX_UNDECLARED_BODY_BYTES || bytes > maxBodyBytes) return null;
  const admitted = await admit?.(principal);
  if (admitted === undefined || admitted.ok) return null;
  await drain(request, maxBodyBytes); // A client that is still sending might not see the answer.
  return admitted;
}

function principalOf({ authorization, key, signedAtMs }: Caller): Principal {
  const { accessKeyId, account, role } = key;
  const { region, signature } = authorization;
  const expiresAtMs = signedAtMs + MAX_CLOCK_SKEW_MS + CLOCK_MARGIN_MS;
  const mac = (data: Uint8Array) => macUnder(key.secretAccessKey, data);
  return { accessKeyId, account, role, region, signature, expiresAtMs, mac };
}

async function macUnder(secret: string, data: Uint8Array): Promise<string> {
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  const bytes = new TextEncoder().encode(`holdfast/v1/request-mac ${secret}`);
  const key = await crypto.subtle.importKey("raw", bytes, algorithm, false, ["sign"]);
  return encodeHex(new Uint8Array(await crypto.subtle.sign(algorithm, key, data)));
}

const HASH_REFUSED = [
  "signature_mismatch",
  "The value of x-amz-content-sha256 is not the SHA-256 of the body that arrived. Unsigned and " +
    "chunk-signed payloads are not accepted.",
] as const;

interface Caller {
  readonly authorization: Authorization;
  readonly key: AccessKey;
  readonly signedAtMs: number;
}

/** What the headers alone say: a whole signature, in date, by a known key. */
function callerOf(
  request: Request,
  deployment: Deployment,
  { services, nowMs }: AuthenticationRules,
): Result<Caller> {
  const header = request.headers.get("authorization");
  if (header === null) {
    return denied("authentication_missing", "Request is missing Authentication Token");
  }
  const authorization = parseAuthorization(header);
  if (typeof authorization === "string") return denied("signature_incomplete", authorization);
  const fault = signedHeadersFault(request, authorization.signedHeaders);
  if (fault !== null) return denied("signature_incomplete", fault);
  const scope = checkScope(request, authorization, deployment, services);
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
  const late = checkTime(request.headers.get("x-amz-date") ?? "", signedAtMs, nowMs);
  return late ?? success({ authorization, key, signedAtMs });
}

/** The body, as far as it may be read. */
async function readWithin(
  request: Request,
  maxBytes: number,
  isSigned: boolean,
): Promise<Result<Uint8Array>> {
  // Of a body that does not say how long it is nobody was asked whether it may be long.
  const isShort = !isSigned || !request.headers.has("content-length");
  const isUndeclared = isShort && maxBytes > MAX_UNDECLARED_BODY_BYTES;
  const limit = isUndeclared ? MAX_UNDECLARED_BODY_BYTES : maxBytes;
  const body = await readBody(request, limit);
  if (body !== null) return success(body);
  if (isUndeclared && declaredLength(request) <= maxBytes) {
    return denied(
      "body_hash_missing",
      `A body of more than ${limit} bytes needs content-length, and its SHA-256 in the signed header ` +
        "x-amz-content-sha256.",
    );
  }
  return refusal(
    "limit",
    "body_too_large",
    `The body may have at most ${maxBytes} bytes. Send less at a time.`,
  );
}

function denied(code: string, message: string): Result<never> {
  return refusal("denied", code, message);
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

/** NaN where the date is none. */
function signingTime(request: Request): number {
  const text = request.headers.get("x-amz-date") ?? "";
  return AMZ_DATE.test(text)
    ? Date.parse(text.replace(AMZ_DATE, "$1-$2-$3T$4:$5:$6Z"))
    : Number.NaN;
}

function checkTime(text: string, atMs: number, nowMs: number): Result<never> | null {
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

/** @returns null if the signature holds; what should have been signed, if not. */
async function checkSignature(
  request: Request,
  { authorization, key }: Caller,
  hash: string,
  bytes: number | null,
): Promise<Result<never> | null> {
  const canonical = new CanonicalRequest(request, authorization, key, { hash, bytes });
  const rights = await canonical.signatures();
  if (rights.map((right) => equalHex(right, authorization.signature)).includes(true)) return null;
  return denied(
    "signature_mismatch",
    "The request signature we calculated does not match the signature you provided. Check your " +
      "AWS Secret Access Key and signing method. Consult the service documentation for details.\n\n" +
      `The Canonical String for this request should have been\n'${await canonical.shown()}'`,
  );
}

/** Equality of two signatures in time that does not depend on where they differ. */
function equalHex(a: string, b: string): boolean {
  const encoder = new TextEncoder();
  const [left, right] = [encoder.encode(a), encoder.encode(b)];
  return left.length === right.length && crypto.subtle.timingSafeEqual(left, right);
}
