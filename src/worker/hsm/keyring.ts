/**
 * The keys that open a backup in one HSM: the AKBK installed in it, and the MKBK of its hardware.
 *
 * Spec: FORMAT.md §5, DEPLOY.md. The MKBK belongs to the hardware and is always the deployment's;
 * the AKBK stays what it was when the HSM was made, whatever the deployment holds now.
 */

import type { Keyring, KeyVersion } from "../../backup/format/keys.ts";
import { encodeBase64, encodeHex, requireBase64, requireHex } from "../../crypto/base-encodings.ts";
import type { Kek } from "../../crypto/core.ts";
import type { SecretKey } from "../../crypto/secret-key.ts";
import { type InstalledAkbk, readLocal } from "./local.ts";
import type { HsmSite } from "./memory.ts";
import { LOCAL_SECRET, unwrapSecret, wrapSecret } from "./storage-key.ts";

/** A keyring and the life of the keys that were unwrapped for it. */
export class InstalledKeyring implements Disposable {
  readonly ring: Keyring;
  readonly #unwrapped: readonly SecretKey[];

  /** @param storageKek - the HSM's storage key. */
  constructor({ secrets, storage }: HsmSite, storageKek: Kek) {
    const installed = readLocal(storage.sql, "making")?.akbk ?? [];
    const akbk = installed.map((entry) => unwrapAkbk(storageKek, entry));
    const { manufacturer } = secrets;
    this.ring = { manufacturer: manufacturer.name, mkbk: manufacturer.mkbk, akbk };
    this.#unwrapped = akbk.flatMap(({ key }) => (key === null ? [] : [key]));
  }

  [Symbol.dispose](): void {
    for (const key of this.#unwrapped) key[Symbol.dispose]();
  }
}

/** The operator's keys as an HSM keeps them from its making on. */
export function installAkbk(storageKek: Kek, akbk: readonly KeyVersion[]): InstalledAkbk[] {
  return akbk.map(({ id, version, state, key }) => ({
    id: encodeHex(id),
    version,
    state,
    wrapped:
      key === null ? null : encodeBase64(wrapSecret(storageKek, LOCAL_SECRET.akbk, version, key)),
  }));
}

function unwrapAkbk(storageKek: Kek, installed: InstalledAkbk): KeyVersion {
  const { id, version, state, wrapped } = installed;
  const key =
    wrapped === null
      ? null
      : unwrapSecret(storageKek, LOCAL_SECRET.akbk, version, requireBase64(wrapped));
  return { id: requireHex(id), version, state, key };
}
