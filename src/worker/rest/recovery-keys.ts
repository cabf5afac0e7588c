/**
 * REST: recovery keys of the deployment, and whether anybody has shown to hold one.
 *
 * Spec: docs/API.md, "Recovery keys"; FORMAT.md §7.5. No private half comes here: only the answer to a
 * challenge.
 */
import { createRoute, type OpenAPIHono, z } from "@hono/zod-openapi";
import type { ReaderApi } from "../contracts/reader-api.ts";
import { granted } from "../contracts/result.ts";
import { answer, refusals } from "./answers.ts";
import { jsonBody, restApp } from "./app.ts";
import { type RestContext, type RestEnv, regionOf } from "./context.ts";

const keyId = z.string().regex(/^[0-9a-f]{32}$/);
const hex32 = z.string().regex(/^[0-9a-f]{32}$/);
const kind = z.enum(["hybrid", "rsa"]);
const state = z.enum(["active", "retired"]).openapi({
  description: "retired: new backups are not sealed for it; older ones may be.",
});
const provenAt = z.iso.datetime().nullable().openapi({
  description: "When a challenge for it was answered last in this region; null: never.",
});

const keyParams = z.object({
  keyId: keyId.openapi({
    param: { name: "keyId", in: "path" },
    example: "9f6de1211635bf48d42c29f63bddd116",
  }),
});

const keysSchema = z
  .object({ recoveryKeys: z.array(z.object({ keyId, kind, state, provenAt })) })
  .openapi("RecoveryKeys");

const challengeSchema = z
  .object({
    format: z.literal("holdfast-recovery-challenge/1"),
    kind,
    keyId,
    challengeId: hex32,
    wrapped: z.string(),
  })
  .openapi("RecoveryChallenge");

const listRoute = createRoute({
  method: "get",
  path: "/recovery-keys",
  tags: ["Recovery keys"],
  summary: "The recovery keys, and which of them were proven",
  responses: { ...refusals, 200: answer("The keys.", keysSchema) },
});

const challengeRoute = createRoute({
  method: "post",
  path: "/recovery-keys/{keyId}/challenges",
  tags: ["Recovery keys"],
  summary: "Make a challenge that only the private half opens",
  request: { params: keyParams },
  responses: {
    ...refusals,
    201: answer("The challenge, to be opened with a recovery kit. No secret.", challengeSchema),
  },
});

const proofRoute = createRoute({
  method: "post",
  path: "/recovery-keys/{keyId}/proofs",
  tags: ["Recovery keys"],
  summary: "Give the answer to the newest challenge",
  request: {
    params: keyParams,
    body: jsonBody(z.object({ challengeId: hex32, answer: hex32 })),
  },
  responses: {
    ...refusals,
    201: answer("It was proven.", z.object({ keyId, provenAt: z.iso.datetime() })),
  },
});

export function recoveryKeyRoutes(): OpenAPIHono<RestEnv> {
  const app = restApp();
  app.openapi(listRoute, async (c) => {
    const names = await readerOf(c).recoveryKeys();
    const proofs = new Map(
      (await regionOf(c).recoveryProofs()).map((proof) => [proof.keyId, proof.provenAtMs]),
    );
    const recoveryKeys = names.map((name) => {
      const provenAtMs = proofs.get(name.keyId);
      return { ...name, provenAt: provenAtMs === undefined ? null : timeOf(provenAtMs) };
    });
    return c.json({ recoveryKeys }, 200);
  });
  app.openapi(challengeRoute, async (c) => {
    const { keyId: id } = c.req.valid("param");
    const { challengeId, answerDigest, document } = granted(await readerOf(c).challenge(id));
    await regionOf(c).noteChallenge({ keyId: id, challengeId, answerDigest });
    return c.json(challengeSchema.parse(document), 201);
  });
  app.openapi(proofRoute, async (c) => {
    const { keyId: id } = c.req.valid("param");
    const { challengeId, answer: given } = c.req.valid("json");
    const proven = granted(await regionOf(c).proveRecoveryKey(id, challengeId, given));
    return c.json({ keyId: id, provenAt: timeOf(proven.provenAtMs) }, 201);
  });
  return app;
}

function readerOf(c: RestContext): ReaderApi {
  const { account, region } = c.get("principal");
  return c.get("deployment").reader(account, region);
}

function timeOf(ms: number): string {
  return new Date(ms).toISOString();
}
