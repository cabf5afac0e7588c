/**
 * REST: certificates of a cluster's HSMs.
 *
 * Spec: docs/API.md, "Certificates". Public facts only; who may change them is the HSM's rule. Called by
 * surface.ts.
 */
import { createRoute, type OpenAPIHono, z } from "@hono/zod-openapi";
import { MAX_BUNDLE_PEM_CHARACTERS } from "../../hsm/rules/limits.ts";
import { answer, refusals } from "./answers.ts";
import {
  clusterParams,
  decimal,
  jsonBody,
  restApp,
  sessionHeaders,
  sessionRequest,
} from "./app.ts";
import { ask, type RestEnv } from "./context.ts";

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

const importRoute = createRoute({
  method: "post",
  path: "/clusters/{clusterId}/certificates",
  tags: ["Certificates"],
  summary: "Import X.509 certificates, PEM, one after the other",
  request: {
    ...sessionRequest,
    body: jsonBody(z.object({ pem: z.string().min(1).max(MAX_BUNDLE_PEM_CHARACTERS) })),
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
      certificateId: decimal(1).openapi({
        param: { name: "certificateId", in: "path" },
        example: 1,
      }),
    }),
    headers: sessionHeaders,
  },
  responses: { ...refusals, 204: { description: "The certificate is gone." } },
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
