/**
 * Keys that protect an HSM's memory at rest and on its way to the other HSMs of its cluster.
 *
 * Spec: docs/STORAGE.md, "Keys at rest"; SP 800-108r1 counter mode through the core.
 * Derived from the deployment's storage key for one HSM or one cluster each, never
 * stored, disposed of after every operation.
 */
import type { Core, Kek } from "../../crypto/core.ts";
import { SecretKey } from "../../crypto/secret-key.ts";
import { setRecordId } from "../../hsm/memory/record.ts";
import type { HsmLocation } from "../contracts/place.ts";
import { Refused } from "../contracts/result.ts";
import type { Secrets } from "../opening/secrets.ts";

const KEY_BYTES = 32;
const STORAGE_LABEL = "holdfast/v1/hsm-storage";
const SYNC_LABEL = "holdfast/v1/cluster-sync";

/** Slots of an HSM's own secrets, beside the record types: never in a snapshot. */
export const LOCAL_SECRET = { akbk: 0x81, identityKey: 0x82 } as const;

/**
 * The slot (type byte and id) in front of every wrapped secret: a row moved to another does not
 * unwrap.
 */
const SLOT_BYTES = 9;

/** Wraps the rows of one HSM: no other HSM's rows unwrap under it. 32 bytes, fresh. */
export function deriveStorageKey(core: Core, secrets: Secrets, location: HsmLocation): SecretKey {
  return core.kdfCounter(secrets.storageKey, STORAGE_LABEL, encodeHsm(location), KEY_BYTES);
}

function encodeHsm({ account, region, clusterId, hsmId }: HsmLocation): Uint8Array {
  return encodeNames(account, region, clusterId, hsmId);
}

/** Wraps secrets between the HSMs of one cluster. 32 bytes, fresh. */
export function deriveSyncKey(core: Core, secrets: Secrets, location: HsmLocation): SecretKey {
  const context = encodeNames(location.account, location.region, location.clusterId);
  return core.kdfCounter(secrets.storageKey, SYNC_LABEL, context, KEY_BYTES);
}

/** Injective: each name is preceded by its length in two bytes. */
function encodeNames(...names: string[]): Uint8Array {
  const parts = names.map((name) => new TextEncoder().encode(name));
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + 2 + part.length, 0));
  const view = new DataView(bytes.buffer);
  let offset = 0;
  for (const part of parts) {
    view.setUint16(offset, part.length);
    bytes.set(part, offset + 2);
    offset += 2 + part.length;
  }
  return bytes;
}

/** The deployment's storage key is not the one that the HSM was made under. */
export class StorageKeyMismatch extends Refused {
  constructor() {
    super({
      kind: "unavailable",
      code: "storage_key_mismatch",
      message:
        "The worker's STORAGE_KEY is not the one that this HSM was made under; nothing was changed. " +
        "Give the worker that key. If it is lost: DeleteHsm, then CreateHsm. The new HSM is filled " +
        "from the newest sound backup; this one goes when that one serves. In a cluster that was " +
        "never activated this one goes at once: wait for that before CreateHsm.",
    });
  }
}

/** The code of the refusal by which an HSM knows that it has to leave service. */
export const MEMORY_CHANGED = "hsm_memory_changed";

/** A row is not as this HSM wrote it, is missing, or is one too many. Nothing of it is told. */
export class MemoryChanged extends Refused {
  /** @param what - table and place of the row. */
  constructor(what: string) {
    super({
      kind: "unavailable",
      code: MEMORY_CHANGED,
      message:
        `This HSM's memory was changed from outside (${what}), and the HSM has left service. ` +
        "DeleteHsm, then CreateHsm. The new HSM is filled from another one that serves, else from " +
        "the newest sound backup; this one goes when that one serves.",
    });
  }
}

/**
 * KWP of type ‖ id ‖ secret, `type` being a record type or a `LOCAL_SECRET` (SP 800-38F §6.3).
 * `secret` is borrowed; the result is fresh.
 */
export function wrapSecret(kek: Kek, type: number, id: number, secret: SecretKey): Uint8Array {
  const plain = encodeSecret(type, id, secret);
  try {
    return kek.kwpWrap(plain);
  } finally {
    plain.fill(0);
  }
}

/** A secret and the slot it is wrapped for; null where there is none. */
interface SlotSecret {
  readonly type: number;
  readonly id: number;
  readonly secret: SecretKey | null;
}

/** `wrapSecret` of many, null where there is none: one call, in lanes. Fresh. */
export function wrapSecrets(kek: Kek, rows: readonly SlotSecret[]): (Uint8Array | null)[] {
  const plains = rows.flatMap(({ type, id, secret }) =>
    secret === null ? [] : [encodeSecret(type, id, secret)],
  );
  try {
    const wrapped = kek.wrapMany(plains);
    let next = 0;
    return rows.map(({ secret }) => (secret === null ? null : (wrapped[next++] ?? null)));
  } finally {
    for (const plain of plains) plain.fill(0);
  }
}

/** type ‖ id ‖ secret: fresh, wiped by the caller. */
function encodeSecret(type: number, id: number, secret: SecretKey): Uint8Array {
  const plain = new Uint8Array(SLOT_BYTES + secret.length);
  plain.set(encodeSlot(type, id));
  secret.use((bytes) => plain.set(bytes, SLOT_BYTES));
  return plain;
}

/** Inverse of `wrapSecret`: a fresh key. @throws MemoryChanged unless wrapped for this slot. */
export function unwrapSecret(kek: Kek, type: number, id: number, wrapped: Uint8Array): SecretKey {
  const plain = kek.kwpUnwrap(wrapped);
  if (plain === null) throw new MemoryChanged(`a secret, ${type}/${id}`);
  return takeSecret(type, id, plain);
}

/** A secret as a row holds it. */
export interface WrappedSecret {
  readonly type: number;
  readonly id: number;
  readonly wrapped: Uint8Array;
}

/**
 * `unwrapSecret` of many, null where there is none: one call, in lanes. Fresh keys, or it throws.
 */
export function unwrapSecrets(
  kek: Kek,
  rows: readonly (WrappedSecret | null)[],
): (SecretKey | null)[] {
  const plains = kek.unwrapMany(rows.flatMap((row) => row?.wrapped ?? []));
  if (!Array.isArray(plains)) throw new MemoryChanged("a secret");
  const secrets: (SecretKey | null)[] = [];
  let next = 0;
  try {
    for (const row of rows) {
      const plain = row === null ? undefined : plains[next++];
      secrets.push(
        row === null || plain === undefined ? null : takeSecret(row.type, row.id, plain),
      );
    }
    return secrets;
  } catch (error) {
    for (const secret of secrets) secret?.[Symbol.dispose]();
    for (const plain of plains) plain.fill(0);
    throw error;
  }
}

/** The secret in `plain`, which is wiped. @throws MemoryChanged if wrapped for another slot. */
function takeSecret(type: number, id: number, plain: Uint8Array): SecretKey {
  const slot = encodeSlot(type, id);
  const isHere = plain.length > SLOT_BYTES && slot.every((byte, i) => plain[i] === byte);
  try {
    if (!isHere) throw new MemoryChanged(`a secret, ${type}/${id}`);
    return new SecretKey(plain.slice(SLOT_BYTES));
  } finally {
    plain.fill(0);
  }
}

function encodeSlot(type: number, id: number): Uint8Array {
  const slot = new Uint8Array(SLOT_BYTES);
  const view = new DataView(slot.buffer);
  view.setUint8(0, type);
  setRecordId(view, 1, id);
  return slot;
}
