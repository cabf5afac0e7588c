/**
 * REST: backups on demand, what the catalogue says of one, and the sealed file itself.
 *
 * Spec: docs/API.md, "Backups". A download streams envelope and body as they lie
 * in the bucket: sealed bytes only. Verify and inspect are a reader's work,
 * which answers with facts about a backup, and the region's, which heeds what is found.
 */

import { createRoute, type OpenAPIHono, z } from "@hono/zod-openapi";
import type { StoredBackupOrder } from "../contracts/hsm-api.ts";
import type { BackupView } from "../contracts/region-api.ts";
import { granted } from "../contracts/result.ts";
import type { StoredObject } from "../platform/bucket.ts";
import type { Deployment } from "../platform/deployment.ts";
import { log } from "../platform/log.ts";
import { getSealed } from "../platform/objects.ts";
import { answer, refusals } from "./answers.ts";
import { clusterParams, decimal, restApp } from "./app.ts";
import { type RestEnv, regionOf } from "./context.ts";

const BACKUP_MEDIA_TYPE = "application/octet-stream";
const FILE_EXTENSION = "hbk";

const backupParams = z.object({
  backupId: z
    .string()
    .regex(/^backup-[2-7a-z]{11,16}$/)
    .openapi({ param: { name: "backupId", in: "path" }, example: "backup-ro5c4er4aac" }),
});

const digest = z.string().openapi({ description: "SHA-256, hexadecimal; empty if there is none." });

const backupSchema = z
  .object({
    backupId: z.string(),
    clusterId: z.string(),
    region: z.string(),
    state: z.enum(["CREATE_IN_PROGRESS", "READY", "PENDING_DELETION", "DELETED"]),
    damage: z.string().nullable().openapi({
      description: "What is wrong with its objects in the bucket; null: nothing that is known.",
    }),
    createdAt: z.iso.datetime(),
    deleteAt: z.iso.datetime().nullable(),
    hsmType: z.string(),
    mode: z.enum(["FIPS", "NON_FIPS"]),
    chainNumber: z.int(),
    previousDigest: digest,
    lineageId: z.string(),
    trigger: z.string().openapi({
      description: "activation, hsm_added, hsm_removed, daily or on_demand.",
    }),
    failure: z.string().nullable(),
    restorableOffline: z.enum(["no", "unproven", "yes"]).openapi({
      description:
        "Whether a recovery kit opens it without any service. no: it is sealed for no recovery " +
        "key. yes: a challenge for one of its keys was answered. unproven: for none.",
    }),
    containerDigest: digest,
    stateDigest: digest,
    bodyBytes: z.int(),
  })
  .openapi("Backup");

const verificationSchema = z
  .object({
    verified: z.literal(true),
    stateDigest: digest,
    records: z.int(),
    recoveryKeys: z
      .array(z.object({ keyId: z.string(), fits: z.boolean().nullable() }))
      .readonly()
      .openapi({
        description:
          "Of each recovery recipient, whether its wrap is one for the key that it names; null: an " +
          "RSA wrap cannot be made again, or this deployment has not the public key.",
      }),
  })
  .openapi("Verification");

const recordType = z.enum(["configuration", "policy", "user", "certificate", "key"]);

const recordDigest = z.string().nullable().openapi({
  description: "SHA-256 of the record, hexadecimal; null for users and keys.",
});

const envelopeSchema = z
  .object({
    sealId: z.string().openapi({ description: "16 bytes, hexadecimal." }),
    bodyBytes: z.int(),
    bodyDigest: digest,
    containerDigest: digest,
    envelopeNumber: z.int().openapi({ description: "From 1, among those of this copy." }),
    location: z.object({
      account: z.string(),
      region: z.string(),
      clusterId: z.string(),
      backupId: z.string(),
    }),
    recipients: z
      .array(z.object({ kind: z.enum(["kms", "recovery", "unknown"]), keyId: z.string() }))
      .readonly()
      .openapi({ description: "Who can open the seal." }),
  })
  .openapi({ description: "The clear part of the envelope, authentic." });

const inspectionSchema = z
  .object({
    envelope: envelopeSchema,
    header: z.object({
      backupId: z.string(),
      clusterId: z.string(),
      lineageId: z.string(),
      hsmType: z.string(),
      mode: z.enum(["FIPS", "NON_FIPS"]),
      manufacturer: z.string(),
      region: z.string(),
      createdAtMs: z.int(),
      chainNumber: z.int(),
      previousDigest: digest,
    }),
    counts: z.array(z.object({ type: recordType, count: z.int() })).readonly(),
    stateDigest: digest,
    manifest: z.array(z.object({ type: recordType, id: z.int(), digest: recordDigest })).readonly(),
    next: z.int().nullable().openapi({ description: "`after` of the next page." }),
  })
  .openapi("Inspection");

const createRouteOf = createRoute({
  method: "post",
  path: "/clusters/{clusterId}/backups",
  tags: ["Backups"],
  summary: "Back up now",
  request: { params: clusterParams },
  responses: {
    ...refusals,
    202: answer("Begun. Poll the backup until it is READY.", backupSchema),
  },
});

const describeRoute = createRoute({
  method: "get",
  path: "/backups/{backupId}",
  tags: ["Backups"],
  summary: "What the catalogue says of a backup",
  request: { params: backupParams },
  responses: { ...refusals, 200: answer("The backup.", backupSchema) },
});

const downloadRoute = createRoute({
  method: "get",
  path: "/backups/{backupId}/download",
  tags: ["Backups"],
  summary: "The sealed file: envelope and body",
  request: { params: backupParams },
  responses: {
    ...refusals,
    200: {
      description: "Open it with a recovery kit in the restore tool, or keep it.",
      content: { [BACKUP_MEDIA_TYPE]: { schema: z.string().openapi({ format: "binary" }) } },
    },
  },
});

const verifyRoute = createRoute({
  method: "post",
  path: "/backups/{backupId}/verify",
  tags: ["Backups"],
  summary: "Open and authenticate a backup from end to end",
  request: { params: backupParams },
  responses: { ...refusals, 200: answer("Every byte is authentic.", verificationSchema) },
});

const inspectRoute = createRoute({
  method: "get",
  path: "/backups/{backupId}/inspect",
  tags: ["Backups"],
  summary: "What is inside: origin, counts and the manifest, never contents",
  request: {
    params: backupParams,
    query: z.strictObject({
      after: decimal(0).default(0),
      limit: decimal(1, 1000).default(100),
    }),
  },
  responses: { ...refusals, 200: answer("Facts about the backup.", inspectionSchema) },
});

export function backupRoutes(): OpenAPIHono<RestEnv> {
  const app = restApp();
  app.openapi(createRouteOf, async (c) => {
    const begun = granted(await regionOf(c).backUpNow(c.req.valid("param").clusterId));
    return c.json(presentBackup(begun), 202);
  });
  app.openapi(describeRoute, async (c) => {
    const found = granted(await regionOf(c).backup(c.req.valid("param").backupId));
    return c.json(presentBackup(found), 200);
  });
  app.openapi(downloadRoute, async (c) => {
    const { backupId } = c.req.valid("param");
    const order = granted(await regionOf(c).readableBackup(backupId));
    const file = await sealedFile(c.get("deployment"), order);
    return c.body(file.stream, 200, {
      "content-type": BACKUP_MEDIA_TYPE,
      "content-length": String(file.byteLength),
      "content-disposition": `attachment; filename="${backupId}.${FILE_EXTENSION}"`,
    });
  });
  app.openapi(verifyRoute, async (c) => {
    const { backupId } = c.req.valid("param");
    const facts = granted(await regionOf(c).verifyBackup(backupId));
    return c.json({ verified: true as const, ...facts }, 200);
  });
  app.openapi(inspectRoute, async (c) => {
    const { backupId } = c.req.valid("param");
    const { after, limit } = c.req.valid("query");
    return c.json(granted(await regionOf(c).inspectBackup(backupId, after, limit)), 200);
  });
  return app;
}

function presentBackup(view: BackupView): z.output<typeof backupSchema> {
  const { location, createdAtMs, deleteAtMs, ...rest } = view;
  const { backupId, clusterId, region } = location;
  return {
    backupId,
    clusterId,
    region,
    ...rest,
    createdAt: new Date(createdAtMs).toISOString(),
    deleteAt: deleteAtMs === null ? null : new Date(deleteAtMs).toISOString(),
  };
}

/** Envelope ‖ body, exactly as they lie in the bucket. */
async function sealedFile(
  deployment: Deployment,
  order: StoredBackupOrder,
): Promise<{ stream: ReadableStream; byteLength: number }> {
  const { envelope, body } = await getSealed(deployment, order);
  const byteLength = envelope.length + body.size;
  const { readable, writable } = new FixedLengthStream(byteLength);
  const sent = send(envelope, body, writable);
  // A client that goes away, or a bucket that fails, breaks the stream; there is nobody to tell.
  sent.catch(() => log("info", "download_broken_off", { backupId: order.source.backupId }));
  return { stream: readable, byteLength };
}

async function send(
  envelope: Uint8Array,
  body: StoredObject,
  writable: WritableStream<Uint8Array>,
): Promise<void> {
  const writer = writable.getWriter();
  try {
    await writer.write(envelope);
    for await (const piece of body.pieces()) await writer.write(piece);
    await writer.close();
  } catch (error) {
    writer.abort(error).catch(() => undefined);
    throw error;
  }
}
