/**
 * REST: certificates, policies, configuration and the state digest of a cluster.
 *
 * Spec: docs/API.md, "Certificates", "Cluster". Public facts only;
 * who may change them is the HSM's rule.
 */
import { createRoute, type OpenAPIHono, z } from "@hono/zod-openapi";
import { granted } from "../contracts/result.ts";
import { answer, refusals } from "./answers.ts";
import { clusterParams, exact, jsonBody, restApp, sessionHeaders, sessionRequest } from "./app.ts";
import { ask, type RestContext, type RestEnv, regionOf } from "./context.ts";

const MAX_BUNDLE_CHARACTERS = 1024 * 1024;

const certificateSchema = z
  .object({
    id: z.int(),
    subject: z.string(),
    issuer: z.string(),
    serialNumber: z.string(),
    notBeforeMs: z.int(),
    notAfterMs: z.int(),
    fingerprint: z.string(),
    publicKeyFingerprint: z.string(),
    owner: z.string(),
    pem: z.string(),
    createdAtMs: z.int(),
  })
  .openapi("Certificate");

const certificatesSchema = z.object({ certificates: z.array(certificateSchema) });

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

const importRoute = createRoute({
  method: "post",
  path: "/clusters/{clusterId}/certificates",
  tags: ["Certificates"],
  summary: "Import X.509 certificates, PEM, one after the other",
  request: {
    ...sessionRequest,
    body: jsonBody(z.object({ pem: z.string().min(1).max(MAX_BUNDLE_CHARACTERS) })),
  },
  responses: { ...refusals, 201: answer("The certificates.", certificatesSchema) },
});

const listRoute = createRoute({
  method: "get",
  path: "/clusters/{clusterId}/certificates",
  tags: ["Certificates"],
  summary: "All certificates",
  request: sessionRequest,
  responses: { ...refusals, 200: answer("The certificates.", certificatesSchema) },
});

const deleteRoute = createRoute({
  method: "delete",
  path: "/clusters/{clusterId}/certificates/{certificateId}",
  tags: ["Certificates"],
  summary: "Delete a certificate (owner)",
  request: {
    params: clusterParams.extend({
      certificateId: z.coerce
        .number()
        .int()
        .min(1)
        .openapi({ param: { name: "certificateId", in: "path" }, type: "integer", example: 1 }),
    }),
    headers: sessionHeaders,
  },
  responses: { ...refusals, 204: { description: "The certificate is gone." } },
});

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

export function certificateRoutes(): OpenAPIHono<RestEnv> {
  const app = restApp();
  app.openapi(importRoute, async (c) => {
    const certificates = await ask(c, "importCertificates", c.req.valid("json").pem);
    return c.json({ certificates }, 201);
  });
  app.openapi(listRoute, async (c) =>
    c.json({ certificates: await ask(c, "listCertificates", null) }, 200),
  );
  app.openapi(deleteRoute, async (c) => {
    await ask(c, "deleteCertificate", c.req.valid("param").certificateId);
    return c.body(null, 204);
  });
  return app;
}

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
