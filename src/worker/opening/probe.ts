/**
 * What can be learnt of a stored backup without restoring it: whether keys open it, what it holds.
 *
 * Spec: FORMAT.md §3.5. Only facts leave: ids, counts, digests. Records are hashed and forgotten.
 */
import { openHeader } from "../../backup/container/front.ts";
import type { Header, Mode } from "../../backup/container/header.ts";
import type { ManifestEntry } from "../../backup/container/manifest.ts";
import type { Keyring } from "../../backup/format/keys.ts";
import { readBackup } from "../../backup/restore.ts";
import { BodyOpener } from "../../backup/seal/body.ts";
import { decodeEnvelope, type EnvelopeClear, openEnvelope } from "../../backup/seal/envelope.ts";
import { verifyLocation } from "../../backup/seal/location.ts";
import { openSeal } from "../../backup/seal/recipients.ts";
import { RECORD_TYPES, type RecordType, type SnapshotSink } from "../../hsm/memory/record.ts";
import type { RestoreOrder } from "../contracts/hsm-api.ts";
import type { Result } from "../contracts/result.ts";
import type { Deployment } from "../platform/deployment.ts";
import { openCore } from "../platform/engine.ts";
import { refusalsOf } from "../platform/fault-response.ts";
import { getSealed } from "../platform/objects.ts";
import { deploymentKeyring } from "./keyring.ts";
import { expectedOf, getStored, openersOf } from "./stored.ts";

const NOWHERE: SnapshotSink = { put: () => undefined };

/** Where a backup comes from, by its authentic header. */
export interface ProbedBackup {
  readonly manufacturer: string;
  readonly hsmType: string;
  readonly mode: Mode;
  readonly region: string;
}

/**
 * Whether an HSM made by this deployment would open the backup: CMK, MKBK and AKBK, by cryptography.
 * Reads the envelope and the first segment of the body only.
 */
export function probeBackup(
  deployment: Deployment,
  order: RestoreOrder,
): Promise<Result<ProbedBackup>> {
  return refusalsOf(async () => {
    const { subtle } = crypto;
    const { envelope: bytes, body } = await getSealed(deployment, order);
    const envelope = decodeEnvelope(bytes);
    verifyLocation(order.source, envelope.clear.location);
    using core = openCore();
    using seal = await openSeal({ core, subtle }, openersOf(deployment), envelope.clear);
    const keyBlock = await openEnvelope(subtle, seal, envelope);
    const opener = new BodyOpener(core, subtle, seal, envelope.clear);
    for await (const front of opener.open(body.body)) {
      const { header, keys } = openHeader(core, deploymentKeyring(deployment), keyBlock, front);
      keys[Symbol.dispose]();
      const { manufacturer, hsmType, mode, region } = header;
      return { manufacturer, hsmType, mode, region };
    }
    throw new Error("unreachable: a body without a segment");
  });
}

/** Opens and authenticates a backup from end to end. @param ring - borrowed. @throws BackupError. */
export async function verifyStored(
  deployment: Deployment,
  ring: Keyring,
  order: RestoreOrder,
): Promise<{ stateDigest: string; records: number }> {
  const stored = await getStored(deployment, order);
  using core = openCore();
  const platform = { core, subtle: crypto.subtle };
  const options = { expected: expectedOf(order) };
  const openers = openersOf(deployment);
  const summary = await readBackup(platform, ring, openers, stored, NOWHERE, options);
  return { stateDigest: summary.stateDigest.toHex(), records: summary.recordCount };
}

/** A page of what a backup holds, after all of it has been authenticated. */
export interface Inspection {
  /** The clear part of the envelope. */
  readonly clear: EnvelopeClear;
  readonly header: Header;
  readonly counts: readonly { readonly type: RecordType; readonly count: number }[];
  readonly stateDigest: string;
  readonly entries: readonly ManifestEntry[];
  /** Records before the next page; null if this is the last. */
  readonly next: number | null;
}

/** @param after - records to pass over. @param limit - of entries to keep. @throws BackupError. */
export async function inspectStored(
  deployment: Deployment,
  ring: Keyring,
  order: RestoreOrder,
  after: number,
  limit: number,
): Promise<Inspection> {
  const stored = await getStored(deployment, order);
  using core = openCore();
  const entries: ManifestEntry[] = [];
  let index = 0;
  const summary = await readBackup(
    { core, subtle: crypto.subtle },
    ring,
    openersOf(deployment),
    stored,
    NOWHERE,
    {
      expected: expectedOf(order),
      onEntry: (entry) => {
        if (index >= after && entries.length < limit) entries.push(entry);
        index += 1;
      },
    },
  );
  const end = after + entries.length;
  return {
    // Authentic by now: the key block would not have opened with any other.
    clear: decodeEnvelope(stored.envelope).clear,
    header: summary.header,
    counts: RECORD_TYPES.map((type, i) => ({ type, count: summary.counts[i] ?? 0 })),
    stateDigest: summary.stateDigest.toHex(),
    entries,
    next: end < summary.recordCount && entries.length > 0 ? end : null,
  };
}
