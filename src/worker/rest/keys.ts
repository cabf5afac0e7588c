/**
 * REST: keys coming in, being made, listed, changed, shared, leaving and deleted.
 *
 * Spec: docs/API.md, "Keys"; docs/HSM.md §3 for the rules, which are the HSM's.
 * Material passes through a request once and is neither logged nor answered,
 * except by an export that the HSM allows.
 */
import { createRoute, type OpenAPIHono, z } from "@hono/zod-openapi";
import { MAX_IMPORT_BATCH } from "../../hsm/rules/limits.ts";
import { answer, refusals } from "./answers.ts";
import { decimal, exact, jsonBody, restApp, sessionRequest } from "./app.ts";
import { boundedList } from "./bounds.ts";
import { ask, type RestEnv } from "./context.ts";
import {
  attributesSchema,
  changeSchema,
  curve,
  exportedKeySchema,
  keyClass,
  keyRequest,
  keySchema,
  keyType,
  newKeySchema,
  secretType,
} from "./key-schemas.ts";

const wrapMechanism = z.enum(["aes-kw", "aes-kwp"]);
/** With whom: a request that shares a key, or takes back what was shared. */
const sharing = jsonBody(z.object({ username: z.string().min(1).max(64) }));

const listRoute = createRoute({
  method: "get",
  path: "/clusters/{clusterId}/keys",
  tags: ["Keys"],
  summary: "Keys the user may see, a page at a time",
  request: {
    ...sessionRequest,
    query: z.strictObject({
      label: z.string().max(128).optional(),
      class: keyClass.optional(),
      type: keyType.optional(),
      after: decimal(0).optional(),
      limit: decimal(1, 1000).optional(),
    }),
  },
  responses: {
    ...refusals,
    200: answer(
      "A page. `next` is `after` of the next page, null at the end.",
      z.object({ keys: z.array(keySchema).readonly(), next: z.int().nullable() }),
    ),
  },
});

const importRoute = createRoute({
  method: "post",
  path: "/clusters/{clusterId}/keys",
  tags: ["Keys"],
  summary: "Import a key: PEM, PKCS#8, SPKI, JWK or raw",
  request: { ...sessionRequest, body: jsonBody(newKeySchema) },
  responses: { ...refusals, 201: answer("The key.", keySchema) },
});

const importManyRoute = createRoute({
  method: "post",
  path: "/clusters/{clusterId}/keys:import",
  tags: ["Keys"],
  summary: "Import up to 500 keys, all or none; a body of up to 8 MiB",
  request: {
    ...sessionRequest,
    body: jsonBody(z.object({ keys: boundedList(newKeySchema, MAX_IMPORT_BATCH, "NewKey") })),
  },
  responses: {
    ...refusals,
    201: answer("Handles, in the order given.", z.object({ handles: z.array(z.int()) })),
  },
});

const generateRoute = createRoute({
  method: "post",
  path: "/clusters/{clusterId}/keys:generate",
  tags: ["Keys"],
  summary: "Generate a secret key inside the HSM",
  request: {
    ...sessionRequest,
    body: jsonBody(attributesSchema.extend({ type: secretType, sizeBits: z.int() })),
  },
  responses: { ...refusals, 201: answer("The key.", keySchema) },
});

const generatePairRoute = createRoute({
  method: "post",
  path: "/clusters/{clusterId}/keys:generate-pair",
  tags: ["Keys"],
  summary: "Generate a key pair inside the HSM",
  request: {
    ...sessionRequest,
    body: jsonBody(
      z.union([
        attributesSchema.extend({ type: z.literal("rsa"), sizeBits: z.int() }),
        attributesSchema.extend({ type: z.literal("ec"), curve }),
      ]),
    ),
  },
  responses: { ...refusals, 201: answer("The pair, as one key.", keySchema) },
});

const unwrapRoute = createRoute({
  method: "post",
  path: "/clusters/{clusterId}/keys/{handle}/unwrap",
  tags: ["Keys"],
  summary: "Take in a key that is wrapped under this one",
  request: {
    ...keyRequest,
    body: jsonBody(
      attributesSchema.extend({
        mechanism: wrapMechanism,
        wrapped: z.base64().min(4),
        type: keyType,
      }),
    ),
  },
  responses: { ...refusals, 201: answer("The key.", keySchema) },
});

const wrapRoute = createRoute({
  method: "post",
  path: "/clusters/{clusterId}/keys/{handle}/wrap",
  tags: ["Keys"],
  summary: "This key, wrapped under another (SP 800-38F)",
  request: {
    ...keyRequest,
    body: jsonBody(z.object({ wrappingHandle: z.int().min(1), mechanism: wrapMechanism })),
  },
  responses: { ...refusals, 200: answer("Wrapped.", z.object({ wrapped: z.base64() })) },
});

const describeRoute = createRoute({
  method: "get",
  path: "/clusters/{clusterId}/keys/{handle}",
  tags: ["Keys"],
  summary: "A key's attributes and public half",
  request: keyRequest,
  responses: { ...refusals, 200: answer("The key.", keySchema) },
});

const changeRoute = createRoute({
  method: "patch",
  path: "/clusters/{clusterId}/keys/{handle}",
  tags: ["Keys"],
  summary: "Change attributes (owner), or `trusted` (CO)",
  request: { ...keyRequest, body: jsonBody(changeSchema) },
  responses: { ...refusals, 200: answer("The key.", keySchema) },
});

const deleteRoute = createRoute({
  method: "delete",
  path: "/clusters/{clusterId}/keys/{handle}",
  tags: ["Keys"],
  summary: "Delete a key (owner)",
  request: keyRequest,
  responses: { ...refusals, 204: { description: "The key is gone." } },
});

const shareRoute = createRoute({
  method: "post",
  path: "/clusters/{clusterId}/keys/{handle}/share",
  tags: ["Keys"],
  summary: "Let another CU use a key (owner)",
  request: { ...keyRequest, body: sharing },
  responses: { ...refusals, 204: { description: "The user shares the key." } },
});

const unshareRoute = createRoute({
  method: "post",
  path: "/clusters/{clusterId}/keys/{handle}/unshare",
  tags: ["Keys"],
  summary: "Take back what was shared (owner)",
  request: { ...keyRequest, body: sharing },
  responses: { ...refusals, 204: { description: "The user does not share the key." } },
});

const exportRoute = createRoute({
  method: "post",
  path: "/clusters/{clusterId}/keys/{handle}/export",
  tags: ["Keys"],
  summary: "The key itself, if it is extractable (owner)",
  request: {
    ...keyRequest,
    body: jsonBody(z.object({ format: z.enum(["raw", "pkcs8", "pem", "jwk"]) })),
  },
  responses: { ...refusals, 200: answer("The key: a secret.", exportedKeySchema) },
});

export function keyRoutes(): OpenAPIHono<RestEnv> {
  const app = restApp();
  addMakingRoutes(app);
  addKeepingRoutes(app);
  addLeavingRoutes(app);
  return app;
}

function addMakingRoutes(app: OpenAPIHono<RestEnv>): void {
  app.openapi(importRoute, async (c) =>
    c.json(await ask(c, "importKey", keyInput(c.req.valid("json"))), 201),
  );
  app.openapi(importManyRoute, async (c) => {
    const handles = await ask(c, "importKeys", c.req.valid("json").keys.map(keyInput));
    return c.json({ handles }, 201);
  });
  app.openapi(generateRoute, async (c) => {
    const { type, sizeBits, ...attributes } = exact(c.req.valid("json"));
    return c.json(await ask(c, "generateKey", { type, sizeBits, attributes }), 201);
  });
  app.openapi(generatePairRoute, async (c) => {
    const order = exact(c.req.valid("json"));
    if (order.type === "rsa") {
      const { type, sizeBits, ...attributes } = order;
      return c.json(await ask(c, "generateKeyPair", { type, sizeBits, attributes }), 201);
    }
    const { type, curve, ...attributes } = order;
    return c.json(await ask(c, "generateKeyPair", { type, curve, attributes }), 201);
  });
  app.openapi(unwrapRoute, async (c) => {
    const { mechanism, wrapped, type, ...attributes } = exact(c.req.valid("json"));
    const unwrappingHandle = c.req.valid("param").handle;
    const order = { unwrappingHandle, mechanism, wrapped, type, attributes };
    return c.json(await ask(c, "unwrapKey", order), 201);
  });
}

function addKeepingRoutes(app: OpenAPIHono<RestEnv>): void {
  app.openapi(listRoute, async (c) =>
    c.json(await ask(c, "listKeys", exact(c.req.valid("query"))), 200),
  );
  app.openapi(describeRoute, async (c) =>
    c.json(await ask(c, "describeKey", c.req.valid("param").handle), 200),
  );
  app.openapi(changeRoute, async (c) => {
    const change = exact(c.req.valid("json"));
    const { handle } = c.req.valid("param");
    return c.json(await ask(c, "setAttributes", { handle, change }), 200);
  });
  app.openapi(deleteRoute, async (c) => {
    await ask(c, "deleteKey", c.req.valid("param").handle);
    return c.body(null, 204);
  });
  app.openapi(shareRoute, async (c) => {
    const { handle } = c.req.valid("param");
    const { username } = c.req.valid("json");
    await ask(c, "shareKey", { handle, username });
    return c.body(null, 204);
  });
  app.openapi(unshareRoute, async (c) => {
    const { handle } = c.req.valid("param");
    const { username } = c.req.valid("json");
    await ask(c, "unshareKey", { handle, username });
    return c.body(null, 204);
  });
}

function addLeavingRoutes(app: OpenAPIHono<RestEnv>): void {
  app.openapi(wrapRoute, async (c) => {
    const { handle } = c.req.valid("param");
    return c.json({ wrapped: await ask(c, "wrapKey", { handle, ...c.req.valid("json") }) }, 200);
  });
  app.openapi(exportRoute, async (c) => {
    const { handle } = c.req.valid("param");
    return c.json(await ask(c, "exportKey", { handle, ...c.req.valid("json") }), 200);
  });
}

function keyInput(body: z.output<typeof newKeySchema>) {
  const { material, ...attributes } = exact(body);
  return { material, attributes };
}
