/**
 * Reading a sealed backup, whether it is a file or lies in a store: one order of checks for both.
 *
 * Spec: FORMAT.md §3.5, §7. The first check that does not hold is the answer: what an envelope says,
 * then its keys, the body's length, the segments with the container in them, and digests last.
 */
import { equalBytes } from "../crypto/bytes.ts";
import type { Core } from "../crypto/core.ts";
import type { SnapshotSink } from "../hsm/memory/record.ts";
import type { Expected } from "./container/front.ts";
import {
  ContainerReader,
  type ContainerSummary,
  type ReadOptions,
  type ReadStep,
} from "./container/reader.ts";
import { requireSealed } from "./file.ts";
import { type Checkpoint, verifyChain } from "./format/checkpoints.ts";
import { BackupError } from "./format/errors.ts";
import type { Keyring } from "./format/keys.ts";
import { verifyLength } from "./format/magic.ts";
import { BodyOpener, openedBodyBytes, type Pieces } from "./seal/body.ts";
import type { Openers } from "./seal/data-key.ts";
import { type DecodedEnvelope, decodeStoredEnvelope, openEnvelope } from "./seal/envelope.ts";
import { type SealLocation, verifyLocation } from "./seal/location.ts";
import { openSeal, type SealPlatform } from "./seal/recipients.ts";

/** What a restore, or a verification, may use. All keys are borrowed. */
export type RestorePlatform = Pick<SealPlatform, "core" | "subtle">;

/** What a reader knows of the backup it asks for. What is absent is not checked. */
export interface Expectation extends Expected {
  /** Where this copy should lie: then it has to be sealed. */
  readonly location?: SealLocation;
  /** A bare file is refused. */
  readonly sealed?: true;
  /** The newest envelope of this copy: its number and SHA-256, 32 bytes. Then it has to be sealed. */
  readonly envelope?: { readonly number: number; readonly digest: Uint8Array };
  /** What is known of the chain of its cluster. */
  readonly checkpoints?: readonly Checkpoint[];
}

/**
 * A check that has held. `data_key`: unwrapped, and the one that the seal commits to (S-04); `envelope`:
 * authentic, and the newest that is known (S-06). A bare file has no envelope, data key and body digest.
 */
export interface VerifyStep {
  readonly name: "data_key" | "envelope" | ReadStep["name"] | "body_digest";
  readonly done: number;
  readonly total: number;
}

export interface VerifyOptions extends Omit<ReadOptions, "expected" | "onStep"> {
  readonly expected?: Expectation;
  readonly onStep?: (step: VerifyStep) => void;
}

/** The two parts of a sealed backup. */
export interface SealedParts {
  readonly envelope: DecodedEnvelope;
  readonly body: Pieces;
  /** Length of the body as whoever holds it knows it: against the one that the envelope names. */
  readonly bodyBytes: number;
}

/** A seal that is open, and a body that has its length. Disposal wipes its keys. */
interface OpenedSeal extends Disposable {
  /** 176 bytes. */
  readonly keyBlock: Uint8Array;
  /** Length of the container in the body. */
  readonly containerBytes: number;
  /** The container in fresh pieces of one segment each; at its end the body digest is checked. */
  readonly container: AsyncIterable<Uint8Array>;
}

/** Whether `expected` leaves room for a bare file. */
export function isSealExpected({ location, sealed, envelope }: Expectation): boolean {
  return sealed === true || location !== undefined || envelope !== undefined;
}

/**
 * An envelope as it lies in a store: `bytes`, all of them.
 * @throws BackupError `not_ours`, `seal_missing`, `newer_version`, `truncated`, `trailing_data`,
 *   `envelope_damaged`.
 */
export function decodeStored(bytes: Uint8Array): DecodedEnvelope {
  requireSealed(bytes);
  return decodeStoredEnvelope(bytes);
}

/**
 * Opens the seal, up to its first segment.
 * @throws BackupError up to `envelope_damaged`, and `truncated` or `trailing_data` of the body.
 */
export async function openSealed(
  { core, subtle }: RestorePlatform,
  openers: Openers,
  { envelope, body, bodyBytes }: SealedParts,
  { expected = {}, onStep }: Pick<VerifyOptions, "expected" | "onStep"> = {},
): Promise<OpenedSeal> {
  const { clear } = envelope;
  if (expected.location !== undefined) verifyLocation(expected.location, clear.location);
  const keys = await openSeal({ core, subtle }, openers, clear);
  let holds = false;
  try {
    onStep?.({ name: "data_key", done: 1, total: 1 });
    const keyBlock = await openEnvelope(subtle, keys, envelope);
    if (expected.envelope !== undefined) verifyNewest(core, expected.envelope, envelope);
    onStep?.({ name: "envelope", done: 1, total: 1 });
    verifyLength(clear.bodyBytes, bodyBytes, "body");
    const containerBytes = openedBodyBytes(bodyBytes);
    if (containerBytes === null) throw new Error("unreachable: the envelope was read");
    const container = new BodyOpener(core, subtle, keys, clear).open(body);
    holds = true;
    return { keyBlock, containerBytes, container, [Symbol.dispose]: () => keys[Symbol.dispose]() };
  } finally {
    if (!holds) keys[Symbol.dispose]();
  }
}

/** @throws BackupError `envelope_replaced`. */
function verifyNewest(
  core: Core,
  known: NonNullable<Expectation["envelope"]>,
  { clear, authenticated, nonce, sealedKeyBlock }: DecodedEnvelope,
): void {
  const digest = core.sha256(authenticated, nonce, sealedKeyBlock);
  const { number: expected } = known;
  const got = clear.envelopeNumber;
  if (expected === got && equalBytes(known.digest, digest)) return;
  throw new BackupError({ code: "envelope_replaced", expected, got });
}

/**
 * Reads all of a sealed backup. What `sink` got may be used only after this returns.
 * @throws BackupError.
 */
export async function readSealed(
  platform: RestorePlatform,
  ring: Keyring,
  openers: Openers,
  parts: SealedParts,
  sink: SnapshotSink,
  options: VerifyOptions,
): Promise<ContainerSummary> {
  using sealed = await openSealed(platform, openers, parts, options);
  const { keyBlock, containerBytes, container } = sealed;
  const reading = { ...options, containerBytes };
  using reader = new ContainerReader(platform.core, ring, keyBlock, sink, reading);
  await reader.pushAll(container);
  options.onStep?.({ name: "body_digest", done: 1, total: 1 });
  return chained(reader.finish(parts.envelope.clear.containerDigest), options);
}

/** The last check of all: that no checkpoint contradicts it. @throws BackupError `chain_mismatch`. */
export function chained(
  summary: ContainerSummary,
  { expected = {} }: Pick<VerifyOptions, "expected">,
): ContainerSummary {
  const { header, containerDigest } = summary;
  const { clusterId, chainNumber } = header;
  verifyChain(expected.checkpoints ?? [], { clusterId, chainNumber, containerDigest });
  return summary;
}
