/**
 * The limits of FORMAT.md §2, each at its value and one past it, for writers and for readers.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  chooseChunkBytes,
  containerLength,
  decodeHeader,
  encodeHeader,
  type Header,
  planFrames,
} from "../../../src/backup/container/header.ts";
import { planPayload } from "../../../src/backup/container/payload-writer.ts";
import { readContainer } from "../../../src/backup/container/reader.ts";
import { createContainer } from "../../../src/backup/create.ts";
import {
  MAX_PAYLOAD_BYTES,
  MAX_RECORDS,
  MIN_PAYLOAD_BYTES,
  PROLOGUE_BYTES,
} from "../../../src/backup/format/layout.ts";
import { openedBodyBytes, sealedBodyBytes } from "../../../src/backup/seal/body.ts";
import {
  decodeEnvelope,
  type EnvelopeClear,
  sealEnvelope,
} from "../../../src/backup/seal/envelope.ts";
import { RECIPIENT } from "../../../src/backup/seal/recipient.ts";
import type { Core } from "../../../src/crypto/core.ts";
import { SecretKey } from "../../../src/crypto/secret-key.ts";
import type { SnapshotEntry, SnapshotSource } from "../../../src/hsm/memory/record.ts";
import { loadCore } from "../../lib/core.ts";
import {
  counterRandom,
  faultOf,
  LOCATION,
  ORIGIN,
  recordOfLength,
  sourceOf,
  subtle,
  testRing,
} from "../fixtures.ts";

const core: Core = await loadCore();
const HEADER: Header = {
  ...ORIGIN,
  manufacturer: "Golden Works",
  chunkBytes: 512,
  payloadBytes: MIN_PAYLOAD_BYTES,
};

/** A source that announces and never delivers. */
function announcing(entries: () => Iterable<SnapshotEntry>): SnapshotSource {
  return { entries, records: () => [] };
}

function* entriesOf(count: number, byteLength: number): Generator<SnapshotEntry> {
  for (let id = 0; id < count; id++) yield { type: 5, id, byteLength };
}

describe("a header", () => {
  it.each([1, 128])("takes text of %i bytes", (length) => {
    const header = { ...HEADER, backupId: "b".repeat(length) };
    expect(decodeHeader(encodeHeader(header).subarray(PROLOGUE_BYTES))).toEqual(header);
  });

  it("takes a byte order mark for the character that it is", () => {
    const header = { ...HEADER, manufacturer: "\ufeffGolden Works" };
    expect(decodeHeader(encodeHeader(header).subarray(PROLOGUE_BYTES))).toEqual(header);
  });

  it.each([0, 129])("refuses text of %i bytes", (length) => {
    expect(() => encodeHeader({ ...HEADER, backupId: "b".repeat(length) })).toThrow(RangeError);
    expect(() => encodeHeader({ ...HEADER, backupId: "é".repeat(65) })).toThrow(RangeError);
  });

  it.each([
    ["chunkBytes", 512, true],
    ["chunkBytes", 511, false],
    ["chunkBytes", 496, false],
    ["chunkBytes", 520, false],
    ["chunkBytes", 16_384, true],
    ["chunkBytes", 16_400, false],
    ["payloadBytes", 64, true],
    ["payloadBytes", 63, false],
    ["payloadBytes", MAX_PAYLOAD_BYTES, true],
    ["payloadBytes", MAX_PAYLOAD_BYTES + 1, false],
    ["chainNumber", 1, true],
    ["chainNumber", 0, false],
    ["chainNumber", Number.MAX_SAFE_INTEGER, true],
    ["createdAtMs", 0, true],
    ["createdAtMs", -1, false],
    ["createdAtMs", 0.5, false],
  ] as const)("with %s %d is written: %s", (field, value, isAllowed) => {
    const write = () => encodeHeader({ ...HEADER, [field]: value });
    if (isAllowed) expect(write().length).toBeGreaterThan(0);
    else expect(write).toThrow(RangeError);
  });

  it.each([0, 32])("takes a previous digest of %i bytes", (length) => {
    expect(encodeHeader({ ...HEADER, previousDigest: new Uint8Array(length) })).toBeDefined();
  });

  it.each([1, 31, 33])("refuses a previous digest of %i bytes", (length) => {
    const header = { ...HEADER, previousDigest: new Uint8Array(length) };
    expect(() => encodeHeader(header)).toThrow(RangeError);
  });
});

describe("a header of any allowed values", () => {
  const text = fc.string({ minLength: 1, maxLength: 40, unit: "grapheme" }).filter((value) => {
    const { length } = new TextEncoder().encode(value);
    return length <= 128 && Buffer.from(value).toString() === value;
  });
  const header: fc.Arbitrary<Header> = fc.record({
    backupId: text,
    clusterId: text,
    lineageId: text,
    hsmType: text,
    mode: fc.constantFrom("FIPS", "NON_FIPS"),
    region: text,
    createdAtMs: fc.maxSafeNat(),
    chainNumber: fc.maxSafeNat().map((value) => Math.max(1, value)),
    previousDigest: fc.constantFrom(0, 32).map((length) => new Uint8Array(length).fill(5)),
    manufacturer: text,
    chunkBytes: fc.integer({ min: 32, max: 1024 }).map((steps) => 16 * steps),
    payloadBytes: fc.integer({ min: MIN_PAYLOAD_BYTES, max: MAX_PAYLOAD_BYTES }),
  });

  it("is the same after encoding and decoding, and has one encoding", () => {
    fc.assert(
      fc.property(header, (made) => {
        const bytes = encodeHeader(made);
        const decoded = decodeHeader(bytes.subarray(PROLOGUE_BYTES));
        expect(decoded).toEqual(made);
        expect(encodeHeader(decoded)).toEqual(bytes);
      }),
    );
  });
});

describe("frames", () => {
  it.each([
    [64, 512, 1],
    [512 * 32, 512, 32],
    [512 * 32 + 1, 528, 32],
    [16_384 * 32, 16_384, 32],
    [16_384 * 32 + 1, 16_384, 33],
    [MAX_PAYLOAD_BYTES, 16_384, 131_072],
  ])("of %i payload bytes are of %i bytes, and %i of them", (payloadBytes, chunkBytes, count) => {
    expect(chooseChunkBytes(payloadBytes)).toBe(chunkBytes);
    expect(planFrames(chunkBytes, payloadBytes).frameCount).toBe(count);
  });

  it.each([0, 1, 447, 448, 449, 455, 456, 457, 959, 960, 961])(
    "with a secret of %i bytes give the length that the header fixes",
    (secretBytes) => {
      const records = [recordOfLength(5, 1, secretBytes < 256 ? 3 + secretBytes : 5 + secretBytes)];
      using writer = createContainer(
        core,
        testRing(),
        ORIGIN,
        sourceOf(records),
        counterRandom("l"),
      );
      const bytes = Buffer.concat([...writer.parts()]);
      expect(bytes.length).toBe(writer.byteLength);
      const headerBytes = bytes.readUInt32BE(12);
      const { chunkBytes, payloadBytes } = decodeHeader(bytes.subarray(16, 16 + headerBytes));
      const plan = planFrames(chunkBytes, payloadBytes);
      expect(containerLength(headerBytes, plan)).toBe(bytes.length);
    },
  );
});

describe("a payload", () => {
  it("takes 65,536 records, and not one more", () => {
    expect(planPayload(announcing(() => entriesOf(MAX_RECORDS, 3))).recordCount).toBe(65_536);
    expect(() => planPayload(announcing(() => entriesOf(MAX_RECORDS + 1, 3)))).toThrow(RangeError);
  });

  it("takes 2 GiB, and not a byte more", () => {
    const records = 32_741;
    const rest = MAX_PAYLOAD_BYTES - 64 - records * (65_536 + 54) - 54;
    const filling = (last: number) =>
      announcing(function* () {
        yield* entriesOf(records, 65_536);
        yield { type: 5, id: records, byteLength: last };
      });
    expect(rest).toBeLessThan(65_536);
    expect(planPayload(filling(rest)).payloadBytes).toBe(MAX_PAYLOAD_BYTES);
    expect(() => planPayload(filling(rest + 1))).toThrow(RangeError);
  });

  it.each([2, 65_537])("refuses a record of %i bytes", (byteLength) => {
    expect(() => planPayload(announcing(() => entriesOf(1, byteLength)))).toThrow(RangeError);
  });

  it("refuses records out of order, and a source that changes between its passes", () => {
    const twice = [recordOfLength(5, 1, 10), recordOfLength(5, 1, 10)];
    expect(() => planPayload(sourceOf(twice))).toThrow(RangeError);
    const grown: SnapshotSource = {
      entries: () => entriesOf(1, 10),
      records: () => [recordOfLength(5, 0, 10), recordOfLength(5, 1, 10)],
    };
    using writer = createContainer(core, testRing(), ORIGIN, grown, counterRandom("grown"));
    expect(() => [...writer.parts()]).toThrow("unreachable");
  });
});

describe("a body", () => {
  it.each([1, 65_535, 65_536, 65_537, 131_072, 131_073])("of %i bytes and back", (bytes) => {
    expect(openedBodyBytes(sealedBodyBytes(bytes))).toBe(bytes);
  });

  it.each([0, 1, 16, 65_553, 65_568, 131_104 + 16])("cannot have %i bytes", (bytes) => {
    expect(openedBodyBytes(bytes)).toBeNull();
  });
});

describe("an envelope", () => {
  const clear: EnvelopeClear = {
    sealId: new Uint8Array(16),
    bodyBytes: 500,
    bodyDigest: new Uint8Array(32),
    containerDigest: new Uint8Array(32),
    commitment: new Uint8Array(32),
    envelopeNumber: 1,
    location: LOCATION,
    recipients: [{ kind: RECIPIENT.kms, keyId: "k", wrapped: new Uint8Array(61) }],
  };
  const write = (change: Partial<EnvelopeClear>) => {
    using envelopeKey = new SecretKey(new Uint8Array(32));
    const random = counterRandom("envelope");
    return sealEnvelope(
      subtle,
      random,
      { envelopeKey },
      { ...clear, ...change },
      new Uint8Array(176),
    );
  };
  const recipients = (count: number, keyBytes: number, wrappedBytes: number) =>
    Array.from({ length: count }, (_, i) => ({
      kind: RECIPIENT.kms,
      keyId: String(i).repeat(keyBytes),
      wrapped: new Uint8Array(wrappedBytes),
    }));

  it.each([
    [1, 2048, 6144],
    [5, 10, 6144],
    [8, 1, 1],
  ])("takes %i recipients with names of %i and wraps of %i bytes", async (...sizes) => {
    const change = { recipients: recipients(...sizes) };
    expect(decodeEnvelope(await write(change)).clear).toEqual({ ...clear, ...change });
  });

  it.each([
    [0, 1, 1],
    [9, 1, 1],
    [1, 2049, 1],
    [1, 0, 1],
    [1, 1, 6145],
    [1, 1, 0],
    [6, 1, 6144],
  ])("refuses %i recipients with names of %i and wraps of %i bytes", async (...sizes) => {
    await expect(write({ recipients: recipients(...sizes) })).rejects.toThrow(RangeError);
  });

  it("refuses a body that no container gives", async () => {
    await expect(write({ bodyBytes: 16 })).rejects.toThrow(RangeError);
  });
});

describe("a reader", () => {
  it("refuses a header that announces more than the limits before it allocates", () => {
    const huge = new Uint8Array(200);
    huge.set(Buffer.from("89484643 0d0a1a0a 0001 0000 7fffffff".replaceAll(" ", ""), "hex"));
    using writer = createContainer(core, testRing(), ORIGIN, sourceOf([]), counterRandom("h"));
    const sink = { put: () => undefined };
    const read = () => readContainer(core, testRing(), writer.keyBlock, [huge], sink);
    expect(faultOf(read)).toEqual({ code: "header_damaged" });
  });
});
