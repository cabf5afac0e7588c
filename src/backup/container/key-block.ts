/**
 * The key block: EBK and MAC key under the PBK, tied to one header.
 *
 * Spec: FORMAT.md §3.3, §6.1. What is read before the wrap verifies is a hint.
 */
import { encodeHex } from "../../crypto/base-encodings.ts";
import { concatBytes, equalBytes, viewOf } from "../../crypto/bytes.ts";
import type { Core } from "../../crypto/core.ts";
import { SecretKey } from "../../crypto/secret-key.ts";
import { BackupError, keyMismatch } from "../format/errors.ts";
import {
  activePbk,
  type Keyring,
  type PbkIds,
  type PersistentKey,
  pbkByIds,
} from "../format/keys.ts";
import {
  DIGEST_BYTES,
  FORMAT_VERSION,
  KEY_BLOCK,
  KEY_BLOCK_BYTES,
  KEY_BLOCK_MAGIC,
  KEY_BYTES,
  KEY_ID_BYTES,
  SUITE,
} from "../format/layout.ts";
import { verifyFront, verifyVersion } from "../format/magic.ts";

/** What a key block wraps. Disposal wipes both keys. */
export class ContainerKeys implements Disposable {
  readonly ebk: SecretKey;
  readonly macKey: SecretKey;

  /** Takes both keys over, 32 bytes each. */
  constructor(ebk: SecretKey, macKey: SecretKey) {
    this.ebk = ebk;
    this.macKey = macKey;
  }

  [Symbol.dispose](): void {
    this.ebk[Symbol.dispose]();
    this.macKey[Symbol.dispose]();
  }
}

/** The clear fields of a key block: hints. */
export interface KeyBlockFields extends PbkIds {
  readonly pbkId: Uint8Array;
}

/** An unwrapped key block: the keys, and the header they belong to. */
export interface OpenedKeyBlock {
  readonly keys: ContainerKeys;
  /** SHA-256 of prologue and header, 32 bytes. */
  readonly headerDigest: Uint8Array;
}

/**
 * KW(PBK, EBK ‖ MAC key ‖ header digest) with its ids: 176 fresh bytes.
 * @param headerDigest - SHA-256 of prologue and header. Nothing is taken over.
 */
export function wrapKeyBlock(
  core: Core,
  pbk: PersistentKey,
  keys: ContainerKeys,
  headerDigest: Uint8Array,
): Uint8Array<ArrayBuffer> {
  const block = new Uint8Array(KEY_BLOCK_BYTES);
  const view = viewOf(block);
  block.set(KEY_BLOCK_MAGIC, KEY_BLOCK.magic);
  view.setUint16(KEY_BLOCK.version, FORMAT_VERSION);
  view.setUint16(KEY_BLOCK.suite, SUITE);
  block.set(pbk.ids.mkbkId, KEY_BLOCK.mkbkId);
  view.setUint32(KEY_BLOCK.mkbkVersion, pbk.ids.mkbkVersion);
  view.setUint32(KEY_BLOCK.akbkVersion, pbk.ids.akbkVersion);
  block.set(pbk.ids.akbkId, KEY_BLOCK.akbkId);
  block.set(pbk.id, KEY_BLOCK.pbkId);
  const plain = keys.ebk.use((ebk) =>
    keys.macKey.use((macKey) => concatBytes(ebk, macKey, headerDigest)),
  );
  try {
    using kek = core.kek(pbk.key);
    block.set(kek.kwWrap(plain), KEY_BLOCK.wrappedKeys);
  } finally {
    plain.fill(0);
  }
  return block;
}

/**
 * The inverse of `wrapKeyBlock`, with the PBK that the block names.
 *
 * @param block - 176 bytes, borrowed. @returns fresh keys, disposed of by the caller.
 * @throws BackupError `not_ours`, `newer_version`, `truncated`, `key_mismatch`,
 *   `key_block_damaged`.
 */
export function unwrapKeyBlock(core: Core, ring: Keyring, block: Uint8Array): OpenedKeyBlock {
  const fields = decodeKeyBlock(block);
  using pbk = pbkByIds(core, ring, fields);
  if (!equalBytes(pbk.id, fields.pbkId)) {
    const id = encodeHex(fields.pbkId);
    throw keyMismatch("pbk", id, "refused");
  }
  using kek = core.kek(pbk.key);
  const plain = kek.kwUnwrap(block.subarray(KEY_BLOCK.wrappedKeys));
  if (plain === null) throw new BackupError({ code: "key_block_damaged" });
  try {
    const ebk = SecretKey.copyOf(plain.subarray(0, KEY_BYTES));
    const macKey = SecretKey.copyOf(plain.subarray(KEY_BYTES, 2 * KEY_BYTES));
    const headerDigest = plain.slice(2 * KEY_BYTES, 2 * KEY_BYTES + DIGEST_BYTES);
    return { keys: new ContainerKeys(ebk, macKey), headerDigest };
  } finally {
    plain.fill(0);
  }
}

/**
 * The clear fields, unauthenticated.
 * @throws BackupError `not_ours`, `newer_version`, `truncated`, `key_block_damaged`.
 */
export function decodeKeyBlock(block: Uint8Array): KeyBlockFields {
  verifyFront(block, KEY_BLOCK_MAGIC, "key_block");
  if (block.length < KEY_BLOCK_BYTES) {
    throw new BackupError({
      code: "truncated",
      part: "key_block",
      expectedBytes: KEY_BLOCK_BYTES,
      gotBytes: block.length,
    });
  }
  if (block.length > KEY_BLOCK_BYTES) {
    throw new RangeError(`block: expected ${KEY_BLOCK_BYTES} bytes, got ${block.length}`);
  }
  const view = viewOf(block);
  verifyVersion(view.getUint16(KEY_BLOCK.suite), SUITE, "key_block");
  if (view.getUint32(KEY_BLOCK.reserved) !== 0)
    throw new BackupError({ code: "key_block_damaged" });
  return {
    mkbkId: block.slice(KEY_BLOCK.mkbkId, KEY_BLOCK.mkbkId + KEY_ID_BYTES),
    mkbkVersion: view.getUint32(KEY_BLOCK.mkbkVersion),
    akbkId: block.slice(KEY_BLOCK.akbkId, KEY_BLOCK.akbkId + KEY_ID_BYTES),
    akbkVersion: view.getUint32(KEY_BLOCK.akbkVersion),
    pbkId: block.slice(KEY_BLOCK.pbkId, KEY_BLOCK.pbkId + KEY_ID_BYTES),
  };
}

/**
 * The same container keys under the active PBK: rotation of MKBK or AKBK. 176 fresh bytes.
 * @throws BackupError as `unwrapKeyBlock`.
 */
export function rewrapKeyBlock(
  core: Core,
  ring: Keyring,
  block: Uint8Array,
): Uint8Array<ArrayBuffer> {
  const { keys, headerDigest } = unwrapKeyBlock(core, ring, block);
  using held = keys;
  using pbk = activePbk(core, ring);
  return wrapKeyBlock(core, pbk, held, headerDigest);
}
