/**
 * One key as a person reads it: kind, owner, attributes in CloudHSM's words, and what it can be used for.
 *
 * docs/HSM.md §3. What it *may* be used for, and by whom, the HSM decides when it is asked.
 */
import {
  decodeFlags,
  KEY_CLASS_OF,
  KEY_FLAGS,
  KEY_TYPE_OF,
  type KeyAttributes,
  type KeyFlag,
} from "../../hsm/key-record.ts";
import { encodeHex, encodePem } from "./texts.ts";
import type { KeyView } from "./views.ts";

/** Object identifiers of named curves as they stand in DER (SEC 2, RFC 5480 §2.1.1.1). */
const CURVES: readonly (readonly [string, string])[] = [
  ["06082a8648ce3d030107", "P-256"],
  ["06052b8104000a", "secp256k1"],
  ["06052b81040021", "P-224"],
  ["06052b81040022", "P-384"],
  ["06052b81040023", "P-521"],
];

function curveName(spki: Uint8Array): string {
  const hex = encodeHex(spki.subarray(0, 40)); // The identifiers stand in front of the point.
  return CURVES.find(([oid]) => hex.includes(oid))?.[1] ?? "unknown curve";
}

function kindText(key: KeyAttributes): string {
  switch (KEY_TYPE_OF[key.type]) {
    case "aes":
      return `AES ${key.sizeBits}`;
    case "generic-secret":
      return `Secret ${key.sizeBits}`;
    case "rsa":
      return `RSA ${key.sizeBits}`;
    case "ec":
      return `EC ${curveName(key.publicKey)}`;
  }
}

/** `wrapWithTrusted` as the CloudHSM tools write it: `wrap-with-trusted`. */
function flagText(flag: KeyFlag): string {
  return flag.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** @param nameOf - the name of a user by id. */
export function keyView(
  handle: number,
  key: KeyAttributes,
  nameOf: (id: number) => string,
): KeyView {
  const flags = decodeFlags(key.flags);
  return {
    handle,
    label: key.label,
    kind: kindText(key),
    type: KEY_TYPE_OF[key.type],
    keyClass: KEY_CLASS_OF[key.class],
    bits: key.sizeBits,
    idHex: encodeHex(key.id),
    owner: nameOf(key.owner),
    sharedWith: key.sharedWith.map(nameOf),
    attributes: KEY_FLAGS.filter((flag) => flags[flag]).map(flagText),
    extractable: flags.extractable,
    checkValue: encodeHex(key.checkValue),
    signsWith: [],
    verifiesWith: [],
    encryptsWith: [],
    decryptsWith: [],
    exportsAs: [],
    publicPem: key.publicKey.length === 0 ? "" : encodePem("PUBLIC KEY", key.publicKey),
  };
}
