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
import { fairTurnsOf } from "../platform/fair-turns.ts";
import { SqliteAttempts } from "./attempts.ts";
import { currentGeneration } from "./generations.ts";
import type { HsmRows } from "./row-macs.ts";
import { SqliteSessions } from "./sessions.ts";
import { deriveStorageKey } from "./storage-key.ts";
import { SqliteStore, type StoreRole } from "./store.ts";

/** Where an HSM's rows lie and what it was deployed with. */
export interface HsmSite {
  readonly storage: DurableObjectStorage;
  readonly rows: HsmRows;
  readonly deployment: Deployment;
  readonly secrets: Secrets;
  readonly location: HsmLocation;
  /** Of the hardware; a backup of a smaller type may have been restored onto it. */
  readonly hsmType: string;
}

/** Whether this HSM does a thing now, asked in the turn in which it is done. */
export interface Admission {
  /** @throws Refused if not. */
  verifyTakesChanges(): void;
  /** @throws Refused if not. */
  verifyJudgesLogins(): void;
  takesChanges(): boolean;
}

export class HsmMemory implements Disposable {
  readonly core: Core;
  readonly kek: Kek;
  readonly store: SqliteStore;
  readonly hsm: HsmRules;
  readonly #storageKey: SecretKey;

  /** @param accessKeyId - in whose queue long work waits; "" for the service itself. */
  constructor(
    site: HsmSite,
    generation: number,
    role: StoreRole,
    admission: Admission,
    accessKeyId: string,
  ) {
    const { storage, rows, secrets, location, hsmType } = site;
    this.core = openCore();
    this.#storageKey = deriveStorageKey(this.core, secrets, location);
    this.kek = this.core.kek(this.#storageKey);
    this.store = new SqliteStore(storage, rows, this.kek, generation, role);
    this.hsm = new HsmRules({
      store: this.store,
      core: this.core,
      subtle: crypto.subtle,
      random: randomBytes,
      now: Date.now,
      ...(isHsmType(hsmType) ? { hardwareType: hsmType } : {}),
      sessions: new SqliteSessions(rows),
      attempts: new SqliteAttempts(rows, () => admission.verifyJudgesLogins()),
      takesChanges: () => admission.takesChanges(),
      turns: fairTurnsOf(accessKeyId, location.hsmId),
    });
  }

  [Symbol.dispose](): void {
    this.#storageKey[Symbol.dispose]();
    this.core.close();
  }
}

/** The memory that serves. @param accessKeyId - of whoever asks; "" for the service itself. */
export function openMemory(site: HsmSite, admission: Admission, accessKeyId = ""): HsmMemory {
  const generation = currentGeneration(site.rows);
  const role = { kind: "serving", admitChange: () => admission.verifyTakesChanges() } as const;
  return new HsmMemory(site, generation, role, admission, accessKeyId);
}

/** The memory that serves, for what changes nothing. */
export function openToRead(site: HsmSite): HsmMemory {
  return openMemory(site, NONE);
}

/** A generation that nobody reads yet. */
export function openStaging(site: HsmSite, generation: number): HsmMemory {
  return new HsmMemory(site, generation, { kind: "staging" }, NONE, "");
}

/** Of a memory that was opened for neither logins nor changes of what serves. */
const NONE: Admission = {
  verifyTakesChanges: neverAsked,
  verifyJudgesLogins: neverAsked,
  takesChanges: () => false,
};

function neverAsked(): never {
  throw new Error("unreachable: a login or a change where the memory was opened for neither");
}
