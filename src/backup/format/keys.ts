/**
 * The key hierarchy: keyrings of MKBK and AKBK, and the PBK derived from one of each.
 *
 * Spec: FORMAT.md §5.1, §5.2 (SP 800-108r1, SP 800-133r2 §6.3). Nothing is wrapped here.
 */
import { encodeHex } from "../../crypto/base-encodings.ts";
import { concatBytes, equalBytes, viewOf } from "../../crypto/bytes.ts";
import type { Core } from "../../crypto/core.ts";
import { SecretKey } from "../../crypto/secret-key.ts";
import { BackupError, keyMismatch } from "./errors.ts";
import { KEY_BYTES, KEY_ID_BYTES, LABEL, SUITE } from "./layout.ts";

/** One version of an MKBK or AKBK. */
export interface KeyVersion {
  /** 16 bytes, minted with the key. */
  readonly id: Uint8Array;
  /** 1 to 2^32 − 1. */
  readonly version: number;
  /** active: wraps and unwraps; retired: unwraps only; destroyed: only its id is left. */
  readonly state: "active" | "retired" | "destroyed";
  /** 32 bytes; null once destroyed. */
  readonly key: SecretKey | null;
}

/** What an HSM, or a recovery kit, can derive PBKs from. Borrowed by everything that takes it. */
export interface Keyring {
  readonly manufacturer: string;
  readonly mkbk: readonly KeyVersion[];
  readonly akbk: readonly KeyVersion[];
}

/** Names of the two keys that a PBK comes from. */
export interface PbkIds {
  /** 16 bytes each. */
  readonly mkbkId: Uint8Array;
  readonly mkbkVersion: number;
  readonly akbkId: Uint8Array;
  readonly akbkVersion: number;
}

const PURPOSE_WRAP_KEY_BLOCK = 1;
const ALGORITHM_AES_256_KW = 1;
const IDS_BYTES = 42;

/** The PBK, its id, and what it was derived from. Disposal wipes it. */
export class PersistentKey implements Disposable {
  readonly ids: PbkIds;
  /** 16 bytes, public. */
  readonly id: Uint8Array;
  readonly key: SecretKey;

  constructor(ids: PbkIds, id: Uint8Array, key: SecretKey) {
    this.ids = ids;
    this.id = id;
    this.key = key;
  }

  [Symbol.dispose](): void {
    this.key[Symbol.dispose]();
  }
}

/** A key version whose key is there. */
interface UsableKey {
  readonly id: Uint8Array;
  readonly version: number;
  readonly key: SecretKey;
}

/**
 * PBK = KDF(HMAC(KDF(MKBK, …), AKBK ‖ ids), …): FORMAT.md §5.2.
 *
 * @param mkbk - 32 bytes, borrowed. @param akbk - the same.
 * @returns a fresh key of 32 bytes and its id; C and KDK are wiped.
 * @throws RangeError if a key or id has another length.
 */
export function derivePbk(core: Core, mkbk: UsableKey, akbk: UsableKey): PersistentKey {
  const ids: PbkIds = {
    mkbkId: mkbk.id.slice(),
    mkbkVersion: mkbk.version,
    akbkId: akbk.id.slice(),
    akbkVersion: akbk.version,
  };
  verifyLengths(mkbk, "MKBK");
  verifyLengths(akbk, "AKBK");
  const context = encodeIds(ids);
  using component = core.kdfCounter(mkbk.key, LABEL.mkbkComponent, context, KEY_BYTES);
  using extractorInput = akbk.key.use((bytes) => new SecretKey(concatBytes(bytes, context)));
  using kdk = core.kdfHmacSha256(component, extractorInput);
  using id = core.kdfCounter(kdk, LABEL.pbkId, context, KEY_ID_BYTES);
  const pbk = core.kdfCounter(kdk, LABEL.pbk, pbkContext(context), KEY_BYTES);
  return new PersistentKey(
    ids,
    id.use((bytes) => bytes.slice()),
    pbk,
  );
}

/**
 * The PBK under which new backups are wrapped: of each ring the active key with the highest number.
 * @throws BackupError `key_inactive` of mkbk or akbk.
 */
export function activePbk(core: Core, ring: Keyring): PersistentKey {
  return derivePbk(core, activeKey(ring.mkbk, "mkbk"), activeKey(ring.akbk, "akbk"));
}

/**
 * The PBK of a stored backup, by the ids it names.
 * @throws BackupError `key_mismatch` of mkbk or akbk.
 */
export function pbkByIds(core: Core, ring: Keyring, ids: PbkIds): PersistentKey {
  const mkbk = keyById(ring.mkbk, "mkbk", ids.mkbkId, ids.mkbkVersion);
  const akbk = keyById(ring.akbk, "akbk", ids.akbkId, ids.akbkVersion);
  return derivePbk(core, mkbk, akbk);
}

/** Whether the ring has, or once had, this MKBK: a hint for the right message. */
export function knowsMkbk(ring: Keyring, ids: PbkIds): boolean {
  return ring.mkbk.some(
    ({ id, version }) => version === ids.mkbkVersion && equalBytes(id, ids.mkbkId),
  );
}

/** suite u16 ‖ mkbkId 16 ‖ mkbkVersion u32 ‖ akbkId 16 ‖ akbkVersion u32: 42 bytes, fresh. */
function encodeIds(ids: PbkIds): Uint8Array {
  const bytes = new Uint8Array(IDS_BYTES);
  const view = viewOf(bytes);
  view.setUint16(0, SUITE);
  bytes.set(ids.mkbkId, 2);
  view.setUint32(18, ids.mkbkVersion);
  bytes.set(ids.akbkId, 22);
  view.setUint32(38, ids.akbkVersion);
  return bytes;
}

/** purpose u16 ‖ algorithm u16 ‖ bits u16 ‖ ids: 48 bytes, fresh. */
function pbkContext(ids: Uint8Array): Uint8Array {
  const prefix = new Uint8Array(6);
  const view = viewOf(prefix);
  view.setUint16(0, PURPOSE_WRAP_KEY_BLOCK);
  view.setUint16(2, ALGORITHM_AES_256_KW);
  view.setUint16(4, 8 * KEY_BYTES);
  return concatBytes(prefix, ids);
}

function activeKey(versions: readonly KeyVersion[], which: "mkbk" | "akbk"): UsableKey {
  let newest: UsableKey | null = null;
  for (const { id, version, state, key } of versions) {
    if (state !== "active" || key === null) continue;
    if (newest === null || version > newest.version) newest = { id, version, key };
  }
  // SP 800-57 part 1 §5.3.6: a key past its originator's use must not wrap.
  if (newest === null) throw new BackupError({ code: "key_inactive", which });
  return newest;
}

function keyById(
  versions: readonly KeyVersion[],
  which: "mkbk" | "akbk",
  id: Uint8Array,
  version: number,
): UsableKey {
  const found = versions.find((entry) => entry.version === version && equalBytes(entry.id, id));
  const name = `${encodeHex(id)} version ${version}`;
  if (found === undefined) {
    throw keyMismatch(which, name, "absent");
  }
  if (found.state === "destroyed" || found.key === null) {
    throw keyMismatch(which, name, "destroyed");
  }
  return { id: found.id, version, key: found.key };
}

function verifyLengths({ id, key }: UsableKey, name: string): void {
  if (id.length !== KEY_ID_BYTES) {
    throw new RangeError(`${name} id: expected ${KEY_ID_BYTES} bytes, got ${id.length}`);
  }
  if (key.length !== KEY_BYTES) {
    throw new RangeError(`${name}: expected ${KEY_BYTES} bytes, got ${key.length}`);
  }
}
