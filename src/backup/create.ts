/**
 * Making a backup: from an HSM's memory to a body and an envelope.
 *
 * Spec: FORMAT.md §3 to §7; its inverse is restore.ts. The container is written and read back in
 * one synchronous run, so that nothing can change the memory half-way; sealing may take its time.
 */

import { equalBytes } from "../crypto/bytes.ts";
import type { Core } from "../crypto/core.ts";
import { SecretKey } from "../crypto/secret-key.ts";
import type { RandomBytes } from "../crypto/web-crypto.ts";
import type { SnapshotSource } from "../hsm/memory/record.ts";
import { chooseChunkBytes, encodeHeader, type Origin, planFrames } from "./container/header.ts";
import { ContainerKeys, wrapKeyBlock } from "./container/key-block.ts";
import { PayloadWriter, planPayload } from "./container/payload-writer.ts";
import { type ContainerSummary, readContainer } from "./container/reader.ts";
import { ContainerWriter } from "./container/writer.ts";
import { BackupError } from "./format/errors.ts";
import { activePbk, type Keyring } from "./format/keys.ts";
import { KEY_BYTES } from "./format/layout.ts";
import { BodySealer } from "./seal/body.ts";
import { sealEnvelope, verifySealable } from "./seal/envelope.ts";
import type { SealLocation } from "./seal/location.ts";
import { recoveryKeyIds } from "./seal/recipient.ts";
import { addressOf, beginSeal, type Recipients, type SealPlatform } from "./seal/recipients.ts";

/** What is backed up, where it comes from, and where the copy will lie. */
export interface BackupOrder {
  readonly origin: Origin;
  readonly location: SealLocation;
  readonly source: SnapshotSource;
}

/** Room for one container between its making and its sealing. */
export interface Spool {
  /** Takes all parts, synchronously, and all of them or none. */
  write(parts: Iterable<Uint8Array>): void;
  /** The same bytes again, in pieces of any size. May be called more than once. */
  read(): Iterable<Uint8Array>;
}

/** Where a backup is kept. Names are for the store to choose; both are written once. */
export interface BackupStore {
  readonly spool: Spool;
  /** Takes a body of exactly `byteLength` bytes. */
  putBody(sealId: Uint8Array, byteLength: number, body: AsyncIterable<Uint8Array>): Promise<void>;
  putEnvelope(sealId: Uint8Array, envelope: Uint8Array): Promise<void>;
}

/** A container that is in the spool and has been read back. */
interface SpooledContainer {
  /** 176 bytes. */
  readonly keyBlock: Uint8Array;
  readonly containerBytes: number;
  /** 32 bytes each. */
  readonly containerDigest: Uint8Array;
  readonly stateDigest: Uint8Array;
}

export interface CreatedBackup extends SpooledContainer {
  readonly bodyBytes: number;
  readonly envelopeBytes: number;
  readonly envelopeNumber: number;
  /** SHA-256 of the envelope, 32 bytes. */
  readonly envelopeDigest: Uint8Array;
  /** Of the recovery keys that it is sealed for: 32 hex digits each. */
  readonly recoveryKeyIds: readonly string[];
}

/**
 * Makes, verifies, seals and stores a backup.
 *
 * @param ring - borrowed; its active keys wrap. @param recipients - who will be able to open the
 *   seal.
 * @throws RangeError if memory or recipients are beyond the format's limits, before the body is put; BackupError
 *   `verification_failed`.
 */
export async function createBackup(
  platform: SealPlatform,
  ring: Keyring,
  recipients: Recipients,
  order: BackupOrder,
  store: BackupStore,
): Promise<CreatedBackup> {
  const { core, subtle, random } = platform;
  const container = spoolContainer(platform, ring, order, store.spool);
  using seal = await beginSeal(platform, recipients, order.location, container.containerDigest);
  const sealer = new BodySealer(core, subtle, seal, container.containerBytes);
  verifySealable(addressOf(seal), sealer.byteLength);
  await store.putBody(seal.sealId, sealer.byteLength, sealer.seal(store.spool.read()));
  const clear = { ...addressOf(seal), ...sealer.sealed() };
  const envelope = await sealEnvelope(subtle, random, seal, clear, container.keyBlock);
  await store.putEnvelope(seal.sealId, envelope);
  return {
    bodyBytes: clear.bodyBytes,
    envelopeBytes: envelope.length,
    envelopeNumber: seal.envelopeNumber,
    envelopeDigest: core.sha256(envelope),
    recoveryKeyIds: recoveryKeyIds(seal.recipients),
    ...container,
  };
}

/**
 * Snapshot → records → chunks under a fresh EBK → container → spool, and back again to be sure.
 * Synchronous: no other event can run in between.
 */
function spoolContainer(
  { core, random }: Pick<SealPlatform, "core" | "random">,
  ring: Keyring,
  order: Pick<BackupOrder, "origin" | "source">,
  spool: Spool,
): SpooledContainer {
  using writer = createContainer(core, ring, order.origin, order.source, random);
  spool.write(writer.parts());
  const { containerDigest } = verifyContainer(core, ring, writer, spool.read());
  return {
    keyBlock: writer.keyBlock,
    containerBytes: writer.byteLength,
    containerDigest,
    stateDigest: writer.stateDigest,
  };
}

/**
 * A container of everything in `source`, under fresh keys wrapped by the ring's active PBK.
 *
 * @param random - gives the EBK and the MAC key, 32 bytes each, in this order.
 * @returns a writer whose `parts` must be taken in the same synchronous run.
 * @throws RangeError if source or origin are beyond the limits of FORMAT.md §2.
 */
export function createContainer(
  core: Core,
  ring: Keyring,
  origin: Origin,
  source: SnapshotSource,
  random: RandomBytes,
): ContainerWriter {
  const payloadPlan = planPayload(source);
  const { payloadBytes } = payloadPlan;
  const chunkBytes = chooseChunkBytes(payloadBytes);
  const { manufacturer } = ring;
  const header = encodeHeader({ ...origin, manufacturer, chunkBytes, payloadBytes });
  using pbk = activePbk(core, ring);
  const keys = new ContainerKeys(
    new SecretKey(random(KEY_BYTES)),
    new SecretKey(random(KEY_BYTES)),
  );
  return new ContainerWriter(core, {
    keyBlock: wrapKeyBlock(core, pbk, keys, core.sha256(header)),
    keys,
    header,
    plan: planFrames(chunkBytes, payloadBytes),
    payload: new PayloadWriter(core, source, payloadPlan),
  });
}

/**
 * Reads back what `writer` has written, as a restore would. That the bytes are the ones it wrote is
 * for the MACs to say, under a key that no other container has.
 *
 * @returns what a reader finds. @throws BackupError `verification_failed`: the backup must not be
 * kept.
 */
function verifyContainer(
  core: Core,
  ring: Keyring,
  writer: ContainerWriter,
  parts: Iterable<Uint8Array>,
): ContainerSummary {
  let summary: ContainerSummary;
  try {
    summary = readContainer(core, ring, writer.keyBlock, parts, { put: () => undefined });
  } catch (error) {
    if (!(error instanceof BackupError)) throw error;
    throw new BackupError({ code: "verification_failed", why: error.fault.code });
  }
  if (!equalBytes(summary.stateDigest, writer.stateDigest)) {
    throw new BackupError({ code: "verification_failed", why: "another state digest" });
  }
  return summary;
}
