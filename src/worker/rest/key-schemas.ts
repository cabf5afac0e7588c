/**
 * The shapes of keys on the REST surface: material as it comes, attributes, and what is shown.
 *
 * Spec: docs/API.md, "Keys". Schemas bound lengths and forms; the HSM has the rules.
 */
import { z } from "@hono/zod-openapi";
import { clusterParams, sessionHeaders } from "./app.ts";

const MAX_PEM_CHARACTERS = 16_384;
const MAX_LABEL_CHARACTERS = 128;

const handleParams = clusterParams.extend({
  handle: z.coerce
    .number()
    .int()
    .min(1)
    .openapi({ param: { name: "handle", in: "path" }, type: "integer", example: 1 }),
});

/** What a route takes that asks for one key in somebody's session. */
export const keyRequest = { params: handleParams, headers: sessionHeaders };

/** At least one byte. */
const bytes = z.base64().min(4);
export const keyClass = z.enum(["public", "private", "secret"]);
export const keyType = z.enum(["rsa", "ec", "aes", "generic-secret"]);
export const secretType = keyType.extract(["aes", "generic-secret"]);
export const curve = z.enum(["P-256", "P-384", "P-521"]);

const jwk = z.object({
  kty: z.enum(["RSA", "EC", "oct"]),
  crv: z.string().optional(),
  d: z.string().optional(),
  dp: z.string().optional(),
  dq: z.string().optional(),
  e: z.string().optional(),
  k: z.string().optional(),
  n: z.string().optional(),
  p: z.string().optional(),
  q: z.string().optional(),
  qi: z.string().optional(),
  x: z.string().optional(),
  y: z.string().optional(),
});

const materialSchema = z
  .discriminatedUnion("format", [
    z.object({ format: z.literal("pem"), pem: z.string().max(MAX_PEM_CHARACTERS) }),
    z.object({ format: z.enum(["pkcs8", "spki"]), der: bytes }),
    z.object({ format: z.literal("jwk"), jwk, type: secretType.optional() }),
    z.object({ format: z.literal("raw"), type: secretType, raw: bytes }),
  ])
  .openapi("KeyMaterial");

const label = z.string().max(MAX_LABEL_CHARACTERS).optional();
const id = z
  .string()
  .regex(/^([0-9a-f]{2})*$/)
  .optional();
const flag = z.boolean().optional();

const changeable = {
  label,
  id,
  encrypt: flag,
  decrypt: flag,
  sign: flag,
  verify: flag,
  wrap: flag,
  unwrap: flag,
  derive: flag,
  sensitive: flag,
  token: flag,
  trusted: flag,
  wrapWithTrusted: flag,
};

export const changeSchema = z.strictObject(changeable).openapi("KeyChange");

/** What the creator of a key may choose; the defaults are the HSM's (docs/HSM.md §3.3). */
export const attributesSchema = z.strictObject({
  ...changeable,
  extractable: flag,
  destroyable: flag,
  modifiable: flag,
  private: flag,
});

export const newKeySchema = attributesSchema.extend({ material: materialSchema }).openapi("NewKey");

export const keySchema = z
  .object({
    handle: z.int(),
    label: z.string(),
    id: z.string(),
    class: keyClass,
    type: keyType,
    sizeBits: z.int(),
    curve: curve.nullable(),
    owner: z.string(),
    sharedWith: z.array(z.string()).readonly(),
    attributes: z.record(z.string(), z.boolean()),
    checkValue: z.string().nullable(),
    publicKeyPem: z.string().nullable(),
    createdAtMs: z.int(),
    manageQuorum: z.int().nullable(),
    useQuorum: z.int().nullable(),
  })
  .openapi("Key");

/** As the platform exports it, besides the numbers. */
const exportedJwk = jwk.extend({
  kty: z.string().optional(),
  alg: z.string().optional(),
  ext: z.boolean().optional(),
  key_ops: z.array(z.string()).optional(),
  use: z.string().optional(),
});

export const exportedKeySchema = z
  .discriminatedUnion("format", [
    z.object({ format: z.enum(["raw", "pkcs8"]), key: z.base64() }),
    z.object({ format: z.literal("pem"), pem: z.string() }),
    z.object({ format: z.literal("jwk"), jwk: exportedJwk }),
  ])
  .openapi("ExportedKey");
