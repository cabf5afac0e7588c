/**
 * Where a copy of a backup is held: bound into its envelope and into every wrap of its data key.
 *
 * Spec: FORMAT.md §7.3, §7.4. Public.
 */
import { BackupError } from "../format/errors.ts";

export interface BackupLocation {
  readonly account: string;
  readonly region: string;
  readonly clusterId: string;
  readonly backupId: string;
}

/** Names and values that a KMS binds into a wrap, in this order. */
export type EncryptionContext = readonly (readonly [name: string, value: string])[];

/** The encryption context of a copy held at `location`. */
export function encryptionContext(location: BackupLocation): EncryptionContext {
  return [
    ["holdfast:account", location.account],
    ["holdfast:region", location.region],
    ["holdfast:cluster", location.clusterId],
    ["holdfast:backup", location.backupId],
  ];
}

/** The location as CBOR arrays and labels hold it. */
export function locationTexts(location: BackupLocation): readonly [string, string, string, string] {
  return [location.account, location.region, location.clusterId, location.backupId];
}

/** @throws BackupError `location_mismatch` naming the first field that differs. */
export function verifyLocation(expected: BackupLocation, got: BackupLocation): void {
  for (const field of ["account", "region", "clusterId", "backupId"] as const) {
    if (expected[field] === got[field]) continue;
    const fault = { field, expected: expected[field], got: got[field] };
    throw new BackupError({ code: "location_mismatch", ...fault });
  }
}
