/**
 * Where a copy of a backup is held: bound into its envelope and into every wrap of its data key.
 *
 * Spec: FORMAT.md §7.3, §7.4. Public.
 */
import { BackupError } from "../format/errors.ts";

/** A copy in the bucket of a deployment. */
export interface BackupLocation {
  readonly account: string;
  readonly region: string;
  readonly clusterId: string;
  readonly backupId: string;
}

/** A copy that was made outside any deployment: it lies wherever its file does. */
export type DetachedLocation = Pick<BackupLocation, "clusterId" | "backupId">;

/** What an envelope names: one of the two forms. */
export type SealLocation = BackupLocation | DetachedLocation;

/** Names and values that a KMS binds into a wrap, in this order. */
export type EncryptionContext = readonly (readonly [name: string, value: string])[];

export function isInDeployment(location: SealLocation): location is BackupLocation {
  return "account" in location;
}

/** The encryption context of a copy held at `location`. */
export function encryptionContext(location: BackupLocation): EncryptionContext {
  return [
    ["holdfast:account", location.account],
    ["holdfast:region", location.region],
    ["holdfast:cluster", location.clusterId],
    ["holdfast:backup", location.backupId],
  ];
}

/** The location as CBOR arrays and labels hold it: four texts, or two. */
export function locationTexts(location: SealLocation): readonly string[] {
  const { clusterId, backupId } = location;
  if (!isInDeployment(location)) return [clusterId, backupId];
  return [location.account, location.region, clusterId, backupId];
}

export function isSameLocation(a: SealLocation, b: SealLocation): boolean {
  const [texts, others] = [locationTexts(a), locationTexts(b)];
  return texts.length === others.length && texts.every((text, i) => text === others[i]);
}

/** @throws BackupError `location_mismatch` naming the first field that differs. */
export function verifyLocation(expected: SealLocation, got: SealLocation): void {
  const [wanted, found] = [shown(expected), shown(got)];
  for (const field of ["account", "region", "clusterId", "backupId"] as const) {
    if (wanted[field] === found[field]) continue;
    const fault = { field, expected: wanted[field] ?? "none", got: found[field] ?? "none" };
    throw new BackupError({ code: "location_mismatch", ...fault });
  }
}

function shown(location: SealLocation): Partial<BackupLocation> {
  return location;
}
