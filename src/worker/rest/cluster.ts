/**
 * REST: policies, configuration and the state digest of a cluster.
 *
 * Spec: docs/API.md, "Cluster". Public facts only; who may change them is the HSM's rule. Called by
 * surface.ts.
 */
import { createRoute, type OpenAPIHono, z } from "@hono/zod-openapi";
import { granted } from "../contracts/result.ts";
import { answer, refusals } from "./answers.ts";
import { clusterParams, exact, jsonBody, restApp, sessionRequest } from "./app.ts";
import { ask, type RestContext, type RestEnv, regionOf } from "./context.ts";

const approvals = z.int().min(2).max(8).nullable();
const quorumSchema = z.object({
  user: approvals,
  quorum: approvals,
  cluster: approvals,
  "key-management": approvals,
  "key-usage": approvals,
  registration: approvals,
});

const policiesSchema = z
  .object({
    minPasswordCharacters: z.int(),
    maxPasswordCharacters: z.int(),
    lockoutThreshold: z.int(),
    quorum: quorumSchema,
  })
  .openapi("Policies");

const configurationSchema = z
  .object({
    hsmType: z.string(),
    mode: z.enum(["FIPS", "NON_FIPS"]),
    label: z.string(),
    createdAtMs: z.int(),
    activated: z.boolean(),
    activatedAtMs: z.int().nullable(),
    clusterCertificatePem: z.string().nullable(),
    trustAnchorPem: z.string().nullable(),
  })
  .openapi("Configuration");

const digestSchema = z
  .object({
    stateDigest: z.string().openapi({ description: "Of the HSM that leads, hexadecimal." }),
    equal: z.boolean().openapi({ description: "Whether all HSMs in service hold the same." }),
    hsms: z.array(
      z.object({
        hsmId: z.string(),
        stateDigest: z.string().nullable().openapi({ description: "null: it did not answer." }),
      }),
    ),
  })
  .openapi("Digest");

const policiesRoute = createRoute({
  method: "get",
  path: "/clusters/{clusterId}/policies",
  tags: ["Cluster"],
  summary: "Rules of passwords, lockout and quorum",
  request: { params: clusterParams },
  responses: { ...refusals, 200: answer("The policies.", policiesSchema) },
});

const setPoliciesRoute = createRoute({
  method: "patch",
  path: "/clusters/{clusterId}/policies",
  tags: ["Cluster"],
  summary: "Change policies (CO)",
  request: {
    ...sessionRequest,
    body: jsonBody(
      z.strictObject({
        minPasswordCharacters: z.int().optional(),
        maxPasswordCharacters: z.int().optional(),
        lockoutThreshold: z.int().optional(),
        quorum: quorumSchema.partial().optional(),
      }),
    ),
  },
  responses: { ...refusals, 200: answer("The policies.", policiesSchema) },
});

const configurationRoute = createRoute({
  method: "get",
  path: "/clusters/{clusterId}/configuration",
  tags: ["Cluster"],
  summary: "What the HSMs say of themselves",
  request: { params: clusterParams },
  responses: { ...refusals, 200: answer("The configuration.", configurationSchema) },
});

const digestRoute = createRoute({
  method: "get",
  path: "/clusters/{clusterId}/digest",
  tags: ["Cluster"],
  summary: "The state digest of every HSM in service",
  request: { params: clusterParams },
  responses: { ...refusals, 200: answer("The digests.", digestSchema) },
});

export function clusterRoutes(): OpenAPIHono<RestEnv> {
  const app = restApp();
  app.openapi(policiesRoute, async (c) => c.json(await ask(c, "getPolicies", null), 200));
  app.openapi(setPoliciesRoute, async (c) =>
    c.json(await ask(c, "setPolicies", exact(c.req.valid("json"))), 200),
  );
  app.openapi(configurationRoute, async (c) => c.json(await ask(c, "getConfiguration", null), 200));
  app.openapi(digestRoute, async (c) =>
    c.json(await digests(c, c.req.valid("param").clusterId), 200),
  );
  return app;
}

async function digests(c: RestContext, clusterId: string): Promise<z.output<typeof digestSchema>> {
  const hsms = granted(await regionOf(c).servingHsms(clusterId));
  const answers = await Promise.all(
    hsms.map(async (location) => {
      const digest = await c.get("deployment").hsm(location).stateDigest();
      return { hsmId: location.hsmId, stateDigest: digest.ok ? digest.value : null };
    }),
  );
  const stateDigest = answers[0]?.stateDigest ?? "";
  const equal = stateDigest !== "" && answers.every((hsm) => hsm.stateDigest === stateDigest);
  return { stateDigest, equal, hsms: answers };
}
