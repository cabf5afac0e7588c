/**
 * A stored backup as the engine opens it: its two objects, and this deployment's keys to them.
 *
 * Spec: FORMAT.md §7; docs/STORAGE.md, "Restoring". Sealed bytes pass through, a piece at a time.
 */

import { BackupError } from "../../backup/format/errors.ts";
import type { StoredBackup } from "../../backup/restore.ts";
import type { Openers } from "../../backup/seal/data-key.ts";
import { type Kms, localKms } from "../../backup/seal/kms.ts";
import type { Expectation } from "../../backup/sealed.ts";
import { encodeHex, requireHex } from "../../crypto/base-encodings.ts";
import type { StoredBackupOrder } from "../contracts/hsm-api.ts";
import type { Deployment } from "../platform/deployment.ts";
import { randomBytes } from "../platform/engine.ts";
import { isOfBytes } from "../platform/fault-response.ts";
import { getSealed } from "../platform/objects.ts";
import type { Secrets } from "./secrets.ts";

/**
 * Runs `open` over both objects; the engine checks that the envelope belongs where it lies.
 *
 * The clear part of an envelope names keys and versions before anything authenticates it, so one that was
 * changed may seem to ask for keys that are not here. It is told as damaged where its bytes are not
 * those that the catalogue knows; else the refusal is what it says.
 * @throws Refused; BackupError, as `open` does.
 */
export async function openStored<T>(
  deployment: Deployment,
  order: StoredBackupOrder,
  open: (stored: StoredBackup) => Promise<T>,
): Promise<T> {
  const { envelope, body } = await getSealed(deployment, order);
  try {
    return await open({ envelope, body: body.pieces(), bodyBytes: order.bodyBytes });
  } catch (error) {
    if (!(error instanceof BackupError) || isOfBytes(error.fault.code)) throw error;
    if (await isKnown(envelope, order)) throw error;
    const why = "its bytes are not those that were put";
    throw new BackupError({ code: "envelope_damaged", why });
  }
}

async function isKnown(
  envelope: Uint8Array,
  { envelopeDigest }: StoredBackupOrder,
): Promise<boolean> {
  if (envelopeDigest === "") return true; // Of an earlier build: nothing is known.
  const digest = await crypto.subtle.digest("SHA-256", Uint8Array.from(envelope));
  return encodeHex(new Uint8Array(digest)) === envelopeDigest;
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
