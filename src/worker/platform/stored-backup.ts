/**
 * A stored backup: its two objects as the engine reads them, and with what this deployment opens them.
 *
 * Spec: FORMAT.md §7; docs/STORAGE.md, "Restoring". Sealed bytes pass through, a piece at a time.
 */

import type { StoredBackup } from "../../backup/restore.ts";
import { localKms } from "../../backup/seal/kms.ts";
import type { Openers } from "../../backup/seal/recipients.ts";
import type { RestoreOrder } from "../contracts/hsm-api.ts";
import { Refused } from "../contracts/refused.ts";
import type { Deployment } from "./deployment.ts";
import { randomBytes } from "./engine.ts";
import { backupBucket, getPinned, getSmall } from "./objects.ts";

/** The two objects of a backup as they lie in the bucket. */
export interface SealedObjects {
  readonly envelope: Uint8Array;
  readonly body: R2ObjectBody;
}

/** Both objects; the body pinned to the etag of the catalogue. @throws Refused if one is not there. */
export async function getSealed(
  deployment: Deployment,
  order: RestoreOrder,
): Promise<SealedObjects> {
  const bucket = backupBucket(deployment, order.source.region);
  const envelope = await getSmall(bucket, order.envelopeKey);
  if (envelope === null) throw objectMissing(order, "envelope");
  const body = await getPinned(bucket, order.bodyKey, order.bodyEtag);
  if (body === null) throw objectMissing(order, "body");
  return { envelope, body };
}

/** The same for the engine, which checks that the envelope belongs where it lies. */
export async function getStored(
  deployment: Deployment,
  order: RestoreOrder,
): Promise<StoredBackup> {
  const { envelope, body } = await getSealed(deployment, order);
  return { envelope, body: body.body, location: order.source };
}

/** The edge opens seals with the KMS; recovery keys never come here. */
export function openersOf(deployment: Deployment): Openers {
  const kms = localKms(crypto.subtle, randomBytes, deployment.localKms.keys);
  return { kms, recoveryKey: null };
}

/** What the catalogue and the target demand of a backup, checked when its header is authentic. */
export function expectedOf(order: RestoreOrder) {
  const containerDigest = Uint8Array.fromHex(order.containerDigest);
  return { containerDigest, mode: order.target.mode };
}

function objectMissing(order: RestoreOrder, what: string): Refused {
  return new Refused({
    kind: "conflict",
    code: "backup_object_missing",
    message:
      `The ${what} of backup '${order.source.backupId}' is not in the bucket as the catalogue knows ` +
      "it. Use another backup of the cluster, and find out who changed the bucket.",
  });
}
