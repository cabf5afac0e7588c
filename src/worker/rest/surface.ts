/**
 * The REST surface: every route under /v1, and the OpenAPI document made from the same schemas.
 *
 * Spec: docs/API.md. Health and the document are open to everybody; all else is signed.
 */
import { createRoute, type OpenAPIHono, z } from "@hono/zod-openapi";
import { answer, answerToError, refusalResponse } from "./answers.ts";
import { authenticated, restApp } from "./app.ts";
import { backupRoutes } from "./backups.ts";
import { certificateRoutes } from "./certificates.ts";
import { clusterRoutes } from "./cluster.ts";
import type { RestEnv } from "./context.ts";
import { cryptoRoutes } from "./crypto.ts";
import { keyRoutes } from "./keys.ts";
import { recoveryKeyRoutes } from "./recovery-keys.ts";
import { sessionRoutes } from "./sessions.ts";

const API_VERSION = "1";
const OPEN_PATHS = new Set(["/v1/health", "/v1/openapi.json"]);

const healthSchema = z
  .object({
    status: z.literal("ok"),
    regions: z.array(z.string()),
    recoveryKeys: z.int().openapi({
      description: "How many recovery keys new backups are sealed for; 0: no kit will open them.",
    }),
  })
  .openapi("Health");

const healthRoute = createRoute({
  method: "get",
  path: "/v1/health",
  tags: ["Service"],
  summary: "Whether the service is configured and answering",
  security: [],
  responses: { 200: answer("It is.", healthSchema) },
});

export const rest: OpenAPIHono<RestEnv> = createRest();

function createRest(): OpenAPIHono<RestEnv> {
  const app = restApp();
  app.onError((error, c) => answerToError(error, c.get("requestId")));
  app.use("/v1/*", (c, next) => (OPEN_PATHS.has(c.req.path) ? next() : authenticated(c, next)));
  app.openapi(healthRoute, (c) => {
    const { regions, recoveryKeys } = c.get("deployment");
    const facts = { regions: [...regions], recoveryKeys: recoveryKeys.length };
    return c.json({ status: "ok" as const, ...facts }, 200);
  });
  const parts = [
    sessionRoutes(),
    keyRoutes(),
    cryptoRoutes(),
    certificateRoutes(),
    clusterRoutes(),
    backupRoutes(),
    recoveryKeyRoutes(),
  ];
  for (const part of parts) app.route("/v1", part);
  describe(app);
  app.all("/v1/*", (c) => {
    const message = `There is no ${c.req.method} ${c.req.path}. See /v1/openapi.json.`;
    return refusalResponse({ kind: "not_found", code: "route_not_found", message });
  });
  return app;
}

/** The document, and how its requests are signed. */
function describe(app: OpenAPIHono<RestEnv>): void {
  app.openAPIRegistry.registerComponent("securitySchemes", "sigv4", {
    type: "apiKey",
    in: "header",
    name: "Authorization",
    description:
      "AWS Signature Version 4 with an access key of this deployment, service `holdfast`, and " +
      "the region of the cluster. `x-amz-date` and `holdfast-session` are signed headers.",
  });
  app.doc31("/v1/openapi.json", {
    openapi: "3.1.0",
    info: {
      title: "Holdfast",
      version: API_VERSION,
      description:
        "What the AWS CloudHSM V2 wire does not offer: the data plane of the HSMs, backups on " +
        "demand, downloads, verification. Software HSMs: no certified module.",
    },
    security: [{ sigv4: [] }],
  });
}
