/**
 * REST: using keys. Sign, verify, encrypt, decrypt, digest.
 *
 * Spec: docs/API.md, "Using keys"; docs/HSM.md §3.5. Keys stay in the HSM: messages go in,
 * signatures and ciphertexts come out. All bytes are base64.
 */
import { createRoute, type OpenAPIHono, z } from "@hono/zod-openapi";
import { CIPHER_MECHANISMS } from "../../hsm/keys/encryption.ts";
import { DIGEST_ALGORITHMS, SIGN_MECHANISMS } from "../../hsm/keys/signing.ts";
import { answer, refusals } from "./answers.ts";
import { exact, jsonBody, restApp, sessionRequest } from "./app.ts";
import { ask, type RestEnv } from "./context.ts";
import { keyRequest } from "./key-schemas.ts";

const bytes = z.base64();
const signMechanism = z.enum(SIGN_MECHANISMS);
const cipherMechanism = z.enum(CIPHER_MECHANISMS);

const signRoute = createRoute({
  method: "post",
  path: "/clusters/{clusterId}/keys/{handle}/sign",
  tags: ["Using keys"],
  summary: "Sign a message, or compute its MAC",
  request: {
    ...keyRequest,
    body: jsonBody(z.object({ mechanism: signMechanism, message: bytes })),
  },
  responses: { ...refusals, 200: answer("The signature.", z.object({ signature: bytes })) },
});

const verifyRoute = createRoute({
  method: "post",
  path: "/clusters/{clusterId}/keys/{handle}/verify",
  tags: ["Using keys"],
  summary: "Whether a signature or MAC is one of a message",
  request: {
    ...keyRequest,
    body: jsonBody(z.object({ mechanism: signMechanism, message: bytes, signature: bytes })),
  },
  responses: { ...refusals, 200: answer("Yes or no.", z.object({ valid: z.boolean() })) },
});

const encryptRoute = createRoute({
  method: "post",
  path: "/clusters/{clusterId}/keys/{handle}/encrypt",
  tags: ["Using keys"],
  summary: "Encrypt; the HSM makes the IV",
  request: {
    ...keyRequest,
    body: jsonBody(
      z.object({ mechanism: cipherMechanism, plaintext: bytes, aad: bytes.optional() }),
    ),
  },
  responses: {
    ...refusals,
    200: answer("Encrypted.", z.object({ iv: bytes.nullable(), ciphertext: bytes })),
  },
});

const decryptRoute = createRoute({
  method: "post",
  path: "/clusters/{clusterId}/keys/{handle}/decrypt",
  tags: ["Using keys"],
  summary: "Decrypt",
  request: {
    ...keyRequest,
    body: jsonBody(
      z.object({
        mechanism: cipherMechanism,
        iv: bytes.nullable().default(null),
        ciphertext: bytes,
        aad: bytes.optional(),
      }),
    ),
  },
  responses: { ...refusals, 200: answer("Decrypted.", z.object({ plaintext: bytes })) },
});

const digestRoute = createRoute({
  method: "post",
  path: "/clusters/{clusterId}/message-digests",
  tags: ["Using keys"],
  summary: "Digest a message",
  request: {
    ...sessionRequest,
    body: jsonBody(z.object({ algorithm: z.enum(DIGEST_ALGORITHMS), message: bytes })),
  },
  responses: {
    ...refusals,
    200: answer("The digest, hexadecimal.", z.object({ digest: z.string() })),
  },
});

export function cryptoRoutes(): OpenAPIHono<RestEnv> {
  const app = restApp();
  app.openapi(signRoute, async (c) => {
    const { handle } = c.req.valid("param");
    return c.json({ signature: await ask(c, "sign", { handle, ...c.req.valid("json") }) }, 200);
  });
  app.openapi(verifyRoute, async (c) => {
    const { handle } = c.req.valid("param");
    return c.json({ valid: await ask(c, "verify", { handle, ...c.req.valid("json") }) }, 200);
  });
  app.openapi(encryptRoute, async (c) => {
    const { handle } = c.req.valid("param");
    const order = { handle, ...exact(c.req.valid("json")) };
    return c.json(await ask(c, "encrypt", order), 200);
  });
  app.openapi(decryptRoute, async (c) => {
    const { handle } = c.req.valid("param");
    const order = { handle, ...exact(c.req.valid("json")) };
    return c.json({ plaintext: await ask(c, "decrypt", order) }, 200);
  });
  app.openapi(digestRoute, async (c) =>
    c.json({ digest: await ask(c, "digest", c.req.valid("json")) }, 200),
  );
  return app;
}
