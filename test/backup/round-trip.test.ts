/**
 * restore ∘ create = identity: containers, sealed stores and files, in pieces of every size.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ContainerReader, readContainer } from "../../src/backup/container/reader.ts";
import { createBackup, createContainer } from "../../src/backup/create.ts";
import { memoryFile } from "../../src/backup/file.ts";
import { inspectBackup, peekBackup } from "../../src/backup/inspect.ts";
import { restoreBackup } from "../../src/backup/restore.ts";
import { BodySealer } from "../../src/backup/seal/body.ts";
import type { Kms } from "../../src/backup/seal/kms.ts";
import { deriveSealKeys } from "../../src/backup/seal/recipients.ts";
import type { VerifyStep } from "../../src/backup/sealed.ts";
import { restoreFile, verifyBackup } from "../../src/backup/verify.ts";
import type { Core } from "../../src/crypto/core.ts";
import { SecretKey } from "../../src/crypto/secret-key.ts";
import type { RecordType, SnapshotRecord } from "../../src/hsm/memory/record.ts";
import { loadCore } from "../lib/core.ts";
import {
  ArrayStore,
  counterRandom,
  hex,
  LOCATION,
  ORIGIN,
  recordOfLength,
  recoveryKey,
  recoveryPublicKey,
  SMALL_MEMORY,
  sealedBackup,
  sourceOf,
  subtle,
  TestStaging,
  testKit,
  testKms,
  testRing,
} from "./fixtures.ts";

const core: Core = await loadCore();

function sealingOf(container: Uint8Array) {
  return { sealId: new Uint8Array(16), containerDigest: core.sha256(container) };
}

/** Records with their bytes as text: `toEqual` looks at every byte of an array as at a property. */
const shown = (records: readonly SnapshotRecord[]) =>
  records.map(({ type, id, bytes }) => ({ type, id, bytes: hex(bytes) }));
const ring = testRing();
const kit = testKit();
const random = counterRandom("round trip");
const platform = { core, subtle, random };
const recipients = { kms: testKms(), recoveryKeys: [recoveryPublicKey()] };
const byKms = { kms: testKms(), recoveryKeys: [] };
const byKit = { kms: null, recoveryKeys: kit.recoveryKeys };
const order = { origin: ORIGIN, location: LOCATION, source: sourceOf(SMALL_MEMORY) };

function containerOf(records: readonly SnapshotRecord[]) {
  using writer = createContainer(core, ring, ORIGIN, sourceOf(records), random);
  const parts = [...writer.parts()];
  const bytes = Uint8Array.from(Buffer.concat(parts));
  return { keyBlock: writer.keyBlock, parts, bytes, writer };
}

describe("a container", () => {
  it("has exactly the length that was announced, in parts below a mebibyte", () => {
    const records = Array.from({ length: 60 }, (_, i) => recordOfLength(5, i + 1, 30_000));
    const { writer, bytes, parts } = containerOf(records);
    expect(bytes.length).toBe(writer.byteLength);
    for (const part of parts) expect(part.length).toBeLessThanOrEqual(1024 * 1024);
  });

  it.each([0, 1, 2, 31, 32, 33, 100])("gives back %i records", (count) => {
    const records = Array.from({ length: count }, (_, i) => recordOfLength(5, i + 1, 700));
    const { keyBlock, parts, writer } = containerOf(records);
    const staging = new TestStaging();
    const summary = readContainer(core, ring, keyBlock, parts, staging);
    expect(shown(staging.records)).toEqual(shown(records));
    expect(summary.recordCount).toBe(count);
    expect(summary.containerDigest).toEqual(core.sha256(...parts));
    expect(summary.stateDigest).toEqual(writer.stateDigest);
    expect(summary.header).toMatchObject(ORIGIN);
  });

  it.each([3, 26, 65_535, 65_536])("takes a record of %i bytes", (byteLength) => {
    const records = [recordOfLength(5, 1, byteLength)];
    const { keyBlock, parts } = containerOf(records);
    const staging = new TestStaging();
    readContainer(core, ring, keyBlock, parts, staging);
    expect(shown(staging.records)).toEqual(shown(records));
  });

  it.each([1, 7, 16, 17, 1000, 1040, 65_536])("can be read in pieces of %i bytes", (size) => {
    const records = Array.from({ length: 40 }, (_, i) =>
      recordOfLength(5, i + 1, 1 + 60 * (i + 1)),
    );
    const { keyBlock, bytes } = containerOf(records);
    const staging = new TestStaging();
    using reader = new ContainerReader(core, ring, keyBlock, staging);
    for (let at = 0; at < bytes.length; at += size) reader.push(bytes.subarray(at, at + size));
    reader.finish();
    expect(shown(staging.records)).toEqual(shown(records));
  });

  it("is the same for the same inputs", () => {
    const make = () => {
      const fixed = counterRandom("fixed");
      using writer = createContainer(core, ring, ORIGIN, order.source, fixed);
      return Buffer.concat([writer.keyBlock, ...writer.parts()]);
    };
    expect(hex(make())).toBe(hex(make()));
  });

  it("lets a record's plaintext go: what the source lent is wiped, and no wrap shows it", () => {
    const { bytes } = containerOf(SMALL_MEMORY);
    expect(Buffer.from(bytes).includes("0123456789abcdef")).toBe(false);
    expect(Buffer.from(bytes).includes("app_user")).toBe(false);
  });

  it("restores what it was created from, whatever that is", () => {
    const memory = fc
      .array(
        fc.record({
          type: fc.integer({ min: 1, max: 5 }),
          bytes: fc.integer({ min: 3, max: 4000 }),
        }),
      )
      .map((items) =>
        items
          .sort((a, b) => a.type - b.type)
          .map(({ type, bytes }, i) => ({ type: type as RecordType, id: i, bytes })),
      );
    fc.assert(
      fc.property(memory, fc.integer({ min: 1, max: 3000 }), (items, size) => {
        const records = items
          // Where the head of a byte string grows, a length is left out.
          .filter(({ bytes }) => bytes !== 27 && bytes !== 260)
          .map(({ type, id, bytes }) => recordOfLength(type, id, bytes));
        const { keyBlock, bytes } = containerOf(records);
        const staging = new TestStaging();
        using reader = new ContainerReader(core, ring, keyBlock, staging);
        for (let at = 0; at < bytes.length; at += size) reader.push(bytes.subarray(at, at + size));
        reader.finish();
        expect(shown(staging.records)).toEqual(shown(records));
      }),
      { numRuns: 60 },
    );
  });
});

describe("a backup", () => {
  it.each([
    ["the KMS", byKms],
    ["the recovery kit", byKit],
  ])("is restored with %s", async (_, openers) => {
    const store = new ArrayStore();
    const created = await createBackup(platform, ring, recipients, order, store);
    const staging = new TestStaging();
    const { envelope, body } = store;
    const stored = { envelope, body: [body], bodyBytes: body.length };
    const options = { expected: { location: LOCATION } };
    const summary = await restoreBackup(platform, ring, openers, stored, staging, options);
    expect(staging.committed).toBe(summary);
    expect(shown(staging.records)).toEqual(shown(SMALL_MEMORY));
    expect(summary.containerDigest).toEqual(created.containerDigest);
    expect(summary.stateDigest).toEqual(created.stateDigest);
    expect(created.recoveryKeyIds).toEqual([recoveryKey().id]);
  });

  it("of several segments is sealed and opened in any pieces", async () => {
    const records = Array.from({ length: 9 }, (_, i) => recordOfLength(5, i + 1, 60_000));
    const store = new ArrayStore();
    const big = { ...order, source: sourceOf(records) };
    await createBackup(platform, ring, recipients, big, store);
    expect(store.body.length).toBeGreaterThan(8 * 65_552);
    const pieces = Array.from({ length: Math.ceil(store.body.length / 9999) }, (_, i) =>
      store.body.subarray(i * 9999, (i + 1) * 9999),
    );
    const staging = new TestStaging();
    const { envelope, body } = store;
    const stored = { envelope, body: pieces, bodyBytes: body.length };
    await restoreBackup(platform, ring, byKms, stored, staging);
    expect(shown(staging.records)).toEqual(shown(records));
  });

  it("is sealed to the same bytes again under the same keys: a put may be repeated", async () => {
    const container = new Uint8Array(70_000).fill(7);
    using dataKey = new SecretKey(counterRandom("data key")(32));
    using keys = deriveSealKeys(core, dataKey, sealingOf(container));
    const bodies: string[] = [];
    for (const size of [70_000, 999]) {
      const sealer = new BodySealer(core, subtle, keys, container.length);
      const pieces: Uint8Array[] = [];
      const cut = Array.from({ length: Math.ceil(70_000 / size) }, (_, i) =>
        container.subarray(i * size, (i + 1) * size),
      );
      for await (const piece of sealer.seal(cut)) pieces.push(piece);
      bodies.push(hex(Buffer.concat(pieces)) + hex(sealer.sealed().bodyDigest));
    }
    expect(bodies[0]).toBe(bodies[1]);
  });

  it("that is another than its keys are of is not sealed to its end", async () => {
    const container = new Uint8Array(140_000).fill(7);
    using dataKey = new SecretKey(counterRandom("data key")(32));
    using keys = deriveSealKeys(core, dataKey, sealingOf(container));
    for (const at of [0, 65_536, 139_999]) {
      const other = container.slice();
      other[at] = 8;
      const sealer = new BodySealer(core, subtle, keys, container.length);
      let segments = 0;
      const drain = async () => {
        for await (const _ of sealer.seal([other])) segments += 1;
      };
      await expect(drain()).rejects.toMatchObject({ fault: { code: "verification_failed" } });
      expect(segments).toBe(2);
      expect(() => sealer.sealed()).toThrow(TypeError);
    }
  });

  it("of another length than announced is not sealed", async () => {
    using dataKey = new SecretKey(new Uint8Array(32));
    using keys = deriveSealKeys(core, dataKey, sealingOf(new Uint8Array(100)));
    for (const length of [99, 101]) {
      const sealer = new BodySealer(core, subtle, keys, 100);
      const drain = async () => {
        for await (const _ of sealer.seal([new Uint8Array(length)]));
      };
      await expect(drain()).rejects.toThrow(RangeError);
      expect(() => sealer.sealed()).toThrow(TypeError);
    }
  });

  it("for more than an envelope holds is refused before its body is put", async () => {
    const store = new ArrayStore();
    let puts = 0;
    store.putBody = async () => {
      puts += 1;
    };
    const kms = { ...testKms(), keyId: "k".repeat(2049) };
    const generateDataKey: Kms["generateDataKey"] = async (context) => ({
      ...(await testKms().generateDataKey(context)),
      keyId: kms.keyId,
    });
    const recipients = { kms: { ...kms, generateDataKey }, recoveryKeys: [] };
    const order = { origin: ORIGIN, location: LOCATION, source: sourceOf(SMALL_MEMORY) };
    await expect(createBackup(platform, ring, recipients, order, store)).rejects.toThrow(
      RangeError,
    );
    expect(puts).toBe(0);
  });

  it("outside any deployment is sealed for its recovery key alone, and says so", async () => {
    const store = new ArrayStore();
    const { clusterId, backupId } = LOCATION;
    const order = {
      origin: { ...ORIGIN, region: "none" },
      location: { clusterId, backupId },
      source: sourceOf(SMALL_MEMORY),
    };
    const recipients = { kms: null, recoveryKeys: [recoveryPublicKey()] };
    await createBackup(platform, ring, recipients, order, store);
    const options = { expected: { location: order.location } };
    const verified = await verifyBackup(platform, ring, byKit, memoryFile(store.file), options);
    expect(verified.location).toEqual(order.location);
    const both = { ...recipients, kms: testKms() };
    const withKms = createBackup(platform, ring, both, order, new ArrayStore());
    await expect(withKms).rejects.toThrow(RangeError);
  });

  it("without a recovery key says that it is not restorable offline", async () => {
    const { store, created } = await sealedBackup(core, "for the KMS only", []);
    expect(created.recoveryKeyIds).toEqual([]);
    expect(await peekBackup(memoryFile(store.file))).toMatchObject({ restorableOffline: false });
  });

  it("without any recipient is not made", async () => {
    const nobody = { kms: null, recoveryKeys: [] };
    const made = createBackup(platform, ring, nobody, order, new ArrayStore());
    await expect(made).rejects.toThrow(RangeError);
  });
});

describe("a file", () => {
  let made = 0;
  /** Of another EBK and another seal each time. */
  async function files() {
    const { store, created } = await sealedBackup(core, `file ${made++}`);
    const bare = Uint8Array.from(Buffer.concat([created.keyBlock, store.container]));
    return { sealed: memoryFile(store.file), bare: memoryFile(bare) };
  }

  it("that is sealed is verified step by step", async () => {
    const { sealed } = await files();
    const steps: VerifyStep[] = [];
    const onStep = (step: VerifyStep) => steps.push(step);
    const verified = await verifyBackup(platform, ring, byKit, sealed, { onStep });
    expect([...new Set(steps.map(({ name }) => name))]).toEqual([
      "data_key",
      "envelope",
      "key_block",
      "header",
      "chunks",
      "manifest",
      "trailer",
      "body_digest",
    ]);
    expect(verified.location).toEqual(LOCATION);
    expect(verified.recordCount).toBe(SMALL_MEMORY.length);
  });

  it("that is bare needs no KMS and no recovery key", async () => {
    const { bare } = await files();
    const staging = new TestStaging();
    const nothing = { kms: null, recoveryKeys: [] };
    await restoreFile(platform, ring, nothing, bare, staging);
    expect(shown(staging.records)).toEqual(shown(SMALL_MEMORY));
    expect(staging.committed).not.toBeNull();
  });

  it("that changes between the two readings is not committed", async () => {
    const { sealed } = await files();
    const other = (await files()).sealed;
    let reads = 0;
    const swapping = {
      byteLength: sealed.byteLength,
      read: (offset: number, length: number) => {
        if (offset === 0) reads += 1;
        return (reads > 1 ? other : sealed).read(offset, length);
      },
    };
    const staging = new TestStaging();
    const restored = restoreFile(platform, ring, byKit, swapping, staging);
    await expect(restored).rejects.toMatchObject({ fault: { code: "wrong_backup" } });
    expect(staging.committed).toBeNull();
    expect(staging.discarded).toBe(true);
  });

  it("tells what it is without keys, and what is in it with keys", async () => {
    const { sealed, bare } = await files();
    expect(await peekBackup(sealed)).toMatchObject({
      kind: "sealed",
      expectedBytes: sealed.byteLength,
      location: LOCATION,
      recipients: [{ kind: "kms" }, { kind: "recovery", keyId: recoveryKey().id }],
      restorableOffline: true,
    });
    expect(await peekBackup(bare)).toMatchObject({ kind: "bare", header: ORIGIN });
    const { store } = await sealedBackup(core, "for the KMS only", []);
    expect(await peekBackup(memoryFile(store.file))).toMatchObject({ restorableOffline: false });
    const { manifest } = await inspectBackup(platform, ring, byKit, sealed);
    expect(manifest.map(({ type, id }) => [type, id])).toEqual(
      SMALL_MEMORY.map(({ type, id }) => [type, id]),
    );
  });
});
