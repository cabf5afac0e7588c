/**
 * The shapes of keys on the REST surface: material as it comes, attributes, and what is shown.
 *
 * Spec: docs/API.md, "Keys". Schemas bound lengths and forms; the HSM has the rules.
 */
import { z } from "@hono/zod-openapi";
import { MAX_KEY_PEM_CHARACTERS } from "../../hsm/rules/limits.ts";
import { clusterParams, decimal, sessionHeaders } from "./app.ts";

/** Base64 of `MAX_PRIVATE_KEY_BYTES`, and room for the HSM to say what is too long. */
const MAX_DER_CHARACTERS = 8_192;
/** Of a number of 4,096 bits, or of the longest generic secret, with room as above. */
const MAX_JWK_NUMBER_CHARACTERS = 2_000;
/** Of the name of a type or a curve that may not be held, for the HSM to say so. */
const MAX_JWK_NAME_CHARACTERS = 32;
const MAX_LABEL_CHARACTERS = 128;

const handleParams = clusterParams.extend({
  handle: decimal(1).openapi({ param: { name: "handle", in: "path" }, example: 1 }),
});

/** What a route takes that asks for one key in somebody's session. */
export const keyRequest = { params: handleParams, headers: sessionHeaders };

/** At least one byte. */
const bytes = z.base64().min(4).max(MAX_DER_CHARACTERS);
export const keyClass = z.enum(["public", "private", "secret"]);
export const keyType = z.enum(["rsa", "ec", "aes", "generic-secret"]);
export const secretType = keyType.extract(["aes", "generic-secret"]);
export const curve = z.enum(["P-256", "P-384", "P-521"]);

const jwkName = z.string().max(MAX_JWK_NAME_CHARACTERS);
const jwkNumber = z.string().max(MAX_JWK_NUMBER_CHARACTERS).optional();
const jwk = z.object({
  kty: jwkName,
  crv: jwkName.optional(),
  d: jwkNumber,
  dp: jwkNumber,
  dq: jwkNumber,
  e: jwkNumber,
  k: jwkNumber,
  n: jwkNumber,
  oth: z.unknown().optional(),
  p: jwkNumber,
  q: jwkNumber,
  qi: jwkNumber,
  x: jwkNumber,
  y: jwkNumber,
});

const materialSchema = z
  .discriminatedUnion("format", [
    z.object({ format: z.literal("pem"), pem: z.string().max(MAX_KEY_PEM_CHARACTERS) }),
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
const exportedJwk = jwk.omit({ oth: true }).extend({
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
