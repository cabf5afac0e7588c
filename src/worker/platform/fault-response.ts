/**
 * From a fault of the engine to what may be said of it at the edge: the one place that decides.
 *
 * Spec: docs/API.md, "Errors". Each switch is exhaustive: a new fault does not compile until
 * someone decides what a stranger may learn. No fault carries a secret, so messages pass unchanged.
 */

import {
  BackupError,
  type BackupFault,
  type BackupFaultCode,
  describeFault,
} from "../../backup/format/errors.ts";
import type { Refusal } from "../../cluster/refusal.ts";
import { type FaultFamily, faultFamily, HsmError } from "../../hsm/rules/errors.ts";
import { Refused, type Result, refuseWith, success } from "../contracts/result.ts";
import { log } from "./log.ts";

/** Runs `f` and turns the errors that mean a refusal into one; any other goes on up. */
export async function refusalsOf<T>(f: () => Promise<T> | T): Promise<Result<T>> {
  try {
    return success(await f());
  } catch (error) {
    const refusal = publicRefusal(error);
    if (refusal === null) throw error;
    return refuseWith(refusal);
  }
}

/** What may be said of an error; null if it is no refusal but a failure or a mistake of ours. */
function publicRefusal(error: unknown): Refusal | null {
  if (error instanceof Refused) return error.refusal;
  if (error instanceof HsmError) {
    return {
      kind: kindOfFamily(faultFamily(error.fault)),
      code: error.fault.code,
      message: error.message,
    };
  }
  if (error instanceof BackupError) return backupRefusal(error.fault);
  return null;
}

/** A refusal as it was made; for any other error one that tells nothing of it, but its name to the log. */
export function refusalFor(error: unknown, requestId: string): Refusal {
  const known = publicRefusal(error);
  if (known !== null) return known;
  const name = error instanceof Error ? error.name : typeof error;
  log("warning", "request_failed", { requestId, name });
  return {
    kind: "unavailable",
    code: "internal_failure",
    message:
      "The request failed inside the service. It may have been carried out: look before you repeat it.",
  };
}

function kindOfFamily(family: FaultFamily): Refusal["kind"] {
  switch (family) {
    case "authentication":
    case "permission":
      return "denied";
    case "absent":
      return "not_found";
    case "conflict":
      return "conflict";
    case "limit":
      return "limit";
    case "invalid":
      return "invalid";
  }
}

/** A code says which key, where that decides what to do; damage is told as it was found. */
function backupRefusal(fault: BackupFault): Refusal {
  const message = describeFault(fault);
  switch (fault.code) {
    case "key_mismatch":
      return { kind: "invalid", code: `key_mismatch_${fault.which}`, message };
    case "key_inactive":
      return { kind: "conflict", code: fault.code, message };
    case "verification_failed":
      return { kind: "unavailable", code: fault.code, message };
    case "not_ours":
    case "newer_version":
    case "truncated":
    case "trailing_data":
    case "seal_missing":
    case "envelope_damaged":
    case "recipients_unknown":
    case "envelope_replaced":
    case "location_mismatch":
    case "manufacturer_mismatch":
    case "key_block_damaged":
    case "header_damaged":
    case "header_invalid":
    case "mode_mismatch":
    case "wrong_backup":
    case "chain_mismatch":
    case "body_damaged":
    case "body_digest_mismatch":
    case "container_digest_mismatch":
    case "chunk_damaged":
    case "chunk_out_of_order":
    case "record_invalid":
    case "manifest_mismatch":
    case "trailer_damaged":
      return { kind: "invalid", code: fault.code, message };
  }
}

/**
 * Whether a fault is of the objects that lie in the bucket: damaged, or not those of this backup. The
 * others speak of keys that are not here, of this build, of the target, or of the making of a backup;
 * whoever mends those finds every backup as it was.
 */
const OF_BYTES: Readonly<Record<BackupFaultCode, boolean>> = {
  not_ours: true,
  truncated: true,
  trailing_data: true,
  seal_missing: true,
  envelope_damaged: true,
  envelope_replaced: true,
  location_mismatch: true,
  key_block_damaged: true,
  header_damaged: true,
  wrong_backup: true,
  body_damaged: true,
  body_digest_mismatch: true,
  container_digest_mismatch: true,
  chunk_damaged: true,
  chunk_out_of_order: true,
  manifest_mismatch: true,
  trailer_damaged: true,
  key_mismatch: false,
  manufacturer_mismatch: false,
  newer_version: false,
  recipients_unknown: false,
  header_invalid: false,
  record_invalid: false,
  mode_mismatch: false,
  chain_mismatch: false,
  key_inactive: false,
  verification_failed: false,
};

/** @param code - of a fault of the engine, or of the refusal that was made of it. */
export function isOfBytes(code: string): boolean {
  return Object.hasOwn(OF_BYTES, code) && OF_BYTES[code as BackupFaultCode];
}
