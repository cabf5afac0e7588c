/** Files and objects by their lengths: no byte beyond the end, none too many: FORMAT.md §3.2. */
import { describe, expect, it } from "vitest";
import { type BackupFile, memoryFile } from "../../src/backup/file.ts";
import { inspectBackup, peekBackup } from "../../src/backup/inspect.ts";
import { restoreBackup } from "../../src/backup/restore.ts";
import { verifyBackup } from "../../src/backup/verify.ts";
import { loadCore } from "../lib/core.ts";
import {
  LOCATION,
  SMALL_MEMORY,
  sealedBackup,
  subtle,
  TestStaging,
  testKms,
  testRing,
} from "./fixtures.ts";

const core = await loadCore();
const platform = { core, subtle };
const byKms = { kms: testKms(), recoveryKeys: [] };
const { store, created } = await sealedBackup(core, "file");

/** A file that fails where it is asked beyond its end, as one on a disk may. */
function strictFile(bytes: Uint8Array): BackupFile {
  return {
    byteLength: bytes.length,
    read(offset, length) {
      if (offset < 0 || length < 0 || offset + length > bytes.length) {
        throw new RangeError(`asked for ${length} bytes at ${offset} of ${bytes.length}`);
      }
      return Promise.resolve(bytes.slice(offset, offset + length));
    },
  };
}

describe("a file", () => {
  it.each([
    ["bare", Uint8Array.from(Buffer.concat([created.keyBlock, store.container]))],
    ["sealed", store.file],
  ])("that is %s is asked for nothing beyond its end", async (kind, bytes) => {
    const file = strictFile(bytes);
    expect(await peekBackup(file)).toMatchObject({ kind, byteLength: file.byteLength });
    const { recordCount } = await inspectBackup(platform, testRing(), byKms, file);
    expect(recordCount).toBe(SMALL_MEMORY.length);
  });

  it.each([
    [-1, "truncated"],
    [1, "trailing_data"],
  ])(
    "that is sealed and has %i bytes more is refused as %s, before anything is read",
    async (more, code) => {
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
      expect(names).toEqual(["data_key", "envelope"]);
    },
  );
});

describe("a stored backup", () => {
  it("is not restored where its envelope, or its body, has a byte too many or too few", async () => {
    const longer = (bytes: Uint8Array) => Uint8Array.from([...bytes, 0]);
    const restore = async (envelope: Uint8Array, body: Uint8Array) => {
      const stored = { envelope, body: [body], bodyBytes: body.length };
      const options = { expected: { location: LOCATION } };
      await restoreBackup(platform, testRing(), byKms, stored, new TestStaging(), options);
    };
    await expect(restore(longer(store.envelope), store.body)).rejects.toMatchObject({
      fault: { code: "trailing_data", expectedBytes: store.envelope.length },
    });
    await expect(restore(store.envelope, longer(store.body))).rejects.toMatchObject({
      fault: { code: "trailing_data" },
    });
    await expect(restore(store.envelope, store.body.subarray(0, -1))).rejects.toMatchObject({
      fault: { code: "truncated", part: "body", gotBytes: store.body.length - 1 },
    });
  });
});
