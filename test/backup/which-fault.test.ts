/**
 * A file with two faults: the one whose last byte comes first is told, however frames are batched
 * and pieces are cut. FORMAT.md §3.5.
 */
import { describe, expect, it } from "vitest";
import { ContainerReader } from "../../src/backup/container/reader.ts";
import { BackupError, type BackupFault } from "../../src/backup/format/errors.ts";
import { restoreBackup } from "../../src/backup/restore.ts";
import { sealedBodyBytes } from "../../src/backup/seal/body.ts";
import { RECIPIENT } from "../../src/backup/seal/recipient.ts";
import type { Core } from "../../src/crypto/core.ts";
import { loadCore } from "../lib/core.ts";
import { recordOfLength, subtle, TestStaging, testKms, testRing } from "./fixtures.ts";
import { type Forged, type Forgery, forge, forgeSeal, join, recordFrame } from "./vectors/forge.ts";
import { flip, withBytes } from "./vectors/maker.ts";

const core: Core = await loadCore();
const ring = testRing();
const openers = { kms: testKms(), recoveryKeys: [] };
/** 39 full frames and a last one: one batch of 32 and a part of another. */
const RECORDS = Array.from({ length: 40 }, (_, i) => recordOfLength(5, i + 1, 450));
const FRAME_BYTES = 528;

/** Changes of one element of a list. */
function at<T>(index: number, change: (value: T) => T) {
  return (all: T[]) => all.map((value, i) => (i === index ? change(value) : value));
}

const shorter = (plain: Uint8Array) => plain.subarray(0, -1);
const wrongIndex = (plain: Uint8Array) => withBytes(plain, 3, 99);
const reservedSet = (plain: Uint8Array) => withBytes(plain, 6, 1);
/** Payload byte 0 is the first of the length of record 0. */
const recordTooLong = (plain: Uint8Array) => withBytes(plain, 8, 1);
const broken = (wrap: Uint8Array) => flip(wrap, 100);

const framesAt = ({ front }: Forged) => front.length + 32;

function faultFrom(error: unknown): BackupFault {
  if (error instanceof BackupError) return error.fault;
  throw error;
}

async function* cut(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let from = 0; from < bytes.length; from += size) yield bytes.subarray(from, from + size);
}

/** The fault of a container in pieces of `size`, after which the source throws `end`, if given. */
async function faultOfPieces(
  { keyBlock }: Forged,
  bytes: Uint8Array,
  size: number,
  end: unknown = null,
): Promise<BackupFault> {
  using reader = new ContainerReader(core, ring, keyBlock, new TestStaging());
  const source = async function* () {
    yield* cut(bytes, size);
    if (end !== null) throw end;
  };
  return await reader.pushAll(source()).then(
    () => faultOfCall(() => reader.finish()),
    (error) => faultFrom(error),
  );
}

function faultOfCall(f: () => unknown): BackupFault {
  try {
    f();
  } catch (error) {
    return faultFrom(error);
  }
  throw new Error("nothing was thrown");
}

const SIZES = [100, FRAME_BYTES, 5000, 65_536];

describe("of two faults in one batch of frames", () => {
  const cases: readonly [string, Partial<Forgery>, Partial<BackupFault>][] = [
    [
      "a wrong index before a broken wrap",
      { plainFrames: at(3, wrongIndex), frames: at(20, broken) },
      { code: "chunk_out_of_order", index: 3, got: 99 },
    ],
    [
      "a broken wrap before a wrong index",
      { plainFrames: at(20, wrongIndex), frames: at(3, broken) },
      { code: "chunk_damaged", index: 3 },
    ],
    [
      "an invalid record before a broken wrap",
      { plainFrames: at(0, recordTooLong), frames: at(20, broken) },
      { code: "record_invalid", index: 0 },
    ],
    [
      "a reserved byte before a short frame",
      { plainFrames: (all) => at(9, shorter)(at(2, reservedSet)(all)) },
      { code: "chunk_out_of_order", index: 2 },
    ],
    [
      "a short frame before a reserved byte",
      { plainFrames: (all) => at(9, reservedSet)(at(2, shorter)(all)) },
      { code: "chunk_damaged", index: 2 },
    ],
    [
      "a short first frame alone",
      { plainFrames: at(0, shorter) },
      { code: "chunk_damaged", index: 0 },
    ],
    [
      "short frames from the first to the fifth",
      { plainFrames: (all) => all.map((plain, i) => (i < 5 ? shorter(plain) : plain)) },
      { code: "chunk_damaged", index: 0 },
    ],
    [
      "a short first frame of the second batch",
      { plainFrames: at(32, shorter) },
      { code: "chunk_damaged", index: 32 },
    ],
    [
      "a short last frame",
      { plainFrames: (all) => at(all.length - 1, shorter)(all) },
      { code: "chunk_damaged", index: 39 },
    ],
  ];
  it.each(cases)("%s is told by its position", async (_, forgery, fault) => {
    const forged = forge(core, { records: RECORDS, ...forgery });
    for (const size of SIZES) {
      expect(await faultOfPieces(forged, forged.container, size)).toMatchObject(fault);
    }
  });
});

describe("a source that ends", () => {
  const forged = forge(core, { records: RECORDS, plainFrames: at(5, wrongIndex) });
  const behind = (frames: number) => forged.container.subarray(0, framesAt(forged) + frames * 528);

  it("behind a frame that is wrong does not hide it", async () => {
    for (const size of SIZES) {
      const fault = await faultOfPieces(forged, behind(6), size);
      expect(fault).toMatchObject({ code: "chunk_out_of_order", index: 5 });
    }
  });

  it("before the end of a frame that is wrong is an end", async () => {
    for (const size of SIZES) {
      const fault = await faultOfPieces(forged, behind(6).subarray(0, -1), size);
      expect(fault).toMatchObject({ code: "truncated", part: "container" });
    }
  });

  it("by throwing is asked only after what it gave", async () => {
    const damaged = new BackupError({ code: "body_damaged", segment: 1 });
    for (const size of SIZES) {
      const told = await faultOfPieces(forged, behind(6), size, damaged);
      expect(told).toMatchObject({ code: "chunk_out_of_order", index: 5 });
      expect(await faultOfPieces(forged, behind(5), size, damaged)).toEqual(damaged.fault);
    }
  });

  it("behind its last frame has a payload that is judged", async () => {
    const endless = forge(core, {
      records: [],
      payload: (pieces) => {
        pieces.frames = RECORDS.map(recordFrame);
        pieces.endMark = new Uint8Array(0);
        pieces.footer = new Uint8Array(0);
        return pieces;
      },
    });
    for (const size of SIZES) {
      const fault = await faultOfPieces(endless, endless.container.subarray(0, -32), size);
      expect(fault).toMatchObject({ code: "record_invalid", index: 40 });
    }
  });
});

describe("a restore of a sealed backup", () => {
  const LONG = Array.from({ length: 9 }, (_, i) => recordOfLength(5, i + 1, 60_000));

  async function faultOfBody(forgery: Partial<Forgery>, change: (body: Uint8Array) => Uint8Array) {
    const forged = forge(core, { records: LONG, chunkBytes: 16_384, ...forgery });
    const seal = await forgeSeal(core, forged, { recipients: [RECIPIENT.kms] });
    const body = change(seal.body);
    const stored = { envelope: seal.envelope, body: [body], bodyBytes: body.length };
    return await restoreBackup({ core, subtle }, ring, openers, stored, new TestStaging()).then(
      () => null,
      (error) => faultFrom(error),
    );
  }
  const segment = (index: number) => (body: Uint8Array) => flip(body, index * 65_552 + 50);

  it("tells a frame of an earlier segment before a later segment", async () => {
    const frames = { plainFrames: at(2, wrongIndex) };
    expect(await faultOfBody(frames, segment(1))).toMatchObject({ code: "chunk_out_of_order" });
    expect(await faultOfBody(frames, segment(0))).toEqual({ code: "body_damaged", segment: 0 });
    // Frame 4 ends in the second segment.
    const later = { plainFrames: at(4, wrongIndex) };
    expect(await faultOfBody(later, segment(1))).toEqual({ code: "body_damaged", segment: 1 });
  });

  it("tells a wrong length of the body before a segment", async () => {
    const cutBody = (body: Uint8Array) => segment(0)(body).subarray(0, -1);
    expect(await faultOfBody({}, cutBody)).toMatchObject({ code: "truncated", part: "body" });
    const longer = (body: Uint8Array) => join(segment(0)(body), Uint8Array.of(0));
    expect(await faultOfBody({}, longer)).toMatchObject({ code: "trailing_data", part: "body" });
  });

  it("does not ask for the body when its length is wrong", async () => {
    const forged = forge(core, { records: LONG });
    const { envelope, body } = await forgeSeal(core, forged, { recipients: [RECIPIENT.kms] });
    let asked = false;
    const source = async function* () {
      asked = true;
      yield body;
    };
    const stored = { envelope, body: source(), bodyBytes: body.length + 1 };
    const restored = restoreBackup({ core, subtle }, ring, openers, stored, new TestStaging());
    await expect(restored).rejects.toMatchObject({ fault: { code: "trailing_data" } });
    expect(asked).toBe(false);
  });

  it.each([
    [1, { code: "trailing_data" }],
    [-1, { code: "truncated", gotBytes: -1 }],
  ])(
    "tells a container of %i bytes more than its header says before its frames",
    async (more, fault) => {
      const forged = forge(core, { records: LONG, frames: at(0, broken) });
      const { container, keyBlock } = forged;
      const other = new Uint8Array(container.length + more);
      other.set(container.subarray(0, other.length));
      const seal = await forgeSeal(
        core,
        { keyBlock, container: other },
        { recipients: [RECIPIENT.kms] },
      );
      const { envelope, body } = seal;
      expect(body.length).toBe(sealedBodyBytes(other.length));
      const stored = { envelope, body: [body], bodyBytes: body.length };
      const restored = restoreBackup({ core, subtle }, ring, openers, stored, new TestStaging());
      await expect(restored).rejects.toMatchObject({
        fault: {
          ...fault,
          part: "container",
          expectedBytes: container.length,
          ...("gotBytes" in fault ? { gotBytes: other.length } : {}),
        },
      });
    },
  );

  it("tells the digest of the body before that of the container", async () => {
    const forged = forge(core, { records: LONG });
    const seal = await forgeSeal(core, forged, {
      recipients: [RECIPIENT.kms],
      bodyDigest: (digest) => flip(digest, 0),
    });
    const { envelope, body } = seal;
    const stored = { envelope, body: [body], bodyBytes: body.length };
    const restored = restoreBackup({ core, subtle }, ring, openers, stored, new TestStaging(), {
      expected: { containerDigest: new Uint8Array(32) },
    });
    await expect(restored).rejects.toMatchObject({ fault: { code: "body_digest_mismatch" } });
  });
});
