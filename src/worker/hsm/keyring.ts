/**
 * The keys that open a backup in one HSM: the AKBK installed in it, and the MKBK of its hardware.
 *
 * Spec: FORMAT.md §5, DEPLOY.md. The MKBK belongs to the hardware and is always the deployment's.
 * Versions of the AKBK stay the bytes that they were when the HSM was made, whatever the deployment
 * holds now; but what state a version is in, and which are new, the deployment says: a key that is
 * retired or destroyed is so in every HSM.
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
  constructor({ secrets, rows }: HsmSite, storageKek: Kek) {
    const { manufacturer, operator } = secrets;
    const installed = readLocal(rows, "making")?.akbk ?? [];
    const akbk = installed.map((entry) =>
      unwrapAkbk(storageKek, entry, operator.akbk.find(isVersion(entry))?.state ?? entry.state),
    );
    const added = operator.akbk.filter((held) => !installed.some((own) => isVersion(own)(held)));
    this.ring = {
      manufacturer: manufacturer.name,
      mkbk: manufacturer.mkbk,
      akbk: [...akbk, ...added],
    };
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

function unwrapAkbk(
  storageKek: Kek,
  { id, version, wrapped }: InstalledAkbk,
  state: KeyVersion["state"],
): KeyVersion {
  const isUsable = wrapped !== null && state !== "destroyed";
  const key = isUsable
    ? unwrapSecret(storageKek, LOCAL_SECRET.akbk, version, requireBase64(wrapped))
    : null;
  return { id: requireHex(id), version, state: isUsable ? state : "destroyed", key };
}

function isVersion({ id, version }: InstalledAkbk): (held: KeyVersion) => boolean {
  return (held) => held.version === version && encodeHex(held.id) === id;
}
