/**
 * The plan of a mutant: a sound backup, and what is changed of it beneath MACs and seal.
 *
 * Changes of one kind follow one another; all MACs, wraps and the seal are made after them.
 */
import { createHash } from "node:crypto";
import type { Origin } from "../../../src/backup/container/header.ts";
import type { Keyring } from "../../../src/backup/format/keys.ts";
import type { SealLocation } from "../../../src/backup/seal/location.ts";
import type { Recipient } from "../../../src/backup/seal/recipient.ts";
import type { Core } from "../../../src/crypto/core.ts";
import type { RecordType, SnapshotRecord } from "../../../src/hsm/memory/record.ts";
import type { Random } from "../../lib/random.ts";
import { LOCATION, ORIGIN, recordOfLength, testRing } from "../fixtures.ts";
import {
  type Forged,
  forge,
  forgeSeal,
  join,
  type PayloadPieces,
  type SealForgery,
  UNKNOWN_KIND,
} from "../vectors/forge.ts";
import type { Expectation } from "../vectors/index-schema.ts";
import { KEY_BLOCK_BYTES } from "../vectors/maker.ts";
import { type HeldKeys, ownersKeys } from "./held-keys.ts";
import { recordBytes } from "./odd-cbor.ts";

/** What a reader is asked: a file, what it holds, and what it knows of the file. */
export interface Mutant extends HeldKeys {
  readonly file: Uint8Array;
  readonly expectation: Expectation;
  /** What was changed, for people. */
  readonly changes: readonly string[];
}

type Change<T> = (value: T) => T | undefined;

/** What is true of the file, as far as it is one. */
export interface Facts {
  readonly origin: Origin;
  readonly location: SealLocation;
  readonly envelope: { readonly number: number; readonly digest: string } | null;
  readonly containerDigest: string;
}

/** Changes by the place where they are made. */
export interface Changes {
  readonly records: Change<SnapshotRecord[]>[];
  readonly payload: Change<PayloadPieces>[];
  readonly header: Change<Map<number, unknown>>[];
  readonly headerBytes: Change<Uint8Array>[];
  readonly plainFrames: Change<Uint8Array[]>[];
  readonly frames: Change<Uint8Array[]>[];
  /** Of key block ‖ container, before they are sealed. */
  readonly bare: ((bare: Uint8Array, forged: Forged) => Uint8Array)[];
  readonly containerDigest: Change<Uint8Array>[];
  readonly commitment: Change<Uint8Array>[];
  readonly bodyDigest: Change<Uint8Array>[];
  readonly recipient: Change<Recipient[]>[];
  readonly clear: Change<Map<number, unknown>>[];
  readonly clearBytes: Change<Uint8Array>[];
  readonly container: Change<Uint8Array>[];
  readonly body: Change<Uint8Array>[];
  readonly file: Change<Uint8Array>[];
  readonly expectation: ((facts: Facts) => Expectation)[];
}

export interface Plan {
  readonly core: Core;
  readonly seed: string;
  readonly changes: Changes;
  ring: Keyring;
  origin: Origin;
  chunkBytes: number;
  memory: SnapshotRecord[];
  /** Null: the file is bare. */
  seal: SealForgery | null;
  held: HeldKeys;
}

const RING: Keyring = testRing();
const OUTSIDE = { clusterId: LOCATION.clusterId, backupId: LOCATION.backupId };

/** A sound backup, and no change. */
export function soundPlan(core: Core, random: Random, seed: string): Plan {
  const isLarge = random.chance(2);
  return {
    core,
    seed,
    changes: noChanges(),
    ring: RING,
    origin: {
      ...ORIGIN,
      mode: random.chance(80) ? ORIGIN.mode : "FIPS",
      chainNumber: random.chance(50) ? 1 : 1 + random.below(5),
      previousDigest: random.chance(50) ? ORIGIN.previousDigest : random.bytes(32),
    },
    chunkBytes: isLarge ? 16_384 : random.pick([512, 512, 512, 528, 1024, 4096, 16_384]),
    memory: isLarge ? largeMemory(random) : memoryOf(random),
    seal: random.chance(65) ? soundSeal(random, seed) : null,
    held: ownersKeys(),
  };
}

function noChanges(): Changes {
  return {
    ...{ records: [], payload: [], header: [], headerBytes: [], plainFrames: [], frames: [] },
    ...{ bare: [], containerDigest: [], commitment: [], bodyDigest: [], recipient: [] },
    ...{ clear: [], clearBytes: [], container: [], body: [], file: [], expectation: [] },
  };
}

function soundSeal(random: Random, seed: string): SealForgery {
  const isOutside = random.chance(15);
  const envelopeNumber = random.pick([1, 1, 2, 7, 2 ** 32 - 1]);
  const location = placeOf(random, isOutside ? OUTSIDE : LOCATION);
  const kinds = isOutside ? OUTSIDE_KINDS : KINDS;
  const cmk = random.chance(15) ? { cmk: "local/golden-1" } : {};
  return { seed, location, envelopeNumber, recipients: random.pick(kinds), ...cmk };
}

/** Mostly as it is; else with a text that a reader may not change. */
function placeOf(random: Random, location: SealLocation): SealLocation {
  if (random.chance(85)) return location;
  const odd = random.pick(["\ufeffplace", "e\u0301", "\u0000", "😀", "x".repeat(2048), " "]);
  return { ...location, [random.pick(Object.keys(location))]: odd };
}

/** More often such as are quick to open. */
const KINDS: readonly (readonly number[])[] = [
  ...Array.from({ length: 8 }, () => [1]),
  ...[[2], [3], [1, 2], [1, 3], [2, 1], [3, 1], [2, 3], [UNKNOWN_KIND, 1], [1, UNKNOWN_KIND]],
  [3, 2, UNKNOWN_KIND, 1],
];
const OUTSIDE_KINDS: readonly (readonly number[])[] = [[2], [2], [3], [2, 3], [UNKNOWN_KIND, 2]];

const TYPES: readonly RecordType[] = [1, 2, 3, 4, 5];

/** Records in canonical order. */
function memoryOf(random: Random): SnapshotRecord[] {
  const count = random.pick([0, 1, 1, 2, 3, 4, 6, 8, 20]);
  const places = new Map<number, readonly [RecordType, number]>();
  for (let i = 0; i < count; i++) {
    const type = random.pick(TYPES);
    const id = random.chance(95) ? random.below(50) : Number.MAX_SAFE_INTEGER;
    places.set(type * 100 + (id % 100), [type, id]);
  }
  const inOrder = [...places.values()].sort(([a, i], [b, j]) => a - b || i - j);
  return inOrder.map(([type, id]) => ({ type, id, bytes: recordBytes(random, 0) }));
}

/** Such as takes two segments or three. */
export function largeMemory(random: Random): SnapshotRecord[] {
  const count = 2 + random.below(3);
  return Array.from({ length: count }, (_, i) =>
    recordOfLength(5, i + 1, 20_000 + random.below(45_000)),
  );
}

function inTurn<T>(changes: readonly Change<T>[]): Change<T> {
  return (value) => changes.reduce((current, change) => change(current) ?? current, value);
}

/** Makes what is planned. */
export async function makeMutant(plan: Plan, named: readonly string[]): Promise<Mutant> {
  const { core, changes, seed, ring, origin, chunkBytes } = plan;
  const forged = forge(core, {
    ...{ seed, ring, origin, chunkBytes },
    records: inTurn(changes.records)(plan.memory) ?? plan.memory,
    payload: inTurn(changes.payload),
    header: inTurn(changes.header),
    headerBytes: inTurn(changes.headerBytes),
    plainFrames: inTurn(changes.plainFrames),
    frames: inTurn(changes.frames),
  });
  const whole = join(forged.keyBlock, forged.container);
  const bare = changes.bare.reduce((bytes, change) => change(bytes, forged), whole as Uint8Array);
  const container = bare.subarray(KEY_BLOCK_BYTES);
  const sealed =
    plan.seal &&
    (await forgeSeal(
      core,
      { keyBlock: bare.subarray(0, KEY_BLOCK_BYTES), container },
      {
        ...plan.seal,
        containerDigest: inTurn(changes.containerDigest),
        commitment: inTurn(changes.commitment),
        bodyDigest: inTurn(changes.bodyDigest),
        recipient: inTurn(changes.recipient),
        clear: inTurn(changes.clear),
        clearBytes: inTurn(changes.clearBytes),
        container: inTurn(changes.container),
        body: inTurn(changes.body),
      },
    ));
  const number = plan.seal?.envelopeNumber ?? 1;
  const facts: Facts = {
    origin,
    location: plan.seal?.location ?? LOCATION,
    envelope: sealed && { number, digest: sha256(sealed.envelope) },
    containerDigest: sha256(container),
  };
  const expectations = changes.expectation.map((known) => known(facts));
  return {
    ...plan.held,
    file: inTurn(changes.file)(sealed?.file ?? bare) ?? bare,
    expectation: Object.assign({}, ...expectations),
    changes: named,
  };
}

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
