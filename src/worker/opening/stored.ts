/**
 * A stored backup as the engine opens it: its two objects, and this deployment's keys to them.
 *
 * Spec: FORMAT.md §7; docs/STORAGE.md, "Restoring". Sealed bytes pass through, a piece at a time.
 */

import type { StoredBackup } from "../../backup/restore.ts";
import type { Openers } from "../../backup/seal/data-key.ts";
import { type Kms, localKms } from "../../backup/seal/kms.ts";
import type { Expectation } from "../../backup/sealed.ts";
import { requireHex } from "../../crypto/base-encodings.ts";
import type { StoredBackupOrder } from "../contracts/hsm-api.ts";
import type { Deployment } from "../platform/deployment.ts";
import { randomBytes } from "../platform/engine.ts";
import { getSealed, piecesOf } from "../platform/objects.ts";
import type { Secrets } from "./secrets.ts";

/** Both objects; the engine checks that the envelope belongs where it lies. @throws Refused. */
export async function getStored(
  deployment: Deployment,
  order: StoredBackupOrder,
): Promise<StoredBackup> {
  const { envelope, body } = await getSealed(deployment, order);
  return { envelope, body: piecesOf(deployment, body), bodyBytes: order.bodyBytes };
}

/** The deployment's KMS. */
export function kmsOf({ localKms: { keys } }: Secrets): Kms {
  return localKms(crypto.subtle, randomBytes, keys);
}

/** The edge opens seals with the KMS; recovery keys never come here. */
export function openersOf(secrets: Secrets): Openers {
  return { kms: kmsOf(secrets), recoveryKeys: [] };
}

/** What the catalogue and the target demand of a backup. */
export function expectedOf(order: StoredBackupOrder): Expectation {
  const { target, containerDigest } = order;
  return {
    ...expectedEnvelope(order),
    mode: target.mode,
    containerDigest: requireHex(containerDigest),
  };
}

/** What it demands before the container is read. */
export function expectedEnvelope(order: StoredBackupOrder): Expectation {
  const { source: location, envelopeNumber: number, envelopeDigest } = order;
  if (envelopeDigest === "") return { location };
  return { location, envelope: { number, digest: requireHex(envelopeDigest) } };
}
