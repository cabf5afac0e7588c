/**
 * The index of the vectors: what test/vectors/index.json holds, as a schema and as types.
 *
 * Readers in other languages take test/vectors/index.schema.json, which is made from this.
 */
import { z } from "zod";

export const INDEX_FILE = "index.json";
export const SCHEMA_FILE = "index.schema.json";

const path = z.string().regex(/^[a-z0-9_]+(\/[a-z0-9_-]+)+(\.[a-z]+)+$/);
const digest = z.string().regex(/^[0-9a-f]{64}$/);
const text = z.string().min(1);

/** Where the copy lies, as the envelope says it. */
const location = z.union([
  z.strictObject({ account: text, region: text, clusterId: text, backupId: text }),
  /** Outside any deployment. */
  z.strictObject({ clusterId: text, backupId: text }),
]);

/** What a reader knows of the file that it asked for: FORMAT.md §3.5. Absent: not checked. */
const expectation = z.strictObject({
  /** Where this copy should lie: then it has to be sealed. */
  location: location.optional(),
  /** A bare file is refused. */
  sealed: z.literal(true).optional(),
  /** The newest envelope of this copy: then it has to be sealed. */
  envelope: z.strictObject({ number: z.int().min(1), digest }).optional(),
  backupId: text.optional(),
  clusterId: text.optional(),
  lineageId: text.optional(),
  mode: z.enum(["FIPS", "NON_FIPS"]).optional(),
  containerDigest: digest.optional(),
});

const outcome = z.discriminatedUnion("outcome", [
  z.strictObject({
    outcome: z.literal("opens"),
    stateDigest: digest,
    containerDigest: digest,
    records: z.int().min(0),
  }),
  z.strictObject({
    outcome: z.literal("refused"),
    /** Of FORMAT.md §9.1. */
    code: z.string().regex(/^[a-z_]+$/),
    /** The kind of key that does not fit. */
    which: z.enum(["cmk", "recovery", "mkbk", "akbk", "pbk"]).optional(),
    /** The part of the file where it is found, for codes that more than one part can have. */
    part: z.enum(["file", "envelope", "body", "key_block", "container"]).optional(),
  }),
]);

const vector = z.strictObject({
  file: path,
  sha256: digest,
  /** Names of the rules of FORMAT.md that it holds a reader to. */
  rules: z.array(z.string().regex(/^[A-Z]-[0-9]{2}$/)),
  /** A member of `keys`. */
  keys: text,
  expectation,
  expect: outcome,
});

export const VECTOR_INDEX = z.strictObject({
  schema: z.literal("holdfast-vectors/1"),
  /** All that a reader holds: a recovery kit (KIT.md), and a KMS or none. */
  keys: z.record(
    z.string().regex(/^[a-z0-9_]+$/),
    z.strictObject({ kit: path, kms: path.nullable() }),
  ),
  vectors: z.array(vector).min(1),
});

/** A file of the local KMS: the CMKs that it has. */
export const KMS_FILE = z.strictObject({
  format: z.literal("holdfast-local-kms/1"),
  keys: z.array(
    z.strictObject({
      id: text,
      state: z.enum(["active", "retired", "destroyed"]),
      /** 32 bytes as Base64; null once destroyed. */
      key: z.base64().nullable(),
    }),
  ),
});

export type Expectation = z.infer<typeof expectation>;
export type Outcome = z.infer<typeof outcome>;
export type VectorEntry = z.infer<typeof vector>;
export type VectorIndex = z.infer<typeof VECTOR_INDEX>;
export type KmsFile = z.infer<typeof KMS_FILE>;

/** The JSON Schema of both files: the index, and under `$defs.kms` the KMS file. */
export function indexSchema(): string {
  const schema = { ...z.toJSONSchema(VECTOR_INDEX), $defs: { kms: z.toJSONSchema(KMS_FILE) } };
  return `${JSON.stringify(schema, null, 2)}\n`;
}
