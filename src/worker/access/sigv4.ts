/**
 * Who is calling: AWS Signature Version 4, verified by signing again what the client says it signed.
 *
 * Spec: docs/AWS.md, "Signatures". Headers come first (caller.ts): a body that states its hash is read only
 * after the signature over that hash holds, and one that does not is read only while it is short. Refusals
 * name what is wrong with the request; nothing of a secret key, and no expected signature, ever appears in
 * one.
 */
import type { AccessRole } from "../../cluster/permissions.ts";
import { encodeHex } from "../../crypto/base-encodings.ts";
import { type Result, refusal, success } from "../contracts/result.ts";
import type { Deployment } from "../platform/deployment.ts";
import { declaredLength, drain, readBody } from "./body.ts";
import { type Caller, type CallerRules, callerOf } from "./caller.ts";
import { CanonicalRequest } from "./canonical-request.ts";
import { denied } from "./denied.ts";

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

export interface AuthenticationRules extends CallerRules {
  readonly maxBodyBytes: number;
  /** Asked before a long body is read, when its signature holds already. */
  readonly admit?: (principal: Principal) => Promise<Result<unknown>>;
}

/** Longest body that is read before the signature has been verified: some clients state no hash. */
const MAX_UNDECLARED_BODY_BYTES = 64 * 1024;

const SHA256_HEX = /^[0-9a-f]{64}$/;

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
  const isVerifiedFirst = declared !== null && isLengthKnown;
  if (isVerifiedFirst) {
    const mismatch = await verifySignature(request, caller, declared, null);
    const refused = mismatch ?? (await admitBody(request, principal, rules));
    if (refused !== null) return refused;
  }
  const read = await readWithin(request, rules.maxBodyBytes, isVerifiedFirst);
  if (!read.ok) return read;
  const body = read.value;
  const hash = encodeHex(new Uint8Array(await crypto.subtle.digest("SHA-256", body)));
  if (declared !== null && declared !== hash) return denied(...HASH_REFUSED);
  const refused = isVerifiedFirst
    ? null
    : await verifySignature(request, caller, hash, body.length);
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

function principalOf({ authorization, key, expiresAtMs }: Caller): Principal {
  const { accessKeyId, account, role } = key;
  const { region, signature } = authorization;
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

/** @returns null if the signature holds; what should have been signed, if not. */
async function verifySignature(
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
