/**
 * Names of clusters, HSMs, backups and lineages: a prefix and 11 letters of base32, as in AWS.
 *
 * Ids are drawn at random (55 bits) and never reused; whoever inserts a row relies on its key.
 */
import { encodeHex } from "../crypto/base-encodings.ts";
import type { RandomBytes } from "../crypto/web-crypto.ts";

export type IdKind = "cluster" | "hsm" | "backup" | "lineage";

const BASE32 = "abcdefghijklmnopqrstuvwxyz234567";
const ID_LETTERS = 11;
const HEX_ID_BYTES = 8;

/** A fresh id such as `backup-ro5c4er4aac`. */
export function generateId(kind: IdKind, random: RandomBytes): string {
  return `${kind}-${lettersOf(random(ID_LETTERS))}`;
}

/**
 * A letter of lower-case base32 for each byte: 256 is a multiple of 32, so each is equally likely.
 */
export function lettersOf(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => BASE32.charAt(byte % 32)).join("");
}

/** A fresh id of EC2's kind such as `eni-0a1b2c3d4e5f60718`: 17 hexadecimal digits. */
export function generateHexId(prefix: "eni" | "sg", random: RandomBytes): string {
  return `${prefix}-0${encodeHex(random(HEX_ID_BYTES))}`;
}

/** FNV-1a, 32 bits, of the text's characters: spreads names, protects nothing. */
export function fnv1a(text: string): number {
  let hash = 0x811c9dc5;
  for (const character of text) {
    hash = Math.imul(hash ^ (character.codePointAt(0) ?? 0), 0x01000193);
  }
  return hash >>> 0;
}

/** Account, region and id of a backup's ARN; null for anything else, a bare id included. */
export function parseBackupArn(
  text: string,
): { account: string; region: string; backupId: string } | null {
  const parts = /^arn:aws(?:-us-gov)?:cloudhsm:([a-z0-9-]+):(\d{12}):backup\/(backup-\w+)$/.exec(
    text,
  );
  const [, region, account, backupId] = parts ?? [];
  if (region === undefined || account === undefined || backupId === undefined) return null;
  return { account, region, backupId };
}

export function encodeBackupArn(account: string, region: string, backupId: string): string {
  const partition = region.startsWith("us-gov-") ? "aws-us-gov" : "aws";
  return `arn:${partition}:cloudhsm:${region}:${account}:backup/${backupId}`;
}
