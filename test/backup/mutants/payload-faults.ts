/**
 * Changes of what a container holds, beneath its frames and its trailer MAC: FORMAT.md §4, §6.2.
 */
import { createCipheriv } from "node:crypto";
import type { RecordType, SnapshotRecord } from "../../../src/hsm/memory/record.ts";
import type { Random } from "../../lib/random.ts";
import { counterRandom, recordOfLength } from "../fixtures.ts";
import { join, type PayloadPieces, u32, u64 } from "../vectors/forge.ts";
import { bent, bentInPlace, bentList } from "./bent-bytes.ts";
import type { Fault, Faults } from "./faults.ts";
import { recordBytes } from "./odd-cbor.ts";

const RECORD_PREFIX_BYTES = 13;

const oddRecord: Fault = ({ changes }, random) => {
  changes.records.push((records) => {
    const bend = random.pick([10, 25, 60]);
    const at = random.below(records.length + 1);
    const { type, id } = records[at] ?? { type: 5 as RecordType, id: 90 + random.below(9) };
    const odd = { type, id, bytes: recordBytes(random, bend) };
    return records.toSpliced(at, 1, odd);
  });
};

const bentRecord: Fault = ({ changes }, random) => {
  changes.records.push((records) =>
    records.length === 0
      ? records
      : records.with(random.below(records.length), bentOne(random, random.pick(records))),
  );
};

function bentOne(random: Random, record: SnapshotRecord): SnapshotRecord {
  const bytes = bent(random, record.bytes);
  // A record has room for a head and what it says.
  return {
    ...record,
    bytes: bytes.length < 3 ? join(bytes, Uint8Array.of(0x82, 0xa0, 0x40)) : bytes,
  };
}

/** Manifest and footer follow. */
const recordsOrder: Fault = ({ changes }, random) => {
  changes.records.push((records) => {
    const moved = (one: SnapshotRecord): SnapshotRecord => ({
      ...one,
      id: random.pick([0, 1, one.id + 1, 2 ** 53 - 1, 2 ** 53]),
      type: random.pick([one.type, one.type, 1, 5, 6 as RecordType, 0 as RecordType]),
    });
    return [...bentList(random, records, moved)];
  });
};

/** A field of a record frame; the manifest stays. */
const recordFrame: Fault = ({ changes }, random) => {
  changes.payload.push((pieces) => {
    const at = random.below(pieces.frames.length + 1);
    const frame = pieces.frames[at] ?? join(u32(3), Uint8Array.of(5), u64(99), SMALLEST);
    pieces.frames.splice(at, 1, frameChanged(random, frame));
  });
};

const SMALLEST = Uint8Array.of(0x82, 0xa0, 0x40);

function frameChanged(random: Random, frame: Uint8Array): Uint8Array {
  if (frame.length < RECORD_PREFIX_BYTES) return bent(random, frame);
  const length = Buffer.from(frame).readUInt32BE();
  return random.pick<() => Uint8Array>([
    () => {
      const lengths = [1, 2, 3, 65_536, 65_537, 2 ** 24, 2 ** 32 - 1, length + 1, length - 1, 5000];
      return join(u32(Math.max(0, random.pick(lengths))), frame.subarray(4));
    },
    () =>
      join(frame.subarray(0, 4), Uint8Array.of(random.pick([0, 1, 5, 6, 255])), frame.subarray(5)),
    () => {
      const id = random.pick([
        Uint8Array.of(0, 0x1f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff),
        Uint8Array.of(0, 0x20, 0, 0, 0, 0, 0, 0),
        new Uint8Array(8),
        new Uint8Array(8).fill(0xff),
      ]);
      return join(frame.subarray(0, 5), id, frame.subarray(13));
    },
    () => bentInPlace(random, frame),
    () => bent(random, frame),
  ])();
}

const recordFrames: Fault = ({ changes }, random) => {
  changes.payload.push((pieces) => {
    pieces.frames = [...bentList(random, pieces.frames, (frame) => bent(random, frame))];
  });
};

const endMark: Fault = ({ changes }, random) => {
  changes.payload.push((pieces) => {
    pieces.endMark = random.pick([
      new Uint8Array(0),
      random.bytes(random.below(8)),
      u32(1 + random.below(4)),
      new Uint8Array(8),
    ]);
  });
};

const manifest: Fault = ({ changes }, random) => {
  changes.payload.push((pieces) => {
    pieces.manifest = [...bentList(random, pieces.manifest, (entry) => bentInPlace(random, entry))];
  });
};

const footer: Fault = ({ changes }, random) => {
  changes.payload.push((pieces) => {
    pieces.footer = random.chance(70)
      ? bentInPlace(random, pieces.footer)
      : bent(random, pieces.footer);
  });
};

const noEnd: Fault = ({ changes }, random) => {
  changes.payload.push((pieces) => {
    withoutEnd(random, pieces);
    return pieces;
  });
};

/** The payload stops where its records do, or within one. */
function withoutEnd(random: Random, pieces: PayloadPieces): void {
  pieces.endMark = new Uint8Array(random.below(4));
  pieces.manifest = [];
  pieces.footer = new Uint8Array(0);
  const last = pieces.frames.pop();
  if (last !== undefined) {
    pieces.frames.push(random.chance(50) ? last : last.subarray(0, random.below(last.length)));
  }
  pieces.frames.unshift(...(pieces.frames.length === 0 ? [random.bytes(64)] : []));
}

/** A framed plaintext: index, last flag, reserved bytes, length. */
const plainFrame: Fault = ({ changes }, random) => {
  changes.plainFrames.push((frames) => {
    const at = random.below(Math.max(1, frames.length));
    const frame = frames[at] ?? new Uint8Array(8);
    frames[at] = random.pick<() => Uint8Array>([
      () => bentInPlace(random, frame, 0, 8),
      () => join(u32(random.pick([at + 1, at - 1, 0, 2 ** 31]) >>> 0), frame.subarray(4)),
      () =>
        join(frame.subarray(0, 4), Uint8Array.of(random.pick([0, 1, 2, 255])), frame.subarray(5)),
      () => frame.subarray(0, Math.max(1, frame.length - 1 - random.below(9))),
      () => join(frame, random.bytes(1 + random.below(9))),
      () => bentInPlace(random, frame),
    ])();
  });
};

const plainFrames: Fault = ({ changes }, random) => {
  changes.plainFrames.push((frames) => [
    ...bentList(random, frames, (frame) => bentInPlace(random, frame, 0, 8)),
  ]);
};

const frames: Fault = ({ changes }, random) => {
  changes.frames.push((all) => [...bentList(random, all, (frame) => bentInPlace(random, frame))]);
};

/** A wrap that KWP would not make: its first 64 bits say another length, or its padding is not zero. */
const oddWrap: Fault = ({ changes, seed }, random) => {
  changes.frames.push((all) => {
    const at = random.below(all.length);
    const wrap = all[at];
    if (wrap === undefined || wrap.length < 24) return all;
    const plain = random.bytes(wrap.length - 8);
    plain.set(join(u32(at), Uint8Array.of(at === all.length - 1 ? 1 : 0, 0, 0, 0)));
    const said = plain.length - random.pick([-1, 0, 0, 1, 3, 7, 8]);
    const start = random.chance(80) ? 0xa65959a6 : 0xa6a6a6a6;
    const iv = join(u32(start), u32(said));
    const cipher = createCipheriv("id-aes256-wrap", counterRandom(seed)(32), iv);
    return all.with(at, join(cipher.update(plain), cipher.final()));
  });
};

/**
 * Something wrong at the seam of two frames, in a record or in what follows the records, and the frame
 * behind the seam damaged, or the one behind that: which is told first depends on what was there.
 */
const seamOfFrames: Fault = (plan, random) => {
  const [chunkBytes, seam] = [512, 1 + random.below(2)];
  const before = random.below(120);
  const first = recordOfLength(1, 0, chunkBytes * seam - before - RECORD_PREFIX_BYTES);
  const next = [recordOfLength(5, 7, 60 + random.below(100)), recordOfLength(5, 8, 700)];
  const isRecord = random.chance(50);
  plan.chunkBytes = chunkBytes;
  plan.memory = isRecord ? [first, ...next] : [first];
  plan.changes.payload.push((pieces) => {
    const frame = isRecord ? pieces.frames[1] : undefined;
    if (frame === undefined) changeEnd(random, pieces);
    else pieces.frames[1] = frameChanged(random, frame);
    return pieces;
  });
  plan.changes.frames.push((all) => {
    const at = seam + random.pick([0, 0, 0, 1]);
    return all.map((wrap, i) => (i === at ? bentInPlace(random, wrap) : wrap));
  });
};

/** Manifest or footer: changed, longer, shorter. */
function changeEnd(random: Random, pieces: PayloadPieces): void {
  const { manifest: entries, footer: end } = pieces;
  const footerBytes = random.pick([0, 60, 61, 100, 700]);
  const other = join(end, random.bytes(700)).subarray(0, footerBytes);
  const changes = random.pick<() => Partial<PayloadPieces>>([
    () => ({ manifest: entries.map((entry) => bentInPlace(random, entry)) }),
    () => ({ manifest: [...entries, random.bytes(random.pick([1, 41, 410]))] }),
    () => ({ manifest: [] }),
    () => ({ footer: bentInPlace(random, end) }),
    () => ({ footer: other }),
  ])();
  Object.assign(pieces, changes);
}

export const PAYLOAD_FAULTS: Faults = [
  [8, "record", oddRecord],
  [5, "bytes of a record", bentRecord],
  [4, "places of records", recordsOrder],
  [6, "record frame", recordFrame],
  [3, "record frames", recordFrames],
  [2, "end mark", endMark],
  [4, "manifest", manifest],
  [4, "footer", footer],
  [2, "end of the payload", noEnd],
  [6, "plaintext of a frame", plainFrame],
  [3, "order of frames", plainFrames],
  [4, "wraps of frames", frames],
  [3, "odd wrap of a frame", oddWrap],
  [4, "seam of two frames", seamOfFrames],
];
