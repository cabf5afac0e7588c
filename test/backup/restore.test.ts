/** Stored backups whose parts are not as long as they say: FORMAT.md §3.2. */
import { describe, expect, it } from "vitest";
import { createBackup } from "../../src/backup/create.ts";
import { restoreBackup } from "../../src/backup/restore.ts";
import { loadCore } from "../lib/core.ts";
import {
  ArrayStore,
  counterRandom,
  LOCATION,
  ORIGIN,
  recoverySpki,
  SMALL_MEMORY,
  sourceOf,
  subtle,
  TestStaging,
  testKms,
  testRing,
} from "./fixtures.ts";

const core = await loadCore();
const ring = testRing();
const platform = { core, subtle, random: counterRandom("restore") };
const recipients = { kms: testKms(), recoveryPublicKey: recoverySpki() };
const byKms = { kms: testKms(), recoveryKey: null };
const order = { origin: ORIGIN, location: LOCATION, source: sourceOf(SMALL_MEMORY) };

describe("a stored backup", () => {
  it("is not restored where its envelope, or its body, has a byte too many or too few", async () => {
    const store = new ArrayStore();
    await createBackup(platform, ring, recipients, order, store);
    const longer = (bytes: Uint8Array) => Uint8Array.from([...bytes, 0]);
    const restore = async (envelope: Uint8Array, body: Uint8Array) => {
      const staging = new TestStaging();
      const stored = { envelope, body: [body], location: LOCATION };
      await restoreBackup(platform, ring, byKms, stored, staging);
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
