/**
 * An HSM at work: its rules over its rows, with a core of its own for one operation.
 *
 * One WASM instance per operation, closed and wiped after it, so that none sees what another left.
 * The storage key is derived for the operation and lives no longer.
 */
import type { Core, Kek } from "../../crypto/core.ts";
import type { SecretKey } from "../../crypto/secret-key.ts";
import { Hsm as HsmRules } from "../../hsm/hsm.ts";
import { isHsmType } from "../../hsm/rules/limits.ts";
import type { HsmLocation } from "../contracts/place.ts";
import type { Secrets } from "../opening/secrets.ts";
import type { Deployment } from "../platform/deployment.ts";
import { openCore, randomBytes } from "../platform/engine.ts";
import { currentGeneration } from "./rows.ts";
import { SqliteSessions } from "./sessions.ts";
import { deriveStorageKey } from "./storage-key.ts";
import { SqliteStore, type StoreRole } from "./store.ts";

/** Where an HSM's rows lie and what it was deployed with. */
export interface HsmSite {
  readonly storage: DurableObjectStorage;
  readonly deployment: Deployment;
  readonly secrets: Secrets;
  readonly location: HsmLocation;
  /** Of the hardware; a backup of a smaller type may have been restored onto it. */
  readonly hsmType: string;
}

export class HsmMemory implements Disposable {
  readonly core: Core;
  readonly kek: Kek;
  readonly store: SqliteStore;
  readonly hsm: HsmRules;
  readonly #storageKey: SecretKey;

  constructor(site: HsmSite, generation: number, role: StoreRole) {
    const { storage, secrets, location, hsmType } = site;
    this.core = openCore();
    this.#storageKey = deriveStorageKey(this.core, secrets, location);
    this.kek = this.core.kek(this.#storageKey);
    this.store = new SqliteStore(storage, this.kek, generation, role);
    this.hsm = new HsmRules({
      store: this.store,
      core: this.core,
      subtle: crypto.subtle,
      random: randomBytes,
      now: Date.now,
      ...(isHsmType(hsmType) ? { hardwareType: hsmType } : {}),
      sessions: new SqliteSessions(storage.sql),
    });
  }

  [Symbol.dispose](): void {
    this.#storageKey[Symbol.dispose]();
    this.core.close();
  }
}

/** The memory that serves. @param admitChange - throws while this HSM takes no changes. */
export function openMemory(site: HsmSite, admitChange: () => void): HsmMemory {
  const generation = currentGeneration(site.storage.sql);
  return new HsmMemory(site, generation, { kind: "serving", admitChange });
}

/** The memory that serves, for what changes nothing. */
export function openToRead(site: HsmSite): HsmMemory {
  return openMemory(site, () => {
    throw new Error("unreachable: a change of a memory that was opened to be read");
  });
}

/** A generation that nobody reads yet. */
export function openStaging(site: HsmSite, generation: number): HsmMemory {
  return new HsmMemory(site, generation, { kind: "staging" });
}
