/**
 * Requests that change something act once: a recorded one does nothing when it is sent again, and one that
 * a client repeats under its own key gets the answer of the first time, while the session that it was asked
 * in lives.
 *
 * Spec: docs/API.md, "Repeating". What is remembered lies in the `Region` object.
 */
import { concatBytes } from "../../crypto/bytes.ts";
import type { Admission, RequestOutcome } from "../contracts/region-api.ts";
import { granted, type Result } from "../contracts/result.ts";
import { refusalResponse } from "./answers.ts";
import { askHsm, clusterIdOf, type RestContext, regionOf, SESSION_HEADER } from "./context.ts";
import { rulesOf } from "./route-rules.ts";

const KEY_HEADER = "idempotency-key";
const KEY = /^[\x21-\x7e]{1,64}$/;

/** Failures after which a write may have been made. */
const IN_DOUBT = new Set(["peers_unsettled", "internal_failure"]);

/** Goes on with a request that may act; answers for one that may not, or that has acted. */
export async function actOnce(
  c: RestContext,
  body: Uint8Array,
  next: () => Promise<void>,
): Promise<Response | undefined> {
  const { effect, isKept, inSession } = rulesOf(c.req.method, c.req.path);
  if (effect !== "changes") {
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
  const order = { accessKeyId, signature, expiresAtMs, repetition };
  const admitted = await region.admitRequest(order);
  if (inSession && tellsOfFirst(admitted)) await verifySession(c);
  const admission = granted(admitted);
  if (admission.kind === "repeated") return again(admission);
  await next();
  if (key !== null) await region.settleRequest(accessKeyId, key, await outcomeOf(c, isKept));
  return undefined;
}

/** Whether it says what came of an earlier request under the same key. */
function tellsOfFirst(admitted: Result<Admission>): boolean {
  if (admitted.ok) return admitted.value.kind === "repeated";
  return admitted.refusal.code.startsWith("idempotency_key_");
}

/** Whoever repeats a request may do so only while they could make it. @throws Refused if not. */
async function verifySession(c: RestContext): Promise<void> {
  const clusterId = clusterIdOf(c);
  if (clusterId !== null) await askHsm(c, clusterId, "whoAmI", null);
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
  return await c.get("principal").mac(concatBytes(head, body));
}

async function outcomeOf(c: RestContext, isKept: boolean): Promise<RequestOutcome> {
  const { status, ok } = c.res;
  if (ok && !isKept) return "secret";
  const body = await c.res.clone().text();
  if (ok) return { status, body };
  const { error } = JSON.parse(body) as { readonly error: { readonly code: string } };
  return IN_DOUBT.has(error.code) ? "in_doubt" : "refused";
}
