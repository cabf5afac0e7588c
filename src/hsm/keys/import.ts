/**
 * Keys imported, one or in bulk.
 *
 * docs/HSM.md §2.6, §3.1. What is cheap to refuse is looked at in all keys before the first is
 * read; then each waits for its turn. A bulk import is one transaction at its end: all of its keys
 * are there afterwards, or none, whatever happened while it waited.
 */
import type { HsmContext } from "../access/context.ts";
import { authorize, type Caller } from "../access/permissions.ts";
import type { SessionToken } from "../access/sessions.ts";
import { atOnce, type Turn } from "../access/turns.ts";
import { batchItemError, HsmError, itemOfBatch } from "../rules/errors.ts";
import { MAX_IMPORT_BATCH } from "../rules/limits.ts";
import { type NewKeyAttributes, verifyAsked } from "./attribute-rules.ts";
import {
  addKey,
  addKeys,
  disposeOf,
  type PreparedKey,
  prepareKey,
  verifyRoom,
} from "./creation.ts";
import { isAsymmetric, type KeyMaterial, readMaterial, verifyBounds } from "./material.ts";
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
  const caller = authorize(context, token, "manage keys");
  verifyRoomFor(context, [request]);
  verifyAtSight(request);
  const prepared = await inTurns(context, caller, [request], (turn) =>
    prepareImport(context, request, turn),
  );
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
  const caller = authorize(context, token, "manage keys");
  verifyRoomFor(context, requests);
  for (const [i, request] of requests.entries()) itemOfBatch(i, () => verifyAtSight(request));
  const prepared = await inTurns(context, caller, requests, (turn) =>
    prepareAll(context, requests, turn),
  );
  return addKeys(context, token, prepared).map(({ handle }) => handle);
}

function verifyRoomFor(context: HsmContext, requests: readonly KeyImport[]): void {
  const asymmetric = requests.filter(({ material }) => isAsymmetric(material)).length;
  verifyRoom(context, requests.length, asymmetric);
}

function verifyAtSight({ material, attributes }: KeyImport): void {
  verifyBounds(material);
  verifyAsked(attributes ?? {});
}

/** Who imports nothing but secret keys waits for nobody. */
function inTurns<T>(
  { turns }: HsmContext,
  { user }: Caller,
  requests: readonly KeyImport[],
  work: (turn: Turn) => Promise<T>,
): Promise<T> {
  const holdsThread = requests.some(({ material }) => isAsymmetric(material));
  return holdsThread ? turns.compute(user.username, work) : work(atOnce);
}

async function prepareAll(
  context: HsmContext,
  requests: readonly KeyImport[],
  turn: Turn,
): Promise<PreparedKey[]> {
  const prepared: PreparedKey[] = [];
  try {
    for (const request of requests) prepared.push(await prepareImport(context, request, turn));
    return prepared;
  } catch (error) {
    disposeOf(prepared);
    throw batchItemError(prepared.length, error);
  }
}

function prepareImport(
  context: HsmContext,
  { material, attributes }: KeyImport,
  turn: Turn,
): Promise<PreparedKey> {
  const prepare = async () => {
    const read = await readMaterial(context.subtle, material);
    return await prepareKey(context, read, attributes ?? {}, false);
  };
  return isAsymmetric(material) ? turn(prepare) : prepare();
}
