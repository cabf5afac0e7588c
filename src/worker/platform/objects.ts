/**
 * Objects of the bucket: their names, and the few ways in which they are written and read.
 *
 * Spec: docs/STORAGE.md, I1 to I5. Every object is written once (I2): a put of a
 * name that exists is an error, a get is pinned to the size and etag that the catalogue
 * knows. Only sealed bytes pass through here. A bucket that hangs is not waited for: what it was
 * asked may still come to pass, as an object that no row names, or as bytes that nobody reads.
 */

import type { BackupLocation } from "../../backup/seal/location.ts";
import { encodeHex } from "../../crypto/base-encodings.ts";
import type { StoredBackupOrder } from "../contracts/hsm-api.ts";
import { Refused } from "../contracts/result.ts";
import { within } from "./deadline.ts";
import type { Deployment } from "./deployment.ts";

/** An envelope is read whole, and is far smaller. */
const MAX_ENVELOPE_BYTES = 64 * 1024;

/** The bucket has no object of that name and etag, or an object that had to be new was there. */
class ObjectConflict extends Refused {
  constructor(key: string, what: string) {
    super({ kind: "conflict", code: "object_conflict", message: `object ${key}: ${what}` });
  }
}

/** The bucket of a region. @throws Refused if this deployment has none. */
export function backupBucket(deployment: Deployment, region: string): R2Bucket {
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

/**
 * Puts bytes under a name that is still free. Returns the etag.
 * @param ms - how long the bucket's answer is waited for. @throws Refused `bucket_silent` after it.
 */
export async function putNew(
  bucket: R2Bucket,
  key: string,
  bytes: Uint8Array,
  ms: number,
): Promise<string> {
  const put = bucket.put(key, bytes, { onlyIf: { etagDoesNotMatch: "*" } });
  const object = await answered(ms, put);
  if (object === null) throw new ObjectConflict(key, "already there");
  return object.etag;
}

/**
 * Puts a stream of exactly `byteLength` bytes under a name that is still free. Returns the etag.
 *
 * One part is held at a time: the next is asked for when the bucket has taken the one before.
 * @param ms - how long is waited for the bucket to take a part, and for its answer after the last.
 * @throws Refused `bucket_silent` after it.
 */
export async function putNewStream(
  bucket: R2Bucket,
  key: string,
  byteLength: number,
  parts: AsyncIterable<Uint8Array>,
  ms: number,
): Promise<string> {
  const { readable, writable } = new FixedLengthStream(byteLength);
  const put = bucket.put(key, readable, { onlyIf: { etagDoesNotMatch: "*" } });
  const sending = pump(parts, writable, ms);
  const isSent = sending.catch(() => undefined);
  const answer = Promise.race([put, isSent.then(() => answered(ms, put))]);
  const [stored, sent] = await Promise.allSettled([answer, sending]);
  // The source's own error explains more than the broken put that follows from it.
  if (sent.status === "rejected" && stored.status === "rejected") throw sent.reason;
  if (stored.status === "rejected") throw stored.reason;
  if (stored.value === null) throw new ObjectConflict(key, "already there");
  if (sent.status === "rejected") throw sent.reason;
  return stored.value.etag;
}

async function pump(
  parts: AsyncIterable<Uint8Array>,
  writable: WritableStream<Uint8Array>,
  ms: number,
): Promise<void> {
  const writer = writable.getWriter();
  try {
    for await (const part of parts) await answered(ms, writer.write(part));
    await answered(ms, writer.close());
  } catch (error) {
    // The put ends with this error too. Not waited for: if the bucket hangs, this does as well.
    writer.abort(error).catch(() => undefined);
    throw error;
  }
}

function answered<T>(ms: number, answer: Promise<T>): Promise<T> {
  return within(ms, answer, () => bucketSilent(ms));
}

function bucketSilent(ms: number): Refused {
  const seconds = ms / 1000;
  const message = `The bucket has not answered for ${seconds} s. Try again; else look at R2.`;
  return new Refused({ kind: "unavailable", code: "bucket_silent", message });
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
  bucket: R2Bucket,
  { key, etag, bytes }: KnownObject,
): Promise<R2ObjectBody | null> {
  const object: R2ObjectBody | R2Object | null = await bucket.get(
    key,
    etag === "" ? {} : { onlyIf: { etagMatches: etag } },
  );
  if (object === null || !("body" in object)) return null;
  if (object.size === bytes) return object;
  await object.body.cancel();
  return null;
}

/** The two objects of a backup as they lie in the bucket. */
interface SealedObjects {
  readonly envelope: Uint8Array;
  readonly body: R2ObjectBody;
}

/**
 * Both objects, pinned to size and etag of the catalogue.
 * @throws Refused if one is not there, or the bucket does not answer for `readMs`.
 */
export async function getSealed(
  deployment: Deployment,
  order: StoredBackupOrder,
): Promise<SealedObjects> {
  if (order.envelopeBytes > MAX_ENVELOPE_BYTES) throw objectMissing(order, "envelope");
  const bucket = backupBucket(deployment, order.source.region);
  const { readMs } = deployment.schedule;
  const envelope = await answered(readMs, getPinned(bucket, knownEnvelope(order)));
  if (envelope === null) throw objectMissing(order, "envelope");
  const bytes = new Uint8Array(await answered(readMs, envelope.arrayBuffer()));
  const body = await answered(readMs, getPinned(bucket, knownBody(order)));
  if (body === null) throw objectMissing(order, "body");
  return { envelope: bytes, body };
}

/** The object's bytes as they come. @throws Refused if the next does not come for `readMs`. */
export async function* piecesOf(
  { schedule: { readMs } }: Deployment,
  { body }: R2ObjectBody,
): AsyncGenerator<Uint8Array> {
  const reader = body.getReader();
  try {
    for (;;) {
      const next = await answered(readMs, reader.read());
      if (next.done) return;
      yield next.value;
    }
  } finally {
    // Not waited for: if the bucket hangs, this does not end either.
    reader.cancel().catch(() => undefined);
  }
}

/**
 * What is wrong with a backup's two objects, by what the bucket says of them, without reading them: in
 * sentences of letters, digits, spaces, full stops and colons; null: nothing.
 */
export async function lookAtSealed(
  bucket: R2Bucket,
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
