/**
 * What is an HSM's own and never in a backup: where it stands, its identity, the operator's key
 * backup keys installed in it, its duty in the cluster, and where its memory came from.
 *
 * Spec: docs/STORAGE.md, "Rows of an HSM". Secrets are in it only wrapped under the storage key.
 */
import type { HsmMode } from "../../hsm/memory/configuration-record.ts";
import type { HardwareIdentity, ServiceDuty } from "../contracts/hsm-api.ts";
import type { Position } from "../contracts/peer-api.ts";
import type { HsmLocation } from "../contracts/place.ts";

/** A version of the AKBK as installed: the key wrapped, base64; null if it came destroyed. */
export interface InstalledAkbk {
  /** 32 hexadecimal digits. */
  readonly id: string;
  readonly version: number;
  readonly state: "active" | "retired" | "destroyed";
  readonly wrapped: string | null;
}

/** Written once, when the HSM is manufactured. */
export interface Making {
  readonly location: HsmLocation;
  readonly hsmType: string;
  readonly mode: HsmMode;
  readonly identity: HardwareIdentity;
  /** PKCS#8 of the identity key, wrapped, base64. */
  readonly identityKey: string;
  readonly akbk: readonly InstalledAkbk[];
}

/** A position from which this HSM's memory has come; `snapshot`: of a backup that it made. */
export interface Ancestor extends Omit<Position, "attempts"> {
  readonly snapshot: boolean;
}

/** Why an HSM takes no changes although it leads. */
export interface Hold {
  /** Id of the HSM that joins beside it; "" where it is retired. */
  readonly holder: string;
  /** null: until an order says otherwise. */
  readonly untilMs: number | null;
}

/** What the rows of `local` hold, by name. */
interface LocalValues {
  readonly making: Making;
  readonly duty: ServiceDuty;
  readonly hold: Hold;
  readonly history: string;
  readonly ancestors: readonly Ancestor[];
  /** Of the storage key it was made under: see `deriveKeyCheck`. */
  readonly keyCheck: string;
  /** Whether its memory was found changed, and whether `Region` has heard of it. */
  readonly unfit: "found" | "noted";
  /** Whether `Region` has heard that the cluster is activated. */
  readonly activationNoted: boolean;
}

const SCHEMA = `
CREATE TABLE IF NOT EXISTS local (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
`;

/** What earlier builds wrote: a flag without an end, and duties without numbers. */
const FROM_EARLIER_BUILDS = `
INSERT OR IGNORE INTO local SELECT 'hold', '{"holder":"","untilMs":null}' FROM local
  WHERE name = 'frozen' AND value = 'true';
DELETE FROM local WHERE name = 'frozen';
UPDATE local SET value = json_set(value, '$.number', 0)
  WHERE name = 'duty' AND json_extract(value, '$.number') IS NULL;
`;

export function createLocalTable(sql: SqlStorage): void {
  sql.exec(SCHEMA);
  sql.exec(FROM_EARLIER_BUILDS);
}

export function readLocal<K extends keyof LocalValues>(
  sql: SqlStorage,
  name: K,
): LocalValues[K] | null {
  const rows = sql.exec<{ value: string }>("SELECT value FROM local WHERE name = ?", name);
  const row = [...rows][0];
  return row === undefined ? null : JSON.parse(row.value);
}

export function writeLocal<K extends keyof LocalValues>(
  sql: SqlStorage,
  name: K,
  value: LocalValues[K],
): void {
  sql.exec("INSERT OR REPLACE INTO local (name, value) VALUES (?, ?)", name, JSON.stringify(value));
}

export function deleteLocal(sql: SqlStorage, name: keyof LocalValues): void {
  sql.exec("DELETE FROM local WHERE name = ?", name);
}

/** Ancestors remembered: a peer is restored within minutes of the snapshot it is restored from. */
const KEPT_ANCESTORS = 64;

/** Remembers a position that peers may stand at and still be caught up from. */
export function addAncestor(sql: SqlStorage, ancestor: Ancestor): void {
  const known = (readLocal(sql, "ancestors") ?? []).filter(
    ({ history }) => history !== ancestor.history,
  );
  writeLocal(sql, "ancestors", [...known, ancestor].slice(-KEPT_ANCESTORS));
}
