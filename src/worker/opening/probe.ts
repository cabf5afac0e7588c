/**
 * What can be learnt of a stored backup without restoring it: whether this
 * deployment's keys open it, what it holds.
 *
 * Spec: FORMAT.md §3.5. Only facts leave: ids, counts, and digests of what holds no secret. Records
 * are hashed and forgotten.
 */

import { openHeader } from "../../backup/container/front.ts";
import type { Header } from "../../backup/container/header.ts";
import type { ManifestEntry } from "../../backup/container/manifest.ts";
import type { ContainerSummary } from "../../backup/container/reader.ts";
import type { Keyring } from "../../backup/format/keys.ts";
import { tellableDigest } from "../../backup/inspect.ts";
import { readBackup, type StoredBackup } from "../../backup/restore.ts";
import { decodeEnvelope, type EnvelopeClear } from "../../backup/seal/envelope.ts";
import type { BackupLocation } from "../../backup/seal/location.ts";
import { shownRecipients } from "../../backup/seal/recipient.ts";
import { checkRecoveryRecipients } from "../../backup/seal/recipients.ts";
import { decodeStored, openSealed } from "../../backup/sealed.ts";
import { encodeHex } from "../../crypto/base-encodings.ts";
import { NOWHERE, RECORD_TYPES, type RecordType } from "../../hsm/memory/record.ts";
import type { StoredBackupOrder } from "../contracts/hsm-api.ts";
import type {
  EnvelopeFacts,
  HeaderFacts,
  Inspection,
  RecordTypeName,
  VerificationFacts,
} from "../contracts/reader-api.ts";
import type { Deployment } from "../platform/deployment.ts";
import { openCore } from "../platform/engine.ts";
import type { Secrets } from "./secrets.ts";
import { expectedEnvelope, expectedOf, openersOf, openStored } from "./stored.ts";

/** Where backups lie, and with what this deployment opens them. */
export interface Opening {
  readonly deployment: Deployment;
  readonly secrets: Secrets;
}

/**
 * Whether an HSM made by this deployment would open the backup: CMK, MKBK
 * and AKBK, by cryptography. Reads the envelope and the first segment of the
 * body only. @throws Refused, BackupError.
 */
export function probeStored(
  { deployment, secrets }: Opening,
  order: StoredBackupOrder,
): Promise<null> {
  return openStored(deployment, order, (stored) => openFront(secrets, order, stored));
}

async function openFront(
  secrets: Secrets,
  order: StoredBackupOrder,
  { envelope, body, bodyBytes }: StoredBackup,
): Promise<null> {
  const { subtle } = crypto;
  using core = openCore();
  const parts = { envelope: decodeStored(envelope), body, bodyBytes };
  const expected = expectedEnvelope(order);
  using sealed = await openSealed({ core, subtle }, openersOf(secrets), parts, { expected });
  for await (const front of sealed.container) {
    const { keys } = openHeader(core, ringOf(secrets), sealed.keyBlock, front);
    keys[Symbol.dispose]();
    return null;
  }
  throw new Error("unreachable: a body without a segment");
}

/** Opens and authenticates a backup from end to end. @throws Refused, BackupError. */
export async function verifyStored(
  opening: Opening,
  order: StoredBackupOrder,
): Promise<VerificationFacts> {
  const { summary, clear } = await readStored(opening, order, () => undefined);
  const { deployment, secrets } = opening;
  using core = openCore();
  const recoveryKeys = await checkRecoveryRecipients(
    { core, subtle: crypto.subtle },
    openersOf(secrets),
    clear,
    [...deployment.recoveryKeys, ...deployment.retiredRecoveryKeys],
  );
  const { stateDigest, recordCount: records } = summary;
  return { stateDigest: encodeHex(stateDigest), records, recoveryKeys };
}

/**
 * The same, and a page of what is inside.
 * @param after - records to pass over. @param limit - of the page. @throws Refused, BackupError.
 */
export async function inspectStored(
  opening: Opening,
  order: StoredBackupOrder,
  after: number,
  limit: number,
): Promise<Inspection> {
  const entries: ManifestEntry[] = [];
  let index = 0;
  const { summary, clear } = await readStored(opening, order, (entry) => {
    if (index >= after && entries.length < limit) entries.push(entry);
    index += 1;
  });
  const end = after + entries.length;
  return {
    envelope: envelopeFacts(clear, order.source),
    header: headerFacts(summary.header),
    counts: RECORD_TYPES.map((type, i) => ({
      type: TYPE_NAMES[type],
      count: summary.counts[i] ?? 0,
    })),
    stateDigest: encodeHex(summary.stateDigest),
    manifest: entries.map(shownEntry),
    next: end < summary.recordCount && entries.length > 0 ? end : null,
  };
}

function shownEntry(entry: ManifestEntry): Inspection["manifest"][number] {
  const digest = tellableDigest(entry);
  return {
    type: TYPE_NAMES[entry.type],
    id: entry.id,
    digest: digest === null ? null : encodeHex(digest),
  };
}

/**
 * All of a backup, authenticated and let go; and the clear part of its envelope, authentic by then.
 */
async function readStored(
  { deployment, secrets }: Opening,
  order: StoredBackupOrder,
  onEntry: (entry: ManifestEntry) => void,
): Promise<{ summary: ContainerSummary; clear: EnvelopeClear }> {
  return await openStored(deployment, order, async (stored) => {
    using core = openCore();
    const summary = await readBackup(
      { core, subtle: crypto.subtle },
      ringOf(secrets),
      openersOf(secrets),
      stored,
      NOWHERE,
      { expected: expectedOf(order), onEntry },
    );
    // The key block would not have opened with any other.
    return { summary, clear: decodeEnvelope(stored.envelope).clear };
  });
}

/** The keys that this deployment would give a new HSM, borrowed. */
function ringOf({ manufacturer, operator }: Secrets): Keyring {
  return { manufacturer: manufacturer.name, mkbk: manufacturer.mkbk, akbk: operator.akbk };
}

const TYPE_NAMES: Readonly<Record<RecordType, RecordTypeName>> = {
  1: "configuration",
  2: "policy",
  3: "user",
  4: "certificate",
  5: "key",
};

/** @param location - that the envelope was held to. Of the recipients, who they are; their wraps of the data key stay in the file. */
function envelopeFacts(clear: EnvelopeClear, location: BackupLocation): EnvelopeFacts {
  const { sealId, bodyBytes, bodyDigest, containerDigest, envelopeNumber } = clear;
  const { recipients } = clear;
  return {
    sealId: encodeHex(sealId),
    bodyBytes,
    bodyDigest: encodeHex(bodyDigest),
    containerDigest: encodeHex(containerDigest),
    envelopeNumber,
    location,
    recipients: shownRecipients(recipients),
  };
}

function headerFacts(header: Header): HeaderFacts {
  const { chunkBytes: _cut, payloadBytes: _length, previousDigest, ...origin } = header;
  return { ...origin, previousDigest: encodeHex(previousDigest) };
}
