/** What an envelope says before anything is opened: FORMAT.md §7.1, and where a sealed file ends. */
import { describe, expect, it } from "vitest";
import { createBackup } from "../../../src/backup/create.ts";
import { memoryFile } from "../../../src/backup/file.ts";
import { BackupError, type BackupFault } from "../../../src/backup/format/errors.ts";
import { ENVELOPE } from "../../../src/backup/format/layout.ts";
import { importGcmKey } from "../../../src/backup/seal/aes-gcm.ts";
import { decodeEnvelope } from "../../../src/backup/seal/envelope.ts";
import { verifyBackup } from "../../../src/backup/verify.ts";
import { SecretKey } from "../../../src/crypto/secret-key.ts";
import { loadCore } from "../../lib/core.ts";
import {
  ArrayStore,
  counterRandom,
  LOCATION,
  ORIGIN,
  SMALL_MEMORY,
  sourceOf,
  subtle,
  testKms,
  testRing,
} from "../fixtures.ts";

const core = await loadCore();
const platform = { core, subtle, random: counterRandom("envelope") };
const byKms = { kms: testKms(), recoveryKey: null };

const store = new ArrayStore();
const order = { origin: ORIGIN, location: LOCATION, source: sourceOf(SMALL_MEMORY) };
await createBackup(platform, testRing(), { kms: testKms(), recoveryPublicKey: null }, order, store);

function faultOf(change: (view: DataView) => void): BackupFault | null {
  const envelope = store.envelope.slice();
  change(new DataView(envelope.buffer));
  try {
    decodeEnvelope(envelope);
  } catch (error) {
    if (error instanceof BackupError) return error.fault;
    throw error;
  }
  return null;
}

describe("an envelope", () => {
  it("is refused for reserved bytes that are set, and for a length that is none", () => {
    expect(faultOf(() => {})).toBeNull();
    expect(faultOf((view) => view.setUint16(ENVELOPE.reserved, 1))).toEqual({
      code: "envelope_damaged",
      why: "reserved bytes are set",
    });
    for (const length of [0, 0xffff_ffff]) {
      expect(faultOf((view) => view.setUint32(ENVELOPE.clearBytes, length))).toEqual({
        code: "envelope_damaged",
        why: `its clear part has ${length} bytes`,
      });
    }
  });

  it("is opened by a key that cannot be read out of the platform again", async () => {
    using key = new SecretKey(new Uint8Array(32).fill(3));
    expect((await importGcmKey(subtle, key)).extractable).toBe(false);
  });
});

describe("a sealed file", () => {
  it.each([
    [-1, "truncated"],
    [1, "trailing_data"],
  ])("of %i bytes more is refused as %s, before anything is read", async (more, code) => {
    const bytes = new Uint8Array(store.file.length + more);
    bytes.set(store.file.subarray(0, bytes.length));
    const names: string[] = [];
    const onStep = ({ name }: { name: string }) => names.push(name);
    const verified = verifyBackup(platform, testRing(), byKms, memoryFile(bytes), { onStep });
    await expect(verified).rejects.toMatchObject({
      fault: {
        code,
        expectedBytes: store.body.length,
        ...(more < 0 ? { part: "body", gotBytes: store.body.length + more } : {}),
      },
    });
    expect(names).toEqual(["envelope", "data_key"]);
  });
});
