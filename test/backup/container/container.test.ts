/** A container that is read or made otherwise than it should be: FORMAT.md §3.5, §4. */
import { describe, expect, it } from "vitest";
import { openHeader } from "../../../src/backup/container/front.ts";
import { decodePrologue } from "../../../src/backup/container/header.ts";
import { encodeFooter } from "../../../src/backup/container/manifest.ts";
import { PayloadReader } from "../../../src/backup/container/payload-reader.ts";
import { ContainerReader, readContainer } from "../../../src/backup/container/reader.ts";
import { createContainer } from "../../../src/backup/create.ts";
import type { Keyring } from "../../../src/backup/format/keys.ts";
import { MAX_HEADER_BYTES, PROLOGUE, PROLOGUE_BYTES } from "../../../src/backup/format/layout.ts";
import type { Core } from "../../../src/crypto/core.ts";
import type { SnapshotRecord } from "../../../src/hsm/memory/record.ts";
import { StateDigest } from "../../../src/hsm/memory/state-digest.ts";
import { loadCore } from "../../lib/core.ts";
import {
  counterRandom,
  faultOf,
  hex,
  ORIGIN,
  recordOfLength,
  SMALL_MEMORY,
  sourceOf,
  TestStaging,
  testRing,
} from "../fixtures.ts";

const core: Core = await loadCore();
const ring = testRing();
const random = counterRandom("container");

function containerOf(records: readonly SnapshotRecord[]) {
  using writer = createContainer(core, ring, ORIGIN, sourceOf(records), random);
  const parts = [...writer.parts()];
  return { keyBlock: writer.keyBlock, parts, bytes: Uint8Array.from(Buffer.concat(parts)) };
}

function withOlderMkbk(own: Keyring): Keyring {
  const older = { id: new Uint8Array(16), version: 1, state: "destroyed", key: null } as const;
  return { ...own, mkbk: [older, ...own.mkbk] };
}

describe("a container", () => {
  it("tells its header and its length when the header is there, and nothing before", () => {
    const { keyBlock, bytes } = containerOf(SMALL_MEMORY);
    using reader = new ContainerReader(core, ring, keyBlock, new TestStaging());
    reader.push(bytes.subarray(0, 40));
    expect([reader.header, reader.containerBytes]).toEqual([null, null]);
    reader.push(bytes.subarray(40));
    expect(reader.header).toMatchObject(ORIGIN);
    expect(reader.containerBytes).toBe(bytes.length);
  });

  it("is refused for another whose digest was asked for, both named", () => {
    const { keyBlock, parts, bytes } = containerOf(SMALL_MEMORY);
    const containerDigest = new Uint8Array(32);
    const read = () =>
      readContainer(core, ring, keyBlock, parts, new TestStaging(), {
        expected: { containerDigest },
      });
    expect(faultOf(read)).toEqual({
      code: "wrong_backup",
      field: "containerDigest",
      expected: hex(containerDigest),
      got: hex(core.sha256(bytes)),
    });
  });

  it("is not opened by a front that is cut off behind its length", () => {
    const { keyBlock, bytes } = containerOf(SMALL_MEMORY);
    expect(faultOf(() => openHeader(core, ring, keyBlock, bytes.subarray(0, 40)))).toEqual({
      code: "truncated",
      part: "container",
      expectedBytes: null,
      gotBytes: 40,
    });
  });

  it.each<[string, number, number, number | null]>([
    ["no header", 0, 0, null],
    ["the shortest header", 1, 0, 1],
    ["the longest header", MAX_HEADER_BYTES, 0, MAX_HEADER_BYTES],
    ["a longer header", MAX_HEADER_BYTES + 1, 0, null],
    ["reserved bytes that are not zero", 100, 1, null],
  ])("with %s: %i bytes, reserved %i, is read as %s", (_, headerBytes, reserved, expected) => {
    const prologue = containerOf(SMALL_MEMORY).bytes.slice(0, PROLOGUE_BYTES);
    const view = new DataView(prologue.buffer);
    view.setUint16(PROLOGUE.reserved, reserved);
    view.setUint32(PROLOGUE.headerBytes, headerBytes);
    const decode = () => decodePrologue(prologue);
    if (expected === null) expect(faultOf(decode)).toEqual({ code: "header_damaged" });
    else expect(decode()).toBe(expected);
  });

  it.each<[string, (records: SnapshotRecord[]) => SnapshotRecord[]]>([
    ["a record more", (records) => [...records, recordOfLength(5, 8, 30)]],
    ["a record less", (records) => records.slice(0, -1)],
    ["a longer record", (records) => [...records.slice(0, -1), recordOfLength(5, 7, 900)]],
    ["a shorter record", (records) => [...records.slice(0, -1), recordOfLength(5, 7, 30)]],
  ])("is not made of a memory that has %s when it is read again", (_, change) => {
    const source = {
      entries: () => sourceOf(SMALL_MEMORY).entries(),
      records: () => sourceOf(change([...SMALL_MEMORY])).records(),
    };
    using writer = createContainer(core, ring, ORIGIN, source, random);
    expect(() => [...writer.parts()]).toThrow("the source changed");
  });

  it("that ends within a record has a record that is invalid", () => {
    using payload = new PayloadReader(core, new TestStaging(), null);
    payload.push(Uint8Array.of(0, 0, 0, 30));
    expect(faultOf(() => payload.finish())).toMatchObject({
      code: "record_invalid",
      index: 0,
      why: "the payload ends without an end mark",
    });
  });

  it("gives back numbers of records above 32 bits", () => {
    const records = [{ ...recordOfLength(5, 7, 30), id: 2 ** 32 + 7 }];
    const { keyBlock, parts } = containerOf(records);
    const staging = new TestStaging();
    readContainer(core, ring, keyBlock, parts, staging);
    expect(staging.records).toEqual(records);
  });

  it("has nothing behind its manifest", () => {
    const digest = new StateDigest(core).digest();
    const footer = encodeFooter({
      counts: [0, 0, 0, 0, 0],
      manifestOffset: 4,
      stateDigest: digest,
    });
    using payload = new PayloadReader(core, new TestStaging(), null);
    payload.push(new Uint8Array(4));
    payload.push(footer);
    expect(payload.finish()).toMatchObject({ recordCount: 0, stateDigest: digest });
    expect(faultOf(() => payload.push(Uint8Array.of(0)))).toEqual({
      code: "manifest_mismatch",
      why: "something follows it",
    });
  });

  it("is over once a piece of it was refused", () => {
    const { keyBlock, bytes } = containerOf(SMALL_MEMORY);
    using reader = new ContainerReader(core, ring, keyBlock, new TestStaging());
    expect(faultOf(() => reader.push(bytes.with(30, (bytes[30] ?? 0) ^ 1)))).toMatchObject({
      code: "header_damaged",
    });
    expect(() => reader.push(bytes)).toThrow(TypeError);
    expect(() => reader.finish()).toThrow(TypeError);
  });

  it.each<[string, (ring: Keyring) => Keyring, string]>([
    ["has the key", (own) => own, "header_damaged"],
    ["has other versions besides", withOlderMkbk, "header_damaged"],
    ["does not have the key", (own) => ({ ...own, mkbk: [] }), "manufacturer_mismatch"],
  ])(
    "whose manufacturer was changed, to a ring that %s, is refused as what is known of it",
    (_, change, code) => {
      const { keyBlock, bytes } = containerOf(SMALL_MEMORY);
      const at = Buffer.from(bytes).indexOf("Golden Works");
      expect(at).toBeGreaterThan(0);
      const forged = bytes.with(at, "M".charCodeAt(0));
      expect(faultOf(() => openHeader(core, change(ring), keyBlock, forged))?.code).toBe(code);
    },
  );
});
