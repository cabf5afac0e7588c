/**
 * The recovery keys of a kit, as its document holds them: private halves, or public ones alone.
 *
 * Spec: KIT.md §3. An entry of a kind that is not known is passed over.
 */
import { encodeBase64, encodeHex } from "../../crypto/base-encodings.ts";
import type { SecretKey } from "../../crypto/secret-key.ts";
import {
  AgeKeyError,
  encodeAgePublicKey,
  encodeAgeSecretKey,
  parseAgePublicKey,
  parseAgeSecretKey,
} from "../format/age-keys.ts";
import { KEY_ID_BYTES } from "../format/layout.ts";
import { isRecoverySpki } from "../format/recovery-spki.ts";
import type { RecoveryKey, RecoveryPublicKey } from "../seal/recovery-keys.ts";
import { keep, type Member } from "./member.ts";

/** A public half, and the id that the kit gives it. */
export interface KnownPublicKey extends RecoveryPublicKey {
  /** 32 hex digits. */
  readonly id: string;
}

/** What a kit has of recovery keys. */
export interface KitRecoveryKeys {
  readonly recoveryKeys: readonly RecoveryKey[];
  readonly publicKeys: readonly KnownPublicKey[];
}

const MAX_RECOVERY_KEYS = 8;
const MAX_KIND_BYTES = 128;
const MAX_RSA_BYTES = 4096;

/** One entry of the document. Secret. */
export function encodeRecoveryKey(key: RecoveryKey): Readonly<Record<string, string>> {
  const { algorithm: kind, id } = key;
  const secretKey =
    key.algorithm === "hybrid" ? encodeAgeSecretKey(key.seed) : key.pkcs8.use(encodeBase64);
  return { kind, id, secretKey };
}

export function encodePublicKey({
  algorithm: kind,
  id,
  bytes,
}: KnownPublicKey): Readonly<Record<string, string>> {
  return {
    kind,
    id,
    publicKey: kind === "hybrid" ? encodeAgePublicKey(bytes) : encodeBase64(bytes),
  };
}

/** @param owned - takes every secret. @throws KitError. */
export function parseRecoveryKeys(list: Member, owned: SecretKey[]): KitRecoveryKeys {
  const recoveryKeys: RecoveryKey[] = [];
  const publicKeys: KnownPublicKey[] = [];
  const names: string[] = [];
  for (const item of list.items(0, MAX_RECOVERY_KEYS)) {
    const kind = item.member("kind").text(MAX_KIND_BYTES);
    if (kind !== "hybrid" && kind !== "rsa") continue;
    const id = encodeHex(item.member("id").hex(KEY_ID_BYTES));
    names.push(`${kind} ${id}`);
    const secretKey = item.optional("secretKey");
    const publicKey = item.optional("publicKey");
    if (secretKey !== null && publicKey !== null) {
      throw publicKey.refused("kit_member_invalid", "nothing beside a secretKey");
    }
    if (secretKey !== null) recoveryKeys.push(parseSecretKey(kind, id, secretKey, owned));
    else publicKeys.push({ id, ...parsePublicKey(kind, publicKey ?? item.member("secretKey")) });
  }
  if (new Set(names).size !== names.length) {
    throw list.refused("kit_member_invalid", "no key twice");
  }
  return { recoveryKeys, publicKeys };
}

function parseSecretKey(
  kind: RecoveryKey["algorithm"],
  id: string,
  member: Member,
  owned: SecretKey[],
): RecoveryKey {
  if (kind === "rsa") {
    return { algorithm: kind, id, pkcs8: member.secret(1, MAX_RSA_BYTES, owned) };
  }
  return { algorithm: kind, id, seed: keep(ageKey(member, parseAgeSecretKey), owned) };
}

function parsePublicKey(kind: RecoveryKey["algorithm"], member: Member): RecoveryPublicKey {
  if (kind === "hybrid") return { algorithm: kind, bytes: ageKey(member, parseAgePublicKey) };
  const bytes = member.base64(1, MAX_RSA_BYTES);
  if (isRecoverySpki(bytes)) return { algorithm: kind, bytes };
  throw member.refused("kit_member_invalid", "an RSA key of 3,072 bits with exponent 65,537");
}

function ageKey<T>(member: Member, parse: (text: string) => T): T {
  if (typeof member.value !== "string")
    throw member.refused("kit_member_invalid", "a key of age's");
  try {
    return parse(member.value);
  } catch (error) {
    if (!(error instanceof AgeKeyError)) throw error;
    if (error.reason === "unsafe") throw member.refused("kit_member_invalid", "a safe public key");
    throw member.refused("kit_base64", "a post-quantum key of age's in this half");
  }
}
