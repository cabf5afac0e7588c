/**
 * Requests that change something act once: a recorded one does nothing when it is sent again, and one that
 * a client repeats under its own key gets the answer of the first time.
 *
 * Spec: docs/API.md, "Repeating". What is remembered lies in the `Region` object.
 */
import type { RequestOutcome } from "../contracts/region-api.ts";
import { granted } from "../contracts/result.ts";
import { refusalResponse } from "./answers.ts";
import { type RestContext, regionOf, SESSION_HEADER } from "./context.ts";

const KEY_HEADER = "idempotency-key";
const KEY = /^[\x21-\x7e]{1,64}$/;

/** Methods and paths that change nothing: sent twice they only answer twice. */
const READING_METHODS = new Set(["GET", "HEAD"]);
const READING_PATH =
  /^\/v1\/(clusters\/[^/]+\/(keys\/\d+\/(sign|verify|encrypt|decrypt)|message-digests)|backups\/[^/]+\/verify)$/;
/** Answers with a secret in them, or with what stands for one. */
const SECRET_PATH = /^\/v1\/clusters\/[^/]+\/(sessions|keys\/\d+\/(export|wrap))$/;
/** Failures after which a write may have been made. */
const IN_DOUBT = new Set(["peers_unsettled", "internal_failure"]);

/** Goes on with a request that may act; answers for one that may not, or that has acted. */
export async function actOnce(
  c: RestContext,
  body: Uint8Array,
  next: () => Promise<void>,
): Promise<Response | undefined> {
  const { method, path } = c.req;
  if (READING_METHODS.has(method) || (method === "POST" && READING_PATH.test(path))) {
    await next();
    return undefined;
  }
  const { accessKeyId, signature, expiresAtMs } = c.get("principal");
  const key = c.req.header(KEY_HEADER) ?? null;
  if (key !== null && !KEY.test(key)) {
    const message = `${KEY_HEADER}: 1 to 64 printable ASCII characters without spaces`;
    return refusalResponse({ kind: "invalid", code: "request_invalid", message });
  }
  const repetition = key === null ? null : { key, requestMac: await macOf(c, body) };
  const region = regionOf(c);
  const admission = granted(
    await region.admitRequest({ accessKeyId, signature, expiresAtMs, repetition }),
  );
  if (admission.kind === "repeated") return again(admission);
  await next();
  if (key !== null) await region.settleRequest(accessKeyId, key, await outcomeOf(c));
  return undefined;
}

function again({ status, body }: { readonly status: number; readonly body: string }): Response {
  const headers = { "content-type": "application/json", "idempotent-replayed": "true" };
  return new Response(body === "" ? null : body, { status, headers });
}

/**
 * Everything that makes it this request: whoever logged in, what they ask, and of what. Passwords and
 * short secrets are in it, so that it is no plain hash: the region's database has not the key.
 */
async function macOf(c: RestContext, body: Uint8Array): Promise<string> {
  const parts = [c.req.method, c.req.url, c.req.header(SESSION_HEADER) ?? "", ""];
  const head = new TextEncoder().encode(parts.join("\n"));
  const whole = new Uint8Array(head.length + body.length);
  whole.set(head);
  whole.set(body, head.length);
  return await c.get("principal").mac(whole);
}

async function outcomeOf(c: RestContext): Promise<RequestOutcome> {
  const { status, ok } = c.res;
  if (ok && SECRET_PATH.test(c.req.path)) return "secret";
  const body = await c.res.clone().text();
  if (ok) return { status, body };
  const { error } = JSON.parse(body) as { readonly error: { readonly code: string } };
  return IN_DOUBT.has(error.code) ? "in_doubt" : "refused";
}
