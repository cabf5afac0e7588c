/**
 * The attributes of a key record. Its secret part: raw bytes (AES, generic secret), PKCS#8 (RSA,
 * EC).
 *
 * FORMAT.md §4; docs/HSM.md §3, §9. Numbers of classes and types are PKCS#11's. A key pair is one
 * record of class private that carries its public half.
 */

import {
  MAX_GENERIC_SECRET_BYTES,
  MAX_KEY_ID_BYTES,
  MAX_LABEL_BYTES,
  MAX_PRIVATE_KEY_BYTES,
  MAX_QUORUM,
  MAX_USERS,
} from "../rules/limits.ts";
import {
  type AttributesCodec,
  attributesCodec,
  bytesField,
  choiceField,
  idsField,
  numberField,
  textField,
} from "./attributes-codec.ts";

export type KeyClass = "public" | "private" | "secret";
export type KeyClassNumber = 2 | 3 | 4;
export const KEY_CLASS_NUMBER: Readonly<Record<KeyClass, KeyClassNumber>> = {
  public: 2,
  private: 3,
  secret: 4,
};
export const KEY_CLASS_OF: Readonly<Record<KeyClassNumber, KeyClass>> = {
  2: "public",
  3: "private",
  4: "secret",
};

export type KeyType = "rsa" | "ec" | "generic-secret" | "aes";
export type KeyTypeNumber = 0 | 3 | 16 | 31;
export const KEY_TYPE_NUMBER: Readonly<Record<KeyType, KeyTypeNumber>> = {
  rsa: 0,
  ec: 3,
  "generic-secret": 16,
  aes: 31,
};
export const KEY_TYPE_OF: Readonly<Record<KeyTypeNumber, KeyType>> = {
  0: "rsa",
  3: "ec",
  16: "generic-secret",
  31: "aes",
};

/** The attributes that are true or false, each with its bit in `flags`. */
export const KEY_FLAGS = [
  "encrypt",
  "decrypt",
  "sign",
  "verify",
  "wrap",
  "unwrap",
  "derive",
  "sensitive",
  "extractable",
  "local",
  "neverExtractable",
  "alwaysSensitive",
  "destroyable",
  "modifiable",
  "private",
  "token",
  "trusted",
  "wrapWithTrusted",
] as const;

export type KeyFlag = (typeof KEY_FLAGS)[number];
export type KeyFlags = Readonly<Record<KeyFlag, boolean>>;

export interface KeyAttributes {
  readonly class: KeyClassNumber;
  readonly type: KeyTypeNumber;
  /** Id of the user who owns it. */
  readonly owner: number;
  /** Bit i is `KEY_FLAGS[i]`. */
  readonly flags: number;
  readonly label: string;
  readonly id: Uint8Array;
  /** Ids of the users it is shared with, ascending. */
  readonly sharedWith: number[];
  /** Bits of the secret, of the modulus, or of the curve. */
  readonly sizeBits: number;
  /** KCV, 3 bytes. */
  readonly checkValue: Uint8Array;
  /** SPKI of the public half; empty for a secret key. */
  readonly publicKey: Uint8Array;
  readonly createdAtMs: number;
  /** Approvals that managing or using the key takes; 0 for none. */
  readonly manageQuorum: number;
  readonly useQuorum: number;
}

/** Its class and type by name. */
export function kindOf(key: Pick<KeyAttributes, "class" | "type">): {
  class: KeyClass;
  type: KeyType;
} {
  return { class: KEY_CLASS_OF[key.class], type: KEY_TYPE_OF[key.type] };
}

export const CHECK_VALUE_BYTES = 3;

export const keyCodec: AttributesCodec<KeyAttributes> = attributesCodec<KeyAttributes>({
  class: choiceField<KeyClassNumber>(1, [2, 3, 4]),
  type: choiceField<KeyTypeNumber>(2, [0, 3, 16, 31]),
  owner: numberField(3, 1, Number.MAX_SAFE_INTEGER),
  flags: numberField(4, 0, 2 ** KEY_FLAGS.length - 1),
  label: textField(5, MAX_LABEL_BYTES),
  id: bytesField(6, 0, MAX_KEY_ID_BYTES),
  sharedWith: idsField(7, MAX_USERS - 1),
  sizeBits: numberField(8, 8, 8 * MAX_GENERIC_SECRET_BYTES),
  checkValue: bytesField(9, CHECK_VALUE_BYTES, CHECK_VALUE_BYTES),
  publicKey: bytesField(10, 0, 1_024),
  createdAtMs: numberField(11, 0, Number.MAX_SAFE_INTEGER),
  manageQuorum: numberField(12, 0, MAX_QUORUM),
  useQuorum: numberField(13, 0, MAX_QUORUM),
});

/**
 * Whether a key record is RSA or EC, from its first bytes: counting sixteen thousand need not
 * decode.
 * @param attributes - as `keyCodec` encodes them: map head, key 1, class.
 */
export function isAsymmetricRecord(attributes: Uint8Array): boolean {
  return attributes[2] !== KEY_CLASS_NUMBER.secret;
}

export function encodeFlags(flags: KeyFlags): number {
  return KEY_FLAGS.reduce((bits, name, i) => (flags[name] ? bits + 2 ** i : bits), 0);
}

export function decodeFlags(bits: number): KeyFlags {
  const has = (flag: KeyFlag): boolean => hasFlag(bits, flag);
  return {
    encrypt: has("encrypt"),
    decrypt: has("decrypt"),
    sign: has("sign"),
    verify: has("verify"),
    wrap: has("wrap"),
    unwrap: has("unwrap"),
    derive: has("derive"),
    sensitive: has("sensitive"),
    extractable: has("extractable"),
    local: has("local"),
    neverExtractable: has("neverExtractable"),
    alwaysSensitive: has("alwaysSensitive"),
    destroyable: has("destroyable"),
    modifiable: has("modifiable"),
    private: has("private"),
    token: has("token"),
    trusted: has("trusted"),
    wrapWithTrusted: has("wrapWithTrusted"),
  };
}

export function hasFlag(bits: number, flag: KeyFlag): boolean {
  return (bits & (1 << KEY_FLAGS.indexOf(flag))) !== 0;
}

/** Whether class, type, size and the two halves of a key record fit together. */
export function hasFittingMaterial(key: KeyAttributes, secretBytes: number): boolean {
  const type = KEY_TYPE_OF[key.type];
  const isSecretType = type === "aes" || type === "generic-secret";
  if (isSecretType) {
    const isKeySize = type !== "aes" || [128, 192, 256].includes(key.sizeBits);
    const fits = secretBytes * 8 === key.sizeBits && key.publicKey.length === 0;
    return key.class === KEY_CLASS_NUMBER.secret && fits && isKeySize;
  }
  if (key.publicKey.length === 0) return false;
  if (key.class === KEY_CLASS_NUMBER.public) return secretBytes === 0;
  const isPrivate = key.class === KEY_CLASS_NUMBER.private;
  return isPrivate && secretBytes > 0 && secretBytes <= MAX_PRIVATE_KEY_BYTES;
}
