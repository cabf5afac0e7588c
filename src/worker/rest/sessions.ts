/**
 * REST: activation, sessions and users of a cluster's HSMs.
 *
 * Spec: docs/API.md, "Users". Passwords and tokens pass through here and nowhere else at the edge;
 * no answer repeats a password, and a token is answered once.
 */
import { createRoute, type OpenAPIHono, z } from "@hono/zod-openapi";
import { MAX_IMPORT_BATCH } from "../../hsm/rules/limits.ts";
import { answer, refusals } from "./answers.ts";
import { clusterParams, jsonBody, restApp, sessionHeaders, sessionRequest } from "./app.ts";
import { boundedList } from "./bounds.ts";
import { ask, type RestEnv } from "./context.ts";

const password = z.string().min(1).max(256).openapi({ format: "password" });
const username = z.string().min(1).max(64).openapi({ example: "alice" });
const usernameParams = clusterParams.extend({
  username: username.openapi({ param: { name: "username", in: "path" } }),
});

const userSchema = z
  .object({
    id: z.int(),
    username: z.string(),
    role: z.enum(["PRECO", "CO", "CU", "AU"]),
    locked: z.boolean(),
    failures: z.int(),
    createdAtMs: z.int(),
    passwordChangedAtMs: z.int(),
    quorumKeyRegistered: z.boolean(),
  })
  .openapi("User");

const sessionSchema = z
  .object({
    token: z.string().openapi({
      description: "For the header Holdfast-Session. Ends after 15 minutes without use.",
    }),
    user: userSchema,
  })
  .openapi("Session");

const newUserSchema = z
  .object({ username, role: z.enum(["CO", "CU"]), password })
  .openapi("NewUser");

const base64 = z.base64();

/** A user with the verifier of a password: chained PBKDF2-HMAC-SHA-256, docs/HSM.md §2. */
const importedUserSchema = z
  .object({
    username,
    role: z.enum(["CO", "CU"]),
    verifier: z.object({
      salt: base64,
      calls: z.int().min(1).max(64),
      roundsPerCall: z.int().min(1).max(100_000),
      digest: base64,
    }),
  })
  .openapi("ImportedUser");

const activateRoute = createRoute({
  method: "post",
  path: "/clusters/{clusterId}/activate",
  tags: ["Users"],
  summary: "PRECO sets its password and becomes the first CO: the cluster is activated",
  request: {
    params: clusterParams,
    body: jsonBody(
      z.object({
        password: password.openapi({ description: "Cluster.PreCoPassword of DescribeClusters." }),
        newPassword: password,
      }),
    ),
  },
  responses: { ...refusals, 200: answer("The first CO.", userSchema) },
});

const loginRoute = createRoute({
  method: "post",
  path: "/clusters/{clusterId}/sessions",
  tags: ["Users"],
  summary: "Log in to the cluster's HSM",
  request: { params: clusterParams, body: jsonBody(z.object({ username, password })) },
  responses: { ...refusals, 201: answer("A session.", sessionSchema) },
});

const whoAmIRoute = createRoute({
  method: "get",
  path: "/clusters/{clusterId}/sessions/current",
  tags: ["Users"],
  summary: "Who is logged in",
  request: sessionRequest,
  responses: { ...refusals, 200: answer("The user.", userSchema) },
});

const logoutRoute = createRoute({
  method: "delete",
  path: "/clusters/{clusterId}/sessions/current",
  tags: ["Users"],
  summary: "Log out",
  request: sessionRequest,
  responses: { ...refusals, 204: { description: "The session has ended." } },
});

const listUsersRoute = createRoute({
  method: "get",
  path: "/clusters/{clusterId}/users",
  tags: ["Users"],
  summary: "All users",
  request: sessionRequest,
  responses: { ...refusals, 200: answer("Users.", z.object({ users: z.array(userSchema) })) },
});

const createUserRoute = createRoute({
  method: "post",
  path: "/clusters/{clusterId}/users",
  tags: ["Users"],
  summary: "Create a user (CO)",
  request: { ...sessionRequest, body: jsonBody(newUserSchema) },
  responses: { ...refusals, 201: answer("The user.", userSchema) },
});

const importUsersRoute = createRoute({
  method: "post",
  path: "/clusters/{clusterId}/users:import",
  tags: ["Users"],
  summary: "Create up to 500 users from password verifiers, all or none (CO)",
  request: {
    ...sessionRequest,
    body: jsonBody(
      z.object({ users: boundedList(importedUserSchema, MAX_IMPORT_BATCH, "ImportedUser") }),
    ),
  },
  responses: { ...refusals, 201: answer("Users.", z.object({ users: z.array(userSchema) })) },
});

const changePasswordRoute = createRoute({
  method: "put",
  path: "/clusters/{clusterId}/users/{username}/password",
  tags: ["Users"],
  summary: "Set a password: one's own, or anybody's (CO), which also unlocks the user",
  request: {
    params: usernameParams,
    headers: sessionHeaders,
    body: jsonBody(z.object({ password })),
  },
  responses: { ...refusals, 200: answer("The user.", userSchema) },
});

const deleteUserRoute = createRoute({
  method: "delete",
  path: "/clusters/{clusterId}/users/{username}",
  tags: ["Users"],
  summary: "Delete a user who owns no keys (CO)",
  request: { params: usernameParams, headers: sessionHeaders },
  responses: { ...refusals, 204: { description: "The user is gone." } },
});

export function sessionRoutes(): OpenAPIHono<RestEnv> {
  const app = restApp();
  app.openAPIRegistry.register("ImportedUser", importedUserSchema);
  app.openapi(activateRoute, async (c) =>
    c.json(await ask(c, "activate", c.req.valid("json")), 200),
  );
  app.openapi(loginRoute, async (c) => c.json(await ask(c, "login", c.req.valid("json")), 201));
  app.openapi(whoAmIRoute, async (c) => c.json(await ask(c, "whoAmI", null), 200));
  app.openapi(logoutRoute, async (c) => {
    await ask(c, "logout", null);
    return c.body(null, 204);
  });
  app.openapi(listUsersRoute, async (c) => c.json({ users: await ask(c, "listUsers", null) }, 200));
  app.openapi(createUserRoute, async (c) =>
    c.json(await ask(c, "createUser", c.req.valid("json")), 201),
  );
  app.openapi(importUsersRoute, async (c) =>
    c.json({ users: await ask(c, "importUsers", c.req.valid("json").users) }, 201),
  );
  app.openapi(changePasswordRoute, async (c) => {
    const { username: name } = c.req.valid("param");
    const { password: text } = c.req.valid("json");
    return c.json(await ask(c, "changePassword", { username: name, password: text }), 200);
  });
  app.openapi(deleteUserRoute, async (c) => {
    await ask(c, "deleteUser", c.req.valid("param").username);
    return c.body(null, 204);
  });
  return app;
}
