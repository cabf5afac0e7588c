/**
 * What differs between two memories, by their manifests: no record is needed for it.
 *
 * Spec: FORMAT.md §4.3. Both manifests are authentic and in canonical order.
 */

import { equalBytes } from "../crypto/bytes.ts";
import type { RecordType } from "../hsm/memory/record.ts";
import type { ManifestEntry } from "./container/manifest.ts";

export interface RecordName {
  readonly type: RecordType;
  readonly id: number;
}

/**
 * Records only in the second, only in the first, and in both but different; each in canonical
 * order.
 */
export interface ManifestDiff {
  readonly added: readonly RecordName[];
  readonly removed: readonly RecordName[];
  readonly changed: readonly RecordName[];
}

/** From `before` to `after`, in one walk over both. */
export function diffManifests(
  before: readonly ManifestEntry[],
  after: readonly ManifestEntry[],
): ManifestDiff {
  const added: RecordName[] = [];
  const removed: RecordName[] = [];
  const changed: RecordName[] = [];
  let i = 0;
  let j = 0;
  while (i < before.length || j < after.length) {
    const old = before[i];
    const now = after[j];
    const order = compare(old, now);
    if (order <= 0) i += 1;
    if (order >= 0) j += 1;
    if (order < 0 && old !== undefined) removed.push(nameOf(old));
    else if (order > 0 && now !== undefined) added.push(nameOf(now));
    else if (old !== undefined && now !== undefined && !equalBytes(old.digest, now.digest)) {
      changed.push(nameOf(now));
    }
  }
  return { added, removed, changed };
}

/** Canonical order; what has ended comes last. */
function compare(a: ManifestEntry | undefined, b: ManifestEntry | undefined): number {
  if (a === undefined) return 1;
  if (b === undefined) return -1;
  return a.type - b.type || a.id - b.id;
}

function nameOf({ type, id }: ManifestEntry): RecordName {
  return { type, id };
}
