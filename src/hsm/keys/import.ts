/**
 * Keys imported, one or in bulk.
 *
 * docs/HSM.md §3.1. A bulk import is one transaction: all of its keys are there afterwards, or
 * none.
 */
import type { HsmContext } from "../access/context.ts";
import { authorize } from "../access/permissions.ts";
import type { SessionToken } from "../access/sessions.ts";
import { batchItemError, HsmError } from "../rules/errors.ts";
import { MAX_IMPORT_BATCH } from "../rules/limits.ts";
import type { NewKeyAttributes } from "./attribute-rules.ts";
import { addKey, addKeys, disposeOf, type PreparedKey, prepareKey } from "./creation.ts";
import { type KeyMaterial, readMaterial } from "./material.ts";
import type { KeyView } from "./views.ts";

export interface KeyImport {
  readonly material: KeyMaterial;
  readonly attributes?: NewKeyAttributes;
}

/**
 * @throws HsmError `key_unreadable`, `key_unsupported`, `attribute_refused`, `key_limit`, ….
 */
export async function importKey(
  context: HsmContext,
  token: SessionToken,
  request: KeyImport,
): Promise<KeyView> {
  authorize(context, token, "manage keys");
  const prepared = await prepareImport(context, request);
  return addKey(context, token, prepared);
}

/**
 * All of them or none. @param requests - at most `MAX_IMPORT_BATCH`.
 * @returns handles, in order. @throws HsmError `batch_limit`, `batch_item` with its cause, ….
 */
export async function importKeys(
  context: HsmContext,
  token: SessionToken,
  requests: readonly KeyImport[],
): Promise<number[]> {
  if (requests.length > MAX_IMPORT_BATCH) {
    throw new HsmError({ code: "batch_limit", max: MAX_IMPORT_BATCH, got: requests.length });
  }
  authorize(context, token, "manage keys");
  const added = addKeys(context, token, await prepareAll(context, requests));
  return added.map(({ handle }) => handle);
}

async function prepareAll(
  context: HsmContext,
  requests: readonly KeyImport[],
): Promise<PreparedKey[]> {
  const prepared: PreparedKey[] = [];
  try {
    for (const request of requests) prepared.push(await prepareImport(context, request));
    return prepared;
  } catch (error) {
    disposeOf(prepared);
    throw batchItemError(prepared.length, error);
  }
}

async function prepareImport(context: HsmContext, request: KeyImport): Promise<PreparedKey> {
  const material = await readMaterial(context.subtle, request.material);
  return await prepareKey(context, material, request.attributes ?? {}, false);
}
