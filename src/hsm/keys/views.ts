/**
 * How a key is shown. No material.
 *
 * docs/HSM.md §3; shape after CloudHSM's `key list --verbose`.
 */

import { encodeHex } from "../../crypto/base-encodings.ts";
import { encodePem } from "../../crypto/pem.ts";
import {
  decodeFlags,
  KEY_CLASS_OF,
  KEY_TYPE_OF,
  type KeyClass,
  type KeyFlags,
  type KeyType,
} from "../memory/key-record.ts";
import { curveOfBits } from "./algorithms.ts";
import type { FoundKey } from "./lookup.ts";

/** How a key is shown. No secrets. */
export interface KeyView {
  readonly handle: number;
  readonly label: string;
  /** Hexadecimal. */
  readonly id: string;
  readonly class: KeyClass;
  readonly type: KeyType;
  readonly sizeBits: number;
  /** EC only. */
  readonly curve: "P-256" | "P-384" | "P-521" | null;
  /** Name of the owner. */
  readonly owner: string;
  readonly sharedWith: readonly string[];
  readonly attributes: KeyFlags;
  /** Hexadecimal, 3 bytes; null for a generic secret, which one could guess from it. */
  readonly checkValue: string | null;
  /** SPKI of the public half in PEM; null for a secret key. */
  readonly publicKeyPem: string | null;
  readonly createdAtMs: number;
  readonly manageQuorum: number | null;
  readonly useQuorum: number | null;
}

/** @param nameOf - the name of a user by id. */
export function keyView(found: FoundKey, nameOf: (userId: number) => string): KeyView {
  const { handle, key } = found;
  const type = KEY_TYPE_OF[key.type];
  return {
    handle,
    label: key.label,
    id: encodeHex(key.id),
    class: KEY_CLASS_OF[key.class],
    type,
    sizeBits: key.sizeBits,
    curve: type === "ec" ? curveOfBits(key.sizeBits) : null,
    owner: nameOf(key.owner),
    sharedWith: key.sharedWith.map(nameOf),
    attributes: decodeFlags(key.flags),
    checkValue: type === "generic-secret" ? null : encodeHex(key.checkValue),
    publicKeyPem: key.publicKey.length === 0 ? null : encodePem("PUBLIC KEY", key.publicKey),
    createdAtMs: key.createdAtMs,
    manageQuorum: key.manageQuorum || null,
    useQuorum: key.useQuorum || null,
  };
}
