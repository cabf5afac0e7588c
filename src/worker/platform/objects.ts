/**
 * Objects of the bucket: their names, and whether they are those that the catalogue knows.
 *
 * Spec: docs/STORAGE.md, I1 to I5. A get is pinned to the size and etag that the catalogue knows. Only
 * sealed bytes pass through here.
 */

import type { BackupLocation } from "../../backup/seal/location.ts";
import { encodeHex } from "../../crypto/base-encodings.ts";
import type { StoredBackupOrder } from "../contracts/hsm-api.ts";
import { Refused } from "../contracts/result.ts";
import type { Bucket, StoredObject } from "./bucket.ts";
import type { Deployment } from "./deployment.ts";

/** An envelope is read whole, and is far smaller. */
const MAX_ENVELOPE_BYTES = 64 * 1024;

/** The bucket of a region. @throws Refused if this deployment has none. */
export function backupBucket(deployment: Deployment, region: string): Bucket {
  const bucket = deployment.bucket(region);
  if (bucket !== null) return bucket;
  const message = `This deployment does not serve region ${region}.`;
  throw new Refused({ kind: "invalid", code: "region_not_served", message });
}

/** All backups of one cluster; after it the id of a backup and a slash. */
export function backupsPrefix(clusterId: string): string {
  return `clusters/${clusterId}/backups/`;
}

/** Everything of one backup. */
function backupPrefix(location: BackupLocation): string {
  return `${backupsPrefix(location.clusterId)}${location.backupId}/`;
}

export function bodyKey(location: BackupLocation, sealId: Uint8Array): string {
  return `${backupPrefix(location)}body-${encodeHex(sealId)}`;
}

/** @param version - from 1; a new envelope over the same body takes the next one. */
export function envelopeKey(location: BackupLocation, sealId: Uint8Array, version: number): string {
  return `${backupPrefix(location)}envelope-${encodeHex(sealId)}-${version}`;
}

/** An object as the catalogue knows it. */
interface KnownObject {
  readonly key: string;
  /** "": not known. */
  readonly etag: string;
  readonly bytes: number;
}

function knownBody({ bodyKey, bodyEtag, bodyBytes }: StoredBackupOrder): KnownObject {
  return { key: bodyKey, etag: bodyEtag, bytes: bodyBytes };
}

function knownEnvelope(order: StoredBackupOrder): KnownObject {
  return { key: order.envelopeKey, etag: order.envelopeEtag, bytes: order.envelopeBytes };
}

/** The object, as long as it is still the one that the catalogue knows; else null. */
async function getPinned(
  bucket: Bucket,
  { key, etag, bytes }: KnownObject,
): Promise<StoredObject | null> {
  const object = await bucket.get(key, etag);
  if (object === null || object.size === bytes) return object;
  object.drop();
  return null;
}

/** The two objects of a backup as they lie in the bucket. */
interface SealedObjects {
  readonly envelope: Uint8Array;
  readonly body: StoredObject;
}

/**
 * Both objects, pinned to size and etag of the catalogue.
 * @throws Refused if one is not there, or the bucket does not answer.
 */
export async function getSealed(
  deployment: Deployment,
  order: StoredBackupOrder,
): Promise<SealedObjects> {
  if (order.envelopeBytes > MAX_ENVELOPE_BYTES) throw objectMissing(order, "envelope");
  const bucket = backupBucket(deployment, order.source.region);
  const envelope = await getPinned(bucket, knownEnvelope(order));
  if (envelope === null) throw objectMissing(order, "envelope");
  const bytes = await envelope.bytes();
  const body = await getPinned(bucket, knownBody(order));
  if (body === null) throw objectMissing(order, "body");
  return { envelope: bytes, body };
}

/**
 * What is wrong with a backup's two objects, by what the bucket says of them, without reading them: in
 * sentences of letters, digits, spaces, full stops and colons; null: nothing.
 */
export async function lookAtSealed(
  bucket: Bucket,
  order: StoredBackupOrder,
): Promise<string | null> {
  const [body, envelope] = await Promise.all([
    bucket.head(order.bodyKey),
    bucket.head(order.envelopeKey),
  ]);
  const faults = [
    faultOf("body", knownBody(order), body),
    faultOf("envelope", knownEnvelope(order), envelope),
  ].filter((fault) => fault !== null);
  return faults.length === 0 ? null : faults.join(" ");
}

function faultOf(
  what: string,
  { etag, bytes }: KnownObject,
  found: R2Object | null,
): string | null {
  if (found === null) return `The ${what} is missing.`;
  if (found.size !== bytes) return `The ${what} has ${found.size} bytes instead of ${bytes}.`;
  if (etag === "" || found.etag === etag) return null;
  return `The ${what} is not the object that was put: its etag is another.`;
}

function objectMissing(order: StoredBackupOrder, what: string): Refused {
  return new Refused({
    kind: "conflict",
    code: "backup_object_missing",
    message:
      `The ${what} of backup '${order.source.backupId}' is not in the bucket as the catalogue ` +
      "knows it. Use another backup of the cluster, and find out who changed the bucket.",
  });
}
