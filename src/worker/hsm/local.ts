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
import { OwnTable } from "./own-rows.ts";
import type { HsmRows } from "./row-macs.ts";

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
  /** Whether `Region` has heard that the cluster is activated. */
  readonly activationNoted: boolean;
}

export const LOCAL_TABLES: readonly string[] = [
  `CREATE TABLE IF NOT EXISTS local (
    name TEXT PRIMARY KEY, value TEXT NOT NULL, mac BLOB NOT NULL) WITHOUT ROWID`,
];

export function localRows(rows: HsmRows): OwnTable {
  return new OwnTable(rows, { name: "local", columns: ["name", "value"] }, ["name"]);
}

export function readLocal<K extends keyof LocalValues>(
  rows: HsmRows,
  name: K,
): LocalValues[K] | null {
  const row = localRows(rows).first("WHERE name = ?", name);
  return row === null ? null : JSON.parse(row["value"] as string);
}

export function writeLocal<K extends keyof LocalValues>(
  rows: HsmRows,
  name: K,
  value: LocalValues[K],
): void {
  localRows(rows).put({ name, value: JSON.stringify(value) });
}

export function deleteLocal(rows: HsmRows, name: keyof LocalValues): void {
  localRows(rows).delete("WHERE name = ?", name);
}

/** Ancestors remembered: a peer is restored within minutes of the snapshot it is restored from. */
const KEPT_ANCESTORS = 64;

/** Remembers a position that peers may stand at and still be caught up from. */
export function addAncestor(rows: HsmRows, ancestor: Ancestor): void {
  const known = (readLocal(rows, "ancestors") ?? []).filter(
    ({ history }) => history !== ancestor.history,
  );
  writeLocal(rows, "ancestors", [...known, ancestor].slice(-KEPT_ANCESTORS));
}
