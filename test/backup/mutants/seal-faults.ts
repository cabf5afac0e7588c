/**
 * Changes of a seal beneath its commitment and its authentication: FORMAT.md §7.
 */
import { RECIPIENT, type Recipient } from "../../../src/backup/seal/recipient.ts";
import type { Random } from "../../lib/random.ts";
import { LOCATION } from "../fixtures.ts";
import { join, u32 } from "../vectors/forge.ts";
import { BASE_POINT, LOW_ORDER, oddHybridWrap } from "../vectors/odd-hybrid.ts";
import { bent, bentInPlace, bentList } from "./bent-bytes.ts";
import type { Fault, Faults } from "./faults.ts";
import { longerHead } from "./header-faults.ts";
import { oddValue } from "./odd-cbor.ts";
import { largeMemory } from "./plan.ts";

/** Values of a field of the clear part at the ends of what it may be, and odd ones. */
function clearValue(random: Random, key: number, now: unknown): unknown {
  if (random.chance(25)) return oddValue(random);
  switch (key) {
    case 1:
      return random.bytes(random.pick([0, 15, 16, 17]));
    case 2: {
      const bytes = Number(now);
      const near = [bytes - 16, bytes - 1, bytes + 1, bytes + 16];
      return random.pick([...near, 0, 176, 177, 65_552, 65_568, 65_569, 2_215_137_376, 2 ** 33]);
    }
    case 3:
    case 4:
    case 5:
      return random.bytes(random.pick([0, 31, 32, 32, 33]));
    case 6:
      return random.pick([0, 1, 2, 2 ** 32 - 1, 2 ** 32, -1, 1.5]);
    case 7:
      return locationValue(random);
    default:
      return recipientsValue(random, now);
  }
}

function locationValue(random: Random): unknown {
  const { account, region, clusterId, backupId } = LOCATION;
  const four = [account, region, clusterId, backupId];
  const text = () => random.pick(["", "a", "x".repeat(2048), "x".repeat(2049), 1, null]);
  return random.pick<() => unknown>([
    () => [clusterId, backupId],
    () => four,
    () => bentList<unknown>(random, four, text),
    () => bentList<unknown>(random, [clusterId, backupId], text),
  ])();
}

function recipientsValue(random: Random, now: unknown): unknown {
  const itemsOf = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);
  const odd = () => oddValue(random);
  return bentList(random, itemsOf(now), (one) =>
    random.chance(20) ? odd() : bentList(random, itemsOf(one), odd),
  );
}

const clearField: Fault = ({ changes }, random) => {
  const key = 1 + random.below(8);
  changes.clear.push((map) => map.set(key, clearValue(random, key, map.get(key))));
};

const clearKeys: Fault = ({ changes }, random) => {
  changes.clear.push((map) => {
    if (random.chance(60)) map.delete(1 + random.below(8));
    if (random.chance(60)) map.set(random.pick([0, 9, 255]), oddValue(random));
  });
};

const clearBytes: Fault = ({ changes }, random) => {
  changes.clearBytes.push((bytes) => {
    if (random.chance(5)) return new Uint8Array(random.pick([0, 32_769, 40_000])).fill(0x81);
    return random.chance(75) ? bent(random, bytes) : longerHead(random, bytes);
  });
};

/** One recipient, whose wrap may keep the length that its kind has. */
function recipientChanged(random: Random, { kind, keyId, wrapped }: Recipient): Recipient {
  return random.pick<() => Recipient>([
    () => ({ kind, keyId, wrapped: bentInPlace(random, wrapped) }),
    () => ({ kind, keyId, wrapped: bent(random, wrapped) }),
    () => {
      const other = random.pick([0, 1, 2, 3, 4, 4, 65_535, 65_536]);
      return { kind: other, keyId, wrapped: wrapOf(random, other, wrapped) };
    },
    () => ({ kind, keyId: otherKeyId(random, keyId), wrapped }),
    () => ({ kind, keyId: `\ufeff${keyId}`, wrapped }),
    () => ({ kind, keyId: "x".repeat(random.pick([0, 1, 2048, 2049])), wrapped }),
    () => ({ kind, keyId, wrapped: random.bytes(random.pick([0, 1, 61, 384, 1168, 6144, 6145])) }),
    () => ({ kind, keyId, wrapped: wrapOf(random, kind, wrapped, true) }),
  ])();
}

function otherKeyId(random: Random, keyId: string): string {
  const others = ["local/golden-1", "local/golden-2", "local/other", "0".repeat(32)];
  return random.pick([...others, `${keyId} `]);
}

/** Of the length that wraps of `kind` have. */
function wrapOf(random: Random, kind: number, wrapped: Uint8Array, isNew = false): Uint8Array {
  const length = [undefined, 61, 384, 1168][kind];
  const keeps = !isNew && (length === undefined || wrapped.length === length);
  return keeps ? wrapped : random.bytes(length ?? 40);
}

const recipient: Fault = ({ changes }, random) => {
  changes.recipient.push((all) => [
    ...bentList(random, all, (one) => recipientChanged(random, one)),
  ]);
};

/** One more, or several, before or behind the others. */
const moreRecipients: Fault = ({ changes }, random) => {
  changes.recipient.push((all) => {
    const count = random.pick([1, 1, 1, 2, 7, 8]);
    const more = Array.from({ length: count }, (_, i): Recipient => {
      const kind = random.pick([1, 2, 3, 4, 5, 65_535]);
      const keyId = random.chance(30) ? otherKeyId(random, "local/golden-2") : `key ${i}`;
      return { kind, keyId, wrapped: wrapOf(random, kind, new Uint8Array(40), true) };
    });
    // Another text, and so another key.
    const first = all[0];
    if (first && random.chance(10)) more.push({ ...first, keyId: `\ufeff${first.keyId}` });
    return random.chance(50) ? [...more, ...all] : [...all, ...more];
  });
};

const onlyUnknown: Fault = ({ changes }, random) => {
  changes.recipient.push((all) =>
    all.map(({ wrapped }, i) => ({ kind: 4 + random.below(9), keyId: `key ${i}`, wrapped })),
  );
};

const commitment: Fault = ({ changes }, random) => {
  changes.commitment.push((bytes) => bentInPlace(random, bytes));
};

const bodyDigest: Fault = ({ changes }, random) => {
  changes.bodyDigest.push((bytes) => bentInPlace(random, bytes));
};

/** Keys and clear part follow it. */
const containerDigest: Fault = ({ changes }, random) => {
  changes.containerDigest.push((bytes) => bentInPlace(random, bytes));
};

/** Another container than the seal names, sealed all the same. */
const container: Fault = ({ changes }, random) => {
  changes.container.push((bytes) =>
    random.chance(50) ? bentInPlace(random, bytes) : bent(random, bytes),
  );
};

const body: Fault = ({ changes }, random) => {
  changes.body.push((bytes) => bentInPlace(random, bytes));
};

const segments: Fault = ({ changes }, random) => {
  changes.body.push((bytes) => {
    const all: Uint8Array[] = [];
    for (let at = 0; at < bytes.length; at += 65_552) all.push(bytes.subarray(at, at + 65_552));
    return join(...bentList(random, all, (segment) => bentInPlace(random, segment)));
  });
};

const dataKey: Fault = (plan, random) => {
  if (plan.seal === null) return;
  const dataKeyBytes = random.pick([16, 24, 31, 33, 48]);
  // For no hybrid key: its wrap has one length, and the data key with it.
  const recipients = random.pick([[1], [2], [1, 2], [2, 1]]);
  plan.seal = { ...plan.seal, location: LOCATION, dataKeyBytes, recipients };
};

/** A wrap for the hybrid key whose X25519 half nobody drew, alone or before the others. */
const oddPoint: Fault = (plan, random) => {
  const location = plan.seal?.location ?? LOCATION;
  const wrapped = oddHybridWrap(plan.seed, location, random.pick([...LOW_ORDER, ...BASE_POINT]));
  const others = random.pick([[], [2]]);
  const { seed } = plan;
  plan.seal = { ...plan.seal, seed, location, dataKeyBytes: 32, recipients: [3, ...others] };
  plan.changes.recipient.push((all) =>
    all.map((one) => (one.kind === RECIPIENT.recoveryHybrid ? { ...one, wrapped } : one)),
  );
};

/** Two segments or three, one of them damaged, and a frame anywhere. */
const seamOfSegments: Fault = (plan, random) => {
  plan.memory = largeMemory(random);
  plan.chunkBytes = random.pick([4096, 16_384]);
  plan.seal ??= { seed: plan.seed, location: LOCATION, recipients: [1] };
  const [segment, frame] = [random.below(3), random.below(12)];
  const isRecord = random.chance(30);
  plan.changes.payload.push((pieces) => {
    const record = pieces.frames[frame % 4];
    if (isRecord && record) pieces.frames[frame % 4] = join(u32(2), record.subarray(4));
    return pieces;
  });
  plan.changes.plainFrames.push((all) =>
    all.map((plain, i) => (!isRecord && i === frame ? bentInPlace(random, plain, 0, 8) : plain)),
  );
  plan.changes.body.push((bytes) =>
    segment * 65_552 < bytes.length ? bentInPlace(random, bytes, segment * 65_552) : bytes,
  );
};

const kmsOutside: Fault = (plan, random) => {
  if (plan.seal === null) return;
  const { clusterId, backupId } = LOCATION;
  plan.seal = {
    ...plan.seal,
    location: { clusterId, backupId },
    recipients: random.pick([[1], [2, 1], [2]]),
  };
};

/** Bytes of the envelope's prologue, as it lies. */
const prologue: Fault = ({ changes }, random) => {
  changes.file.push((bytes) => {
    if (random.chance(30)) return bentInPlace(random, bytes, 0, 16);
    const at = random.pick([8, 10, 12]);
    const value = u32(random.pick([0, 1, 32_768, 32_769, 0x10000, 0x20000]));
    return join(bytes.subarray(0, at), value, bytes.subarray(at + 4));
  });
};

const place: Fault = ({ changes }, random) => {
  changes.clear.push((map) => {
    const texts = map.get(7);
    if (!Array.isArray(texts) || texts.length === 0) return;
    map.set(7, texts.with(random.below(texts.length), "elsewhere"));
  });
};

export const SEAL_FAULTS: Faults = [
  [8, "field of the clear part", clearField],
  [2, "keys of the clear part", clearKeys],
  [4, "bytes of the clear part", clearBytes],
  [8, "recipient", recipient],
  [5, "more recipients", moreRecipients],
  [2, "unknown recipients alone", onlyUnknown],
  [2, "commitment", commitment],
  [3, "digest of the body", bodyDigest],
  [2, "digest of the container", containerDigest],
  [4, "container in the seal", container],
  [4, "body", body],
  [2, "segments", segments],
  [2, "length of the data key", dataKey],
  [1, "KMS outside any deployment", kmsOutside],
  [1, "odd point in a hybrid wrap", oddPoint],
  [1, "seam of two segments", seamOfSegments],
  [2, "prologue of the envelope", prologue],
  [2, "place in the clear part", place],
];
