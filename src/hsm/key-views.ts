/**
 * How a key is shown. No material.
 *
 * docs/HSM.md §3; shape after CloudHSM's `key list --verbose`.
 */
import type { FoundKey } from "./key-access.ts";
import { decodeFlags, KEY_CLASS_OF, KEY_TYPE_OF } from "./key-record.ts";
import { curveOfBits } from "./key-structures.ts";
import { encodePem } from "./pem.ts";
import { encodeHex } from "./record-access.ts";
import type { KeyView } from "./views.ts";

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
