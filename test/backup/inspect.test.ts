/** Reading a file that may be asked for what it has and no more: FORMAT.md §3.2. */
import { describe, expect, it } from "vitest";
import { createBackup } from "../../src/backup/create.ts";
import type { BackupFile } from "../../src/backup/file.ts";
import { inspectBackup, peekBackup } from "../../src/backup/inspect.ts";
import { loadCore } from "../lib/core.ts";
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
} from "./fixtures.ts";

const core = await loadCore();
const platform = { core, subtle, random: counterRandom("inspect") };
const byKms = { kms: testKms(), recoveryKey: null };

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
  it.each(["bare", "sealed"] as const)(
    "that is %s is asked for nothing beyond its end",
    async (kind) => {
      const store = new ArrayStore();
      const order = { origin: ORIGIN, location: LOCATION, source: sourceOf(SMALL_MEMORY) };
      const recipients = { kms: testKms(), recoveryPublicKey: null };
      const { keyBlock } = await createBackup(platform, testRing(), recipients, order, store);
      const bare = Uint8Array.from(Buffer.concat([keyBlock, store.container]));
      const file = strictFile(kind === "bare" ? bare : store.file);
      expect(await peekBackup(file)).toMatchObject({ kind, byteLength: file.byteLength });
      const { recordCount } = await inspectBackup(platform, testRing(), byKms, file);
      expect(recordCount).toBe(SMALL_MEMORY.length);
    },
  );
});
